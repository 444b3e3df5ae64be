"""Devices of the catalogue: what a box has, what may be added, and what they share with the box."""

import pytest
from pydantic import ValidationError

from advisor.errors import CatalogueError
from advisor.records.device import Device
from advisor.store.catalogue import Catalogue
from advisor.store.data_sheets import device_spec

CATALOGUE = Catalogue.load()


def test_every_device_names_entries_that_exist() -> None:
    accelerators = {item.id for item in CATALOGUE.accelerators()}
    devices = CATALOGUE.devices()
    assert len(devices) >= 130
    for device in devices:
        assert device.processor is None or device.processor in CATALOGUE.processor_ids(), device.id
        assert device.accelerator is None or device.accelerator in accelerators, device.id


def test_a_box_has_the_devices_of_its_chip() -> None:
    assert [item.runtime_name for item in CATALOGUE.devices_of("mini-pc-core-ultra-7-165h-32-gb")] == ["GPU", "NPU"]
    assert CATALOGUE.device("mini-pc-n100-8-gb", "NPU") is None


def test_graphics_share_memory_and_power_of_the_box() -> None:
    box = CATALOGUE.resolve("mini-pc-n100-8-gb")
    device = CATALOGUE.device("mini-pc-n100-8-gb", "gpu")
    assert device is not None
    assert device.memory_shared
    assert device.memory_bandwidth_bytes_per_s == box.memory_bandwidth_bytes_per_s
    assert device.power_w == box.sustained_power_w
    assert "clock_hz" in device.uncertain


def test_an_added_board_has_its_own_power_and_the_link_of_the_box() -> None:
    pi, pc = (CATALOGUE.device(name, "hailo-8") for name in ("raspberry-pi-5-8-gb-kit", "mini-pc-n100-8-gb"))
    assert pi is not None
    assert pc is not None
    assert (pi.host_link, pc.host_link) == ("pcie-gen3-x1", "pcie-gen3-x4")
    assert pi.power_w == 2.5


def test_every_box_of_a_chip_with_one_lane_has_one_lane() -> None:
    """Boxes that price lists make have ids of their own."""
    board = CATALOGUE.device("mini-pc-n100-8-gb", "hailo-8l")
    assert board is not None
    made = CATALOGUE.resolve("raspberry-pi-5-8-gb").model_copy(update={"id": "raspberry-pi-5-4gb-with-4-gb"})
    (entry,) = (item for item in CATALOGUE.devices() if item.id == "hailo-8l")
    assert board.host_link == "pcie-gen3-x2"
    assert device_spec(entry, made, "raspberry-pi-5-8-gb").host_link == "pcie-gen3-x1"


def test_a_device_of_another_chip_is_not_one_of_this() -> None:
    assert CATALOGUE.device("mini-pc-n100-8-gb", "intel-core-i7-1185g7-gpu") is None


def test_an_unknown_platform_names_the_nearest() -> None:
    with pytest.raises(CatalogueError, match="n100"):
        CATALOGUE.device("intel-processor-n10", "GPU")


@pytest.mark.parametrize(
    ("change", "text"),
    [({"processor": None}, "name its processor"), ({"accelerator": "a"}, "not both")],
)
def test_a_device_is_part_of_a_chip_or_added(change: dict[str, object], text: str) -> None:
    facts = {"id": "a-gpu", "name": "a", "vendor": "a", "kind": "igpu", "family": "xe-lp", "processor": "a"}
    with pytest.raises(ValidationError, match=text):
        Device.model_validate(facts | change)
