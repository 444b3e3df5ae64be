"""Which one change would make most room, from what a run measured: no prediction, only its own busy times."""

from __future__ import annotations

import math
from collections.abc import Mapping

from advisor.records.verdict import Change

from .usage import FULL, Usage

WORTH = 1.05
"""A change that makes room for less than five per cent more is no remedy."""


def most_useful_change(use: Usage, places: Mapping[str, int]) -> Change | None:
    """Name the change that makes most room where something is full; None where nothing is, or it would help little.

    Parameters
    ----------
    use : Usage
        What was busy.
    places : mapping
        ``decode``: its workers; per stage the passes that it may have in work at once.

    Notes
    -----
    By the utilisation law. Full workers beside idle cores: n places become m, which carries m/n times as much until the
    cores are full. Full cores: what a part no longer takes is left to all, so that without the share s of it the rest
    carries 1/(1 - s) times as much.
    """
    cpu = use.cpu_cores
    if cpu is None or cpu <= 0:
        return None
    if cpu / use.usable_cores + use.lost_fraction >= FULL:
        return None if use.lost_fraction > cpu / use.usable_cores else _lighter(use, cpu)
    full = {name: share for name, share in use.busy.items() if share >= FULL}
    if not full:
        return None
    return _wider(max(full, key=lambda name: full[name]), use, cpu, places)


def _wider(name: str, use: Usage, cpu: float, places: Mapping[str, int]) -> Change | None:
    """More workers, or streams, for a part that is full while cores are idle."""
    now = places.get(name, 1)
    room = use.usable_cores * (1.0 - use.lost_fraction) * FULL / cpu
    then = max(now + 1, min(math.ceil(now * room), math.floor(use.usable_cores)))
    factor = min(then / now, room)
    if factor < WORTH:
        return None
    workers = "decode threads" if name == "decode" else f"streams of stage {name}"
    idle = max(use.usable_cores * (1.0 - use.lost_fraction) - cpu, 0.0)
    return Change(
        resource=workers,
        load_factor=factor,
        text=f"{then} {workers} instead of {now}: it is busy {100 * use.busy[name]:.0f} % of the time while {idle:.1f} "
        f"of {use.usable_cores:g} cores are idle; room for up to {factor:.2g} times the load",
    )  # fmt: skip


def _lighter(use: Usage, cpu: float) -> Change | None:
    """Less work for the part that takes most of full cores."""
    parts = {**use.stage_cores, "decode": use.decode_cores or 0.0}
    most = max(parts, key=lambda name: parts[name], default=None)
    if most is None:
        return None
    if most == "decode":
        saved, words = 0.75, "cameras at half the width and height (a sub-stream), or a decoder in hardware"
    else:
        saved, words = 0.5, f"stage {most} on every second of its frames, or in int8 where it is not"
    share = saved * min(parts[most] / cpu, 1.0)
    factor = 1.0 / (1.0 - share)
    if factor < WORTH:
        return None
    return Change(
        resource="cpu",
        load_factor=factor,
        text=f"{words}: {most} takes {parts[most]:.2g} of the {cpu:.2g} cores that the cascade keeps busy; room for "
        f"about {factor:.2g} times the load",
    )  # fmt: skip
