"""What boxes cost on a day: the catalogue with products and their offers, from which a plan chooses."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from advisor.records.offer import Offer

if TYPE_CHECKING:
    from advisor.market.added_price import AddedPrices
    from advisor.market.boxes import Unplannable
    from advisor.records.offer import MemoryPrice
    from advisor.records.scenario import Money
    from advisor.store.catalogue import Catalogue

PLAN_CURRENCY = "USD"
"""Prices of the catalogue; a scenario converts them by its ``money.usd_rate``."""
OfferSource = Literal["all", "shipped", "imported", "none"]


@dataclass(frozen=True)
class Rate:
    """A rate of exchange that the user gives."""

    currency: str
    usd: float
    """What one unit of it costs [USD]."""
    day: dt.date


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
