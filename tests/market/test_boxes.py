from __future__ import annotations

import datetime as dt

import pytest

from advisor.market.boxes import as_sold, market_boxes, named_box, repriced
from advisor.market.memory_price import MemorySeries
from advisor.records.base import Sourced
from advisor.records.offer import Product
from advisor.store.catalogue import Catalogue
from advisor.store.paths import profiles_dir

from .test_box_price import AS_OF, GIB, RISE, offer
from .test_matching import product

CATALOGUE = Catalogue.load(profiles_dir())
CLASSES = CATALOGUE.platforms()
DAY = dt.date(2026, 1, 1)


def sold_with(*sizes_gb: float, **more: object) -> Product:
    options = tuple(Sourced(value=size * GIB, kind="published", source="list", date=DAY) for size in sizes_gb)
    return product(
        "box", "Maker", "Box", "Intel N150", processor="intel-processor-n150", memory_options_bytes=options, **more
    )


def test_each_memory_that_a_product_has_is_a_box_with_its_price() -> None:
    found = market_boxes(CLASSES, [sold_with(8, 16)], [offer(209.0, "2026-11-20", 16)], RISE, AS_OF)
    boxes = {box.id: box for box in found.platforms if box.product == "box"}
    assert set(boxes) == {"box-with-8-gb", "box-with-16-gb"}
    large, small = boxes["box-with-16-gb"], boxes["box-with-8-gb"]
    assert large.name == "Maker Box (Intel N150), 16 GB"
    assert large.memory_bytes.value == 16 * GIB
    assert large.processor == "intel-processor-n150"
    assert large.price_usd is not None
    assert small.price_usd is not None
    assert large.price_usd.value == pytest.approx(209.0)
    assert large.price_usd.kind == "published"
    assert large.price_usd.date == dt.date(2026, 11, 20)
    assert "list 2026-11-20" in large.price_usd.source
    assert small.price_usd.value == pytest.approx(209.0 - 8 * 12.0)
    assert small.price_usd.high is not None
    assert large.price_usd.high is not None
    assert small.price_usd.high - small.price_usd.value > large.price_usd.high - large.price_usd.value


def test_what_a_product_does_not_state_is_that_of_the_class_nearest_in_memory() -> None:
    of_chip = next(item for item in CLASSES if item.processor == "intel-processor-n150")
    sizes = {size: of_chip.memory_bytes.model_copy(update={"value": size * GIB}) for size in (8, 32)}
    classes = [of_chip.model_copy(update={"id": f"class-{size}", "memory_bytes": held}) for size, held in sizes.items()]
    found = market_boxes(classes, [sold_with(12, 24)], [offer(209.0, "2026-11-20", 12)], RISE, AS_OF)
    notes = {box.id: box.notes or "" for box in found.platforms if box.product == "box"}
    assert set(notes) == {"box-with-12-gb", "box-with-24-gb"}
    assert notes["box-with-12-gb"].endswith("class-8")
    assert notes["box-with-24-gb"].endswith("class-32")


def test_a_box_sold_bare_is_planned_with_memory_that_is_bought_for_it() -> None:
    found = market_boxes(CLASSES, [sold_with(0)], [offer(150.0, "2026-11-20", 0)], RISE, AS_OF)
    prices = {box.id: box.price_usd.value for box in found.platforms if box.product and box.price_usd}
    assert prices["box-with-16-gb"] - prices["box-with-8-gb"] == pytest.approx(8 * 12.0)


@pytest.mark.parametrize(("changed", "words"), [
    ({"processor": None}, "not in the catalogue"),
    ({"processor": "intel-xeon-6980p"}, "no class of boxes"),
])  # fmt: skip
def test_what_cannot_be_planned_says_why(changed: dict[str, object], words: str) -> None:
    odd = sold_with(16).model_copy(update=changed)
    found = market_boxes(CLASSES, [odd], [offer(209.0, "2026-11-20")], RISE, AS_OF)
    assert [item.product.id for item in found.unplannable] == ["box"]
    assert words in found.unplannable[0].reason


def test_a_product_with_weak_prices_alone_is_no_candidate() -> None:
    found = market_boxes(CLASSES, [sold_with(16)], [offer(209.0, "2026-11-20", trust="weak")], RISE, AS_OF)
    assert not [box for box in found.platforms if box.product]
    assert "may decide" in found.unplannable[0].reason


def test_an_accelerator_is_no_box() -> None:
    card = product("card", "Maker", "Card", "Hailo-8", accelerator="hailo-8-m-2-ai-hat-26")
    found = market_boxes(CLASSES, [card], [], RISE, AS_OF)
    assert not [box for box in found.platforms if box.product]
    assert not found.unplannable


def test_a_class_follows_the_price_of_memory_in_part() -> None:
    box = CATALOGUE.platform("mini-pc-i7-11800h-16-gb")
    assert box.price_usd is not None
    dearer = repriced(box, RISE, AS_OF)
    assert dearer is not None
    assert dearer.price_usd is not None
    assert dearer.price_usd.value == pytest.approx(box.price_usd.value + 0.5 * 16 * (12.0 - 3.0))
    assert dearer.price_usd.low is not None
    assert dearer.price_usd.high is not None
    assert dearer.price_usd.low < box.price_usd.value < dearer.price_usd.value < dearer.price_usd.high
    assert repriced(CATALOGUE.platform("raspberry-pi-5-8-gb-kit"), RISE, AS_OF) is None


def test_without_prices_of_memory_classes_stay_as_they_are() -> None:
    assert market_boxes(CLASSES, [], [], MemorySeries([], "USD"), AS_OF).platforms == ()


def test_a_recommended_product_is_known_by_its_id_elsewhere() -> None:
    found = market_boxes(CLASSES, [sold_with(8, 16)], [offer(209.0, "2026-11-20", 16)], RISE, AS_OF)
    box = next(item for item in found.platforms if item.id == "box-with-16-gb")
    named = named_box("box-with-16-gb", CLASSES, {"box": sold_with(8, 16)})
    assert named == box.model_copy(update={"price_usd": None, "offer_kind": None})
    assert named_box("other-with-16-gb", CLASSES, {"box": sold_with(16)}) is None
    assert named_box("mini-pc-n150-16-gb", CLASSES, {"box": sold_with(16)}) is None


def board(*sizes_gb: float, **more: object) -> Product:
    options = tuple(Sourced(value=size * GIB, kind="published", source="list", date=DAY) for size in sizes_gb)
    return product(
        "pi", "Maker", "Pi", "BCM2712", form_factor="board", processor="raspberry-pi-5-8-gb",
        memory_options_bytes=options, **more,
    )  # fmt: skip


def test_a_class_of_boards_costs_what_the_product_does_that_it_is() -> None:
    """A Raspberry Pi 5 of 8 GB was sold at 180 USD in 2026, and its class was planned at the 80 USD of its launch."""
    offers = [offer(180.0, "2026-11-20", 8).model_copy(update={"product": "pi"})]
    found = {box.id: box for box in market_boxes(CLASSES, [board(8)], offers, RISE, AS_OF).platforms}
    sold, kit = found["pi-with-8-gb"], found["raspberry-pi-5-8-gb-kit"]
    assert kit.price_usd == sold.price_usd
    assert kit.offer_kind == sold.offer_kind == "street"
    smaller = [offer(114.0, "2026-11-20", 4).model_copy(update={"product": "pi"})]
    other = {box.id: box for box in market_boxes(CLASSES, [board(4)], smaller, RISE, AS_OF).platforms}
    assert "pi-with-4-gb" in other
    assert "raspberry-pi-5-8-gb-kit" not in other  # of that memory nothing is sold: it stays as the catalogue has it
    own = next(item for item in CLASSES if item.id == "raspberry-pi-5-8-gb-kit").model_copy(
        update={"price_breakdown": ()}
    )
    assert as_sold(own, [sold]) is None  # a price that a user gave


def test_a_product_is_of_its_own_form_and_not_without_a_fan_since_another_form_is() -> None:
    """A board with an N100 was taken for the fanless industrial box, whose power it is planned with."""
    odd = board(8).model_copy(update={"processor": "intel-processor-n100"})
    made = market_boxes(
        CLASSES, [odd], [offer(80.0, "2026-11-20", 8).model_copy(update={"product": "pi"})], RISE, AS_OF
    )
    (box,) = [item for item in made.platforms if item.product]
    assert (box.form_factor, box.fanless) == ("board", False)
    stated = odd.model_copy(update={"fanless": True})
    made = market_boxes(
        CLASSES, [stated], [offer(80.0, "2026-11-20", 8).model_copy(update={"product": "pi"})], RISE, AS_OF
    )
    assert [item.fanless for item in made.platforms if item.product] == [True]


def test_one_thing_that_sources_name_in_two_ways_is_one_product() -> None:
    """The Radxa X4 was planned at 80 USD of 2024 beside its own price of 266 USD of 2026."""
    names = {path.stem for path in (profiles_dir() / "products").glob("radxa-x4*")}
    assert names == {"radxa-x4"}
