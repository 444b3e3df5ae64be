import pytest

from advisor.measure.campaign import quick
from advisor.measure.campaign.campaign import Campaign, Entry
from advisor.measure.items.decode import DecodeItem
from advisor.measure.items.footprint import FootprintItem
from advisor.measure.items.micro.selection import no_siblings
from advisor.measure.items.preparation import PreparationItem
from advisor.measure.items.profile import ProfileItem
from advisor.measure.items.throughput import TimingItem
from tests.measure.hosts import facts
from tests.measure.makers import file, of_kind


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
    timed = [item for item in of_kind(campaign, TimingItem) if isinstance(item, TimingItem)]
    assert {item.model.name for item in timed} == {"a", "b"}
    assert {(item.config.streams, item.config.batch) for item in timed} == {(1, 1), (4, 1), (4, 4)}


def test_one_thread_has_no_settings_of_several() -> None:
    campaign = quick.quick_items(facts(threads=1), [file("a")], limit_s=1e9)
    looks = ranked(campaign, ProfileItem) + ranked(campaign, TimingItem)
    assert {threads for _, _, _, threads, _ in looks} == {1}
    assert len(looks) == len({(type(e.item), e.item.key("h")) for e in campaign.entries if hasattr(e.item, "model")})


def test_within_prefers_what_teaches_most_per_second() -> None:
    entries = [Entry(PreparationItem((64, 64), (16, 16 * k)), float(k), 2.0) for k in range(1, 6)]
    campaign = quick.within(entries, 6.0)
    assert [entry.estimate_s for entry in campaign.entries] == [1.0, 2.0, 3.0]
    assert campaign.left_out == ("preprocess/64x64/16x64", "preprocess/64x64/16x80")


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
    models = {item.model.name for item in of_kind(campaign, TimingItem) if isinstance(item, TimingItem)}
    profiles = [item for item in of_kind(campaign, ProfileItem) if isinstance(item, ProfileItem)]
    shapes = {(item.model.name, item.config.runtime, item.config.precision, item.config.simd_cap) for item in profiles}
    assert len(shapes) == len(profiles) == len(models) * (2 + 2 + 1)
    assert ("resnet-50", "openvino", "f32", "sse42") in shapes
    assert ("resnet-50", "onnxruntime", "int8", None) in shapes
    paced = [item for item in of_kind(campaign, TimingItem) if isinstance(item, TimingItem)]
    paced = [item for item in paced if item.mode.kind == "paced"]
    assert len(paced) == len(models) * 4
    # At five requests a second, thirty of them take six seconds.
    assert paced[0].estimate_s > 6
    footprints = [item.config for item in of_kind(campaign, FootprintItem) if isinstance(item, FootprintItem)]
    assert footprints
    assert all(config.batch == 1 and config.simd_cap is None for config in footprints)
    devices = [item for item in of_kind(campaign, DecodeItem) if isinstance(item, DecodeItem) and item.device]
    assert [item.codec for item in devices] == ["h264", "h265"]
