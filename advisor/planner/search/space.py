"""What can be chosen for one stage on the cores: runtime, precision, threads per inference stream and batch.

Dominated options of a stage are left out (a slower pass that also takes more core time per input): the simulator shares
cores by demand, so such an option can only add load and delay.
"""

from __future__ import annotations

import operator
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Literal

from advisor.records.base import Precision, RuntimeName
from advisor.records.config import RunConfig
from advisor.records.scenario import ServiceClass, Stage

from .belief import MEDIAN, PESSIMISTIC, QUANTILES, at
from .stage_option import StageOption

THREADS_PER_STREAM = (1, 2, 4, 8, 16)
Placement = Literal["all", "performance"]
"""Which cores inference may take on a chip with two kinds of them."""


def stage_batches(stage: Stage) -> tuple[int, ...]:
    """Batch sizes that are tried for a stage."""
    if stage.batch.max == 1:
        return (1,)
    return tuple(sorted({1, min(4, stage.batch.max), stage.batch.max}))


@lru_cache(maxsize=8192)
def configurations(
    cores: int, most: int, runtime: RuntimeName, precision: Precision, batch: int, placement: Placement
) -> tuple[RunConfig, ...]:
    """Every number of threads per stream up to ``most``, with as many streams as fill ``cores``.

    Cached, since chips with equally many cores share their configurations.
    """
    openvino = runtime == "openvino"
    shapes = [(threads, max(1, cores // threads)) for threads in sorted({min(n, most) for n in THREADS_PER_STREAM})]
    return tuple(
        RunConfig(
            runtime=runtime,
            precision=precision,
            streams=streams,
            threads=streams * threads,
            batch=batch,
            requests=streams,
            pinning=False if openvino else None,
            core_type="performance" if openvino and placement == "performance" else None,
        )
        for threads, streams in shapes
    )


def of_class(options: Sequence[StageOption], wanted: ServiceClass | None) -> tuple[StageOption, ...]:
    """Keep the one option that a service class asks for, at the median with all cores busy; all of them without one.

    ``latency``: of those that take one input the shortest pass; ``throughput``: the least core time per input, and of
    equal ones the shortest pass. On a device its time counts in place of the cores'.
    """
    if wanted == "latency":
        single = [option for option in options if option.config.batch == 1]
        return tuple(sorted(single, key=lambda option: (option.pass_s(MEDIAN), option.core_s(MEDIAN)))[:1])
    if wanted == "throughput":
        return tuple(sorted(options, key=lambda option: (_of_one_s(option), option.pass_s(MEDIAN)))[:1])
    return tuple(options)


def _of_one_s(option: StageOption) -> float:
    """Time that one input of a full batch takes of the cores, or of its device [s]."""
    return (option.core_s(MEDIAN) if option.busy is None else option.busy_s(MEDIAN)) / option.config.batch


def in_order(options: Iterable[StageOption]) -> tuple[StageOption, ...]:
    """Least core time first."""
    return tuple(
        sorted(options, key=lambda item: (item.core_s(PESSIMISTIC), item.threads_per_stream, item.pass_s(PESSIMISTIC)))
    )


def undominated(options: Iterable[StageOption]) -> tuple[StageOption, ...]:
    """Drop options that another one of the same shape matches or beats in everything that the simulation depends on.

    Compared at all three quantiles: what is judged on one side may be predicted on the other.
    """
    kept: list[StageOption] = []
    by_shape: dict[tuple[str, int | None, int], list[list[float]]] = {}
    for option in in_order(options):
        rivals, burdens = by_shape.setdefault(_shape(option), []), _burdens(option)
        if not any(all(map(operator.le, theirs, burdens)) for theirs in rivals):
            kept.append(option)
            rivals.append(burdens)
    return tuple(kept)


def _shape(option: StageOption) -> tuple[str, int | None, int]:
    return option.config.device, option.config.streams, option.config.batch


def _burdens(option: StageOption) -> list[float]:
    estimate = option.estimate
    burdens, between = [estimate.bandwidth_bytes, float(estimate.bottleneck == "memory_bandwidth")], []
    for z in QUANTILES:
        alone_s, full_s, least_core_s, core_s = option.costs(z)
        burdens += [full_s, alone_s, core_s, least_core_s, at(estimate.memory_bytes, z)]
        if option.busy is not None:
            burdens.append(option.busy_s(z))
        between += [alone_s + share * (full_s - alone_s) for share in estimate.contention_rise]
    return burdens + between
