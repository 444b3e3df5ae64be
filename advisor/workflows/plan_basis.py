"""Versions of everything that a plan depends on."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from advisor import __version__
from advisor.errors import CatalogueError
from advisor.records.plan import PlanBasis
from advisor.store.files import reason
from advisor.store.paths import profiles_dir

if TYPE_CHECKING:
    from advisor.store.catalogue import Catalogue

    from .market import MarketView


def plan_basis(
    scenario_sha256: str,
    catalogue: Catalogue,
    seed: int,
    measurements: Sequence[str],
    this: str | None = None,
    market: MarketView | None = None,
    slower_now: Mapping[str, float] | None = None,
) -> PlanBasis:
    """Hash what a plan is made from, as it is now.

    Parameters
    ----------
    scenario_sha256 : str
        Of the scenario file.
    catalogue : Catalogue
        All boxes and chips, the user's own among them.
    seed : int
        Of the simulations.
    measurements : sequence of str
        Keys of the measurements that entered.
    this : str, optional
        Fingerprint of this machine where it is a candidate.
    market : MarketView, optional
        Offers and the day of their prices; None: prices are those of the catalogue.
    slower_now : mapping, optional
        By what this machine's timings were brought to the hour of the plan; None: nothing of it was timed anew.

    Raises
    ------
    CatalogueError
        A file of the catalogue or of the calibration cannot be read.
    """
    return PlanBasis(
        scenario_sha256=scenario_sha256,
        catalogue=catalogue.sha256(),
        calibration=calibration_sha256(),
        offers=None if market is None else market.offers_sha256,
        as_of=None if market is None else market.as_of.isoformat(),
        seed=seed,
        measurements=tuple(sorted(measurements)),
        this=this,
        slower_now=dict(slower_now or {}),
    )


def calibration_sha256() -> str:
    """SHA-256 over the version of sizer and the files of the shipped calibration.

    Raises
    ------
    CatalogueError
        A file cannot be read.
    """
    digest = hashlib.sha256(f"sizer {__version__}\n".encode())
    for path in sorted((profiles_dir() / "calibration").glob("*.json")):
        try:
            content = path.read_bytes()
        except OSError as error:
            raise CatalogueError(f"{path}: cannot be read ({reason(error)})") from error
        digest.update(f"{path.name} {len(content)}\n".encode())
        digest.update(content)
    return digest.hexdigest()
