"""Platforms for which the answer is "cannot tell": they hold at the median, not at the confidence asked for.

A box that fails only because too little is known of it is not a box that fails. The measurement named is that of the
part (a stage, or decode) with the largest share in the distance between the load at each part's P90 and at the median.
"""

from __future__ import annotations

from collections.abc import Sequence

from advisor.planner.question.inputs import Candidate
from advisor.planner.search.belief import MEDIAN, PESSIMISTIC
from advisor.planner.search.costs import application_cores, decode_cores, stage_cores
from advisor.planner.search.judgement import Deployment, Failing
from advisor.planner.search.search import judge
from advisor.planner.search.study import Study
from advisor.records.base import Evidence
from advisor.records.plan import NextMeasurement, Undecided
from advisor.simulate.spec import DECODE

from .certainty import probability_of_holding

MAX_UNDECIDED = 3
MAX_TRIED = 8
"""Nearest misses that are judged at the median."""
MAX_BOXES = 8
"""More boxes than this are not tried for a platform that may or may not hold."""


def next_measurement(deployment: Deployment) -> NextMeasurement | None:
    """Name the measurement on the platform that would narrow its load most; None where all of it is measured."""
    setup, model, scenario = deployment.setup, deployment.model, deployment.scenario
    facts = deployment.facts(deployment.required)
    spread = {
        name: stage_cores(option, facts.stages[name], PESSIMISTIC) - stage_cores(option, facts.stages[name], MEDIAN)
        for name, option in setup.choice.items()
    }
    pessimistic, median = (decode_cores(model, scenario, facts, z) for z in (PESSIMISTIC, MEDIAN))
    spread[DECODE] = pessimistic - median
    around = [application_cores(model, scenario, facts, z) for z in (PESSIMISTIC, MEDIAN)]
    application = around[0] - around[1]
    total = sum(spread.values()) + application
    evidence = model.evidence(scenario, setup.choice)
    unmeasured = [name for name in spread if evidence.get(name, Evidence.MEASURED) is not Evidence.MEASURED]
    if total <= 0 or not unmeasured:
        return None
    part = max(unmeasured, key=lambda name: spread[name])
    share = spread[part] / total
    if part == DECODE:
        command, what = "sizer bench --quick", "decoding"
    else:
        command, what = f"sizer bench {scenario.stage(part).model}", f"stage {part}"
    if application > spread[part]:
        text = (
            "state in `application:` what yours takes around the models, which makes "
            f"{application / total * 100:.0f} % of the uncertainty of the load of this box; `{command}` on it would "
            f"narrow the rest most: {what} makes {share * 100:.0f} %"
        )
    else:
        text = (
            f"`{command}` on it would narrow this most: {what} makes {share * 100:.0f} % of the uncertainty of its load"
        )
    return NextMeasurement(part=part, command=command, share=share, text=text)


def undecided(study: Study, failing: Sequence[tuple[Candidate, int]]) -> tuple[Undecided, ...]:
    """Of platforms that fail those that hold at the median, in the order of ``failing``.

    ``failing``: candidates with the largest number of boxes of interest, nearest miss first.
    """
    items: list[Undecided] = []
    for candidate, boxes in failing[:MAX_TRIED]:
        deployment = fewest_at_median(study, candidate, min(boxes, MAX_BOXES))
        if deployment is not None:
            items.append(_record(deployment))
        if len(items) >= MAX_UNDECIDED:
            break
    return tuple(items)


def fewest_at_median(study: Study, candidate: Candidate, boxes: int) -> Deployment | None:
    """Return the fewest boxes that hold at the median, headroom included, and fail for want of confidence alone."""
    for count in range(1, boxes + 1):
        judged = judge(study, candidate, count)
        if isinstance(judged, Failing) and not judged.failed.at_median:
            return judged.deployment
    return None


def _record(deployment: Deployment) -> Undecided:
    probability = probability_of_holding(deployment, feasible=False)
    measurement = next_measurement(deployment)
    asked = deployment.scenario.margin.confidence_pct
    text = (
        f"{probability * 100:.0f} % that it holds, {asked:g} % are asked for; at the median it does; "
        "`sizer verify` on it would settle that"
    )
    if measurement is not None:
        text += f"; {measurement.text}"
    platform = deployment.candidate.platform
    return Undecided(
        platform=platform.id,
        name=platform.name,
        count=deployment.count + deployment.case.spare_boxes,
        price=deployment.study.price(deployment.candidate, deployment.count),
        probability=probability,
        measurement=measurement,
        text=text,
    )
