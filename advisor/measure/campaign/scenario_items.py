"""Which measurements a plan needs: the few of this machine, and those that say something of other machines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from advisor.measure.items.decode import DecodeItem, check_codec
from advisor.measure.items.item import Item
from advisor.measure.items.micro.selection import all_threads, micro_items
from advisor.measure.items.preparation import PreparationItem
from advisor.measure.items.throughput import TimingItem
from advisor.measure.timing.harness import MeasureSpec
from advisor.records.base import BF16_LEVELS, Precision
from advisor.records.config import LoadMode, RunConfig
from advisor.records.host import HostFacts
from advisor.records.model import ModelFile, image_size
from advisor.records.scenario import Scenario

from .campaign import Campaign, Entry

SCENARIO_SPEC = MeasureSpec(
    min_duration_s=0.25,
    min_samples=10,
    min_blocks=6,
    max_duration_s=1.5,
    block_s=0.04,
    warmup_max_s=0.15,
    max_dirty_blocks=2,
)
PLAN_SPEC = MeasureSpec(
    min_duration_s=0.8,
    min_samples=10,
    min_blocks=20,
    max_duration_s=2.0,
    block_s=0.04,
    warmup_max_s=0.15,
    max_dirty_blocks=0,
)
"""For a plan of this machine, which runs with whatever neighbours it has: all blocks count, disturbed ones too, and
there are enough for as many moments. On a shared machine the mean of all blocks was 8 % above the median of undisturbed
ones on one thread, 31 % on two (docs/methods/drift.md)."""
RESTED_SPEC = MeasureSpec(
    min_duration_s=1e-3,
    min_samples=20,
    min_blocks=20,
    max_duration_s=2.0,
    block_s=0.02,
    warmup_max_s=0.0,
    max_dirty_blocks=0,
)
"""Single passes of a model after pauses, as a cascade asks for them."""


def scenario_items(
    scenario: Scenario, models: Mapping[str, ModelFile], facts: HostFacts, bitrates: Mapping[str, float]
) -> Campaign:
    """List the least that a plan for this scenario needs from a machine that was never measured.

    Parameters
    ----------
    scenario : Scenario
        Its permitted precisions, cameras and batches decide what is measured.
    models : mapping
        Stage id to model file.
    facts : HostFacts
        Threads and precisions of this machine.
    bitrates : mapping
        Camera group to the bit rate assumed where the scenario gives none [kbit/s].

    Returns
    -------
    Campaign
        Per model and precision, on OpenVINO: one thread, all threads on one stream and as many streams as threads, each
        also with the largest batch; single passes after pauses on one thread, with the largest batch, too, and on all;
        decoding and preparation for each kind of camera; the cost of a call, peaks and bandwidths.

    Notes
    -----
    A plan chooses among one thread per stream and several. Where only the former was timed, and beside other load, the
    latter won for having been predicted: of a quiet machine.
    """
    entries: dict[object, Entry] = {}

    def put(item: Item, value: float) -> None:
        entries.setdefault(item, Entry(item, item.estimate_s, value))

    most = all_threads(facts)
    for stage in scenario.stages:
        model = models[stage.id]
        for precision in usable_precisions(scenario.accuracy.precisions, facts):
            together = f"{model.sha256} {precision}"
            largest = stage.batch.max
            for threads, batch in dict.fromkeys([(1, 1), (most, 1), (1, largest), (most, largest)]):
                pinning = None if threads == 1 else False  # as a plan sets it
                config = RunConfig(
                    precision=precision, streams=1, threads=threads, batch=batch, requests=1, pinning=pinning
                )
                item = TimingItem(model, config, LoadMode(), PLAN_SPEC)
                key = (model.sha256, precision, threads, batch)
                value = 4.0 if (threads, batch) == (1, 1) else 2.0
                entries.setdefault(key, Entry(item, item.estimate_s, value, together))
                if most > 1 and threads == 1:
                    # In a cascade all cores are busy: a plan needs what a pass takes then.
                    config = config.model_copy(
                        update={"streams": most, "threads": most, "requests": most, "pinning": False}
                    )
                    item = TimingItem(model, config, LoadMode(kind="async"), PLAN_SPEC)
                    entries.setdefault(
                        (*key, "busy"), Entry(item, item.estimate_s, 3.0 if batch == 1 else 1.5, together)
                    )
            # More activations go cold in a batch; what waking several threads costs hardly depends on it.
            for threads, batch in dict.fromkeys([(1, 1), (most, 1), (1, stage.batch.max)]):
                config = RunConfig(
                    precision=precision, streams=1, threads=threads, batch=batch, requests=1, pinning=False
                )
                item = TimingItem(model, config, LoadMode(kind="rested"), RESTED_SPEC)
                entries.setdefault(
                    (model.sha256, precision, "rested", threads, batch), Entry(item, item.estimate_s, 3.0, together)
                )
    for group in scenario.cameras:
        width, height = group.size
        if group.codec != "raw":
            rate = group.bitrate_kbps if group.bitrate_kbps is not None else bitrates[group.group]
            streams = tuple(sorted({1, most}))
            request = DecodeItem(
                check_codec(group.codec), width, height, rate, group.fps, streams=streams, duration_s=1.0
            )
            put(request, 8.0)
    for prepared in _preparations(scenario, models):
        put(prepared, 1.0)
    for micro in micro_items(facts, precisions=("f32",), duration_s=0.2):
        if not micro.name.startswith(("matmul", "bandwidth/l2")):
            put(micro, 1.0)
    return Campaign(tuple(entries.values()))


def items_for_others(
    scenario: Scenario, models: Mapping[str, ModelFile], facts: HostFacts, bitrates: Mapping[str, float]
) -> Campaign:
    """List those of :func:`scenario_items` that say something of other machines: passes of the models.

    For a plan in which this machine is no candidate, and no published figure speaks of some of the models. How far the
    prediction of such a model is off travels with it, and the other models show how much of that is this machine's own.
    How long decoding and preparation take here says nothing of other machines.

    Parameters
    ----------
    scenario, models, facts, bitrates
        As of :func:`scenario_items`.

    Returns
    -------
    Campaign
        Passes of all models, but for bf16 where int8 is permitted: it would narrow what travels by one part in a
        hundred (standard deviation 0.119 instead of 0.121, four models, :mod:`advisor.perfmodel.here.anchors`).
    """
    permitted = scenario.accuracy.precisions
    skipped = {"bf16"} if {"int8", "f32"} <= set(permitted) else set()
    entries = []
    for entry in scenario_items(scenario, models, facts, bitrates).entries:
        item = entry.item
        if not isinstance(item, TimingItem) or item.mode.kind == "rested":
            continue  # what a pause costs depends on who shares this machine
        if item.config.batch > 1 and item.config.streams != 1:
            continue  # batches of theirs follow from one stream's
        if item.config.precision not in skipped:
            short = replace(item, spec=SCENARIO_SPEC)
            entries.append(Entry(short, short.estimate_s, entry.value))  # no group: the most telling first
    return Campaign(tuple(entries))


def usable_precisions(permitted: Sequence[Precision], facts: HostFacts) -> tuple[Precision, ...]:
    """Precisions that the user permits and this processor computes in; bf16 elsewhere is only emulated or refused."""
    return tuple(name for name in permitted if name != "bf16" or facts.cpu.simd_level in BF16_LEVELS)


def _preparations(scenario: Scenario, models: Mapping[str, ModelFile]) -> list[PreparationItem]:
    """Whole frames for stages on cameras, boxes for stages on objects."""
    found: dict[str, PreparationItem] = {}
    cameras = {group.group: group for group in scenario.cameras}
    for stage in scenario.stages:
        target = image_size(models[stage.id].input_shape)
        if target is None:
            continue
        for name in scenario.groups_of(stage):
            if name not in cameras:
                continue
            request = PreparationItem(
                cameras[name].size,
                target,
                kind="preprocess" if stage.on is None else "crop",
                source="bgr24" if cameras[name].codec == "raw" else "yuv420p",
            )
            found[request.name] = request
    return list(found.values())
