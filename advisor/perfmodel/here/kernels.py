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

from .interference_correction import lengthened
from .kernel_gp import KernelProcess, Kind, Timed, kind_of, load_scales

Array = NDArray[np.float64]
_UNSCALED = 0.08
"""Deviation (log) that the kernels of a network share which was profiled but never timed."""
_KNOWN = 0.03
_LIMITS = (0.5, 1.6)

Signature = tuple[object, ...]
WallKey = tuple[str, str, str, int, int]
"""Hash of the model, runtime, precision, threads of the one stream, batch."""


@dataclass(frozen=True)
class Wall:
    """Time of a pass on a quiet machine [s] and how sure it is."""

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


@dataclass
class _Seen:
    kernel: Kernel
    setting: tuple[int, int]
    times_s: dict[tuple[str, str], list[float]]
    """By hash and precision of the network."""
    extra: float
    """Deviation (log) that it shares with the other kernels of its network's profile."""

    def time_s(self, without: str | None = None) -> float | None:
        """Median time, without what one network said; None where no other said anything."""
        times = [time for (owner, _), found in self.times_s.items() if owner != without for time in found]
        return median(times) if times else None

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


def _place(kernel: Kernel, runtime: str) -> tuple[str, str, str, bool]:
    """What tells whether a runtime does a kernel in place: the layouts of a vector, for one, are all the same."""
    vector = max(kernel.output_shape, default=0) == prod(kernel.output_shape)
    return runtime, kernel.original_type, kernel.implementation, vector


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

    def __init__(self, profiles: Sequence[ProfileMeasurement], walls: Mapping[WallKey, Wall] | None = None) -> None:
        """``walls``: time of a pass where it was measured without counting."""
        self._seen: dict[str, dict[Signature, _Seen]] = {}
        """By runtime: a kernel is the same in a network of any precision."""
        self._processes: dict[tuple[str, Kind], KernelProcess | None] = {}
        self._in_place: dict[tuple[str, str, str, bool], list[bool]] = {}
        """Whether kernels took no time, by what they are."""
        self.covered: set[tuple[str, str, int]] = set()
        for row in profiles:
            threads = _threads(row)
            if threads is not None and row.config.simd_cap is None:
                self._add(row, threads, walls or {})

    def _add(self, row: ProfileMeasurement, threads: int, walls: Mapping[WallKey, Wall]) -> None:
        config = row.config
        timed = [kernel for kernel in row.kernels if kernel.time_s]
        if not timed:
            return
        wall = walls.get((row.model_sha256, config.runtime, config.precision, threads, config.batch))
        if wall is None and threads > 1:
            return  # counters of several threads hold their waiting for each other and for their neighbours
        longer, doubt = lengthened(row.interference)
        counted_s = sum(kernel.time_s or 0.0 for kernel in timed)
        scale = float(np.exp(-longer)) if wall is None else float(np.clip(wall.time_s / counted_s, *_LIMITS))
        extra = float(np.hypot(_UNSCALED, doubt)) if wall is None else wall.deviation
        for kernel in row.kernels:
            if kernel.time_s is not None:
                self._in_place.setdefault(_place(kernel, config.runtime), []).append(kernel.time_s == 0.0)
        self.covered.add((config.runtime, config.precision, threads))
        here = self._seen.setdefault(config.runtime, {})
        for kernel in timed:
            seconds = scale * (kernel.time_s or 0.0)
            key = _signature(kernel, threads)
            seen = here.setdefault(key, _Seen(kernel, (threads, config.batch), {}, extra))
            if extra < seen.extra:
                seen.times_s, seen.extra = {}, extra
            if extra <= seen.extra:
                seen.times_s.setdefault((row.model_sha256, config.precision), []).append(seconds)

    def _free(self, kernel: Kernel, runtime: str) -> bool:
        """Whether kernels like this one mostly took no time at all: views, which share their input's memory."""
        seen = self._in_place.get(_place(kernel, runtime), ())
        return bool(seen) and 2 * sum(seen) > len(seen)

    def threads_near(self, runtime: str, precision: str, threads: int) -> int | None:
        """Measured thread count nearest to ``threads`` (log scale), None where nothing was profiled."""
        counts = [t for r, p, t in self.covered if (r, p) == (runtime, precision)]
        return min(counts, key=lambda t: abs(np.log(t / threads))) if counts else None

    def unknown(self, kernels: Sequence[Kernel], config: RunConfig, threads: int) -> list[Kernel]:
        """Kernels that were never timed so."""
        known = self._seen.get(config.runtime, {})
        return [kernel for kernel in kernels if _signature(kernel, threads) not in known]

    def timed(self, runtime: str, kind: Kind) -> Timed | None:
        """Kernels of a kind that were timed; None where none was."""
        rows = [seen for seen in self._seen.get(runtime, {}).values() if kind_of(seen.kernel) == kind]
        if not rows:
            return None
        return Timed(
            tuple(seen.kernel for seen in rows),
            tuple(seen.setting for seen in rows),
            np.array([seen.time_s() for seen in rows]),
            np.array([seen.extra for seen in rows]),
            tuple(seen.owner for seen in rows),
            tuple(seen.run for seen in rows),
        )

    def kinds(self) -> list[tuple[str, Kind]]:
        """Runtimes and kinds of which kernels were timed."""
        return sorted(
            {(runtime, kind_of(seen.kernel)) for runtime, all_ in self._seen.items() for seen in all_.values()}
        )

    def _process(self, runtime: str, kind: Kind) -> KernelProcess | None:
        if (runtime, kind) not in self._processes:
            timed = self.timed(runtime, kind)
            self._processes[runtime, kind] = None if timed is None else KernelProcess(timed, load_scales()[kind[0]])
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

        ``counted_batch``: batch of the given kernels; ``without``: hash of a network whose times are not used. None
        where a kernel is of a kind of which none was ever timed.
        """
        known = self._seen.get(config.runtime, {})
        ratio = config.batch / counted_batch
        asked = [at_batch(kernel, ratio) for kernel in kernels]
        found = [known.get(_signature(kernel, threads)) for kernel in asked]
        looked_up = [None if seen is None else seen.time_s(without) for seen in found]
        free = [
            time_s is None and self._free(kernel, config.runtime)
            for kernel, time_s in zip(kernels, looked_up, strict=True)
        ]
        seconds = np.array([time_s or 0.0 for time_s in looked_up])
        variance = 0.0
        kinds = [kind_of(kernel) for kernel in kernels]
        parts: list[tuple[NDArray[np.int64], NDArray[np.int64], Array]] = []
        for kind in dict.fromkeys(kinds):
            places = np.array(
                [i for i, time_s in enumerate(looked_up) if time_s is None and kinds[i] == kind and not free[i]],
                dtype=np.int64,
            )
            if not len(places):
                continue
            process = self._process(config.runtime, kind)
            if process is None:
                return None
            # Networks repeat their kernels: each shape is asked for once.
            first: dict[Signature, int] = {}
            same = np.array([first.setdefault(_signature(asked[i], threads), len(first)) for i in places])
            distinct = [asked[places[int(np.argmax(same == number))]] for number in range(len(first))]
            times = process.times(distinct, threads, config.batch, without)
            seconds[places] = times.times_s[same]
            parts.append((places, same, times.covariance))
        total = float(seconds.sum())
        share = seconds / total
        for places, same, matrix in parts:
            weight = np.bincount(same, weights=share[places])
            variance += float(weight @ matrix @ weight)
        extra = np.array(
            [
                0.0 if seen is None or time_s is None else float(np.hypot(_KNOWN, seen.extra))
                for seen, time_s in zip(found, looked_up, strict=True)
            ]
        )
        # What is wrong with known kernels (their network's counters) is wrong with all of them.
        deviation = float(np.sqrt(max(variance, 0.0) + float((share * extra).sum()) ** 2))
        by_group = {
            group: float(sum(share[i] for i, (g, _) in enumerate(kinds) if g == group))
            for group in {g for g, _ in kinds}
        }
        known_share = float(sum(share[i] for i, time_s in enumerate(looked_up) if time_s is not None))
        rows = tuple(KernelTime(float(s), time_s is not None) for s, time_s in zip(seconds, looked_up, strict=True))
        return PassKernels(rows, total, deviation, known_share, by_group)


def _threads(row: ProfileMeasurement) -> int | None:
    """Threads of one stream during the profile."""
    if row.effective is not None and row.effective.threads:
        return max(1, row.effective.threads // max(1, row.effective.streams or 1))
    return row.config.threads
