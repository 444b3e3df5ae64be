"""Fits the scales of the kernel processes: ``python -m advisor.calibration.kernels [STORE...]``.

Reads the kernel profiles of random networks from stores (``sizer bench --quick`` made them, one campaign on a machine
each), writes ``profiles/calibration/kernels.json``. The scales say which shapes are alike, not how fast a machine
is: a machine's own times come in when it is measured. No architecture has a part in them, so that none which is left
out to be judged had one.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from advisor.perfmodel.here.kernel_gp import (
    FEATURES,
    GROUPS,
    KINDS,
    GroupScales,
    KernelPoints,
    KernelScales,
    KindCodes,
    Scales,
    TimedKernels,
    covariance,
)
from advisor.perfmodel.here.kernels import HostKernels
from advisor.records.measurement import ProfileMeasurement
from advisor.store.paths import profiles_dir

Array = NDArray[np.float64]

_MOST = 240
"""Kernels per runtime and precision that the likelihood is taken over."""
_LEAST = 30
"""Kernels of a kind that a campaign must hold to count."""
_DRAWN = "random:"
_STEPS = 40
_PULL = 0.02
"""Weight of the squared distance from the first guess: a tenth of what ten kernels say."""
_GUESS = Scales(np.full(len(FEATURES), 2.5), np.array([0.5, 0.2, 0.5, 0.3, 0.3]), 0.35, 0.3, 0.1, 0.3, 0.08)
_SCALARS = ("near", "far", "linear", "offset", "noise")

TrainingSet = tuple[KernelPoints, TimedKernels, Array]
"""Kernels as points, as timed, and the logarithm of time over nominal time."""


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


def misfit(vector: Array, sets: Sequence[TrainingSet]) -> tuple[float, Array]:
    """Negative log marginal likelihood over ten, summed over runtimes and precisions, plus the pull; and its gradient.

    Source: Rasmussen and Williams (2006), eq. (2.30) and (5.9).
    """
    scales, total, gradient = unpack(vector), 0.0, np.zeros(len(vector))
    for points, timed, target in sets:
        matrix = covariance(points, points, scales) + timed.noise(scales).covariance()
        lower = np.linalg.cholesky(matrix)
        inverse = np.linalg.inv(matrix)
        left = target - np.median(target)
        weights = inverse @ left
        total += 0.5 * float(left @ weights) + float(np.log(np.diag(lower)).sum())
        gradient += _slopes(points, scales, 0.5 * (inverse - np.outer(weights, weights)))
    away = vector - pack(_GUESS)
    return total / 10.0 + _PULL * float((away**2).sum()), gradient / 10.0 + 2.0 * _PULL * away


def _slopes(points: KernelPoints, scales: Scales, weight: Array) -> Array:
    """Sum of ``weight`` times the derivative of the covariance by the logarithm of each scale (kernel_gp.py)."""
    x = points.x / scales.lengths
    squares = (x**2).sum(1)
    d = np.maximum(squares[:, None] + squares[None, :] - 2.0 * x @ x.T, 0.0)
    other = points.codes[:, None, :] != points.codes[None, :, :]
    alike = np.exp(-(other @ scales.kinds))
    near, far = alike * scales.near**2 * np.exp(-0.5 * d), alike * scales.far**2 / (1.0 + d / 4.0)
    offset, product = alike * scales.offset**2, scales.linear**2 * (points.x @ points.x.T)
    by_distance = weight * (-0.5 * near - 0.25 * far / (1.0 + d / 4.0))
    lengths = -4.0 * ((x**2).T @ by_distance.sum(1) - np.einsum("if,ij,jf->f", x, by_distance, x, optimize=True))
    together = weight * (near + far + offset + 0.7 * alike * product)
    kinds = -scales.kinds * np.einsum("ij,ijp->p", together, other)
    linear = (0.3 + 0.7 * alike) * product
    noise = scales.noise**2 * np.eye(len(x))
    scalars = [2.0 * float((weight * part).sum()) for part in (near, far, linear, offset, noise)]
    return np.concatenate([lengths, kinds, scalars])


def fit_group(group: str, timed: Sequence[TimedKernels]) -> GroupScales:
    """Maximise the likelihood of a group's times in all runtimes and precisions at once."""
    from scipy.optimize import minimize

    rng = np.random.default_rng(0)
    sets: list[TrainingSet] = []
    for part in timed:
        some = part.some(rng.permutation(len(part.kernels))[:_MOST])
        sets.append((KindCodes().points(some.kernels, some.settings), some, some.target(part.nominal())))
    optimum = minimize(
        misfit, pack(_GUESS), args=(sets,), method="L-BFGS-B", jac=True,
        bounds=[(x - 4.0, x + 4.0) for x in pack(_GUESS)], options={"maxiter": _STEPS},
    )  # fmt: skip
    best = unpack(optimum.x)
    return GroupScales(
        group=group,
        lengths={name: _short(value) for name, value in zip(FEATURES, best.lengths, strict=True)},
        kinds={name: _short(value) for name, value in zip(KINDS, best.kinds, strict=True)},
        **{name: _short(getattr(best, name)) for name in _SCALARS},
    )


def _short(value: float) -> float:
    return float(f"{value:.4g}")


def fit(profiles: Sequence[ProfileMeasurement], campaigns: Sequence[HostKernels], source: str) -> KernelScales:
    """Fit all groups on what was timed in each of several campaigns on a machine."""
    groups = []
    for group in GROUPS:
        parts = [
            campaign.timed(runtime, kind)
            for campaign in campaigns
            for runtime, kind in campaign.kinds()
            if kind[0] == group
        ]
        groups.append(fit_group(group, [part for part in parts if part is not None and len(part.kernels) >= _LEAST]))
    digest = hashlib.sha256("\n".join(sorted(row.key for row in profiles)).encode()).hexdigest()
    return KernelScales(
        command="python -m advisor.calibration.kernels STORE...", source=source, data_sha256=digest,
        groups=tuple(groups),
    )  # fmt: skip


def main(urls: Sequence[str | None]) -> None:
    """Fit on the stores, write."""
    from advisor.perfmodel.here.measurements import HostMeasurements
    from advisor.store.files import write_document
    from advisor.store.measurements import MeasurementStore

    profiles: list[ProfileMeasurement] = []
    campaigns: list[HostKernels] = []
    for url in urls:
        with MeasurementStore(url) as store:
            rows = [row for row in store.find(status="done") if row.model.startswith(_DRAWN)]
        data = HostMeasurements.join(None, rows, (), None)
        drawn = [row for row in data.profiles if row.config.simd_cap is None]
        campaigns.append(HostKernels(drawn, data.wall_times()))
        profiles += drawn
    source = (
        f"{len(profiles)} kernel profiles of {len({row.model for row in profiles})} random networks "
        f"in {len(campaigns)} campaigns on one machine, sizer {profiles[0].sizer_version}, {profiles[0].started[:10]}"
    )
    written = write_document(profiles_dir() / "calibration" / "kernels.json", fit(profiles, campaigns, source))
    sys.stdout.write(f"wrote {written}\n")


if __name__ == "__main__":
    main(sys.argv[1:] or [None])
