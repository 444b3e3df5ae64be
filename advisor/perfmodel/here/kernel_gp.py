"""Time of a kernel from the times of alike kernels: a Gaussian process over shapes, one per group of kernels.

log(time) = log(nominal time, kernel_roofline.py) + g(shape, threads, batch), g a Gaussian process [Rasmussen and
Williams (2006), eq. 2.25] whose lengths and variances are plain numbers of ``profiles/calibration/kernels.json``
(``kernels.py``), and whose data are the kernels that this machine has timed. Kernel-wise prediction: nn-Meter
(Zhang et al. 2021, https://doi.org/10.1145/3458864.3467882), there with random forests.

Own algebra and not scikit-learn's GaussianProcessRegressor: the noise is shared by the kernels of one profile, each
prediction is conditioned on other rows, and importing scikit-learn would cost every plan a second.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from advisor.errors import CatalogueError
from advisor.records.base import Record
from advisor.records.model import Kernel
from advisor.store.calibration_file import read_calibration
from advisor.store.paths import profiles_dir

from .kernel_roofline import NominalTime, activation, weights_read

Array = NDArray[np.float64]
GROUPS = ("conv", "depthwise", "product", "memory")
_GROUP_OF = {
    "conv": "conv", "deconv": "conv", "groupconv": "conv", "dwconv": "depthwise", "fc": "product",
    "matmul": "product", "attention": "product", "rnn": "product",
}  # fmt: skip
FEATURES = (
    "flop", "bytes", "weights", "channels_in", "channels_out", "positions", "row", "window", "stride", "batch",
    "threads", "odd_out", "odd_in", "picture", "fused", "growth", "groups",
)  # fmt: skip
_CENTRE = np.array([17.0, 12.0, 10.0, 4.5, 4.5, 6.5, 3.0, 1.0, 1.0, 0.7, 0.35, 0.2, 0.2, 0.1, 1.0, 0.0, 0.7])
_SCALE = np.array([3.0, 2.3, 3.0, 1.5, 1.5, 2.3, 1.5, 1.2, 0.5, 1.0, 0.35, 0.4, 0.4, 0.3, 1.0, 0.7, 1.5])
KINDS = ("type", "layer", "implementation", "precision", "activation")
SHORT_S = 0.5e-6
"""Counters tell whole microseconds: shorter kernels are learned no finer."""
_NOMINAL_DEVIATION = 0.8
"""Deviation (log) of an assumed nominal time of a whole group; source: project assumption, between half a factor and
the factor 4.5 of each coefficient's prior."""
_LARGEST = 300
"""Timed kernels that one prediction is conditioned on: those most alike."""


class GroupScales(Record):
    """Fitted scales of one group's process."""

    group: str
    lengths: dict[str, float]
    """Per feature: distance, in the feature's own unit, over which the process forgets."""
    kinds: dict[str, float]
    """Per kind: what a difference takes off the logarithm of the correlation."""
    near: float
    """Standard deviations (log) of the part that falls off like a Gaussian, ..."""
    far: float
    """... of the part that falls off slowly, ..."""
    linear: float
    """... of slopes per feature, ..."""
    offset: float
    """... of what all kernels of a kind share, ..."""
    noise: float
    """... and of a kernel's time from net to net."""


class KernelScales(Record):
    """``profiles/calibration/kernels.json``."""

    schema_: Annotated[Literal["sizer.kernel-scales/1"], Field(alias="schema")] = "sizer.kernel-scales/1"
    command: str
    source: str
    data_sha256: str
    groups: tuple[GroupScales, ...]


@dataclass(frozen=True)
class Scales:
    """The same as arrays."""

    lengths: Array
    kinds: Array
    near: float
    far: float
    linear: float
    offset: float
    noise: float

    @classmethod
    def of(cls, record: GroupScales) -> Scales:
        """Put the numbers of a record in order."""
        lengths = np.array([record.lengths[name] for name in FEATURES])
        kinds = np.array([record.kinds[name] for name in KINDS])
        return cls(lengths, kinds, record.near, record.far, record.linear, record.offset, record.noise)


@lru_cache(maxsize=4)
def load_scales(path: Path | None = None) -> dict[str, Scales]:
    """Read the fitted scales by group.

    Raises
    ------
    CatalogueError
        The file is missing or damaged.
    """
    source, command = path or profiles_dir() / "calibration" / "kernels.json", "python -m advisor.calibration.kernels"
    scales = read_calibration(KernelScales, source, command)
    try:
        return {item.group: Scales.of(item) for item in scales.groups}
    except KeyError as error:
        raise CatalogueError(f"{source}: has no scale for {error}; make it again with `{command}`") from error


def group_of(kernel: Kernel) -> str:
    """Group whose process a kernel belongs to; unknown types count as memory-bound."""
    return _GROUP_OF.get(kernel.type, "memory")


Kind = tuple[str, str]
"""Group, and precision that a kernel computes in."""
_PRECISION_OF = {"i8": "int8", "u8": "int8", "int8": "int8", "bf16": "bf16"}


def kind_of(kernel: Kernel) -> Kind:
    """Group and precision whose process a kernel belongs to.

    Its own precision: what an int8 network leaves in f32 are f32 kernels. Kernels that only move data do not compute.
    """
    group = group_of(kernel)
    return group, "any" if group == "memory" else _PRECISION_OF.get(kernel.precision.lower(), "f32")


def _log(value: float) -> float:
    return float(np.log(max(value, 1e-3)))


def features(kernel: Kernel, threads: int, batch: int) -> list[float]:
    """Shape of a kernel, in the order of :data:`FEATURES`, mostly logarithms."""
    inside, out = kernel.input_shape, kernel.output_shape
    planes = group_of(kernel) in ("conv", "depthwise")
    axis = 1 if planes else -1
    # Each group is a dense convolution of its own channels; a depthwise one runs along all channels at once.
    apart = kernel.groups if kernel.type == "groupconv" else 1
    channels_in = inside[axis] / apart if len(inside) > 1 else 1.0
    channels_out = out[axis] / apart if len(out) > 1 else 1.0
    positions = float(np.prod(out[2:] if planes else out[:-1])) if len(out) > 1 else 1.0
    row = float(out[-1 if planes else -2]) if len(out) > 2 or (out and not planes and len(out) > 1) else 1.0
    return [
        _log(kernel.flop + 1e4),
        _log(kernel.input_bytes + kernel.output_bytes + 256.0),
        _log(weights_read(kernel) + 256.0),
        _log(channels_in),
        _log(channels_out),
        _log(positions),
        _log(row),
        _log(float(np.prod(kernel.kernel_size)) if kernel.kernel_size else 1.0),
        float(max(kernel.strides)) if kernel.strides else 1.0,
        _log(batch),
        _log(threads),
        float(channels_out % 16 != 0),
        float(channels_in % 16 != 0),
        float(channels_in <= 4),
        float(min(len(kernel.fused), 6)),
        _log(kernel.output_bytes / max(kernel.input_bytes, 1.0) + 0.01),
        _log(kernel.groups),
    ]


def kinds(kernel: Kernel) -> tuple[str, ...]:
    """Kinds in the order of :data:`KINDS`."""
    return kernel.type, kernel.original_type, kernel.implementation, kernel.precision, activation(kernel)


@dataclass(frozen=True)
class KernelPoints:
    """Kernels as rows: features in units of their spread, and kinds as numbers."""

    x: Array
    codes: NDArray[np.int64]

    def take(self, index: NDArray[np.int64]) -> KernelPoints:
        """Rows by index."""
        return KernelPoints(self.x[index], self.codes[index])


@dataclass(frozen=True)
class TimedKernels:
    """Kernels with their times."""

    kernels: tuple[Kernel, ...]
    settings: tuple[tuple[int, int], ...]
    """Threads and batch of each."""
    times_s: Array
    extra: Array
    """Deviation (log) of each time that it shares with the other kernels of its network in the same setting: the
    machine's state and their scaling to the wall clock."""
    owners: tuple[str, ...]
    """Hash of the only network that has the kernel; empty where several have."""
    runs: tuple[str, ...]
    """Profile that it is of, as far as ``settings`` do not tell; empty where it is of several."""

    def nominal(self) -> NominalTime:
        """Fit the nominal time to these kernels."""
        return NominalTime.fit(self.kernels, self._threads(), self.times_s + SHORT_S, self.extra)

    def target(self, nominal: NominalTime) -> Array:
        """log(time / nominal time)."""
        result: Array = np.log((self.times_s + SHORT_S) / nominal.times_s(self.kernels, self._threads()))
        return result

    def _threads(self) -> list[int]:
        return [threads for threads, _ in self.settings]

    def noise(self, scales: Scales) -> Noise:
        """What lies between these times and g."""
        numbers: dict[tuple[object, ...], int] = {}
        run = [
            numbers.setdefault((name, setting) if name else (place, "several"), len(numbers))
            for place, (name, setting) in enumerate(zip(self.runs, self.settings, strict=True))
        ]
        own = scales.noise**2 + (0.35e-6 / (self.times_s + SHORT_S)) ** 2
        return Noise(np.array(run), self.extra, own)

    def some(self, index: NDArray[np.int64]) -> TimedKernels:
        """Rows by index."""
        kernels, settings = tuple(self.kernels[i] for i in index), tuple(self.settings[i] for i in index)
        owners, runs = tuple(self.owners[i] for i in index), tuple(self.runs[i] for i in index)
        return TimedKernels(kernels, settings, self.times_s[index], self.extra[index], owners, runs)


@dataclass(frozen=True)
class Noise:
    """Deviations (log) of timed kernels from g: each kernel's own, and what the kernels of one profile share.

    The shared part does not average out over them: a network of a hundred kernels timed under other load is one
    witness of the machine, not a hundred.
    """

    run: NDArray[np.int64]
    """Profile that each kernel is of; a kernel timed in several networks shares with none."""
    shared: Array
    own2: Array
    """Variance: from net to net, and from counters of whole microseconds."""

    def covariance(self, index: NDArray[np.int64] | slice = slice(None)) -> Array:
        """Covariance of some of them."""
        run, shared = self.run[index], self.shared[index]
        result: Array = np.where(run[:, None] == run[None, :], shared[:, None] * shared[None, :], 0.0)
        result[np.diag_indices_from(result)] += self.own2[index]
        return result


class KindCodes:
    """Numbers for the names of kinds, the same for all points of a process."""

    def __init__(self) -> None:
        self._numbers: dict[tuple[int, str], int] = {}

    def points(self, kernels: Sequence[Kernel], settings: Sequence[tuple[int, int]]) -> KernelPoints:
        """Make points of kernels run with (threads, batch)."""
        x = np.array([features(k, *setting) for k, setting in zip(kernels, settings, strict=True)])
        codes = np.array([[self._number(i, name) for i, name in enumerate(kinds(k))] for k in kernels])
        return KernelPoints((x - _CENTRE) / _SCALE, codes)

    def _number(self, place: int, name: str) -> int:
        return self._numbers.setdefault((place, name), len(self._numbers))


def covariance(a: KernelPoints, b: KernelPoints, scales: Scales) -> Array:
    r"""Covariance of g between two sets of kernels.

    .. math:: r (s_n^2 e^{-d/2} + s_f^2 / (1 + d/4) + s_o^2) + s_l^2 (0.3 + 0.7 r)\, x \cdot x' + 0.5

    d the squared distance in fitted lengths, r the exponential of minus the summed penalties of kinds that differ.
    """
    left, right = a.x / scales.lengths, b.x / scales.lengths
    d = np.maximum((left**2).sum(1)[:, None] + (right**2).sum(1)[None, :] - 2.0 * left @ right.T, 0.0)
    apart = np.zeros_like(d)
    for place, penalty in enumerate(scales.kinds):
        apart += penalty * (a.codes[:, place, None] != b.codes[None, :, place])
    alike = np.exp(-apart)
    result: Array = alike * (
        scales.near**2 * np.exp(-0.5 * d) + scales.far**2 / (1.0 + d / 4.0) + scales.offset**2
    ) + scales.linear**2 * (0.3 + 0.7 * alike) * (a.x @ b.x.T)
    return result + 0.5


@dataclass(frozen=True)
class GroupTimes:
    """Predicted times of a group's kernels [s] and the covariance of their logarithms."""

    times_s: Array
    covariance: Array
    unseen: NDArray[np.bool_]
    """Whether each is of a type (of :class:`~advisor.records.model.Kernel`) of which none was timed."""


class KernelProcess:
    """One group's process; conditioned anew for each set of kernels, on those most alike."""

    def __init__(self, timed: TimedKernels, scales: Scales) -> None:
        self._scales, self._codes = scales, KindCodes()
        self._points = self._codes.points(timed.kernels, timed.settings)
        self._nominal = timed.nominal()
        self._y = timed.target(self._nominal)
        self._middle = float(np.median(self._y))
        self._noise = timed.noise(scales)
        self._owners = np.array(timed.owners)
        self._types = np.array([kernel.type for kernel in timed.kernels])

    def times(self, kernels: Sequence[Kernel], threads: int, batch: int, without: str | None = None) -> GroupTimes:
        """Time of kernels as they stand (their shapes hold the batch) on ``threads``, one network's kernels unused."""
        wanted = self._codes.points(kernels, [(threads, batch)] * len(kernels))
        cross = covariance(wanted, self._points, self._scales)
        nearness = cross.max(axis=0)
        if without is not None:
            nearness[self._owners == without] = -np.inf
        chosen = np.argsort(-nearness, kind="stable")[:_LARGEST]
        chosen = chosen[np.isfinite(nearness[chosen])]
        near = self._points.take(chosen)
        matrix = covariance(near, near, self._scales)
        matrix += self._noise.covariance(chosen)
        lower = np.linalg.cholesky(matrix)
        cross = cross[:, chosen]
        half = np.linalg.solve(lower, cross.T)
        mean = self._middle + half.T @ np.linalg.solve(lower, self._y[chosen] - self._middle)
        nominal = self._nominal.times_s(kernels, [threads] * len(kernels))
        spread = covariance(wanted, wanted, self._scales) - half.T @ half
        # A kernel's time differs from net to net, by what runs before and after it in the same caches.
        spread[np.diag_indices_from(spread)] += self._scales.noise**2
        known = set(self._types if without is None else self._types[self._owners != without])
        unseen = np.array([kernel.type not in known for kernel in kernels])
        # What alike types say of a type that was never timed is a guess: as unsure as before anything was timed.
        prior = covariance(wanted, wanted, self._scales)
        spread = np.where(unseen[:, None] & unseen[None, :], np.maximum(spread, prior), spread)
        return GroupTimes(np.maximum(nominal * np.exp(mean) - SHORT_S, 2e-8), spread, unseen)


class UnseenProcess:
    """The process of a group of which no kernel was timed: the assumed nominal time, as unsure as the prior."""

    def __init__(self, scales: Scales) -> None:
        self._scales, self._codes, self._nominal = scales, KindCodes(), NominalTime()

    def times(self, kernels: Sequence[Kernel], threads: int, batch: int, without: str | None = None) -> GroupTimes:  # noqa: ARG002 - nothing was timed, so nothing is left out
        """As :meth:`KernelProcess.times`."""
        wanted = self._codes.points(kernels, [(threads, batch)] * len(kernels))
        spread = covariance(wanted, wanted, self._scales) + _NOMINAL_DEVIATION**2
        nominal = self._nominal.times_s(kernels, [threads] * len(kernels))
        return GroupTimes(nominal, spread, np.ones(len(kernels), dtype=np.bool_))
