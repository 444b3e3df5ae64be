"""Who is there and whose turn it is on each box: what a scheduler knows of boxes and campaigns, without Dask.

A box takes one measurement at a time and serves campaigns in the order in which they came: the second begins on a box
when the first has finished there. A desk that goes loses its turns at once.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from advisor.records.farm import BoxProgress, CampaignProgress, FarmBox

KEPT = 20
"""Ended campaigns that a status still lists."""


@dataclass
class Roster:
    """Boxes and campaigns by name; every method is called from one thread."""

    boxes: dict[str, FarmBox] = field(default_factory=dict)
    campaigns: dict[str, CampaignProgress] = field(default_factory=dict)
    owners: dict[str, str] = field(default_factory=dict)
    """Campaign to the desk's connection that runs it."""

    def came(self, box: FarmBox) -> None:
        """Note that a box has registered."""
        self.boxes[box.name] = box

    def went(self, name: str, when: str) -> None:
        """Note that a box has gone; it stays listed as away, with when it was last there."""
        known = self.boxes.get(name)
        if known is not None:
            self.boxes[name] = known.model_copy(update={"present": False, "since": when})

    def report(self, campaign: CampaignProgress, owner: str) -> list[str]:
        """Take over what a desk says of its campaign; names of the boxes that are there and whose turn is its."""
        self.campaigns[campaign.id] = campaign
        self.owners[campaign.id] = owner
        return [box.name for box in campaign.boxes if self._turn(box.name) == campaign.id and self._present(box.name)]

    def end(self, campaign: CampaignProgress) -> list[str]:
        """Note the end of a campaign; names of the boxes on which something of it may still be going on."""
        busy = self._held(campaign.id)
        self.owners.pop(campaign.id, None)
        self.campaigns[campaign.id] = campaign
        self._forget()
        return busy

    def desk_went(self, owner: str) -> list[str]:
        """End the campaigns of a desk that has gone; names of boxes as with :meth:`end`."""
        busy = []
        for name in [name for name, desk in self.owners.items() if desk == owner]:
            campaign = self.campaigns[name]
            stopped = tuple(box.model_copy(update={"doing": None, "since": None}) for box in campaign.boxes)
            ended = {"ended": True, "note": "its desk went", "boxes": stopped}
            busy += self.end(campaign.model_copy(update=ended))
        return busy

    def _held(self, name: str) -> list[str]:
        """Boxes whose turn a campaign has, whatever it last said of them: a report is a second old."""
        known = self.campaigns.get(name)
        return [] if known is None else [box.name for box in known.boxes if self._turn(box.name) == name]

    def _turn(self, box: str) -> str | None:
        """Campaign that has come first of those that still want the box."""
        for name, campaign in self.campaigns.items():
            if not campaign.ended and any(item.name == box and not item.finished for item in campaign.boxes):
                return name
        return None

    def _present(self, box: str) -> bool:
        return box in self.boxes and self.boxes[box].present

    def _forget(self) -> None:
        ended = [name for name, campaign in self.campaigns.items() if campaign.ended]
        for name in ended[:-KEPT]:
            del self.campaigns[name]

    def waiting(self, name: str, box: BoxProgress) -> str | None:
        """Title of the campaign that an unfinished box of another one waits for; None if it waits for none."""
        holder = self._turn(box.name)
        if box.finished or holder is None or holder == name:
            return None
        return self.campaigns[holder].title
