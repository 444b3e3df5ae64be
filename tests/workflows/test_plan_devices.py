"""Devices of candidates: those that the scenario permits, and boxes bought with one more."""

from __future__ import annotations

import datetime as dt
import math
from dataclasses import replace

import pytest

from advisor.perfmodel.devices.question import DeviceAnswer
from advisor.planner.plan import plan
from advisor.planner.question.candidates import at_site, excluding_limit
from advisor.planner.question.inputs import Candidate
from advisor.planner.question.money import price_of
from advisor.records.base import Evidence
from advisor.records.scenario import Scenario
from advisor.store.catalogue import Catalogue
from advisor.store.data_sheets import device_spec
from advisor.workflows.market import market_view
from advisor.workflows.models import resolve_model
from advisor.workflows.plan_devices import DeviceAnswers, permitted_devices, power_with, with_devices
from tests.planner import fakes
from tests.planner.fakes import scenario

BOXES = ("mini-pc-n100-8-gb", "raspberry-pi-5-8-gb-kit")


def candidates(**of_candidates: object) -> tuple[Candidate, ...]:
    catalogue = Catalogue.load()
    boxes = [catalogue.platform(name) for name in BOXES]
    own = tuple(Candidate(platform, catalogue.machine(platform)) for platform in boxes)
    return with_devices(scenario(candidates=of_candidates), own, catalogue)


def test_without_permission_no_box_has_a_device() -> None:
    assert [(item.platform.id, item.devices) for item in candidates()] == [(name, ()) for name in BOXES]


def test_a_box_has_those_of_its_devices_that_are_permitted() -> None:
    mini, pi = candidates(devices=["CPU", "GPU", "NPU"])
    assert [device.id for device in mini.devices] == ["intel-processor-n100-gpu"]
    assert mini.devices[0].power_w is not None
    assert pi.devices == ()


def test_a_box_that_a_price_list_made_has_the_devices_of_its_chip() -> None:
    """It has no file in the catalogue; memory and power of its graphics are those of the box."""
    catalogue = Catalogue.load()
    known = catalogue.platform(BOXES[0])
    machine = catalogue.machine(known).model_copy(update={"id": "made", "sustained_power_w": 7.0})
    made = Candidate(known.model_copy(update={"id": "made"}), machine)
    (found,) = with_devices(scenario(candidates={"devices": ["GPU"]}), [made], catalogue)
    assert [(device.id, device.machine, device.power_w) for device in found.devices] == [
        ("intel-processor-n100-gpu", "made", 7.0)
    ]


def test_a_site_that_limits_a_box_limits_its_graphics() -> None:
    catalogue = Catalogue.load()
    platform = catalogue.platform(BOXES[0])
    case = scenario(candidates={"devices": ["GPU"]}, site={"max_power_w": 16.0})
    (box,) = with_devices(case, [Candidate(platform, catalogue.machine(platform))], catalogue)
    limited = at_site(case, box)
    assert limited.devices[0].power_w == pytest.approx(limited.machine.sustained_power_w)


def test_a_pin_of_a_stage_permits_its_device() -> None:
    case = scenario(stages=[{"id": "person", "model": "like:person", "device": "GPU"}])
    assert permitted_devices(case) == ("GPU",)


def test_an_added_device_makes_a_candidate_with_the_sum_of_prices() -> None:
    found = candidates(devices=["CPU", "hailo-8l"], add_accelerators=True)
    mini, _, pi, with_it = found
    assert (mini.bought_with, pi.bought_with, with_it.bought_with) == (None, None, "hailo-8l")
    assert with_it.platform.id == "raspberry-pi-5-8-gb-kit-with-hailo-8l"
    old, new = pi.platform.price_usd, with_it.platform.price_usd
    assert old is not None
    assert new is not None
    assert new.value == pytest.approx(old.value + 70.0)
    watts, more = pi.platform.max_power_w, with_it.platform.max_power_w
    assert watts is not None
    assert more is not None
    assert more.value == pytest.approx(watts.value + 1.5)
    assert with_it.devices[0].host_link == "pcie-gen3-x1"
    assert "takes it by hat-pcie" in with_it.notes[-1]


def test_what_is_known_of_a_model_is_asked_under_its_names() -> None:
    """By its published name alone: no file is read, and a network that no table holds is unknown."""
    file = resolve_model("yolo-v8n")
    answer = DeviceAnswers({"person": file}, {}).on_device
    (mini, _) = candidates(devices=["GPU"])
    assert answer(mini.devices[0], "person", "f16") is None
    _, _, _, with_it = candidates(devices=["hailo-8l"], add_accelerators=True)
    known = answer(with_it.devices[0], "person", "int8")
    assert known is not None
    assert known.evidence in {Evidence.PUBLISHED, Evidence.ANCHORED}


def test_a_box_without_the_slot_is_refused_with_the_reason() -> None:
    catalogue = Catalogue.load()
    names = ("raspberry-pi-4-4-gb-kit", "raspberry-pi-5-8-gb-kit", "mini-pc-n100-8-gb")
    boxes = [Candidate(catalogue.platform(name), catalogue.machine(catalogue.platform(name))) for name in names]
    case = scenario(candidates={"devices": ["hailo-8l", "coral-usb"], "add_accelerators": True})
    found = {item.platform.id: item for item in with_devices(case, boxes, catalogue)}
    reason = found["raspberry-pi-4-4-gb-kit-with-hailo-8l"].lacks
    assert reason is not None
    assert "no slot for hailo-8l, which needs one of" in reason
    assert excluding_limit(case, found["raspberry-pi-4-4-gb-kit-with-hailo-8l"], dt.date(2026, 11, 29)) == (
        "slots", reason,
    )  # fmt: skip
    assert found["raspberry-pi-4-4-gb-kit-with-coral-usb"].lacks is None
    five = found["raspberry-pi-5-8-gb-kit-with-hailo-8l"]
    assert five.lacks is None
    assert "takes it by hat-pcie [assumed; Raspberry Pi 5 product brief" in five.notes[-1]
    mini = found["mini-pc-n100-8-gb-with-hailo-8l"]
    assert mini.lacks is None
    assert "slot not known: check that the box takes it by pcie-gen3-x2" in mini.notes[-1]


def test_boxes_with_arm_cores_have_them_without_permission() -> None:
    mini, pi = candidates()
    assert mini.arm_cores is None
    assert pi.arm_cores is not None
    assert pi.arm_cores.core_design == "cortex-a76"


def test_an_added_device_and_the_graphics_that_stages_are_pinned_to_are_one_box() -> None:
    catalogue = Catalogue.load()
    platform = catalogue.platform("mini-pc-n100-8-gb")
    stages = [
        {"id": "person", "model": "like:person", "device": "hailo-8l"},
        {"id": "face", "model": "like:face", "device": "GPU"},
    ]
    case = scenario(stages=stages, candidates={"add_accelerators": True})
    as_sold, with_it = with_devices(case, [Candidate(platform, catalogue.machine(platform))], catalogue)
    assert [device.kind for device in as_sold.devices] == ["igpu"]
    assert [device.id for device in with_it.devices] == ["hailo-8l", "intel-processor-n100-gpu"]


HAILO_8 = {"devices": ["CPU", "hailo-8"], "add_accelerators": True}
AS_OF = dt.date(2026, 11, 30)


def bought(name: str, case: Scenario) -> Candidate:
    """A box of the catalogue with the device that the scenario permits to add, at the prices that ship."""
    market = market_view(Catalogue.load(), "shipped", AS_OF, money=case.money)
    assert market is not None
    platform = market.catalogue.platform(name)
    box = Candidate(platform, market.catalogue.machine(platform))
    *_, found = with_devices(case, [box], market.catalogue, None, market.added)
    return found


def test_an_added_device_costs_what_the_part_that_fits_costs_on_the_day() -> None:
    """A Hailo-8 is a HAT of 110 USD for a Raspberry Pi, and a module of 179 USD for a mini PC: it was 110 for both."""
    for name, part, source in (
        ("raspberry-pi-5-8-gb-kit", 110.0, "AI HAT+ 26 TOPS"), ("mini-pc-n100-8-gb", 179.0, "Hailo-8 M.2"),
    ):  # fmt: skip
        found = bought(name, scenario(candidates=HAILO_8))
        market = market_view(Catalogue.load(), "shipped", AS_OF)
        assert market is not None
        alone, both = market.catalogue.platform(name).price_usd, found.platform.price_usd
        assert alone is not None
        assert both is not None
        assert both.value == pytest.approx(alone.value + part)
        assert source in both.source
        assert both.date == min(alone.date, dt.date(2026, 8, 25) if part == 179.0 else dt.date(2026, 1, 15))


def test_a_sum_of_prices_is_as_old_and_as_vague_as_its_worse_part() -> None:
    """A street price of a box and a recalled list price are no street price, and no older part is hidden."""
    found = bought("radxa-x4-with-8-gb", scenario(candidates=HAILO_8)).platform
    assert found.price_usd is not None
    assert (found.offer_kind, found.price_usd.kind, found.price_usd.date.year) == ("street", "published", 2026)
    usb = {"devices": ["CPU", "coral-usb"], "add_accelerators": True}
    found = bought("radxa-x4-with-8-gb", scenario(candidates=usb)).platform
    assert found.price_usd is not None
    assert (found.offer_kind, found.price_usd.kind, found.price_usd.date) == (None, "assumed", dt.date(2019, 1, 1))


def test_the_price_that_a_buyer_was_quoted_for_a_box_is_in_that_of_box_and_device() -> None:
    quoted = {"value": 400.0, "currency": "EUR", "date": "2026-11-01", "source": "offer 17"}
    money = {"currency": "EUR", "usd_rate": 0.8}
    case = scenario(candidates=HAILO_8 | {"prices": {"mini-pc-n100-8-gb": quoted}}, money=money)
    price = price_of(bought("mini-pc-n100-8-gb", case).platform, 1, case, AS_OF)
    assert price.value == pytest.approx(400.0 + 0.8 * 179.0)
    assert "offer 17" in price.source


def test_a_site_with_a_power_limit_refuses_a_device_of_which_no_power_is_known() -> None:
    catalogue = Catalogue.load()
    (entry,) = (device for device in catalogue.devices() if device.id == "hailo-8")
    platform = catalogue.platform("mini-pc-n100-8-gb")
    spec = device_spec(entry, catalogue.machine(platform), platform.processor)
    assert power_with(platform.max_power_w, spec, "it") is not None
    assert power_with(platform.max_power_w, spec.model_copy(update={"power_w": None}), "it") is None


def test_a_product_is_known_by_its_chip_and_its_slots() -> None:
    """A box that a plan recommends can be asked for: it had no devices, and all the lanes of another box."""
    market = market_view(Catalogue.load(), "shipped", AS_OF)
    assert market is not None
    catalogue = market.catalogue
    pi, radxa = "raspberry-pi-5-4gb-with-4-gb", "radxa-x4-with-8-gb"
    assert catalogue.chip_of(pi) == "raspberry-pi-5-8-gb"
    assert catalogue.names_of(pi) == ("raspberry-pi-5-4gb", pi, "raspberry-pi-5-8-gb")
    hailo, graphics = catalogue.device(pi, "hailo-8"), catalogue.device(radxa, "GPU")
    assert hailo is not None
    assert graphics is not None
    assert (hailo.host_link, graphics.id) == ("pcie-gen3-x1", "intel-processor-n100-gpu")
    note = bought(radxa, scenario(candidates=HAILO_8)).notes[-1]
    assert "takes it by m2-m" in note
    assert "the disk may be in it: check" in note


def test_a_recommended_box_whose_slot_is_not_known_is_warned_of_first() -> None:
    found = bought("mini-pc-n100-8-gb", scenario(candidates=HAILO_8))
    assert found.slot_doubt == "slot not known: check that the box takes it by pcie-gen3-x4"
    assert bought("raspberry-pi-5-8-gb-kit", scenario(candidates=HAILO_8)).slot_doubt is None
    box = fakes.candidate("box", 8, 300.0)
    asked = fakes.inputs([replace(box, slot_doubt=found.slot_doubt, bought_with="hailo-8", devices=found.devices)])
    known = DeviceAnswer(math.log(900.0), (-0.1, 0.1), None, (-0.1, 0.1), Evidence.PUBLISHED, "test")
    case = scenario(candidates=HAILO_8)
    result = plan(replace(asked, scenario=case, device_answer=lambda *_: known))
    assert fakes.best_of(result).config.stages["person"].device == "hailo-8"
    assert result.warnings[0] == f"before buying, check the slot for hailo-8: {found.slot_doubt}"
