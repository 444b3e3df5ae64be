"""How far a stand-in's time lies from that of the network it stands for, where published figures tell."""

from __future__ import annotations

import json
from functools import lru_cache

from advisor.errors import CatalogueError

from .published import profiles_folder

FILE = "calibration/stand_ins.json"
SCHEMA = "sizer.stand-ins/1"
LARGEST_DEVIATION = 0.15
"""Relative deviation of a stand-in's time from the published one beyond which it is said to differ."""


@lru_cache(maxsize=1)
def _ratios() -> dict[str, tuple[float, float | None, int]]:
    """Predicted and measured ratio, and number of machines, by stand-in."""
    path = profiles_folder() / FILE
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise CatalogueError(f"{path}: cannot be read ({error}); install sizer again") from error
    if document.get("schema") != SCHEMA:
        raise CatalogueError(f"{path}: schema {document.get('schema')!r} is not {SCHEMA}; install sizer again")
    models = document["models"]
    return {name: (entry["ratio"], entry.get("measured"), entry["machines"]) for name, entry in models.items()}


def differs(name: str) -> float | None:
    """Time of a stand-in over that of its network where the two differ; None where they do not or nothing tells.

    Predicted against published figures; where the stand-in was also measured in turns with known networks, both must
    say so on the same side, and the measured ratio is given: a prediction may err on its own.

    Parameters
    ----------
    name : str
        Name in the table of published figures, without ``like:``.
    """
    if name not in _ratios():
        return None
    predicted, measured, _ = _ratios()[name]
    if abs(predicted - 1.0) <= LARGEST_DEVIATION:
        return None
    if measured is None:
        return predicted
    apart = abs(measured - 1.0) > LARGEST_DEVIATION and (measured > 1.0) == (predicted > 1.0)
    return measured if apart else None


def remark(name: str) -> str | None:
    """Say for a reader that a stand-in differs from its network, and by how much."""
    ratio = differs(name)
    if ratio is None:
        return None
    machines = _ratios()[name][2]
    return (
        f"stand-in differs from the published network: {ratio:.2f} times its time "
        f"by published figures of {machines} machines"
    )
