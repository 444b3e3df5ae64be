"""What a scenario permits to be recommended: platforms, devices, runtimes, and prices that the user was quoted."""

from __future__ import annotations

import datetime
from typing import Annotated

from pydantic import Field

from .base import PositiveCount, PositiveQuantity, PriceBasis, Quantity, Record, RuntimeName


class PriceOverride(Record):
    """A price the user was quoted."""

    value: Quantity
    """Price per box."""
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")] | None = None
    """None: the scenario's; USD is converted with ``money.usd_rate``, any other is refused."""
    basis: PriceBasis | None = None
    """Extension: without tax (``net``) or with it (``gross``); None: not stated."""
    date: datetime.date
    """Day of the quotation."""
    source: Annotated[str, Field(min_length=3)]
    """Who quoted it."""


class Candidates(Record):
    """Which platforms may be recommended."""

    vendors: tuple[str, ...] = ()
    """Only processors of these makers; empty: any."""
    form_factor: tuple[str, ...] = ()
    """Only these forms (mini-pc, desktop, fanless, laptop, workstation, server, board); empty: any."""
    max_price: PositiveQuantity | None = None
    """Most that one box may cost, in the scenario's currency."""
    prices: dict[str, PriceOverride] = {}
    """Platform id to a price that takes the place of the catalogue's; ``this``: what each machine like this one costs,
    which otherwise costs nothing and is there once."""
    max_boxes: PositiveCount = 4
    """Most boxes over which the load may be spread."""
    devices: tuple[str, ...] = ()
    """Devices that may infer: ``CPU``, ``GPU`` and ``NPU`` of the chip, or the id of an added one (``hailo-8``); empty:
    the CPU alone."""
    add_accelerators: bool = False
    """Whether boxes may be bought with an added device of ``devices``."""
    runtimes: tuple[RuntimeName, ...] = ()
    """Runtimes that may be chosen besides OpenVINO, where measurements or published ratios tell their times; empty:
    ONNX Runtime where it was measured, nowhere else."""
