"""Which measurements: the few that a plan needs, and the two minutes that describe a machine."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from math import sqrt
from typing import get_args

from advisor.measure.campaign import Campaign, Entry
from advisor.measure.clips import CodecName, usual_bitrate_kbps
from advisor.measure.configs import MeasureItem
from advisor.measure.decode import DecodeRequest, check_codec, hardware_devices
from advisor.measure.footprint import FootprintItem
from advisor.measure.harness import PACED_BLOCK, PAUSE_S, MeasureSpec
from advisor.measure.micro import MicroItem, all_threads, micro_items, no_siblings, thread_counts
from advisor.measure.preparation import PrepareRequest
from advisor.measure.profile import ProfileItem
from advisor.records.base import Precision, RuntimeName, SimdLevel
from advisor.records.config import LoadMode, RunConfig, SimdCap
from advisor.records.host import HostFacts
from advisor.records.model import ModelFile
from advisor.records.scenario import Scenario

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
"""For a plan of this machine, which works beside whatever neighbours it has: all blocks count, disturbed ones too, and
there are enough for as many moments. On a shared machine the mean of all blocks was 8 % above the median of undisturbed
ones on one thread, 31 % on two (docs/methods.md, "In company")."""
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
QUICK_LIMIT_S = 240.0
"""Estimated for a slow machine; what fits into the 120 s of ``--quick`` is decided while it runs."""
# Families that differ in what binds them: plain and depthwise convolutions, narrow and wide, many small kernels,
# matrix products. Names of advisor/zoo; the first teach most.
QUICK_MODELS = (
    "mobilenet-v2",
    "resnet-18",
    "squeezenet-1.1",
    "bert-mini",
    "googlenet",
    "efficientnet-b0",
    "ssd-mobilenet",
    "densenet-121",
    "vit-small",
    "resnet-50",
)
QUICK_RANDOM = tuple(f"random:{n}" for n in (22, 1, 4, 3, 6, 5, 0, 11, 10, 9, 12, 18, 13, 7, 14, 17, 28, 23))
"""Random networks between them: each shows some sixty kernels of shapes that no architecture has. Chosen for short
passes, with each kind of :mod:`advisor.zoo.random_nets` among the first (words, mobile, dense, maps, patches)."""
_CAPS: tuple[SimdCap, ...] = ("avx512", "avx2", "sse42")
_DECODES: dict[CodecName, tuple[tuple[int, int], ...]] = {
    "h264": ((1280, 720), (1920, 1080), (3840, 2160)),
    "h265": ((1280, 720), (1920, 1080), (3840, 2160)),
    "mjpeg": ((1280, 720), (1920, 1080)),
}
PACED_PER_S = 5.0
_ON_DEVICES: tuple[CodecName, ...] = ("h264", "h265")
_FRAMES = ((1280, 720), (1920, 1080), (3840, 2160))
_TARGETS = ((224, 224), (300, 300), (544, 320), (640, 640))
_BF16_LEVELS = ("avx512_bf16", "amx")
# One core of a slow machine; only estimates of time rest on it.
_ASSUMED_FLOP_PER_S: dict[Precision, float] = {"f32": 4e10, "bf16": 8e10, "int8": 1.2e11}
_ASSUMED_GFLOPS = 4.0
_OPEN_S = 0.35  # read, quantise from cache, compile
_COUNTED_AT_LEAST, _COUNTED_S = 5, 0.15
"""Passes that kernels of the quick look are counted over, and seconds where these are enough."""
_DECODE_S, _PREPARE_S, _MICRO_OPEN_S, _MICRO_S = 2.5, 0.25, 0.2, 0.2
_WORKER_S = 0.9  # start a worker and load a runtime


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
        Per model and precision, on OpenVINO: one thread and as many streams as threads, both also with the largest
        batch, and single passes after pauses on one thread and on all; decoding and preparation for each kind of
        camera; the cost of a call, peaks and bandwidths.
    """
    entries: dict[object, Entry] = {}

    def put(item: MeasureItem | MicroItem | DecodeRequest | PrepareRequest, estimate_s: float, value: float) -> None:
        entries.setdefault(item if not isinstance(item, MicroItem) else item.name, Entry(item, estimate_s, value))

    most = all_threads(facts)
    for stage in scenario.stages:
        model = models[stage.id]
        for precision in usable_precisions(scenario.accuracy.precisions, facts):
            together = f"{model.sha256} {precision}"
            for threads, batch in dict.fromkeys([(1, 1), (1, stage.batch.max)]):
                config = RunConfig(precision=precision, streams=1, threads=threads, batch=batch, requests=1)
                item = MeasureItem(model, config, LoadMode(), PLAN_SPEC)
                key = (model.sha256, precision, threads, batch)
                value = 4.0 if (threads, batch) == (1, 1) else 2.0
                entries.setdefault(key, Entry(item, estimate_s(item), value, together))
                if most > 1:
                    # In a cascade all cores are busy: what a pass takes beside others of its kind is what a plan needs.
                    config = config.model_copy(
                        update={"streams": most, "threads": most, "requests": most, "pinning": False}
                    )
                    item = MeasureItem(model, config, LoadMode(kind="async"), PLAN_SPEC)
                    entries.setdefault(
                        (*key, "busy"), Entry(item, estimate_s(item), 3.0 if batch == 1 else 1.5, together)
                    )
            for threads in sorted({1, most}):
                config = RunConfig(precision=precision, streams=1, threads=threads, requests=1, pinning=False)
                item = MeasureItem(model, config, LoadMode(kind="rested"), RESTED_SPEC)
                entries.setdefault(
                    (model.sha256, precision, "rested", threads), Entry(item, estimate_s(item), 3.0, together)
                )
    for group in scenario.cameras:
        width, height = group.size
        if group.codec != "raw":
            rate = group.bitrate_kbps if group.bitrate_kbps is not None else bitrates[group.group]
            streams = tuple(sorted({1, most}))
            request = DecodeRequest(
                check_codec(group.codec), width, height, rate, group.fps, streams=streams, duration_s=1.0
            )
            put(request, _DECODE_S, 8.0)
    for prepared in _preparations(scenario, models):
        put(prepared, _PREPARE_S, 1.0)
    for micro in micro_items(facts, precisions=("f32",), duration_s=0.2):
        if not micro.name.startswith(("matmul", "bandwidth/l2")):
            put(micro, micro.duration_s + _MICRO_OPEN_S, 1.0)
    return Campaign(tuple(entries.values()))


def items_for_others(
    scenario: Scenario,
    models: Mapping[str, ModelFile],
    facts: HostFacts,
    bitrates: Mapping[str, float],
    *,
    unpublished: bool,
) -> Campaign:
    """List those of :func:`scenario_items` that say something of other machines, for a plan in which this one is none.

    Parameters
    ----------
    scenario, models, facts, bitrates
        As of :func:`scenario_items`.
    unpublished : bool
        Whether no published figure speaks of some of the models. How far the prediction of such a model is off travels
        with it, and the other models show how much of that is this machine's own; where figures of all are published,
        those alone are asked.

    Returns
    -------
    Campaign
        Decoding and preparation, by which those of other machines are scaled; passes of all models where some are not
        published, but for bf16 where int8 is permitted: it would narrow what travels by one part in a hundred
        (standard deviation 0.119 instead of 0.121, four models, :mod:`advisor.perfmodel.anchors`).
    """
    permitted = scenario.accuracy.precisions
    skipped = {"bf16"} if {"int8", "f32"} <= set(permitted) else set()
    entries = []
    for entry in scenario_items(scenario, models, facts, bitrates).entries:
        item = entry.item
        if isinstance(item, DecodeRequest | PrepareRequest):
            entries.append(entry)
        elif not isinstance(item, MeasureItem) or not unpublished or item.mode.kind == "rested":
            continue  # what a pause costs depends on who shares this machine
        elif item.config.batch > 1 and item.config.streams != 1:
            continue  # batches of theirs follow from one stream's
        elif item.config.precision not in skipped:
            short = replace(item, spec=SCENARIO_SPEC)
            entries.append(Entry(short, estimate_s(short), entry.value))  # no group: the most telling first
    return Campaign(tuple(entries))


def quick_items(facts: HostFacts, models: Sequence[ModelFile], limit_s: float = QUICK_LIMIT_S) -> Campaign:
    """List what describes a machine best in two minutes.

    Parameters
    ----------
    facts : HostFacts
        Of this machine.
    models : sequence of ModelFile
        :data:`QUICK_MODELS`, built; or any others.
    limit_s : float
        Estimated time that the campaign may take [s]; what does not fit is named in ``left_out``.

    Notes
    -----
    The order of priorities was chosen by leaving families out of a longer campaign on one machine (docs/methods.md).
    """
    most = all_threads(facts)
    entries: list[Entry] = []
    entries += [Entry(item, item.duration_s + _MICRO_OPEN_S, 3.0) for item in micro_items(facts, duration_s=_MICRO_S)]
    entries.append(Entry(DecodeRequest("h264", 1920, 1080, 4000.0, streams=tuple(sorted({1, most}))), _DECODE_S, 10.0))
    for count in sorted({1, most}):
        entries.append(Entry(PrepareRequest((1920, 1080), (544, 320), streams=count), _PREPARE_S, 2.0))
    # What lower SIMD levels reach is of interest, but nothing on this machine is predicted from it.
    capped = micro_items(facts, precisions=("f32",), simd_caps=lower_caps(facts), duration_s=_MICRO_S)
    entries += [Entry(item, item.duration_s + 2 * _MICRO_OPEN_S, 0.1) for item in capped if item.simd_cap is not None]
    entries += _looks(models, facts)
    fitting = within(entries, limit_s)
    return Campaign(fitting.entries, (*fitting.left_out, *no_siblings(facts)))


@dataclass(frozen=True)
class _Cell:
    """A setting that the quick look takes of model after model."""

    priority: float
    """Place in the order of what is measured first, for the first model."""
    runtime: RuntimeName
    precision: Precision
    all_threads: bool
    batch: int = 1


# Kernels first: whole passes are sums of them in any model. Each setting that is predicted has to be seen with some
# networks; the more it is used, the more.
_KERNEL_CELLS = (
    _Cell(1.0, "openvino", "f32", False),
    _Cell(0.9, "openvino", "int8", False),
    _Cell(0.8, "onnxruntime", "f32", False),
    _Cell(0.65, "openvino", "f32", True),
    _Cell(0.55, "openvino", "int8", True),
    _Cell(0.7, "openvino", "f32", False, 8),
    _Cell(0.45, "openvino", "bf16", False),
    _Cell(0.45, "onnxruntime", "int8", False),
    _Cell(0.35, "onnxruntime", "f32", True),
    _Cell(0.3, "openvino", "bf16", True),
    _Cell(0.45, "openvino", "int8", False, 8),
    _Cell(0.3, "onnxruntime", "f32", False, 8),
    _Cell(0.25, "onnxruntime", "int8", True),
)
# Then what several streams do to each other.
_STREAM_CELLS = (
    _Cell(0.7, "openvino", "f32", True),
    _Cell(0.6, "openvino", "int8", True),
    _Cell(0.45, "openvino", "f32", True, 4),
    _Cell(0.35, "onnxruntime", "f32", True),
    _Cell(0.3, "openvino", "bf16", True),
    _Cell(0.25, "openvino", "int8", True, 4),
)
# And steady timings, against which all of it is set.
_TIMED_CELLS = (
    _Cell(0.6, "openvino", "f32", False),
    _Cell(0.5, "openvino", "int8", False),
    _Cell(0.4, "openvino", "f32", True),
    _Cell(0.35, "onnxruntime", "f32", False),
    _Cell(0.3, "openvino", "int8", True),
)
_KERNELS_FADE, _TIMINGS_FADE = 0.12, 0.35
"""How much less each further model teaches: the first over 1 + fade x rank."""


def _looks(models: Sequence[ModelFile], facts: HostFacts) -> Iterator[Entry]:
    """Kernels of all models by cell, and passes of those that are no random networks."""
    most = all_threads(facts)
    permitted = usable_precisions(("f32", "bf16", "int8"), facts)

    def possible(cells: Sequence[_Cell]) -> list[_Cell]:
        return [cell for cell in cells if cell.precision in permitted and (most > 1 or not cell.all_threads)]

    for rank, model in enumerate(_in_turns(models)):
        for cell in possible(_KERNEL_CELLS):
            yield _look(ProfileItem(model, _one_stream(cell, most)), cell.priority / (1 + _KERNELS_FADE * rank))
    for rank, model in enumerate(model for model in models if model.family != "random"):
        fading = 1 + _TIMINGS_FADE * rank
        for cell in possible(_TIMED_CELLS):
            item = MeasureItem(model, _one_stream(cell, most), LoadMode(), SCENARIO_SPEC)
            yield _look(item, cell.priority / fading)
        for cell in possible(_STREAM_CELLS):
            config = _one_stream(cell, most).model_copy(update={"streams": most, "requests": most})
            item = MeasureItem(model, config, LoadMode(kind="async"), SCENARIO_SPEC)
            yield _look(item, cell.priority / fading)


def _in_turns(models: Sequence[ModelFile]) -> list[ModelFile]:
    """Two random networks, one of the others, and so on: both kinds are needed from the start."""
    drawn = [model for model in models if model.family == "random"]
    others = [model for model in models if model.family != "random"]
    places = [((rank + 0.5) / 2, model) for rank, model in enumerate(drawn)]
    places += [(float(rank), model) for rank, model in enumerate(others)]
    return [model for _, model in sorted(places, key=lambda place: place[0])]


def _one_stream(cell: _Cell, most: int) -> RunConfig:
    return RunConfig(
        runtime=cell.runtime, precision=cell.precision, streams=1, threads=most if cell.all_threads else 1,
        batch=cell.batch, requests=1,
    )  # fmt: skip


def _look(item: ProfileItem | MeasureItem, priority: float) -> Entry:
    """Entry that comes first by priority; dearer ones wait, but not in proportion, for their kernels are larger."""
    if isinstance(item, MeasureItem):
        seconds = estimate_s(item)
    else:
        one_s = pass_s(item.model, item.config)
        item = replace(item, passes=int(min(30, max(_COUNTED_AT_LEAST, _COUNTED_S / one_s))))
        seconds = _OPEN_S + 2 * item.passes * one_s
    return Entry(item, seconds, priority * sqrt(seconds))


def full_items(facts: HostFacts, build: Callable[[str], ModelFile]) -> Campaign:
    """List everything: all architectures of the zoo, both runtimes, precisions, threads, batches and SIMD caps.

    Parameters
    ----------
    facts : HostFacts
        Of this machine.
    build : callable
        Architecture's name to file.
    """
    from advisor import zoo

    caps = lower_caps(facts)
    runtimes: tuple[RuntimeName, ...] = ("openvino", "onnxruntime")
    micro = micro_items(facts, simd_caps=(None, *caps), runtimes=runtimes)
    entries = [Entry(item, item.duration_s + _MICRO_OPEN_S, 3.0) for item in micro]
    streams = tuple(thread_counts(all_threads(facts)))
    for codec, sizes in _DECODES.items():
        for width, height in sizes:
            rate = usual_bitrate_kbps(codec, width, height, 15.0)
            entries.append(Entry(DecodeRequest(codec, width, height, rate, streams=streams), 2 * _DECODE_S, 8.0))
    for device in hardware_devices():
        for codec in _ON_DEVICES:
            hardware = DecodeRequest(codec, 1920, 1080, usual_bitrate_kbps(codec, 1920, 1080, 15.0), device=device)
            entries.append(Entry(hardware, _DECODE_S, 1.0))
    for frame in _FRAMES:
        entries += [
            Entry(PrepareRequest(frame, target, streams=count), _PREPARE_S, 1.0)
            for target in _TARGETS
            for count in streams
        ]
    for name in (name for name in zoo.known_names() if not name.startswith(zoo.PREFIX)):
        model = build(name)
        for precision in usable_precisions(("f32", "bf16", "int8"), facts):
            for config, mode in _full_configs(precision, facts, caps):
                item = MeasureItem(model, config, mode, MeasureSpec())
                entries.append(Entry(item, estimate_s(item), 4.0 if config.batch == 1 else 1.5))
                if config.batch == 1 and config.simd_cap is None:
                    entries += footprint_entries(entries[-1:])
            entries += [_profile_entry(model, config) for config in _full_profiles(precision, caps)]
    return Campaign(tuple(entries), no_siblings(facts))


def _full_profiles(precision: Precision, caps: Sequence[SimdCap]) -> Iterator[RunConfig]:
    """Kernels of both runtimes, and of OpenVINO under each cap: what the other machines' kernels are and cost."""
    one = RunConfig(precision=precision, streams=1, threads=1, requests=1)
    yield one
    if precision != "bf16":
        yield one.model_copy(update={"runtime": "onnxruntime"})
    if precision == "f32":
        for cap in caps:
            yield one.model_copy(update={"simd_cap": cap})


def _profile_entry(model: ModelFile, config: RunConfig, value: float | None = None) -> Entry:
    profile = ProfileItem(model, config)
    usual = 12.0 if config.simd_cap is None else 6.0
    return Entry(profile, _OPEN_S + profile.passes * pass_s(model, config), usual if value is None else value)


def _full_configs(
    precision: Precision, facts: HostFacts, caps: Sequence[SimdCap]
) -> Iterator[tuple[RunConfig, LoadMode]]:
    most = all_threads(facts)
    runtimes: tuple[RuntimeName, ...] = ("openvino",) if precision == "bf16" else ("openvino", "onnxruntime")
    for runtime in runtimes:
        for threads in thread_counts(most):
            for batch in (1, 8):
                one = RunConfig(
                    runtime=runtime, precision=precision, streams=1, threads=threads, batch=batch, requests=1
                )
                yield one, LoadMode()
        # A camera's rate: the gaps change clocks and wake-ups, so a pass is not that of a tight loop.
        yield (
            RunConfig(runtime=runtime, precision=precision, streams=1, threads=1, requests=1),
            LoadMode(kind="paced", rate_per_s=PACED_PER_S),
        )
        if most > 1:
            many = RunConfig(runtime=runtime, precision=precision, streams=most, threads=most, requests=2 * most)
            yield many, LoadMode(kind="async")
    for cap in caps:
        yield RunConfig(precision=precision, streams=1, threads=1, requests=1, simd_cap=cap), LoadMode()


def within(entries: Sequence[Entry], limit_s: float) -> Campaign:
    """Keep the entries that teach most per second until the time is full; name the others."""
    kept: list[Entry] = []
    left_out: list[str] = []
    total_s = 0.0
    for entry in sorted(entries, key=lambda e: -e.density):
        if total_s + entry.estimate_s <= limit_s:
            kept.append(entry)
            total_s += entry.estimate_s
        else:
            left_out.append(entry.item.label)
    return Campaign(tuple(kept), tuple(left_out))


def usable_precisions(permitted: Sequence[Precision], facts: HostFacts) -> tuple[Precision, ...]:
    """Precisions that the user permits and this processor computes in; bf16 elsewhere is only emulated or refused."""
    return tuple(name for name in permitted if name != "bf16" or facts.cpu.simd_level in _BF16_LEVELS)


def lower_caps(facts: HostFacts) -> tuple[SimdCap, ...]:
    """SIMD caps that take something away from this processor: they show what other machines' kernels cost."""
    levels = get_args(SimdLevel)
    here = facts.cpu.simd_level
    if here is None or levels.index(here) >= levels.index("neon"):  # the caps are x86's
        return ()
    return tuple(cap for cap in _CAPS if cap in levels and levels.index(cap) < levels.index(here))


def pass_s(model: ModelFile, config: RunConfig) -> float:
    """Rough time of one pass [s], for estimates of duration alone."""
    from advisor import zoo

    gflops = zoo.info(model.name).gflops if model.kind != "file" else None
    work = (gflops if gflops is not None else _ASSUMED_GFLOPS) * 1e9 * config.batch
    lanes = (config.threads or 1) if config.streams == 1 else 1
    return work / (_ASSUMED_FLOP_PER_S[config.precision] * lanes)


def estimate_s(item: MeasureItem) -> float:
    """Expected duration of a measurement with opening and warm-up [s]."""
    spec = item.spec
    one_s = pass_s(item.model, item.config)
    period_s = 0.0 if item.mode.rate_per_s is None else 1.0 / item.mode.rate_per_s
    block_s = max(spec.block_s, one_s, PACED_BLOCK * period_s)
    if item.mode.kind == "rested":
        return _OPEN_S + spec.min_blocks * (PAUSE_S + one_s)
    measured_s = max(spec.min_duration_s, spec.min_samples * max(one_s, period_s), spec.min_blocks * block_s)
    return _OPEN_S + min(measured_s, max(spec.max_duration_s, one_s)) + max(spec.warmup_max_s, 4 * block_s) / 2


def footprint_entries(entries: Sequence[Entry]) -> list[Entry]:
    """One footprint for each configuration that is measured, however its requests arrive."""
    found: dict[tuple[str, RunConfig], Entry] = {}
    for entry in entries:
        item = entry.item
        if isinstance(item, MeasureItem):
            workers = 2 if (item.config.streams or 1) == 1 else 3
            estimate = workers * (_WORKER_S + _OPEN_S + pass_s(item.model, item.config))
            found.setdefault(
                (item.model.sha256, item.config), Entry(FootprintItem(item.model, item.config), estimate, 1.0)
            )
    return list(found.values())


def _preparations(scenario: Scenario, models: Mapping[str, ModelFile]) -> list[PrepareRequest]:
    """Whole frames for stages on cameras, boxes for stages on objects."""
    found: dict[str, PrepareRequest] = {}
    cameras = {group.group: group for group in scenario.cameras}
    for stage in scenario.stages:
        target = image_size(models[stage.id].input_shape)
        if target is None:
            continue
        for name in scenario.groups_of(stage):
            if name not in cameras:
                continue
            request = PrepareRequest(
                cameras[name].size,
                target,
                kind="preprocess" if stage.on is None else "crop",
                source="bgr24" if cameras[name].codec == "raw" else "yuv420p",
            )
            found[request.name] = request
    return list(found.values())


def image_size(shape: Sequence[int]) -> tuple[int, int] | None:
    """Width and height of an image input (channels first or last); None for other inputs."""
    if len(shape) != 4:
        return None
    if shape[1] in {1, 3, 4}:
        return shape[3], shape[2]
    return (shape[2], shape[1]) if shape[3] in {1, 3, 4} else None
