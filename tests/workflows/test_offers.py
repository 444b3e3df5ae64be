from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest

from advisor.errors import CatalogueError, InputError
from advisor.records.scenario import Money
from advisor.store.catalogue import Catalogue
from advisor.workflows.market import Rate, known_offers, market_view
from advisor.workflows.offers import ImportRequest, export_offers, import_offers, list_offers, show_product
from tests.market.samples import GERMAN_MAP, GOOGLE_XML, OWN, OWN_GERMAN

NOW = dt.datetime(2026, 11, 29, 12, tzinfo=dt.UTC)
AS_OF = NOW.date()


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SIZER_HOME", str(tmp_path))
    monkeypatch.delenv("SIZER_STORE", raising=False)
    return tmp_path


def written(folder: Path, content: str | bytes, name: str = "list.csv") -> Path:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def test_an_import_is_kept_once_and_corrected_when_it_differs(home: Path) -> None:
    request = ImportRequest(written(home, OWN))
    first = import_offers(request, now=NOW)
    assert [line.outcome for line in first.lines] == ["new", "new"]
    assert [line.outcome for line in import_offers(request, now=NOW).lines] == ["unchanged", "unchanged"]
    written(home, OWN.replace("239.00", "249.00"))
    again = import_offers(request, now=NOW + dt.timedelta(hours=1))
    assert [(line.outcome, line.before) for line in again.lines] == [("corrected", 239.0), ("unchanged", None)]
    assert {offer.price for offer in known_offers("imported")} == {249.0, 1099.0}


def test_a_dry_run_shows_the_same_and_changes_nothing(home: Path) -> None:
    path = written(home, OWN_GERMAN)
    request = ImportRequest(path, mapping=GERMAN_MAP, new_products=True)
    dry = import_offers(ImportRequest(path, mapping=GERMAN_MAP, new_products=True, dry_run=True), now=NOW)
    assert known_offers("imported") == ()
    assert not (home / "catalogue" / "products").exists()
    assert import_offers(request, now=NOW).lines == dry.lines


def test_lines_of_no_known_product_are_listed(home: Path) -> None:
    found = import_offers(ImportRequest(written(home, GOOGLE_XML, "feed.xml"), observed="2026-11-20"), now=NOW)
    assert [(line.outcome, line.product) for line in found.lines] == [("new", "beelink-eq14"), ("unknown", None)]


def test_new_products_are_made_of_known_processors_and_can_be_planned(home: Path) -> None:
    text = "title,vendor,price,currency,observed_at\nHX511 fanless i5-1335U 16GB/512GB,OnLogic,1249,USD,2026-11-20\n"
    found = import_offers(ImportRequest(written(home, text), new_products=True), now=NOW)
    (made,) = found.new_products
    view = market_view(Catalogue.load(), "imported", AS_OF)
    assert view is not None
    box = view.catalogue.platform(f"{made}-with-16-gb")
    assert box.processor == "intel-core-i5-1335u"
    assert box.price_usd is not None
    assert box.price_usd.value == 1249.0
    assert show_product(made).offers[0].price == 1249.0


@pytest.mark.parametrize(("money", "price", "basis"), [
    (None, 1000.0, "net"), (Money(price_basis="net", tax_pct=20.0), 1000.0, "net"),
    (Money(price_basis="gross", tax_pct=20.0), 1200.0, "gross"),
])  # fmt: skip
def test_offers_keep_their_basis_and_change_it_by_the_users_tax_alone(
    home: Path, money: Money | None, price: float, basis: str
) -> None:
    text = (
        "title,vendor,price,currency,observed_at,price_basis\n"
        "HX511 fanless i5-1335U 16GB/512GB,OnLogic,1000,USD,2026-11-20,net\n"
    )
    (made,) = import_offers(ImportRequest(written(home, text), new_products=True), now=NOW).new_products
    view = market_view(Catalogue.load(), "imported", AS_OF, money=money)
    assert view is not None
    box = view.catalogue.platform(f"{made}-with-16-gb")
    assert box.price_usd is not None
    assert (box.price_usd.value, box.price_basis, box.offer_kind) == (price, basis, "offer")
    assert ("20 % tax" in box.price_usd.source) is (price == 1200.0)
    assert ("made gross at 20 % tax" in view.words()) is (basis == "gross")


def test_a_broken_option_is_one_line(home: Path) -> None:
    path = written(home, OWN)
    with pytest.raises(InputError, match="YYYY-MM-DD"):
        import_offers(ImportRequest(path, observed="next week"), now=NOW)
    with pytest.raises(InputError, match="three letters"):
        import_offers(ImportRequest(path, currency="Euros"), now=NOW)
    with pytest.raises(InputError, match="no such file; check the path"):
        import_offers(ImportRequest(home / "none.csv"), now=NOW)


def test_what_is_exported_is_imported_unchanged(home: Path) -> None:
    import_offers(ImportRequest(written(home, OWN)), now=NOW)
    text = export_offers("all")
    again = import_offers(ImportRequest(written(home, text, "again.csv")), now=NOW)
    assert not again.refused
    assert {line.outcome for line in again.lines} == {"new", "unchanged"}  # shipped ones are new to the store
    assert export_offers("all") == text
    assert {line.outcome for line in import_offers(ImportRequest(home / "again.csv"), now=NOW).lines} == {"unchanged"}


def test_an_unknown_product_is_named(home: Path) -> None:
    with pytest.raises(CatalogueError, match="did you mean 'beelink-eq14'"):
        list_offers("all", "beelink-eq15")


def test_prices_of_a_day_know_nothing_of_later_ones() -> None:
    early, late = (market_view(Catalogue.load(), "shipped", day) for day in (dt.date(2024, 12, 31), AS_OF))
    assert early is not None
    assert late is not None
    dates = [box.price_usd.date for box in early.catalogue.platforms() if box.product and box.price_usd]
    assert dates
    assert max(dates) <= dt.date(2024, 12, 31)
    name = "gmktec-nucbox-g3-plus-with-16-gb"
    prices = [view.catalogue.platform(name).price_usd for view in (early, late)]
    assert [price.value for price in prices if price is not None] == [160.0, 209.0]
    assert early.offers_sha256 != late.offers_sha256
    assert "classes of boxes that nobody sells" in late.words()


def test_other_currencies_enter_by_a_rate_that_the_user_gives() -> None:
    without = market_view(Catalogue.load(), "shipped", AS_OF)
    rate = Rate("EUR", 1.1, dt.date(2026, 11, 1))
    with_rate = market_view(Catalogue.load(), "shipped", AS_OF, (rate,))
    assert without is not None
    assert with_rate is not None
    assert "EUR" in without.unconverted
    assert "EUR" not in with_rate.unconverted
    assert with_rate.offers_sha256 != without.offers_sha256


def test_none_is_the_catalogue_as_it_is() -> None:
    assert market_view(Catalogue.load(), "none", AS_OF) is None
