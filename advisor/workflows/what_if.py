"""The surface from which a plan's page answers what-if."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from advisor.records.plan import Plan
from advisor.records.scenario import Scenario
from advisor.records.surface import WhatIfSurface

from .plan_devices import with_devices

if TYPE_CHECKING:
    from advisor.planner.question.inputs import Candidate
    from advisor.planner.search.study import Study


def surface_of(study: Study, candidates: Sequence[Candidate], plan: Plan) -> WhatIfSurface | None:
    """Work out the surface of a plan from what it was made with; None where its scenario has none."""
    from advisor.planner.answer.surface.build import build_surface
    from advisor.store.catalogue import Catalogue

    catalogue = Catalogue.load()  # devices belong to chips: boxes of price lists have them, too

    def devices(scenario: Scenario, boxes: Sequence[Candidate]) -> tuple[Candidate, ...]:
        return with_devices(scenario, boxes, catalogue)

    return build_surface(study, candidates, plan, devices)
