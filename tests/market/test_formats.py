from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest

from advisor.errors import InputError
from advisor.market.formats.base import ListOptions, PriceList
from advisor.market.formats.registry import FORMATS, read_price_list
from advisor.market.text_table import read_bytes

from .samples import (
    GERMAN_MAP,
    GOOGLE_TEXT,
    GOOGLE_XML,
    OWN,
    OWN_GERMAN,
    PCPP_CARDS,
    PCPP_CPUS,
    SHOPIFY_NEW,
    SHOPIFY_OLD,
)

GIB = 2**30
TODAY = dt.date(2026, 11, 29)


def read(
    folder: Path, content: str | bytes, name: str = "list.csv", form: str | None = None, **options: object
) -> tuple[str, PriceList]:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    chosen, found = read_price_list(path, ListOptions(TODAY, **options), form)  # type: ignore[arg-type]
    return chosen.name, found


def test_own_form(tmp_path: Path) -> None:
    name, found = read(tmp_path, OWN)
    assert name == "sizer"
    assert not found.refused
    first, second = found.offers
    assert (first.product, first.price, first.currency, first.observed) == ("beelink-eq14", 239.0, "USD", "2026-11-20")
    assert (first.memory_bytes, first.storage_bytes) == (16 * GIB, 512e9)
    assert (second.price, second.observed, second.kind) == (1099.0, "2026-11", "street")


def test_semicolons_decimal_commas_and_a_code_page_are_found(tmp_path: Path) -> None:
    _, found = read(tmp_path, OWN_GERMAN, mapping=GERMAN_MAP)
    assert [offer.price for offer in found.offers] == [259.90, 1049.0]
    assert {offer.currency for offer in found.offers} == {"EUR"}
    assert {offer.observed for offer in found.offers} == {"2026-11-20"}
    assert "Größe" in found.offers[1].title
    assert (found.offers[1].memory_bytes, found.offers[1].storage_bytes) == (32 * GIB, 1e12)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_encodings_of_unicode(tmp_path: Path, encoding: str) -> None:
    text = OWN_GERMAN.decode("cp1252")
    _, found = read(tmp_path, text.encode(encoding), mapping=GERMAN_MAP)
    assert found.offers[1].price == 1049.0
    assert "Größe" in found.offers[1].title


def test_google_merchant_as_text_takes_the_sale_price(tmp_path: Path) -> None:
    name, found = read(tmp_path, GOOGLE_TEXT, "feed.txt", observed="2026-11-20")
    assert name == "google-merchant"
    first, second = found.offers
    assert (first.price, first.kind, first.gtin, first.mpn) == (229.0, "deal", "04006381333931", "EQ14-16")
    assert (second.kind, second.condition, second.availability) == ("list", "used", "out_of_stock")


def test_google_merchant_as_rss(tmp_path: Path) -> None:
    name, found = read(tmp_path, GOOGLE_XML, "feed.xml", observed="2026-11-20")
    assert name == "google-merchant"
    assert [(offer.price, offer.condition) for offer in found.offers] == [(219.0, "refurbished"), (10.0, "new")]
    assert found.offers[0].source == "https://shop.example/7"


def test_shopify_with_old_headings(tmp_path: Path) -> None:
    name, found = read(tmp_path, SHOPIFY_OLD, currency="USD", observed="2026-11-20")
    assert name == "shopify"
    assert [(offer.line, offer.price, offer.memory_bytes) for offer in found.offers] == [
        (2, 485.0, 16 * GIB), (4, 570.0, 32 * GIB),
    ]  # fmt: skip
    assert {offer.vendor for offer in found.offers} == {"GMKtec"}
    assert not found.refused


def test_shopify_with_new_headings_and_blank_handles(tmp_path: Path) -> None:
    name, found = read(tmp_path, SHOPIFY_NEW, currency="USD", observed="2026-11-20")
    assert name == "shopify"
    assert [offer.title for offer in found.offers] == ["EQ14 Intel N150 16GB/512GB", "EQ14 Intel N150 8GB/256GB"]
    assert [offer.mpn for offer in found.offers] == ["EQ-16", "EQ-8"]


def test_shopify_names_no_currency(tmp_path: Path) -> None:
    _, found = read(tmp_path, SHOPIFY_NEW, observed="2026-11-20")
    assert not found.offers
    assert [item.reason for item in found.refused] == ["names no currency; say --currency"] * 2


@pytest.mark.parametrize(("text", "price", "title"), [
    (PCPP_CARDS, 404.5, "Sparkle ROC OC Arc A770"), (PCPP_CPUS, 129.99, "Intel Core i5-12400"),
])  # fmt: skip
def test_pcpartpicker_leaves_parts_without_a_price_out(tmp_path: Path, text: str, price: float, title: str) -> None:
    name, found = read(tmp_path, text, observed="2025-07-23")
    assert name == "pcpartpicker"
    assert [(offer.price, offer.title, offer.currency) for offer in found.offers] == [(price, title, "USD")]
    assert not found.refused


ROW = "Beelink,EQ14 N150,{price},{currency},{day},{more}\n"
HEAD = "vendor,title,price,currency,observed_at,{heading}\n"
BROKEN_CELLS = [
    ("", "USD", "2026-11-20", "note", "", "has no price"),
    ("abc", "USD", "2026-11-20", "note", "", "no amount"),
    ("0", "USD", "2026-11-20", "note", "", "not above 0"),
    ("0.00", "USD", "2026-11-20", "note", "", "not above 0"),
    ("-5", "USD", "2026-11-20", "note", "", "negative"),
    ("–5", "USD", "2026-11-20", "note", "", "negative"),
    ("100-200", "USD", "2026-11-20", "note", "", "range"),
    ("100 – 200", "USD", "2026-11-20", "note", "", "range"),
    ("1.234", "USD", "2026-11-20", "note", "", "thousands or a fraction"),
    ("1.995E+07", "VND", "2026-11-20", "note", "", "exponent"),
    ("199000000000000", "USD", "2026-11-20", "note", "", "is a decimal mark missing"),
    ("on request", "USD", "2026-11-20", "note", "", "no amount"),
    ("?", "USD", "2026-11-20", "note", "", "no amount"),
    ("199 EUR", "USD", "2026-11-20", "note", "", "is in EUR"),
    ("199", "Dollar", "2026-11-20", "note", "", "three letters"),
    ("199", "U$", "2026-11-20", "note", "", "three letters"),
    ("199", "", "2026-11-20", "note", "", "names no currency"),
    ("199", "USD", "", "note", "", "carries no date"),
    ("199", "USD", "yesterday", "note", "", "YYYY-MM-DD"),
    ("199", "USD", "2026-13-01", "note", "", "month must be in"),
    ("199", "USD", "2026-02-30", "note", "", "day"),
    ("199", "USD", "11/12/2026", "note", "", "day or month first"),
    ("199", "USD", "11-12-26", "note", "", "day or month first"),
    ("199", "USD", "2027-01-01", "note", "", "still to come"),
    ("199", "USD", "2026-12", "note", "", "still to come"),
    ("199", "USD", "0000-01-01", "note", "", "YYYY-MM-DD"),
    ("199", "USD", "31.04.2026", "note", "", "day"),
    ("199", "USD", "2026-11-20", "gtin", "4006381333932", "check digit"),
    ("199", "USD", "2026-11-20", "gtin", "12", "check digit"),
    ("199", "USD", "2026-11-20", "gtin", "4.00638E+12", "check digit"),
    ("199", "USD", "2026-11-20", "gtin", "none", "check digit"),
    ("199", "USD", "2026-11-20", "condition", "mint", "condition 'mint'"),
    ("199", "USD", "2026-11-20", "condition", "A-ware", "condition"),
    ("199", "USD", "2026-11-20", "availability", "soon", "availability"),
    ("199", "USD", "2026-11-20", "price_basis", "with tax?", "price_basis"),
    ("199", "USD", "2026-11-20", "price_kind", "guess", "price_kind"),
    ("199", "USD", "2026-11-20", "trust", "very", "trust"),
    ("199", "USD", "2026-11-20", "ram_gb", "lots", "no size in GB"),
    ("199", "USD", "2026-11-20", "ram_gb", "-8", "no size in GB"),
    ("199", "USD", "2026-11-20", "ram_gb", "17179869184", "not between"),
    ("199", "USD", "2026-11-20", "ram_gb", "16 TB", "not between"),
    ("199", "USD", "2026-11-20", "disk_gb", "2 PB", "no size in GB"),
    ("199", "USD", "2026-11-20", "disk_gb", "512000000000", "not between"),
]


@pytest.mark.parametrize(("price", "currency", "day", "heading", "more", "reason"), BROKEN_CELLS)
def test_a_broken_line_is_refused_with_its_reason(
    tmp_path: Path, price: str, currency: str, day: str, heading: str, more: str, reason: str
) -> None:
    text = HEAD.format(heading=heading) + ROW.format(price=price, currency=currency, day=day, more=more)
    _, found = read(tmp_path, text)
    assert not found.offers
    assert [item.line for item in found.refused] == [2]
    assert reason in found.refused[0].reason


def test_a_line_that_names_nothing_is_refused(tmp_path: Path) -> None:
    _, found = read(tmp_path, "title,price,currency,observed_at\n,199,USD,2026-11-20\n")
    assert [item.reason for item in found.refused] == ["names no product"]


def test_a_line_with_too_many_cells_is_refused_and_the_next_is_read(tmp_path: Path) -> None:
    text = "title,price,currency,observed_at\nBox, small,199,USD,2026-11-20\nBox,199,USD,2026-11-20\n"
    _, found = read(tmp_path, text)
    assert [item.line for item in found.refused] == [2]
    assert "quote a cell" in found.refused[0].reason
    assert [offer.line for offer in found.offers] == [3]


def test_columns_without_heading_at_the_end_are_those_of_a_spreadsheet(tmp_path: Path) -> None:
    text = "\n".join(f"{line}," for line in OWN.strip().splitlines())
    _, found = read(tmp_path, text)
    _, plain = read(tmp_path, OWN)
    assert not found.refused
    assert [offer.price for offer in found.offers] == [offer.price for offer in plain.offers]
    assert [offer.title for offer in found.offers] == [offer.title for offer in plain.offers]


def test_two_decimal_marks_in_one_column_are_refused(tmp_path: Path) -> None:
    text = 'title,price,currency,observed_at\nA1,"19,90",USD,2026-11-20\nA2,19.90,USD,2026-11-20\n'
    _, found = read(tmp_path, text)
    assert not found.offers
    assert all("decimal comma" in item.reason for item in found.refused)


@pytest.mark.parametrize(
    ("written", "basis"),
    [("net", "net"), ("excl. VAT", "net"), ("zzgl. MwSt.", "net"), ("incl. tax", "gross"), ("", None)],
)
def test_tax_is_understood_as_lists_say_it(tmp_path: Path, written: str, basis: str | None) -> None:
    text = HEAD.format(heading="price_basis") + ROW.format(price="199", currency="USD", day="2026-11-20", more=written)
    _, found = read(tmp_path, text)
    assert [offer.basis for offer in found.offers] == [basis]


def test_a_list_that_is_not_there_is_said_to_be_missing(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        read_bytes(tmp_path / "none.csv")


BROKEN_FILES = [
    (b"", "is empty"),
    (b"\n \n", "is empty"),
    (b"PK\x03\x04\x00\x00", "no text"),
    (b"a,b,c\n1,2,3\n", "of no form"),
    (b"title,price,Price\nBox,1,2\n", "stands there twice"),
    (b"<rss><channel></channel></rss>", "holds no item"),
    (b"<rss><channel>", "well-formed"),
    (b'<!DOCTYPE a [<!ENTITY b "c">]><rss/>', "document type"),
    (b'title,price\n"Box,1\n' + b"x" * 200_000 + b"\n", "quotes"),
]


@pytest.mark.parametrize(("content", "words"), BROKEN_FILES)
def test_a_broken_file_is_one_line(tmp_path: Path, content: bytes, words: str) -> None:
    with pytest.raises(InputError, match=words) as caught:
        read(tmp_path, content)
    assert "\n" not in str(caught.value)
    assert str(tmp_path) in str(caught.value)


def test_a_mapping_that_names_nothing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such heading; did you mean 'Preis'"):
        read(tmp_path, OWN_GERMAN, mapping={"Pries": "price"})
    with pytest.raises(InputError, match="no such field; did you mean 'price'"):
        read(tmp_path, OWN_GERMAN, mapping={"Preis": "prize"})
    with pytest.raises(InputError, match="no heading 'price'"):
        read(tmp_path, OWN_GERMAN, mapping={"Bezeichnung": "title"})


def test_a_form_can_be_asked_for_by_name(tmp_path: Path) -> None:
    name, _ = read(tmp_path, OWN, form="sizer")
    assert name == "sizer"
    with pytest.raises(InputError, match="no such form; did you mean 'shopify'"):
        read(tmp_path, OWN, form="shopfy")
    assert len({form.name for form in FORMATS}) == len(FORMATS)
