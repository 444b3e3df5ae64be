"""Slots of boxes and needs of devices."""

from __future__ import annotations

from pathlib import Path

import pytest

from advisor.errors import CatalogueError
from advisor.store.catalogue import Catalogue
from advisor.store.market_files import load_products
from advisor.store.slots import load_slots, read_slots, slot_fit

HEAD = "item,side,slots,kind,source,date,note\n"


def test_every_added_device_of_the_catalogue_states_what_it_needs() -> None:
    added = {device.id for device in Catalogue.load().devices() if device.kind == "accelerator"}
    assert added <= set(load_slots()["needs"])


def test_every_box_of_the_table_is_in_the_catalogue() -> None:
    catalogue, products = Catalogue.load(), load_products()
    for name in load_slots()["has"]:
        if name not in products:
            catalogue.resolve(name)


def test_the_most_specific_name_decides() -> None:
    assert slot_fit(["raspberry-pi-5-8-gb-kit", "raspberry-pi-5-8-gb"], "hailo-8", None)[0] == "fits"
    assert slot_fit(["raspberry-pi-4-4-gb-kit", "raspberry-pi-4-model-b-4-gb"], "hailo-8", None)[0] == "lacks"
    assert slot_fit(["unheard-of"], "hailo-8", "pcie-gen3-x4") == (
        "unknown", "slot not known: check that the box takes it by pcie-gen3-x4",
    )  # fmt: skip


def test_a_slot_that_something_else_is_often_in_is_said() -> None:
    fit, words = slot_fit(["nvidia-jetson-orin-nano-8gb-super-dev-kit"], "coral-m2", None)
    assert fit == "taken"
    assert "the disk or the wireless card may be in it: check" in words


def test_an_unknown_slot_is_refused_by_line(tmp_path: Path) -> None:
    path = tmp_path / "slots.csv"
    path.write_text(HEAD + "box,has,m2-m+isa,assumed,memory,2026-11-29,\n")
    with pytest.raises(CatalogueError, match="line 2: slot 'isa' is none of"):
        read_slots(path)
