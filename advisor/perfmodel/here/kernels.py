"""Kernels measured on this host: looked up where known, predicted from alike ones where not (kernel_gp.py).

Counters are summed per network, and what a network's counters miss or add against the wall clock (the counting itself,
hiccups) is taken out by the timing of the same configuration where there is one: all its kernels are scaled to it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod
from statistics import median

import numpy as np
from numpy.typing import NDArray

from advisor.records.config import RunConfig
from advisor.records.measurement import ProfileMeasurement
from advisor.records.model import Kernel

from .interference_correction import interference_slowdown
from .kernel_gp import KernelProcess, Kind, TimedKernels, UnseenProcess, kind_of, load_scales

Array = NDArray[np.float64]
_UNSCALED = 0.08
"""Deviation (log) that the kernels of a network share which was profiled but never timed."""
_LOOKED_UP = 0.03
"""Deviation (log) of a kernel's time from one run of a network to the next."""
_LIMITS = (0.5, 1.6)
"""Factors between which counters are scaled to the wall clock: beyond them the two are not of the same pass."""

_MOSTLY_UNSEEN = 0.5
"""Share of the time in groups of which no kernel was timed, above which a sum of kernels says nothing."""

Signature = tuple[object, ...]
WallKey = tuple[str, str, str, int, int]
"""Hash of the model, runtime, precision, threads of the one stream, batch."""


@dataclass(frozen=True)
class WallTime:
    """Time of a pass without other load on the machine [s] and how sure it is."""

    time_s: float
    deviation: float
    """Of its logarithm."""


@dataclass(frozen=True)
class KernelTime:
    """Time of one kernel [s], and whether it was looked up."""

    time_s: float
    measured: bool


@dataclass(frozen=True)
class PassKernels:
    """All kernels of a pass in their order, their sum [s], and its standard deviation (log)."""

    kernels: tuple[KernelTime, ...]
    seconds: float
    deviation: float
    known_share: float
    """Share of the time that was looked up."""
    group_share: Mapping[str, float]
    """Share of the time by group of kernels."""
    unseen_share: Mapping[str, float]
    """Share of the time by type of kernel, of those types of which none was timed."""


@dataclass
class _TimedShape:
    """What was measured of kernels of one signature."""

    kernel: Kernel
    setting: tuple[int, int]
    times_s: dict[tuple[str, str], list[float]]
    """By hash and precision of the network."""
    extra: float
    """Deviation (log) that it shares with the other kernels of its network's profile."""

    def time_s(self, without: str | None = None) -> float | None:
        """Median time over the networks but ``without``; None where no other has the kernel."""
        kept = [time_s for (owner, _), times_s in self.times_s.items() if owner != without for time_s in times_s]
        return median(kept) if kept else None

    @property
    def owner(self) -> str:
        """Hash of the only network that has the kernel; empty where several have."""
        owners = {owner for owner, _ in self.times_s}
        return owners.pop() if len(owners) == 1 else ""

    @property
    def run(self) -> str:
        """The only profile that has the kernel, as far as its setting does not tell; empty where several have."""
        return "/".join(next(iter(self.times_s))) if len(self.times_s) == 1 else ""


def _signature(kernel: Kernel, threads: int) -> Signature:
    return (
        threads, kernel.type, kernel.original_type, kernel.implementation, kernel.precision, kernel.input_shape,
        kernel.output_shape, kernel.kernel_size, kernel.strides, kernel.groups, round(kernel.flop),
        round(kernel.weight_bytes), kernel.fused[1:],
    )  # fmt: skip


_Place = tuple[str, str, str, bool, int, int]


def _place(kernel: Kernel, runtime: str) -> _Place:
    """What tells whether a runtime does a kernel in place.

    The layouts of a vector, for one, are all the same; tokens are maps with the channels last; other maps are moved.
    """
    vector = max(kernel.output_shape, default=0) == prod(kernel.output_shape)
    axes = len(kernel.input_shape), len(kernel.output_shape)
    return runtime, kernel.original_type, kernel.implementation, vector, *axes


def at_batch(kernel: Kernel, ratio: float) -> Kernel:
    """The kernel at another batch: operations, activations and the first axis of its shapes times ``ratio``."""
    if ratio == 1.0:
        return kernel

    def larger(shape: tuple[int, ...]) -> tuple[int, ...]:
        return (max(1, round(shape[0] * ratio)), *shape[1:]) if shape else shape

    return kernel.model_copy(
        update={
            "flop": kernel.flop * ratio,
            "input_bytes": kernel.input_bytes * ratio,
            "output_bytes": kernel.output_bytes * ratio,
            "input_shape": larger(kernel.input_shape),
            "output_shape": larger(kernel.output_shape),
        }
    )


class HostKernels:
    """All kernel times that this host has measured."""

    def __init__(
        self, profiles: Sequence[ProfileMeasurement], wall_times: Mapping[WallKey, WallTime] | None = None
    ) -> None:
        """``wall_times``: time of a pass where it was measured without counting."""
        self._shapes: dict[str, dict[Signature, _TimedShape]] = {}
        """By runtime: a kernel is the same in a network of any precision."""
        self._processes: dict[tuple[str, Kind], KernelProcess | UnseenProcess] = {}
        self._in_place: dict[_Place, list[bool]] = {}
        """Whether kernels took no time, by what they are."""
        self.covered: set[tuple[str, str, int]] = set()
        for row in profiles:
            threads = _threads(row)
            if threads is not None and row.config.simd_cap is None:
                self._add(row, threads, wall_times or {})

    def _add(self, row: ProfileMeasurement, threads: int, wall_times: Mapping[WallKey, WallTime]) -> None:
        config = row.config
        timed = [kernel for kernel in row.kernels if kernel.time_s]
        if not timed:
            return
        wall = wall_times.get((row.model_sha256, config.runtime, config.precision, threads, config.batch))
        if wall is None and threads > 1:
            return  # counters of several threads hold their waiting for each other and for their neighbours
        log_slowdown, deviation = interference_slowdown(row.interference)
        counted_s = sum(kernel.time_s or 0.0 for kernel in timed)
        scale = float(np.exp(-log_slowdown)) if wall is None else float(np.clip(wall.time_s / counted_s, *_LIMITS))
        extra = float(np.hypot(_UNSCALED, deviation)) if wall is None else wall.deviation
        for kernel in row.kernels:
            if kernel.time_s is not None:
                self._in_place.setdefault(_place(kernel, config.runtime), []).append(kernel.time_s == 0.0)
        self.covered.add((config.runtime, config.precision, threads))
        shapes = self._shapes.setdefault(config.runtime, {})
        for kernel in timed:
            seconds = scale * (kernel.time_s or 0.0)
            key = _signature(kernel, threads)
            shape = shapes.setdefault(key, _TimedShape(kernel, (threads, config.batch), {}, extra))
            if extra < shape.extra:
                shape.times_s, shape.extra = {}, extra
            if extra <= shape.extra:
                shape.times_s.setdefault((row.model_sha256, config.precision), []).append(seconds)

    def _free(self, kernel: Kernel, runtime: str) -> bool:
        """Whether kernels like this one mostly took no time at all: views, which share their input's memory."""
        took_no_time = self._in_place.get(_place(kernel, runtime), ())
        return bool(took_no_time) and 2 * sum(took_no_time) > len(took_no_time)

    def threads_near(self, runtime: str, precision: str, threads: int) -> int | None:
        """Measured thread count nearest to ``threads`` (log scale), None where nothing was profiled."""
        counts = [t for r, p, t in self.covered if (r, p) == (runtime, precision)]
        return min(counts, key=lambda t: abs(np.log(t / threads))) if counts else None

    def untimed(self, kernels: Sequence[Kernel], config: RunConfig, threads: int) -> list[Kernel]:
        """Kernels that were never timed so."""
        shapes = self._shapes.get(config.runtime, {})
        return [kernel for kernel in kernels if _signature(kernel, threads) not in shapes]

    def timed(self, runtime: str, kind: Kind) -> TimedKernels | None:
        """Kernels of a kind that were timed; None where none was."""
        shapes = [shape for shape in self._shapes.get(runtime, {}).values() if kind_of(shape.kernel) == kind]
        if not shapes:
            return None
        return TimedKernels(
            tuple(shape.kernel for shape in shapes),
            tuple(shape.setting for shape in shapes),
            np.array([shape.time_s() for shape in shapes]),
            np.array([shape.extra for shape in shapes]),
            tuple(shape.owner for shape in shapes),
            tuple(shape.run for shape in shapes),
        )

    def kinds(self) -> list[tuple[str, Kind]]:
        """Runtimes and kinds of which kernels were timed."""
        return sorted(
            {(runtime, kind_of(shape.kernel)) for runtime, shapes in self._shapes.items() for shape in shapes.values()}
        )

    def _process(self, runtime: str, kind: Kind) -> KernelProcess | UnseenProcess:
        if (runtime, kind) not in self._processes:
            timed, scales = self.timed(runtime, kind), load_scales()[kind[0]]
            self._processes[runtime, kind] = UnseenProcess(scales) if timed is None else KernelProcess(timed, scales)
        return self._processes[runtime, kind]

    def passes(
        self,
        kernels: Sequence[Kernel],
        config: RunConfig,
        threads: int,
        counted_batch: int,
        without: str | None = None,
    ) -> PassKernels | None:
        """Times of a graph's kernels on one stream of ``threads`` (:meth:`threads_near`) at the batch of ``config``.

        ``counted_batch``: batch of the given kernels; ``without``: hash of a network whose times are not used. Kernels
        of a type of which none was timed are as unsure as the prior; None where they are most of the pass.
        """
        shapes = self._shapes.get(config.runtime, {})
        scaled = [at_batch(kernel, config.batch / counted_batch) for kernel in kernels]
        matches = [shapes.get(_signature(kernel, threads)) for kernel in scaled]
        looked_up = [None if shape is None else shape.time_s(without) for shape in matches]
        kinds = [kind_of(kernel) for kernel in kernels]
        missing: dict[Kind, list[int]] = {}
        for place, (kernel, time_s) in enumerate(zip(kernels, looked_up, strict=True)):
            if time_s is None and not self._free(kernel, config.runtime):
                missing.setdefault(kinds[place], []).append(place)
        seconds = np.array([time_s or 0.0 for time_s in looked_up])
        predicted: list[_PredictedKernels] = []
        for kind, places in missing.items():
            process = self._process(config.runtime, kind)
            part = _predicted(process, scaled, np.array(places, dtype=np.int64), threads, config.batch, without)
            seconds[part.places] = part.times_s
            predicted.append(part)
        extra = np.array(
            [
                0.0 if shape is None or time_s is None else float(np.hypot(_LOOKED_UP, shape.extra))
                for shape, time_s in zip(matches, looked_up, strict=True)
            ]
        )
        total = float(seconds.sum())
        share = seconds / total
        unseen = np.zeros(len(seconds), dtype=np.bool_)
        for part in predicted:
            unseen[part.places] = part.unseen
        unseen_groups = {kind for kind in missing if isinstance(self._process(config.runtime, kind), UnseenProcess)}
        if sum(share[place] for kind in unseen_groups for place in missing[kind]) > _MOSTLY_UNSEEN:
            return None
        # What is wrong with known kernels (their network's counters) is wrong with all of them.
        variance = max(sum(part.variance(share) for part in predicted), 0.0) + float((share * extra).sum()) ** 2
        groups = [group for group, _ in kinds]
        return PassKernels(
            tuple(KernelTime(float(s), time_s is not None) for s, time_s in zip(seconds, looked_up, strict=True)),
            total,
            float(np.sqrt(variance)),
            float(sum(share[place] for place, time_s in enumerate(looked_up) if time_s is not None)),
            {name: float(sum(share[i] for i, group in enumerate(groups) if group == name)) for name in set(groups)},
            {
                name: float(sum(share[i] for i, kernel in enumerate(kernels) if unseen[i] and kernel.type == name))
                for name in sorted({kernel.type for i, kernel in enumerate(kernels) if unseen[i]})
            },
        )


@dataclass(frozen=True)
class _PredictedKernels:
    """Kernels of one kind in a pass that were never timed."""

    places: NDArray[np.int64]
    """Places in the pass."""
    distinct: NDArray[np.int64]
    """Number of each one's shape: networks repeat their kernels."""
    times_s: Array
    covariance: Array
    """Of the logarithms of the times of the distinct shapes."""
    unseen: NDArray[np.bool_]
    """Whether each is of a type of which none was timed."""

    def variance(self, share: Array) -> float:
        """Their part of the variance of the logarithm of the whole pass, by each kernel's share of its time."""
        weight = np.bincount(self.distinct, weights=share[self.places])
        return float(weight @ self.covariance @ weight)


def _predicted(
    process: KernelProcess | UnseenProcess,
    kernels: Sequence[Kernel],
    places: NDArray[np.int64],
    threads: int,
    batch: int,
    without: str | None,
) -> _PredictedKernels:
    """Predict the kernels at ``places``, each shape once."""
    numbers: dict[Signature, int] = {}
    distinct = np.array([numbers.setdefault(_signature(kernels[i], threads), len(numbers)) for i in places])
    shapes = [kernels[places[int(np.argmax(distinct == number))]] for number in range(len(numbers))]
    times = process.times(shapes, threads, batch, without)
    return _PredictedKernels(places, distinct, times.times_s[distinct], times.covariance, times.unseen[distinct])


def _threads(row: ProfileMeasurement) -> int | None:
    """Threads of one stream during the profile."""
    if row.effective is not None and row.effective.threads:
        return max(1, row.effective.threads // max(1, row.effective.streams or 1))
    return row.config.threads
