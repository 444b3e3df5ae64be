"""Groups of cameras that nothing but their name tells apart, planned as one: a plan costs what its distinct groups do.

Cameras of such groups may stand in for each other on any box, so that the joint group is dealt out over boxes as a
whole: 40 groups of 25 cameras over 50 boxes are 20 cameras a box, not one of each group.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import replace

from advisor.records.scenario import CameraGroup, Scenario, SiteGroup, Stage

from .inputs import PlanInputs


def with_groups_merged(inputs: PlanInputs) -> PlanInputs:
    """Return the inputs with groups that are alike as one, under the name of the first of them.

    Alike: equal in everything but name, number and streams' addresses, before the same stages. Streams' addresses are
    no part of a plan.
    """
    scenario = inputs.scenario
    kinds = _kinds(scenario)
    if len(kinds) == len(scenario.cameras):
        return inputs
    first = {group.group: members[0].group for members in kinds for group in members}
    return replace(
        inputs,
        scenario=scenario.model_copy(
            update={
                "cameras": tuple(_joint(members) for members in kinds),
                "stages": tuple(_renamed(stage, first) for stage in scenario.stages),
                "sites": tuple(_summed(site, first) for site in scenario.sites),
            }
        ),
    )


def merged_groups(scenario: Scenario) -> list[str]:
    """Say which groups a plan takes as one."""
    return [
        f"groups {', '.join(group.group for group in members)}: equal cameras before the same stages, planned as one "
        f"group {members[0].group}; on a box any of them may take another's place"
        for members in _kinds(scenario)
        if len(members) > 1
    ]


def _kinds(scenario: Scenario) -> list[list[CameraGroup]]:
    """Groups that are alike, together, in the scenario's order."""
    kinds: dict[Hashable, list[CameraGroup]] = {}
    for group in scenario.cameras:
        kinds.setdefault(_kind(scenario, group), []).append(group)
    return list(kinds.values())


def _kind(scenario: Scenario, group: CameraGroup) -> Hashable:
    alike = group.model_copy(update={"group": "", "count": 0, "source": ()})
    return alike, tuple(group.group in stage.groups for stage in scenario.stages)


def _joint(members: list[CameraGroup]) -> CameraGroup:
    return members[0].model_copy(update={"count": sum(group.count for group in members)})


def _renamed(stage: Stage, first: Mapping[str, str]) -> Stage:
    names = tuple(dict.fromkeys(first.get(name, name) for name in stage.groups))
    return stage.model_copy(update={"groups": names}) if names != stage.groups else stage


def _summed(site: SiteGroup, first: Mapping[str, str]) -> SiteGroup:
    cameras: dict[str, int] = {}
    for name, count in site.cameras.items():
        cameras[first.get(name, name)] = cameras.get(first.get(name, name), 0) + count
    return site.model_copy(update={"cameras": cameras})
