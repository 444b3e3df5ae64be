from __future__ import annotations

import datetime as dt

import pytest

from advisor.market.formats.base import ListedOffer
from advisor.market.matching import chips_in, match_all
from advisor.records.base import SourcedText
from advisor.records.offer import Product


def product(identifier: str, vendor: str, name: str, chip: str, **more: object) -> Product:
    text = SourcedText(value=chip, kind="published", source="list", date=dt.date(2026, 1, 1))
    return Product.model_validate(
        {"id": identifier, "vendor": vendor, "name": name, "form_factor": "mini-pc", "processor_text": text, **more}
    )


KNOWN = [
    product("eq14", "Beelink", "EQ14", "Intel N150", mpn=("EQ14-16",), gtin=("4006381333931",)),
    product("eq12", "Beelink", "EQ12", "Intel N100"),
    product("g3", "GMKtec", "NucBox G3", "Intel N100"),
    product("g3-plus", "GMKtec", "NucBox G3 Plus", "Intel N150"),
    product("ad15-11800h", "AceMagician", "AD15", "Intel Core i7-11800H"),
    product("ad15-12450h", "AceMagician", "AD15", "Intel Core i5-12450H"),
    product("sei14", "Beelink", "SEi14", "Intel Core Ultra 5 125H"),
]


def line(title: str, vendor: str = "", **more: object) -> ListedOffer:
    return ListedOffer(2, title, 100.0, "USD", "2026-11-20", vendor=vendor, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(("listed", "wanted", "how"), [
    (line("whatever", product="g3"), "g3", "id"),
    (line("whatever", gtin="04006381333931"), "eq14", "gtin"),
    (line("whatever", "Beelink", mpn="eq14 16"), "eq14", "mpn"),
    (line("Beelink EQ14 Mini PC, Intel N150, 16GB DDR4, 500GB SSD"), "eq14", "words"),
    (line("EQ12 mini computer N100", "Beelink"), "eq12", "words"),
    (line("GMKtec NucBox G3 Plus N150 16GB/512GB"), "g3-plus", "words"),
    (line("GMKtec NucBox G3 N100 8GB/256GB"), "g3", "words"),
    (line("AceMagician AD15 i7-11800H 16GB"), "ad15-11800h", "words"),
    (line("Beelink SEi14 Core Ultra 5 125H 32GB"), "sei14", "words"),
])  # fmt: skip
def test_what_is_certain(listed: ListedOffer, wanted: str, how: str) -> None:
    (match,) = match_all([listed], KNOWN)
    assert match.product is not None
    assert (match.product.id, match.how) == (wanted, how)


@pytest.mark.parametrize("listed", [
    line("HDMI cable 2 m", "NoName"),
    line("Beelink warranty"),
    line("Beelink EQ14 with Intel N200"),
    line("Mini PC Intel N150 16GB"),
    line("whatever", "GMKtec", mpn="EQ14-16"),
    line("whatever", product="no-such-product"),
    line("AceMagician AD15 16GB"),
])  # fmt: skip
def test_what_is_not_is_left_to_the_user(listed: ListedOffer) -> None:
    (match,) = match_all([listed], KNOWN)
    assert match.product is None


def test_an_uncertain_line_says_what_it_may_be() -> None:
    (match,) = match_all([line("AceMagician AD15 16GB")], KNOWN)
    assert set(match.candidates) == {"ad15-11800h", "ad15-12450h"}


@pytest.mark.parametrize(("text", "chips"), [
    ("Intel Core i7-12700H, 32 GB", {"i712700h"}), ("Core Ultra 7 155H", {"ultra7155h"}), ("Intel N100", {"n100"}),
    ("AMD Ryzen 7 7840HS", {"7840hs"}), ("Ryzen AI 9 HX 370", {"370"}), ("Hailo-8L", {"hailo8l"}),
    ("RTX 3060 12GB", {"rtx3060"}), ("16GB DDR4-3200 512GB", set()), ("Core 3 N355", {"3n355"}),
])  # fmt: skip
def test_chips_are_found_in_titles(text: str, chips: set[str]) -> None:
    assert chips_in(text) == chips
