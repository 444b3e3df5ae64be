"""Which measurements describe a machine: the most informative that fit into two minutes, or all of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from math import sqrt
from typing import get_args

from advisor.measure.items.clips import CodecName
from advisor.measure.items.decode import DecodeItem, hardware_devices
from advisor.measure.items.estimates import OPEN_S, pass_s
from advisor.measure.items.micro.item import OPEN_S as MICRO_OPEN_S
from advisor.measure.items.micro.selection import all_threads, micro_items, no_siblings, thread_counts
from advisor.measure.items.preparation import PreparationItem
from advisor.measure.items.profile import ProfileItem
from advisor.measure.items.throughput import TimingItem
from advisor.measure.timing.harness import MeasureSpec
from advisor.records.base import Precision, RuntimeName, SimdLevel
from advisor.records.codec import usual_bitrate_kbps
from advisor.records.config import LoadMode, RunConfig, SimdCap
from advisor.records.host import HostFacts
from advisor.records.model import ModelFile

from .campaign import Campaign, Entry
from .footprints import footprint_entries
from .scenario_items import SCENARIO_SPEC, usable_precisions

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
_RANDOM = (22, 1, 105, 112, 4, 123, 126, 102, 3, 100, 106, 108, 6, 133, 5, 104, 119, 0)
QUICK_RANDOM = tuple(f"random:{n}" for n in _RANDOM)
"""Random networks between them: each shows some hundred kernels of shapes that no architecture has. Chosen for short
passes, and so that the first twelve hold every form of kernel that real networks hold
(``advisor/calibration/kernel_forms.py``)."""
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
_MICRO_S = 0.2
_COUNTED_AT_LEAST, _COUNTED_S = 5, 0.15
"""Passes that kernels of the quick look are counted over, and seconds where these are enough."""


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
    The order of priorities was chosen by leaving families out of a longer campaign on one machine
    (docs/methods/this-machine.md).
    """
    most = all_threads(facts)
    entries: list[Entry] = []
    entries += [Entry(item, item.estimate_s, 3.0) for item in micro_items(facts, duration_s=_MICRO_S)]
    decode = DecodeItem("h264", 1920, 1080, 4000.0, streams=tuple(sorted({1, most})))
    entries.append(Entry(decode, decode.estimate_s, 10.0))
    for count in sorted({1, most}):
        preparation = PreparationItem((1920, 1080), (544, 320), streams=count)
        entries.append(Entry(preparation, preparation.estimate_s, 2.0))
    # What lower SIMD levels reach is of interest, but nothing on this machine is predicted from it.
    capped = micro_items(facts, precisions=("f32",), simd_caps=lower_caps(facts), duration_s=_MICRO_S)
    entries += [Entry(item, item.duration_s + 2 * MICRO_OPEN_S, 0.1) for item in capped if item.simd_cap is not None]
    entries += _looks(models, facts)
    fitting = within(entries, limit_s)
    return Campaign(fitting.entries, (*fitting.left_out, *no_siblings(facts)), fitting.dropped)


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
    _Cell(0.5, "onnxruntime", "f32", True),
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
            item = TimingItem(model, _one_stream(cell, most), LoadMode(), SCENARIO_SPEC)
            yield _look(item, cell.priority / fading)
        for cell in possible(_STREAM_CELLS):
            config = _one_stream(cell, most).model_copy(update={"streams": most, "requests": most})
            item = TimingItem(model, config, LoadMode(kind="async"), SCENARIO_SPEC)
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


def _look(item: ProfileItem | TimingItem, priority: float) -> Entry:
    """Entry that comes first by priority; dearer ones wait, but not in proportion, for their kernels are larger."""
    if isinstance(item, TimingItem):
        seconds = item.estimate_s
    else:
        one_s = pass_s(item.model, item.config)
        item = replace(item, passes=int(min(30, max(_COUNTED_AT_LEAST, _COUNTED_S / one_s))))
        seconds = OPEN_S + 2 * item.passes * one_s
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
    entries = [Entry(item, item.estimate_s, 3.0) for item in micro]
    streams = tuple(thread_counts(all_threads(facts)))
    for codec, sizes in _DECODES.items():
        for width, height in sizes:
            rate = usual_bitrate_kbps(codec, width, height, 15.0)
            decode = DecodeItem(codec, width, height, rate, streams=streams)
            entries.append(Entry(decode, 2 * decode.estimate_s, 8.0))
    for device in hardware_devices():
        for codec in _ON_DEVICES:
            hardware = DecodeItem(codec, 1920, 1080, usual_bitrate_kbps(codec, 1920, 1080, 15.0), device=device)
            entries.append(Entry(hardware, hardware.estimate_s, 1.0))
    for frame in _FRAMES:
        preparations = [PreparationItem(frame, target, streams=count) for target in _TARGETS for count in streams]
        entries += [Entry(item, item.estimate_s, 1.0) for item in preparations]
    for name in (name for name in zoo.known_names() if not name.startswith(zoo.PREFIX)):
        model = build(name)
        for precision in usable_precisions(("f32", "bf16", "int8"), facts):
            for config, mode in _full_configs(precision, facts, caps):
                item = TimingItem(model, config, mode, MeasureSpec())
                entries.append(Entry(item, item.estimate_s, 4.0 if config.batch == 1 else 1.5))
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
    return Entry(profile, profile.estimate_s, usual if value is None else value)


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
    """Keep the entries with most information per second until the time is full; name the others."""
    kept: list[Entry] = []
    dropped: list[Entry] = []
    total_s = 0.0
    for entry in sorted(entries, key=lambda e: -e.density):
        if total_s + entry.estimate_s <= limit_s:
            kept.append(entry)
            total_s += entry.estimate_s
        else:
            dropped.append(entry)
    return Campaign(tuple(kept), tuple(entry.item.label for entry in dropped), tuple(dropped))


def lower_caps(facts: HostFacts) -> tuple[SimdCap, ...]:
    """SIMD caps that take something away from this processor: they show what other machines' kernels cost."""
    levels = get_args(SimdLevel)
    here = facts.cpu.simd_level
    if here is None or levels.index(here) >= levels.index("neon"):  # the caps are x86's
        return ()
    return tuple(cap for cap in _CAPS if cap in levels and levels.index(cap) < levels.index(here))
