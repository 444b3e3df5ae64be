"""Compile the event loop once, so that the first plan does not wait for it: ``python -m advisor.simulate.warm``."""

from __future__ import annotations

from . import SimCamera, SimSpec, SimStage, simulate


def warm() -> None:
    """Run a trivial cascade, which loads the machine code, or compiles and keeps it."""
    stage = SimStage(id="warm", service_s=(0.0, 0.001))
    simulate(SimSpec(cameras=(SimCamera(fps=10.0),), stages=(stage,), cores=1.0), 1.0)


if __name__ == "__main__":
    warm()
