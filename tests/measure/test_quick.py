import pytest

from advisor.measure import quick
from advisor.measure.campaign import Campaign, Entry
from advisor.measure.configs import MeasureItem
from advisor.measure.decode import DecodeRequest
from advisor.measure.footprint import FootprintItem
from advisor.measure.micro import MicroItem, no_siblings
from advisor.measure.preparation import PrepareRequest
from advisor.measure.profile import ProfileItem
from advisor.records.config import LoadMode, RunConfig
from advisor.records.model import ModelFile
from advisor.records.scenario import Scenario

from .hosts import facts


def file(name: str, shape: tuple[int, ...] = (1, 3, 320, 544)) -> ModelFile:
    return ModelFile(
        reference=name, name=name, family="test", kind="file", path=f"{name}.onnx", sha256=name * 3, input_shape=shape
    )


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


def of_kind(campaign: Campaign, kind: type) -> list[object]:
    return [entry.item for entry in campaign.entries if isinstance(entry.item, kind)]


def test_scenario_items_are_what_the_plan_needs_and_no_more() -> None:
    campaign = quick.scenario_items(SCENARIO, MODELS, facts(threads=4), {"door": 900.0})
    shapes = {
        (item.model.name, item.config.precision, item.config.threads, item.config.batch)
        for item in of_kind(campaign, MeasureItem)
        if isinstance(item, MeasureItem)
    }
    # This machine has no bf16, whatever the user permits.
    assert shapes == {
        (name, precision, threads, batch)
        for name, most in (("p", 1), ("r", 8))
        for precision in ("f32", "int8")
        for threads, batch in {(1, 1), (4, 1), (1, most), (4, most)}
    }
    # What is set beside each other takes turns in one worker.
    for entry in campaign.entries:
        if isinstance(entry.item, MeasureItem):
            assert entry.group == f"{entry.item.model.sha256} {entry.item.config.precision}"
    rested = [
        (item.model.name, item.config.precision, item.config.streams, item.config.threads)
        for item in of_kind(campaign, MeasureItem)
        if isinstance(item, MeasureItem) and item.mode.kind == "rested"
    ]
    assert sorted(rested) == sorted(
        (name, precision, 1, threads) for name in "pr" for precision in ("f32", "int8") for threads in (1, 4)
    )
    decodes = {
        (item.codec, item.width, item.bitrate_kbps, item.streams)
        for item in of_kind(campaign, DecodeRequest)
        if isinstance(item, DecodeRequest)
    }
    assert decodes == {("h264", 1920, 4000.0, (1, 4)), ("h265", 1280, 900.0, (1, 4))}
    names = {item.name for item in of_kind(campaign, PrepareRequest) if isinstance(item, PrepareRequest)}
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
    every = quick.scenario_items(SCENARIO, MODELS, machine, bitrates)
    known = quick.items_for_others(SCENARIO, MODELS, machine, bitrates, unpublished=False)
    assert {type(entry.item) for entry in known.entries} == {DecodeRequest, PrepareRequest}
    for kind in (DecodeRequest, PrepareRequest):
        assert of_kind(known, kind) == of_kind(every, kind)

    def passes(campaign: Campaign) -> set[tuple[object, ...]]:
        items = [item for item in of_kind(campaign, MeasureItem) if isinstance(item, MeasureItem)]
        return {(item.model.name, item.config, item.mode) for item in items}

    def loops(campaign: Campaign, but: str = "") -> set[tuple[object, ...]]:
        # What a pause costs says nothing of others.
        return {
            (name, config, mode)
            for name, config, mode in passes(campaign)
            if isinstance(config, RunConfig) and isinstance(mode, LoadMode)
            if config.precision != but and mode.kind != "rested" and (config.batch == 1 or config.streams == 1)
        }

    new = quick.items_for_others(SCENARIO, MODELS, machine, bitrates, unpublished=True)
    assert {type(entry.item) for entry in new.entries} == {DecodeRequest, PrepareRequest, MeasureItem}
    assert passes(new) == loops(every, "bf16")
    without = SCENARIO.model_copy(
        update={"accuracy": SCENARIO.accuracy.model_copy(update={"precisions": ("f32", "bf16")})}
    )
    new = quick.items_for_others(without, MODELS, machine, bitrates, unpublished=True)
    assert passes(new) == loops(quick.scenario_items(without, MODELS, machine, bitrates))


def test_a_machine_with_bf16_measures_it_where_permitted() -> None:
    machine = facts()
    machine = machine.model_copy(update={"cpu": machine.cpu.model_copy(update={"simd_level": "amx"})})
    assert quick.usable_precisions(("f32", "bf16"), machine) == ("f32", "bf16")
    assert quick.usable_precisions(("f32",), machine) == ("f32",)


def test_quick_stays_within_its_time_and_names_what_it_left_out() -> None:
    models = [file(name) for name in "abcdefghi"]
    campaign = quick.quick_items(facts(), models, limit_s=60.0)
    assert campaign.estimate_s <= 60.0
    everything = quick.quick_items(facts(), models, limit_s=1e9)
    assert everything.left_out == no_siblings(facts())  # what cannot be measured here at all
    assert len(everything.entries) == len(campaign.entries) + len(campaign.left_out) - 1


def ranked(campaign: Campaign, kind: type) -> list[tuple[str, str, str, int | None, int]]:
    """Settings in the order in which they are taken."""
    found = []
    for entry in sorted(campaign.entries, key=lambda entry: -entry.density):
        if isinstance(entry.item, kind):
            c = entry.item.config
            found.append((entry.item.model.name, c.runtime, c.precision, c.threads, c.batch))
    return found


def test_quick_sees_every_setting_early_and_kernels_of_drawn_networks_first() -> None:
    drawn = [file(f"r{n}").model_copy(update={"family": "random"}) for n in range(8)]
    campaign = quick.quick_items(facts(threads=4), [file("a"), file("b"), *drawn], limit_s=1e9)
    looks = ranked(campaign, ProfileItem)
    names = [name for name, *_ in looks]
    # One of each kind at the head, later ones after the first of their kind.
    assert {names.index("a"), names.index("r0")} <= {0, 1, 2}
    assert names.index("r0") < names.index("r1") < names.index("r7")
    assert all((threads, batch) == (1, 1) for *_, threads, batch in looks[:3])
    # Kernels of another runtime, precision, batch or number of threads are no guess from the first: each comes soon.
    early = {(runtime, precision, threads, batch) for _, runtime, precision, threads, batch in looks[:45]}
    assert early >= {
        ("openvino", "f32", 1, 1), ("openvino", "int8", 1, 1), ("onnxruntime", "f32", 1, 1),
        ("openvino", "f32", 4, 1), ("openvino", "int8", 4, 1), ("onnxruntime", "int8", 1, 1),
    }  # fmt: skip
    assert not any(precision == "bf16" for _, _, precision, _, _ in looks)  # this machine has none
    timed = [item for item in of_kind(campaign, MeasureItem) if isinstance(item, MeasureItem)]
    assert {item.model.name for item in timed} == {"a", "b"}
    assert {(item.config.streams, item.config.batch) for item in timed} == {(1, 1), (4, 1), (4, 4)}


def test_one_thread_has_no_settings_of_several() -> None:
    campaign = quick.quick_items(facts(threads=1), [file("a")], limit_s=1e9)
    looks = ranked(campaign, ProfileItem) + ranked(campaign, MeasureItem)
    assert {threads for _, _, _, threads, _ in looks} == {1}
    assert len(looks) == len({(type(e.item), e.item.key("h")) for e in campaign.entries if hasattr(e.item, "model")})


def test_within_prefers_what_teaches_most_per_second() -> None:
    entries = [Entry(PrepareRequest((64, 64), (16, 16 * k)), float(k), 2.0) for k in range(1, 6)]
    campaign = quick.within(entries, 6.0)
    assert [entry.estimate_s for entry in campaign.entries] == [1.0, 2.0, 3.0]
    assert campaign.left_out == ("preprocess/64x64/16x64", "preprocess/64x64/16x80")


@pytest.mark.parametrize(
    ("shape", "size"),
    [((1, 3, 320, 544), (544, 320)), ((1, 224, 200, 3), (200, 224)), ((1, 128), None), ((1, 7, 5, 9), None)],
)
def test_image_size(shape: tuple[int, ...], size: tuple[int, int] | None) -> None:
    assert quick.image_size(shape) == size


@pytest.mark.parametrize(
    ("level", "caps"),
    [("avx2", ("sse42",)), ("amx", ("avx512", "avx2", "sse42")), ("sse42", ()), (None, ())],
)
def test_caps_take_something_away(level: str | None, caps: tuple[str, ...]) -> None:
    machine = facts()
    machine = machine.model_copy(update={"cpu": machine.cpu.model_copy(update={"simd_level": level})})
    assert quick.lower_caps(machine) == caps


def test_an_arm_machine_has_no_x86_caps() -> None:
    machine = facts()
    machine = machine.model_copy(update={"cpu": machine.cpu.model_copy(update={"simd_level": "neon"})})
    assert quick.lower_caps(machine) == ()


def test_full_covers_both_runtimes_caps_paces_memory_and_devices(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quick, "hardware_devices", lambda: ("toaster",))
    campaign = quick.full_items(facts(), file)  # an AVX2 machine: SSE4.2 is the one cap below it
    models = {item.model.name for item in of_kind(campaign, MeasureItem) if isinstance(item, MeasureItem)}
    profiles = [item for item in of_kind(campaign, ProfileItem) if isinstance(item, ProfileItem)]
    shapes = {(item.model.name, item.config.runtime, item.config.precision, item.config.simd_cap) for item in profiles}
    assert len(shapes) == len(profiles) == len(models) * (2 + 2 + 1)
    assert ("resnet-50", "openvino", "f32", "sse42") in shapes
    assert ("resnet-50", "onnxruntime", "int8", None) in shapes
    paced = [item for item in of_kind(campaign, MeasureItem) if isinstance(item, MeasureItem)]
    paced = [item for item in paced if item.mode.kind == "paced"]
    assert len(paced) == len(models) * 4
    # At five requests a second, thirty of them take six seconds.
    assert quick.estimate_s(paced[0]) > 6
    footprints = [item.config for item in of_kind(campaign, FootprintItem) if isinstance(item, FootprintItem)]
    assert footprints
    assert all(config.batch == 1 and config.simd_cap is None for config in footprints)
    devices = [item for item in of_kind(campaign, DecodeRequest) if isinstance(item, DecodeRequest) and item.device]
    assert [item.codec for item in devices] == ["h264", "h265"]
