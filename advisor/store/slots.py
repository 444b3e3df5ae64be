"""Slots of boxes and what added devices need (``profiles/slots.csv``): whether one fits into the other."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

from advisor.errors import CatalogueError
from advisor.records.offer import ProductForm

from .paths import profiles_dir

Fit = Literal["fits", "taken", "lacks", "unknown"]
"""``taken``: it has the slot, but as sold something else may be in it."""
KINDS = frozenset({"m2-m", "m2-b", "m2-e", "m2-a", "hat-pcie", "pcie", "usb3", "usb2"})
"""M.2 sockets by key, the flat cable of a Raspberry Pi, slots for cards, and USB ports."""
OFTEN_TAKEN = {"m2-m": "the disk", "m2-e": "the wireless card", "m2-a": "the wireless card"}


@dataclass(frozen=True)
class SlotFact:
    """Slots that a box has, or any one of which a device needs."""

    slots: frozenset[str]
    cited: str
    """Kind, source and date, in words."""


def read_slots(path: Path) -> dict[str, dict[str, SlotFact]]:
    """Read the table: ``has`` by processor, platform or product, ``needs`` by device.

    Raises
    ------
    CatalogueError
        It cannot be read, or names a slot that is none of :data:`KINDS`; the message names file and line.
    """
    found: dict[str, dict[str, SlotFact]] = {"has": {}, "needs": {}}
    try:
        with path.open(encoding="utf-8", newline="") as stream:
            for line, row in enumerate(csv.DictReader(stream), 2):
                slots = frozenset(row["slots"].split("+"))
                if not slots <= KINDS:
                    raise ValueError(f"line {line}: slot {min(slots - KINDS)!r} is none of {', '.join(sorted(KINDS))}")
                cited = f"[{row['kind']}; {row['source']}, {row['date']}]"
                found[row["side"]][row["item"]] = SlotFact(slots, cited)
    except (OSError, ValueError, KeyError) as error:
        raise CatalogueError(f"{path}: slots of boxes cannot be read ({error}); install sizer again") from error
    return found


@cache
def load_slots() -> Mapping[str, Mapping[str, SlotFact]]:
    """Those that ship."""
    return read_slots(profiles_dir() / "slots.csv")


def slot_fit(box: Iterable[str], device: str, link: str | None) -> tuple[Fit, str]:
    """Whether a box takes an added device, and the reason or the caveat in words.

    Parameters
    ----------
    box
        Ids under which the box's slots may stand, the most specific first: product, platform, processor.
    device, link
        Id of the device, and how it is attached as its data sheet says.
    """
    known = load_slots()
    has = next((known["has"][name] for name in box if name in known["has"]), None)
    needs = known["needs"].get(device)
    wanted = link or "its link"
    if has is None or needs is None:
        return "unknown", f"slot not known: check that the box takes it by {wanted}"
    common = has.slots & needs.slots
    if not common:
        return "lacks", (
            f"it has no slot for {device}, which needs one of {', '.join(sorted(needs.slots))} {needs.cited}; it has "
            f"{', '.join(sorted(has.slots))} {has.cited}"
        )
    taken = {OFTEN_TAKEN[slot] for slot in common if slot in OFTEN_TAKEN} if common <= set(OFTEN_TAKEN) else set()
    caveat = f"; {' or '.join(sorted(taken))} may be in it: check" if taken else ""
    words = f"takes it by {', '.join(sorted(common))} {has.cited}{caveat}"
    return "taken" if taken else "fits", words


def form_wanted(box: Iterable[str], device: str) -> ProductForm:
    """Form in which an added device is bought for a box: a HAT where nothing else fits, else a module or a USB stick.

    A box of which no slots are known is taken to be no Raspberry Pi.
    """
    known = load_slots()
    needs = known["needs"].get(device)
    if needs is None:
        return "accelerator-m2"
    has = next((known["has"][name] for name in box if name in known["has"]), None)
    common = needs.slots if has is None else has.slots & needs.slots
    if common and common <= {"usb3", "usb2"}:
        return "accelerator-usb"
    return "accelerator-hat" if common == {"hat-pcie"} else "accelerator-m2"
