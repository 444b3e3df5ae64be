"""Everything that the plan assumes, in words; and what its reader should be warned of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from advisor.perfmodel.analytic.machine import filled_fields
from advisor.planner.question.inputs import Candidate, PlanInputs
from advisor.planner.question.money import PRICE_SPREAD
from advisor.planner.search.costs import MEMORY_OF_CAMERA_BYTES, MEMORY_OF_SYSTEM_BYTES
from advisor.planner.search.devices import BESIDE_CORES, BESIDE_PASSES, HOST_CALL_S
from advisor.planner.search.judgement import Deployment
from advisor.planner.search.space import THREADS_PER_STREAM
from advisor.records.machine import MachineSpec
from advisor.records.plan import OLD_PRICE_DAYS, PlanOption, Price
from advisor.records.scenario import Scenario

from .around import application_words, assumes_usual

LATENCY_RATIO = (0.3, 2.2)
"""Real p95 latency over the simulated one, least and largest of 18 or 19 cascades in four runs on three two-core guests
(docs/accuracy.md, "Whole cascades on this machine", 2026-11-21 and 2026-11-30), both in overload. Nine of the cascades
were compared with the simulator while it was built: no figure of a machine that was never seen."""
USUAL_LATENCY_RATIO = (0.7, 1.6)
"""The same outside of overload."""

FIELDS = {
    "all_core_turbo_hz": "all-core clock",
    "base_hz": "base clock",
    "boost_hz": "boost clock",
    "e_core_turbo_hz": "clock of the efficiency cores",
    "fma_bits_per_core": "width of the arithmetic units",
    "fma_bits_per_e_core": "width of the efficiency cores' arithmetic units",
    "fma_bits_per_low_power_core": "width of the low-power cores' arithmetic units",
    "l2_bytes_per_core": "L2 cache",
    "l2_bytes_per_e_cluster": "L2 cache of the efficiency cores",
    "l2_bytes_per_low_power_cluster": "L2 cache of the low-power cores",
    "l3_bytes": "L3 cache",
    "low_power_core_turbo_hz": "clock of the low-power cores",
    "memory_bandwidth_bytes_per_s": "memory bandwidth",
    "memory_bytes": "memory",
    "memory_channels": "memory channels",
    "numa_nodes": "NUMA nodes",
    "release_year": "year of release",
    "simd_level": "instruction set",
    "sustained_power_w": "sustained power limit",
    "tdp_w": "TDP",
}
"""Words for the fields of a data sheet; the others are printed by their name."""

LEFT_OUT = {"GPU": "integrated graphics", "NPU": "neural processors"}
"""Kinds of hardware of a chip by the device that permits them."""
ENGINES_ASSUME = (
    "decoding in hardware: of the core time of software 3 to 10 % stay on the host where all stages infer on the "
    "graphics and pictures stay there, which the application must do (`sizer verify` copies them back), else 50 to 90 %"
)
DEVICES_ASSUME = (
    "devices: one device per box, several only where stages are pinned to them, and one stage on one device; "
    "throughputs of two devices are never added; a model without evidence on a device does not run there; f32 and bf16 "
    "permit f16 there, at which runtimes run such files",
    f"devices: every request costs the host {1000 * HOST_CALL_S.p10:g} to {1000 * HOST_CALL_S.p90:g} ms of a core for "
    f"call and copies; a chip's devices and its cores are {BESIDE_PASSES.p10:g} to {BESIDE_PASSES.p90:g} times as fast "
    f"while more than one of them infers, a device {BESIDE_CORES.p10:g} to {BESIDE_CORES.p90:g} times while the cores "
    "decode (all assumed); its memory traffic is not counted, and it draws power as that share of the cores would, an "
    "added one what its data sheet says, at all hours",
)

FILLED_BY = {
    "all_core_turbo_hz": "the boost clock",
    "e_core_turbo_hz": "0.77 of the boost clock",
    "low_power_core_turbo_hz": "0.77 of the boost clock",
}
"""What is taken for a clock that is not stated (``advisor/perfmodel/analytic/machine.py``)."""


def list_assumptions(
    inputs: PlanInputs, chosen: Deployment | None, alternatives: Sequence[Candidate] = ()
) -> tuple[str, ...]:
    """Collect the assumptions of scenario, models, platform and performance model.

    Of ``alternatives`` only what their data sheets do not state.
    """
    scenario = inputs.scenario
    assumptions = list(inputs.assumptions)
    if scenario.cameras and not assumes_usual(scenario):
        assumptions.append(application_words(scenario))
    if scenario.slo.load == "p95":
        assumptions.append("busy hour: object counts stand at their 95 % point all the time")
    if scenario.activity.objects_per_frame and scenario.activity.correlation == 0:
        assumptions.append("object counts of different cameras are independent (activity.correlation 0)")
    for group, rate in inputs.bitrate_kbps.items():
        assumptions.append(f"cameras {group}: {rate:g} kbit/s assumed, the scenario gives no bitrate")
    stand_ins = [stage for stage, model in inputs.models.items() if model.stand_in]
    if stand_ins:
        assumptions.append(
            f"stages {', '.join(stand_ins)} rest on stand-ins with the published operations, parameters and input size"
        )
    if "int8" in scenario.accuracy.precisions:
        assumptions.append(
            "int8 is for speed only: quantised with random inputs; check the accuracy of your own int8 models"
        )
    assumptions.append(
        f"settings considered: {'on the CPU' if scenario.names_devices else 'the CPU alone'}, "
        f"1 to {max(THREADS_PER_STREAM)} threads per inference stream and never over two NUMA nodes, "
        "as many requests as streams, one pool of cores for all stages and decode (whole cores of "
        "their own never held where sharing did not); on chips with two kinds of cores also the performance cores alone"
    )
    assumptions.append(
        f"memory: {MEMORY_OF_SYSTEM_BYTES / 1024**3:g} GiB for the system and "
        f"{MEMORY_OF_CAMERA_BYTES / 1024**2:g} MiB per camera are assumed"
    )
    assumptions.append(
        "wall power: from the data sheet's limit and the share of the CPU, with mainboard and supply assumed; "
        "checked against six published meters (docs/accuracy.md)"
    )
    (least, most), (low, high) = LATENCY_RATIO, USUAL_LATENCY_RATIO
    assumptions.append(
        "latency: checked in 18 or 19 cascades on each of three guests of two cores, nine of which were used to build "
        f"the simulator (docs/accuracy.md): real p95 was {low:g} to {high:g} times the simulated one, in overload "
        f"{least:g} to {most:g} times; CPU was 4 to 12 % off in the median of a run; no machine with more "
        "cores was tried"
    )
    if chosen is not None and chosen.model.stacking == 0.0:
        assumptions.append(
            f"{chosen.model.id}: its system is taken never to put work on a busy core while another idles; on a guest "
            "of two cores one work in eight was, and p95 was up to a third above what is simulated without"
        )
    spreads = ", ".join(f"{kind} {100.0 * share:g} %" for kind, share in PRICE_SPREAD.items() if kind != "measured")
    assumptions.append(f"prices: what is really paid is taken to lie within so much of a price of its kind: {spreads}")
    assumptions += _hardware_text(scenario, chosen)
    assumptions.append(
        "the box runs nothing else, is cooled to hold its sustained power limit, and uses the performance governor"
    )
    if chosen is not None:
        assumptions += chosen.candidate.notes
        machine = chosen.model.machine
        if machine.uncertain:
            assumptions.append(
                f"{chosen.model.id}: recalled or assumed, not read from a data sheet: "
                + ", ".join(FIELDS.get(name, name.replace("_", " ")) for name in machine.uncertain)
            )
        assumptions += _filled_text(chosen.model.id, machine)
        cores = chosen.model.cores
        if machine.threads > cores:
            assumptions.append(
                f"{chosen.model.id}: CPU shares are of the {cores:g} cores that infer; a monitor that counts all "
                f"{machine.threads} threads (top, task manager) shows {cores / machine.threads:.2f} times as much"
            )
        platform = chosen.candidate.platform
        if platform.id not in scenario.candidates.prices:
            assumptions += [
                f"{platform.id}: price part: {part.value} [{part.kind}; {part.source}]"
                for part in platform.price_breakdown
            ]
        for camera in scenario.cameras:
            if camera.codec != "raw":
                assumptions += [f"decode: {note}" for note in chosen.model.decode(camera).notes]
                break
    for candidate in alternatives:
        assumptions += _filled_text(candidate.platform.id, candidate.machine)
    return tuple(dict.fromkeys(assumptions))


def _hardware_text(scenario: Scenario, chosen: Deployment | None) -> list[str]:
    """Where cameras are decoded and models infer, and what that assumes."""
    left_out = not_considered(scenario)
    unused = f"{', '.join(left_out)} are not used" if left_out else "nothing of a box is left out"
    in_hardware = chosen is not None and chosen.model.engines is not None
    where = "by the engines of the chip's graphics" if in_hardware else "in software on the CPU"
    engines = [ENGINES_ASSUME] if in_hardware else []
    return [f"cameras are decoded {where}; {unused}", *engines, *(DEVICES_ASSUME if scenario.names_devices else ())]


def not_considered(scenario: Scenario) -> tuple[str, ...]:
    """Kinds of hardware that the answer leaves out, since the scenario does not permit them."""
    named = {*scenario.candidates.devices, *(stage.device for stage in scenario.stages)}
    left_out = [] if named - {None, "CPU", *LEFT_OUT} else ["accelerators"]
    return (*left_out, *(words for name, words in LEFT_OUT.items() if name not in named))


def _filled_text(platform: str, machine: MachineSpec) -> list[str]:
    """Fields that the data sheet does not state, with what is taken for clocks; empty where it states all."""
    words = [
        FIELDS.get(name, name.replace("_", " ")) + (f" (as {FILLED_BY[name]})" if name in FILLED_BY else "")
        for name in filled_fields(machine)
    ]
    return [f"{platform}: not stated, usual values taken: {', '.join(words)}"] if words else []


def _slot_warnings(inputs: PlanInputs, options: Sequence[PlanOption]) -> list[str]:
    """Whether the recommended box takes the device that is bought with it; of alternatives the assumptions tell."""
    named = {options[0].platform} if options else set()
    return [
        f"before buying, check the slot for {item.bought_with}: {item.slot_doubt}"
        for item in inputs.candidates
        if item.platform.id in named and item.slot_doubt is not None
    ]


def list_warnings(
    inputs: PlanInputs, options: Sequence[PlanOption], elsewhere: Mapping[str, Price] | None = None
) -> tuple[str, ...]:
    """What is taken as usual of the application, stale or unsourced prices, latency budgets that cannot be promised.

    ``elsewhere``: prices of further platforms that are bought, at other sites.
    """
    usual = options and inputs.scenario.cameras and assumes_usual(inputs.scenario)
    warnings = _slot_warnings(inputs, options)
    warnings += [application_words(inputs.scenario)] if usual else []
    prices = {option.platform: option.price for option in options} | dict(elsewhere or {})
    assumed = [platform for platform, price in prices.items() if price.kind == "assumed"]
    if assumed:
        warnings.append(f"prices assumed, not read from an offer: {', '.join(assumed)}; put yours in candidates.prices")
    for platform, price in prices.items():
        if price.stale:
            warnings.append(f"{platform}: the price is from {price.date}, more than {OLD_PRICE_DAYS} days old")
    for option in options:
        budget_ms = inputs.scenario.slo.latency_p95_ms
        median_ms = option.predicted.latency_p95_ms.p50
        if median_ms is None or median_ms * LATENCY_RATIO[1] > budget_ms:
            warnings.append(
                f"{option.platform}: the latency budget of {budget_ms:g} ms is within {LATENCY_RATIO[1]:g} times the "
                "simulated p95, by which real cascades were seen to exceed it: verify on the box before buying more"
            )
    if inputs.scenario.money.currency != "USD":
        rate = inputs.scenario.money.usd_rate
        warnings.append(f"catalogue prices are USD, converted at {rate:g} {inputs.scenario.money.currency} per USD")
    return tuple(warnings)
