"""Compile the event loop once, so that the first plan does not wait for it: ``python -m advisor.simulate.warm``."""

from __future__ import annotations

import sys

from . import SimCamera, SimSpec, SimStage, simulate

_UNUSED = "scipy.linalg"
"""numba imports it to offer products of matrices, of which the loop has none: a fifth of a second per process."""


def warm() -> None:
    """Run a trivial cascade, which loads the compiled loop; numba keeps it on disk."""
    stage = SimStage(id="warm", service_s=(0.0, 0.001))
    hidden = _UNUSED not in sys.modules
    if hidden:
        sys.modules[_UNUSED] = None  # type: ignore[assignment]  # None makes an import fail, which numba allows for
    try:
        simulate(SimSpec(cameras=(SimCamera(fps=10.0),), stages=(stage,), cores=1.0), 1.0)
    finally:
        if hidden:
            del sys.modules[_UNUSED]


if __name__ == "__main__":
    warm()
