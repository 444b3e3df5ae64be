"""Offers in, out and shown: ``sizer catalog offers``; and the boxes that a plan is to choose from."""

from __future__ import annotations

import csv
import datetime as dt
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from advisor import __version__
from advisor.clock import utc_now
from advisor.errors import CatalogueError, InputError, nearest
from advisor.records.offer import Offer, Product
from advisor.records.offer_reports import ImportedLine, OfferImport, OfferList, ProductReport, RefusedEntry

if TYPE_CHECKING:
    from advisor.market.added_price import AddedPrices
    from advisor.market.boxes import Unplannable
    from advisor.market.formats.base import ListedOffer
    from advisor.market.matching import Match
    from advisor.records.offer import MemoryPrice
    from advisor.records.scenario import Money
    from advisor.store.catalogue import Catalogue

GIB = 2**30
PLAN_CURRENCY = "USD"
"""Prices of the catalogue; a scenario converts them by its ``money.usd_rate``."""
OfferSource = Literal["all", "shipped", "imported", "none"]


@dataclass(frozen=True)
class ImportRequest:
    """Options of ``sizer catalog offers import``."""

    file: Path
    format: str | None = None
    mapping: dict[str, str] = field(default_factory=dict)
    currency: str | None = None
    observed: str | None = None
    source: str | None = None
    new_products: bool = False
    """Whether lines that name a known chip but no known product make products of the user's own."""
    dry_run: bool = False


def import_offers(
    request: ImportRequest, *, store_url: str | None = None, now: dt.datetime | None = None
) -> OfferImport:
    """Read a price list, find out which products it means, and keep what is certain.

    Raises
    ------
    InputError
        The file cannot be read or is of no known form.
    StoreError
        The store cannot be opened or written; then nothing of the list is kept.
    """
    from advisor.market.cells import CellFault, currency_code, observed
    from advisor.market.formats.base import ListOptions
    from advisor.market.formats.registry import read_price_list
    from advisor.market.matching import match_all
    from advisor.store.market_files import load_products, write_product
    from advisor.store.offers import OfferStore
    from advisor.store.paths import default_store_url

    moment = now or dt.datetime.now(dt.UTC)
    try:
        currency = None if request.currency is None else currency_code(request.currency)
        day = None if request.observed is None else observed(request.observed, moment.date())
    except CellFault as fault:
        raise InputError(f"{request.file}: {fault}") from fault
    options = ListOptions(moment.date(), currency, day, request.source, request.mapping)
    form, listed = read_price_list(request.file, options, request.format)
    products = load_products()
    matches = match_all(listed.offers, products.values())
    made: list[Product] = []
    if request.new_products:
        matches, made = _with_new_products(matches, products)
    sure = [(match, _offer(match.offer, match.product.id)) for match in matches if match.product is not None]
    with OfferStore(store_url or default_store_url()) as store:
        changes = store.changes([offer for _, offer in sure])
        if not request.dry_run:
            for product in made:
                write_product(product)
            changes = store.record([offer for _, offer in sure], moment)
    before = {after.key: former.price for former, after in changes.corrected}
    added = {offer.key for offer in changes.added}
    keys = {id(match): offer.key for match, offer in sure}
    return OfferImport(
        sizer_version=__version__, created=utc_now(), file=str(request.file), format=form.name, dry_run=request.dry_run,
        lines=tuple(_line(match, keys.get(id(match)), added, before) for match in matches),
        refused=tuple(RefusedEntry(line=item.line, reason=item.reason) for item in listed.refused),
        new_products=tuple(product.id for product in made),
    )  # fmt: skip


def _offer(listed: ListedOffer, product: str) -> Offer:
    return Offer(
        product=product, price=listed.price, currency=listed.currency, observed=listed.observed, kind=listed.kind,
        trust=listed.trust, source=listed.source, memory_bytes=listed.memory_bytes,
        storage_bytes=listed.storage_bytes, condition=listed.condition, availability=listed.availability,
        basis=listed.basis, note=listed.note,
    )  # fmt: skip


def _line(match: Match, key: str | None, added: set[str], before: dict[str, float]) -> ImportedLine:
    listed = match.offer
    outcome: Literal["new", "corrected", "unchanged", "uncertain", "unknown"]
    if key is None:
        outcome = "uncertain" if match.candidates else "unknown"
    else:
        outcome = "corrected" if key in before else "new" if key in added else "unchanged"
    return ImportedLine(
        line=listed.line, title=listed.title, price=listed.price, currency=listed.currency, observed=listed.observed,
        outcome=outcome, product=None if match.product is None else match.product.id, matched_by=match.how,
        score=round(match.score, 1) or None, candidates=match.candidates, before=before.get(key or ""),
    )  # fmt: skip


def _with_new_products(matches: Sequence[Match], known: dict[str, Product]) -> tuple[list[Match], list[Product]]:
    """Make a product of each line that names one chip of the catalogue and resembles no product."""
    from advisor.market.matching import Match, chips_in
    from advisor.records.base import SourcedText
    from advisor.store.catalogue import Catalogue, catalogue_id

    chips: dict[str, str] = {}
    for chip in Catalogue.load().processors():
        for name in chips_in(chip.name):
            chips.setdefault(name, chip.id)
    made: dict[str, Product] = {}
    found: list[Match] = []
    for match in matches:
        listed = match.offer
        named = {chips[chip] for chip in chips_in(listed.title) if chip in chips}
        if match.product is not None or match.candidates or len(named) != 1 or not listed.title:
            found.append(match)
            continue
        title = (
            listed.title if listed.vendor.casefold() in listed.title.casefold() else f"{listed.vendor} {listed.title}"
        )
        identifier = catalogue_id(title)[:80].strip("-")
        if identifier in known:
            found.append(match)
            continue
        day = dt.date.fromisoformat("-".join([*listed.observed.split("-"), "01", "01"][:3]))
        product = made.get(identifier) or Product(
            id=identifier, vendor=listed.vendor or title.split()[0], name=listed.title, form_factor="mini-pc",
            processor=named.pop(), gtin=() if listed.gtin is None else (listed.gtin,),
            mpn=() if listed.mpn is None else (listed.mpn,),
            processor_text=SourcedText(value=listed.title, kind="published", source=listed.source, date=day),
            notes="made from a price list: its form is taken to be a mini PC; correct it in this file",
        )  # fmt: skip
        made[identifier] = product
        found.append(Match(listed, product, "words", 100.0))
    return found, list(made.values())


def known_offers(
    chosen: OfferSource, *, store_url: str | None = None, known_at: dt.datetime | None = None
) -> tuple[Offer, ...]:
    """Offers that ship, that were imported, or both; an imported one takes the place of the shipped one of its key."""
    from advisor.store.market_files import shipped_offers
    from advisor.store.offers import OfferStore
    from advisor.store.paths import default_store_url

    found = {offer.key: offer for offer in shipped_offers()} if chosen in {"all", "shipped"} else {}
    if chosen in {"all", "imported"}:
        with OfferStore(store_url or default_store_url()) as store:
            found |= {offer.key: offer for offer in store.known(known_at)}
    return tuple(sorted(found.values(), key=lambda offer: (offer.product, offer.observed, offer.key)))


def list_offers(
    chosen: OfferSource = "all", product: str | None = None, *, store_url: str | None = None,
    known_at: dt.datetime | None = None,
) -> OfferList:  # fmt: skip
    """Offers by product and day. CatalogueError where ``product`` is none that is known."""
    from advisor.store.market_files import load_products

    if product is not None and product not in (products := load_products()):
        raise CatalogueError(
            f"product {product!r} is not known{nearest(product, products)}; see `sizer catalog list --kind products`"
        )
    offers = known_offers(chosen, store_url=store_url, known_at=known_at)
    return OfferList(
        sizer_version=__version__, created=utc_now(), known_at=None if known_at is None else known_at.isoformat(),
        offers=tuple(offer for offer in offers if product in {None, offer.product}),
    )  # fmt: skip


def show_product(product: str, *, store_url: str | None = None) -> ProductReport:
    """One product with all that is known of its prices. CatalogueError where there is none of that id."""
    from advisor.store.market_files import load_products

    offers = list_offers("all", product, store_url=store_url).offers
    return ProductReport(sizer_version=__version__, created=utc_now(), product=load_products()[product], offers=offers)


def export_offers(chosen: OfferSource, *, store_url: str | None = None) -> str:
    """CSV of offers in the form that is imported without any option."""
    from advisor.store.market_files import load_products

    products = load_products()
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(
        ["vendor", "product", "title", "price", "currency", "observed_at", "price_kind", "trust", "condition",
         "availability", "price_basis", "ram_gb", "disk_gb", "source_url", "note"]
    )  # fmt: skip
    for offer in known_offers(chosen, store_url=store_url):
        named = products.get(offer.product)
        writer.writerow(
            [named.vendor if named else "", offer.product, named.full_name if named else "", _plain(offer.price),
             offer.currency, offer.observed, offer.kind, offer.trust, offer.condition, offer.availability or "",
             offer.basis or "", _size(offer.memory_bytes, GIB), _size(offer.storage_bytes, 1e9), offer.source,
             offer.note]
        )  # fmt: skip
    return buffer.getvalue()


def _size(value: float | None, unit: float) -> str:
    return "" if value is None else _plain(value / unit)


def _plain(value: float) -> str:
    """Digits without an exponent, which readers of price lists take for something else."""
    return f"{value:.4f}".rstrip("0").rstrip(".")


@dataclass(frozen=True)
class Rate:
    """A rate of exchange that the user gives."""

    currency: str
    usd: float
    """What one unit of it costs [USD]."""
    day: dt.date


@dataclass(frozen=True)
class MarketView:
    """A catalogue with the prices of a day."""

    catalogue: Catalogue
    added: AddedPrices
    """Of devices that are added to a box."""
    offers_sha256: str
    as_of: dt.date
    products: int
    """Products that are candidates."""
    unplannable: tuple[Unplannable, ...]
    unconverted: tuple[str, ...]
    """Currencies of offers that were left out for want of a rate."""
    taxed: str
    """To what basis, and at what tax, prices that state another were brought; empty: none was."""

    def words(self) -> str:
        """What a plan says of where its prices come from."""
        left = (
            f"; prices in {', '.join(self.unconverted)} were left out (`--rate CODE=USD@DATE` would let them in)"
            if self.unconverted
            else ""
        )
        return (
            f"prices as of {self.as_of}: {self.products} boxes are products with dated prices; the others are classes "
            f"of boxes that nobody sells under their name, their prices a sum of assumptions with memory at the price "
            f"of the day; {len(self.unplannable)} products of the list could not be planned "
            f"(`sizer catalog offers list` shows all){left}{self.taxed}"
        )


def market_view(
    catalogue: Catalogue, chosen: OfferSource, as_of: dt.date, rates: Sequence[Rate] = (), *,
    money: Money | None = None, store_url: str | None = None,
) -> MarketView | None:  # fmt: skip
    """Catalogue with products and prices as of a day; None for ``none``: the catalogue as it is.

    ``money``: of the scenario, whose tax brings offers to the basis that it asks for.

    Raises
    ------
    CatalogueError, StoreError
        A file of products, or the store, cannot be read.
    """
    if chosen == "none":
        return None
    from advisor.market.added_price import added_prices
    from advisor.market.boxes import market_boxes
    from advisor.market.memory_price import MemorySeries
    from advisor.store.market_files import load_products, offers_sha256, shipped_memory_prices

    offers = known_offers(chosen, store_url=store_url)
    memory = shipped_memory_prices()
    converted = [_in_usd(offer, rates) for offer in offers]
    missing = sorted({offer.currency for offer, done in zip(offers, converted, strict=True) if done is None})
    usd = tuple(_in_basis(offer, money) for offer in converted if offer is not None)
    seen = tuple(
        price
        for price in (_memory_in_usd(item, rates) for item in memory)
        if price is not None and price.observed <= as_of
    )
    products = load_products().values()
    boxes = market_boxes(catalogue.platforms(), products, usd, MemorySeries(seen, PLAN_CURRENCY), as_of)
    return MarketView(
        catalogue=catalogue.with_platforms(boxes.platforms),
        added=added_prices(products, usd, as_of),
        offers_sha256=offers_sha256(usd, seen),
        as_of=as_of,
        products=sum(box.product is not None for box in boxes.platforms),
        unplannable=boxes.unplannable,
        unconverted=tuple(missing),
        taxed=_taxed(money),
    )


def with_products(catalogue: Catalogue, names: Iterable[str]) -> Catalogue:
    """Catalogue with those of the named boxes that are products: what a plan recommended can be asked for elsewhere."""
    from advisor.market.boxes import named_box
    from advisor.store.market_files import load_products

    unknown = [name for name in names if "-with-" in name and catalogue.identify("platforms", name) is None]
    if not unknown:
        return catalogue
    products, classes = load_products(), catalogue.platforms()
    boxes = [named_box(name, classes, products) for name in unknown]
    return catalogue.with_platforms(box for box in boxes if box is not None)


def _rate(currency: str, rates: Sequence[Rate]) -> float | None:
    if currency == PLAN_CURRENCY:
        return 1.0
    return next((rate.usd for rate in rates if rate.currency == currency), None)


def _in_usd(offer: Offer, rates: Sequence[Rate]) -> Offer | None:
    rate = _rate(offer.currency, rates)
    if rate is None or rate == 1.0:
        return None if rate is None else offer
    day = next(rate.day for rate in rates if rate.currency == offer.currency)
    return offer.model_copy(
        update={
            "price": offer.price * rate,
            "currency": PLAN_CURRENCY,
            "source": f"{offer.source} ({offer.price:g} {offer.currency} at {rate:g} USD of {day})",
        }
    )


def _in_basis(offer: Offer, money: Money | None) -> Offer:
    """The offer without or with tax, as the scenario compares prices; one that does not say which stays as it is."""
    if money is None:
        return offer
    price, basis = money.brought(offer.price, offer.basis)
    if basis == offer.basis:
        return offer
    source = f"{offer.source} ({offer.price:g} {offer.currency} {offer.basis}, {money.tax_pct:g} % tax)"
    return offer.model_copy(update={"price": price, "basis": basis, "source": source})


def _taxed(money: Money | None) -> str:
    if money is None or money.price_basis is None:
        return ""
    return (
        f"; prices that state the other basis were made {money.price_basis} at {money.tax_pct:g} % tax "
        "(money.tax_pct), those that state none are as they are"
    )


def _memory_in_usd(price: MemoryPrice, rates: Sequence[Rate]) -> MemoryPrice | None:
    rate = _rate(price.currency, rates)
    if rate is None or rate == 1.0:
        return None if rate is None else price
    return price.model_copy(update={"price_per_gb": price.price_per_gb * rate, "currency": PLAN_CURRENCY})
