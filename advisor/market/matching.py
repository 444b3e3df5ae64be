r"""Which product a line of a price list means.

In this order: the id of a product; a GTIN; a maker's part number; words. Words must name the product's processor, and
resemble its name by

.. math:: s = 100 \, |w_l \cap w_p| / |w_p|

as rapidfuzz's token set ratio, w being words. A match by words counts if s reaches :data:`SURE` and no other product
comes within :data:`APART` of it; else it is uncertain and listed with what it may be.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from rapidfuzz import fuzz

from advisor.records.offer import Product

from .formats.base import ListedOffer

SURE = 92.0
POSSIBLE = 70.0
APART = 6.0
_CHIP = re.compile(
    r"\b(?:i[3579]-?\d{4,5}[a-z]{0,3}|ultra ?[579] ?\d{3}[a-z]{0,2}|core ?3 ?n?\d{3}"
    r"|n(?:50|95|97|100|150|200|250|300|305|355)"
    r"|j[46]\d{3}|ryzen(?: ai)? ?(?:max\+? ?)?[3579]? ?(?:hx ?)?(?:pro ?)?\d{3,4}[a-z]{0,2}|\d{4}(?:hs|hx|u|h)|rk3\d{3}"
    r"|orin(?: nx| nano)?|hailo-?\d+l?|rtx ?\d{4}(?: ti)?|arc ?[ab]\d{3})\b",
    re.IGNORECASE,
)
How = Literal["id", "gtin", "mpn", "words"]


@dataclass(frozen=True)
class Match:
    """What a line was taken for; ``product`` None: nothing, or not for sure."""

    offer: ListedOffer
    product: Product | None
    how: How | None
    score: float
    candidates: tuple[str, ...] = ()
    """Ids of the products that it may mean, where that is uncertain."""


def match_all(offers: Sequence[ListedOffer], products: Iterable[Product]) -> list[Match]:
    """Match every line of a list, in its order."""
    known = _Known(tuple(products))
    return [known.match(offer) for offer in offers]


def chips_in(text: str) -> set[str]:
    """Processors and accelerators that a text names, in lower case without dashes, spaces and their family's name."""
    found = {re.sub(r"[^a-z0-9]", "", match[0].lower()) for match in _CHIP.finditer(text)}
    return {re.sub(r"^ryzen(?:ai)?(?:max)?[3579]?(?:hx)?(?:pro)?(?=\d{3})|^core(?=3)", "", chip) for chip in found}


class _Known:
    def __init__(self, products: tuple[Product, ...]) -> None:
        self._by_id = {product.id: product for product in products}
        self._by_gtin = {code.zfill(14): product for product in products for code in product.gtin}
        self._by_mpn = {(_plain(product.vendor), _plain(code)): product for product in products for code in product.mpn}
        self._words = [(product, _words(f"{product.vendor} {product.name}")) for product in products]
        self._chips = {
            product.id: chips_in(product.processor_text.value) | chips_in(product.name) for product in products
        }

    def match(self, offer: ListedOffer) -> Match:
        """Find the product of one line."""
        if offer.product is not None and offer.product in self._by_id:
            return Match(offer, self._by_id[offer.product], "id", 100.0)
        if offer.gtin is not None and offer.gtin in self._by_gtin:
            return Match(offer, self._by_gtin[offer.gtin], "gtin", 100.0)
        if offer.mpn is not None:
            code = _plain(offer.mpn)
            same = [
                p
                for (vendor, known), p in self._by_mpn.items()
                if known == code and offer.vendor and _plain(offer.vendor) == vendor
            ]
            if len(same) == 1:
                return Match(offer, same[0], "mpn", 100.0)
        return self._by_words(offer)

    def _by_words(self, offer: ListedOffer) -> Match:
        text = offer.title if offer.vendor.casefold() in offer.title.casefold() else f"{offer.vendor} {offer.title}"
        words, chips = _words(text), chips_in(text)
        scored = []
        for product, name in self._words:
            own = self._chips[product.id]
            if chips and own and not chips & own:
                continue
            covered = fuzz.token_set_ratio(name, words) if _distinct(name) & set(words.split()) else 0.0
            # Without the chip a name alone says too little: one name is sold with several.
            scored.append((covered if chips & own or not own else covered - 10.0, product))
        scored.sort(key=lambda item: (-item[0], item[1].id))
        if not scored or scored[0][0] < POSSIBLE:
            return Match(offer, None, None, scored[0][0] if scored else 0.0)
        best, product = scored[0]
        # Two products that both resemble the line wholly are told apart by the longer name.
        rivals = [other for score, other in scored[1:] if score > best - APART]
        longer = [p for p in (product, *rivals) if len(p.name) == max(len(q.name) for q in (product, *rivals))]
        if (
            best >= SURE
            and rivals
            and len(longer) == 1
            and all(_words(r.name) in _words(longer[0].name) for r in [*rivals, product])
        ):
            return Match(offer, longer[0], "words", best)
        if best >= SURE and not rivals:
            return Match(offer, product, "words", best)
        return Match(offer, None, None, best, tuple(p.id for p in (product, *rivals))[:5])


def _plain(text: str) -> str:
    return re.sub(r"[^a-z0-9]", "", text.casefold())


def _words(text: str) -> str:
    """Words of a name, its letters and digits apart from all else, as one text."""
    return " ".join(re.findall(r"[a-z0-9]+", text.casefold()))


def _distinct(name: str) -> set[str]:
    """Words of a name that a vendor's name alone does not give: those with a digit, else all but the first."""
    words = name.split()
    return {word for word in words if any(letter.isdigit() for letter in word)} or set(words[1:] or words)
