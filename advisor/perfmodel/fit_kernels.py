"""Fits the scales of the kernel processes: ``python -m advisor.perfmodel.fit_kernels [STORE]``.

Reads the kernel profiles of this machine from the store (``sizer bench --quick`` or ``--full`` made them), writes
``profiles/calibration/kernels.json``. The scales say which shapes are alike, not how fast a machine is: a machine's
own times come in when it is measured.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ..records.measurement import Measurement
from ..store.paths import profiles_dir
from .host_kernels import HostKernels
from .kernel_process import FEATURES, GROUPS, KINDS, GroupScales, KernelScales, Points, Scales, Timed, Words, covariance

Array = NDArray[np.float64]

_MOST = 240
"""Kernels per runtime and precision that the likelihood is taken over."""
_STEPS = 40
_PULL = 0.02
"""Weight of the squared distance from the first guess: a tenth of what ten kernels say."""
_GUESS = Scales(np.full(len(FEATURES), 2.5), np.array([0.5, 0.2, 0.5, 0.3, 0.3]), 0.35, 0.3, 0.1, 0.3, 0.08)
_SCALARS = ("near", "far", "linear", "offset", "noise")

Set = tuple[Points, Array, Array]


def pack(scales: Scales) -> Array:
    """Logarithms of all scales, the unknowns of the fit."""
    numbers = [getattr(scales, name) for name in _SCALARS]
    result: Array = np.log(np.concatenate([scales.lengths, scales.kinds, numbers]))
    return result


def unpack(vector: Array) -> Scales:
    """Scales from their logarithms."""
    values = np.exp(vector)
    first, second = len(FEATURES), len(FEATURES) + len(KINDS)
    return Scales(values[:first], values[first:second], *(float(value) for value in values[second:]))


def misfit(vector: Array, sets: Sequence[Set]) -> float:
    """Negative log marginal likelihood over ten, summed over runtimes and precisions, plus the pull to the guess.

    Source: Rasmussen and Williams (2006), eq. (2.30).
    """
    scales, total = unpack(vector), 0.0
    for points, target, granularity2 in sets:
        matrix = covariance(points, points, scales)
        matrix[np.diag_indices_from(matrix)] += scales.noise**2 + granularity2
        lower = np.linalg.cholesky(matrix)
        half = np.linalg.solve(lower, target - np.median(target))
        total += 0.5 * float(half @ half) + float(np.log(np.diag(lower)).sum())
    return total / 10.0 + _PULL * float(((vector - pack(_GUESS)) ** 2).sum())


def fit_group(group: str, timed: Sequence[Timed]) -> GroupScales:
    """Maximise the likelihood of a group's times in all runtimes and precisions at once."""
    from scipy.optimize import minimize

    rng = np.random.default_rng(0)
    sets: list[Set] = []
    for part in timed:
        some = part.some(rng.permutation(len(part.kernels))[:_MOST])
        sets.append((Words().points(some.kernels, some.settings), some.target(), some.granularity2()))
    found = minimize(
        misfit, pack(_GUESS), args=(sets,), method="L-BFGS-B", bounds=[(x - 4.0, x + 4.0) for x in pack(_GUESS)],
        options={"maxiter": _STEPS, "maxfun": 40 * _STEPS},
    )  # fmt: skip
    best = unpack(found.x)
    return GroupScales(
        group=group,
        lengths={name: _short(value) for name, value in zip(FEATURES, best.lengths, strict=True)},
        kinds={name: _short(value) for name, value in zip(KINDS, best.kinds, strict=True)},
        **{name: _short(getattr(best, name)) for name in _SCALARS},
    )


def _short(value: float) -> float:
    return float(f"{value:.4g}")


def fit(profiles: Sequence[Measurement], here: HostKernels, source: str) -> KernelScales:
    """Fit all groups on what this machine has timed."""
    settings = sorted({(runtime, precision) for runtime, precision, _ in here.covered})
    groups = []
    for group in GROUPS:
        parts = [timed for setting in settings if (timed := here.timed(*setting, group)) is not None]
        groups.append(fit_group(group, [part for part in parts if len(part.kernels) >= 30]))
    digest = hashlib.sha256("\n".join(sorted(row.key for row in profiles)).encode()).hexdigest()
    return KernelScales(
        command="python -m advisor.perfmodel.fit_kernels", source=source, data_sha256=digest, groups=tuple(groups)
    )


def main(url: str | None) -> None:
    """Fit on the store, write."""
    from ..store.files import write_document
    from ..store.measurements import MeasurementStore
    from .local import LocalData

    with MeasurementStore(url) as store:
        rows = store.find(status="done")
    data = LocalData.join(None, rows, (), None)
    profiles = [row for row in data.profiles if row.config.simd_cap is None]
    models = {row.model for row in profiles}
    source = (
        f"{len(profiles)} kernel profiles of {len(models)} networks on one machine, "
        f"sizer {profiles[0].sizer_version}, {profiles[0].started[:10]}"
    )
    found = fit(profiles, HostKernels(profiles, data.walls()), source)
    written = write_document(profiles_dir() / "calibration" / "kernels.json", found)
    sys.stdout.write(f"wrote {written}\n")


if __name__ == "__main__":
    main(sys.argv[1] if sys.argv[1:] else None)
