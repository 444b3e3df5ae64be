from advisor.measure.campaign import scenario_items as needs
from advisor.measure.campaign.campaign import Campaign
from advisor.measure.items.decode import DecodeItem
from advisor.measure.items.micro.item import MicroItem
from advisor.measure.items.preparation import PreparationItem
from advisor.measure.items.throughput import TimingItem
from advisor.records.config import LoadMode, RunConfig
from advisor.records.scenario import Scenario
from tests.measure.hosts import facts
from tests.measure.makers import file, of_kind

SCENARIO = Scenario.model_validate(
    {
        "scenario": "shop",
        "cameras": [
            {"group": "aisle", "count": 6, "resolution": "1920x1080", "fps": 15.0, "bitrate_kbps": 4000.0},
            {"group": "door", "count": 2, "resolution": "1280x720", "codec": "h265", "fps": 10.0},
            {"group": "line", "count": 1, "resolution": "640x480", "codec": "raw", "fps": 60.0},
        ],
        "activity": {"objects_per_frame": {"person": {"mean": 4.0}}},
        "stages": [
            {"id": "person", "model": "p"},
            {"id": "reid", "model": "r", "on": "person", "batch": {"max": 8}},
        ],
        "slo": {"latency_p95_ms": 300.0},
        "accuracy": {"precisions": ["f32", "bf16", "int8"]},
    }
)
MODELS = {"person": file("p"), "reid": file("r", (1, 3, 256, 128))}


def test_scenario_items_are_what_the_plan_needs_and_no_more() -> None:
    campaign = needs.scenario_items(SCENARIO, MODELS, facts(threads=4), {"door": 900.0})
    shapes = {
        (item.model.name, item.config.precision, item.config.threads, item.config.batch)
        for item in of_kind(campaign, TimingItem)
        if isinstance(item, TimingItem)
    }
    # This machine has no bf16, whatever the user permits.
    assert shapes == {
        (name, precision, threads, batch)
        for name, most in (("p", 1), ("r", 8))
        for precision in ("f32", "int8")
        for threads, batch in {(1, 1), (4, 1), (1, most), (4, most)}
    }
    alone = {
        (item.config.threads, item.config.batch)
        for item in of_kind(campaign, TimingItem)
        if isinstance(item, TimingItem) and item.mode.kind == "sync" and item.model.name == "r"
    }
    # All threads on one stream, too: a plan would choose it for having been predicted and not measured.
    assert alone == {(1, 1), (4, 1), (1, 8), (4, 8)}
    # What is set beside each other takes turns in one worker.
    for entry in campaign.entries:
        if isinstance(entry.item, TimingItem):
            assert entry.group == f"{entry.item.model.sha256} {entry.item.config.precision}"
    rested = [
        (item.model.name, item.config.precision, item.config.streams, item.config.threads, item.config.batch)
        for item in of_kind(campaign, TimingItem)
        if isinstance(item, TimingItem) and item.mode.kind == "rested"
    ]
    shapes_of = {"p": [(1, 1), (4, 1)], "r": [(1, 1), (4, 1), (1, 8)]}
    assert sorted(rested) == sorted(
        (name, precision, 1, threads, batch)
        for name, found in shapes_of.items()
        for precision in ("f32", "int8")
        for threads, batch in found
    )
    decodes = {
        (item.codec, item.width, item.bitrate_kbps, item.streams)
        for item in of_kind(campaign, DecodeItem)
        if isinstance(item, DecodeItem)
    }
    assert decodes == {("h264", 1920, 4000.0, (1, 4)), ("h265", 1280, 900.0, (1, 4))}
    names = {item.name for item in of_kind(campaign, PreparationItem) if isinstance(item, PreparationItem)}
    assert names == {
        "preprocess/1920x1080/544x320",
        "preprocess/1280x720/544x320",
        "preprocess_raw/640x480/544x320",
        "crop/1920x1080/128x256",
        "crop/1280x720/128x256",
        "crop_raw/640x480/128x256",
    }
    micro = {item.name for item in of_kind(campaign, MicroItem) if isinstance(item, MicroItem)}
    assert {"overhead/openvino", "peak/openvino/f32/native/t1", "bandwidth/dram/t4"} <= micro


def test_for_other_machines_only_what_travels_is_measured() -> None:
    machine = facts(threads=4)
    machine = machine.model_copy(update={"cpu": machine.cpu.model_copy(update={"simd_level": "amx"})})
    bitrates = {"door": 900.0}
    every = needs.scenario_items(SCENARIO, MODELS, machine, bitrates)

    def passes(campaign: Campaign) -> set[tuple[object, ...]]:
        items = [item for item in of_kind(campaign, TimingItem) if isinstance(item, TimingItem)]
        return {(item.model.name, item.config, item.mode) for item in items}

    def loops(campaign: Campaign, but: str = "") -> set[tuple[object, ...]]:
        # What a pause costs says nothing of others.
        return {
            (name, config, mode)
            for name, config, mode in passes(campaign)
            if isinstance(config, RunConfig) and isinstance(mode, LoadMode)
            if config.precision != but and mode.kind != "rested" and (config.batch == 1 or config.streams == 1)
        }

    new = needs.items_for_others(SCENARIO, MODELS, machine, bitrates)
    assert {type(entry.item) for entry in new.entries} == {TimingItem}
    assert passes(new) == loops(every, "bf16")
    without = SCENARIO.model_copy(
        update={"accuracy": SCENARIO.accuracy.model_copy(update={"precisions": ("f32", "bf16")})}
    )
    new = needs.items_for_others(without, MODELS, machine, bitrates)
    assert passes(new) == loops(needs.scenario_items(without, MODELS, machine, bitrates))


def test_a_machine_with_bf16_measures_it_where_permitted() -> None:
    machine = facts()
    machine = machine.model_copy(update={"cpu": machine.cpu.model_copy(update={"simd_level": "amx"})})
    assert needs.usable_precisions(("f32", "bf16"), machine) == ("f32", "bf16")
    assert needs.usable_precisions(("f32",), machine) == ("f32",)
