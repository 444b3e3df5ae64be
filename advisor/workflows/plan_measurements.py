"""What is measured on this machine for a plan, and which measurements the plan depends on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from advisor.measure.campaign.campaign import Campaign, Options
    from advisor.measure.items.progress import Progress
    from advisor.records.host import HostFacts
    from advisor.records.model import ModelFile
    from advisor.records.scenario import Scenario
    from advisor.store.measurements import MeasurementStore

VISITS = 3
"""Plans of this machine that time a disturbed model once more each, so that no single moment decides."""


@dataclass(frozen=True)
class Measuring:
    """Whether a plan measures this machine, and for which machines: for itself, or for all others."""

    wanted: bool | None
    """As :attr:`PlanRequest.measure`."""
    named: bool
    """Whether the platforms of the plan were named."""
    here: bool
    """Whether this machine is a candidate."""
    others: bool
    """Whether any other is."""
    unpublished: tuple[str, ...]
    """Stages whose model the shipped calibration does not know: only measurements tell how far its time is off."""

    again: bool
    """Whether this machine, where it is a candidate, is measured anew instead of what its store lacks alone."""

    @property
    def for_itself(self) -> bool:
        """Whether all that describes this machine is measured, as it is a candidate."""
        return self.here and (self.named if self.wanted is None else self.wanted)

    @property
    def carried(self) -> bool:
        """Whether what is measured here of unpublished models enters the predictions of other machines."""
        return bool(self.wanted and self.unpublished and self.others)

    def campaign(
        self, scenario: Scenario, models: Mapping[str, ModelFile], facts: HostFacts, bitrate_kbps: Mapping[str, float]
    ) -> Campaign | None:
        """What is to be measured; ``bitrate_kbps`` of groups of cameras that give none. None: nothing."""
        if not self.for_itself and not self.carried:
            return None
        from advisor.measure.campaign.scenario_items import items_for_others, scenario_items

        if self.for_itself:
            return _with_harness(scenario_items(scenario, models, facts, bitrate_kbps), scenario, facts)
        return items_for_others(scenario, models, facts, bitrate_kbps)

    def options(self) -> Options:
        """How that is measured."""
        from advisor.measure.campaign.campaign import MISSING, Options

        return Options(visits=VISITS, again=self.again) if self.for_itself else MISSING

    def text(self, entered: Sequence[str]) -> str:
        """Which measurements the plan depends on, those of keys ``entered``, and how to have more of them enter."""
        of = f"of the models of {', '.join(self.unpublished)}, of which no figure is published"
        boxes = f"; {len(entered)} that boxes were added with enter, for these boxes alone" if entered else ""
        if self.carried:
            return (
                f"measured on this machine: passes {of}, and of the others to compare with; {len(entered)} "
                "measurements entered (inputs.measurements in the JSON) and move the times of these models on all "
                "platforms"
            )
        if self.here and self.wanted is False:
            return "no measurement was taken on this machine for this plan (--no-measure); those of the store were used"
        if self.for_itself:
            return (
                f"this machine is a candidate: {len(entered)} measurements of candidates entered, each for its own "
                "machine"
            )
        if self.wanted:
            return (
                f"no measurement was taken for this plan, since figures of all models are published (--measure){boxes}"
            )
        remedy = f"; `sizer plan --measure` would measure passes {of}, here" if self.unpublished else ""
        return f"no measurement was taken for this plan{boxes}{remedy}"


def _with_harness(campaign: Campaign, scenario: Scenario, facts: HostFacts) -> Campaign:
    """Add what the run of `sizer verify` itself takes for a frame of a camera."""
    from advisor.measure.campaign.campaign import Entry
    from advisor.verification.harness import HarnessItem

    if not scenario.cameras:
        return campaign
    item = HarnessItem(facts)
    return replace(campaign, entries=(*campaign.entries, Entry(item, item.estimate_s, 1.0)))


def measure(
    campaign: Campaign,
    facts: HostFacts,
    store: MeasurementStore,
    progress: Progress | None,
    options: Options,
) -> None:
    """Take those measurements that the store lacks, or what the options say.

    An interrupt ends the command, not only the measuring: a plan on half of them is not what was asked for.
    """
    from advisor.measure.campaign.campaign import run

    if run(campaign, store, facts, progress, options=options).interrupted:
        raise KeyboardInterrupt
