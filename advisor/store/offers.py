"""Offers that the user imported: two times each, of the price itself and of its being known here.

``observed`` is the day of a price, ``recorded`` the moment at which this store learnt of it, ``superseded`` that at
which it learnt better. What was known at any moment can be asked again; nothing is overwritten.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass

from pydantic import ValidationError
from sqlalchemy import insert, or_, select, update

from advisor.errors import StoreError
from advisor.records.offer import Offer

from .database import Database
from .tables import offers as table


@dataclass(frozen=True)
class OfferChanges:
    """What an import would change, or has changed."""

    added: tuple[Offer, ...]
    corrected: tuple[tuple[Offer, Offer], ...]
    """What was known before under the same identity, and what is now."""
    unchanged: int


class OfferStore(Database):
    """Imported offers. See :class:`Database` for how a store is opened and which errors every method raises."""

    def changes(self, offers: Iterable[Offer]) -> OfferChanges:
        """Compare with what is known, and change nothing."""
        known = {offer.key: offer for offer in self.known()}
        # The last line of a list that names one thing twice counts.
        incoming = {offer.key: offer for offer in offers}
        added = tuple(offer for key, offer in incoming.items() if key not in known)
        corrected = tuple(
            (known[key], offer) for key, offer in incoming.items() if key in known and known[key] != offer
        )
        return OfferChanges(added, corrected, len(incoming) - len(added) - len(corrected))

    def record(self, offers: Iterable[Offer], now: dt.datetime) -> OfferChanges:
        """Add what is new and correct what differs, all of it or nothing.

        Parameters
        ----------
        now : datetime
            With a time zone.
        """
        changes = self.changes(offers)
        stamp = _stamp(now)
        with self._write() as connection:
            for before, _ in changes.corrected:
                connection.execute(
                    update(table)
                    .where(table.c.key == before.key, table.c.superseded.is_(None))
                    .values(superseded=stamp)
                )
            for offer in (*changes.added, *(after for _, after in changes.corrected)):
                connection.execute(
                    insert(table).values(
                        key=offer.key, recorded=stamp, superseded=None, product=offer.product,
                        observed=offer.observed, document=offer.model_dump_json(),
                    )
                )  # fmt: skip
        return changes

    def known(self, at: dt.datetime | None = None) -> tuple[Offer, ...]:
        """Offers as they were known at a moment, by default now; by product and day."""
        rows = select(table.c.document)
        if at is None:
            rows = rows.where(table.c.superseded.is_(None))
        else:
            stamp = _stamp(at)
            rows = rows.where(table.c.recorded <= stamp, or_(table.c.superseded.is_(None), table.c.superseded > stamp))
        rows = rows.order_by(table.c.product, table.c.observed, table.c.key)
        try:
            return tuple(Offer.model_validate_json(document) for (document,) in self._rows(rows))
        except ValidationError as error:
            raise StoreError(
                f"store {self.name}: an offer in it is damaged or of another version; use another store"
            ) from error


def _stamp(moment: dt.datetime) -> str:
    """Moment in UTC as text of one length, so that texts compare as moments do."""
    return moment.astimezone(dt.UTC).isoformat(timespec="microseconds")
