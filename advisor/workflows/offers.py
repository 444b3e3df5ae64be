"""Offers in, out and shown: ``sizer catalog offers``."""

from __future__ import annotations

import csv
import datetime as dt
import io
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from advisor import __version__
from advisor.clock import utc_now
from advisor.errors import CatalogueError, InputError, nearest
from advisor.records.offer import Offer, Product
from advisor.records.offer_reports import ImportedLine, OfferImport, OfferList, ProductReport, RefusedEntry

from .market import OfferSource, known_offers

if TYPE_CHECKING:
    from advisor.market.formats.base import ListedOffer
    from advisor.market.matching import Match

GIB = 2**30


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
