"""Where the answer is "cannot tell": what holds at the median, not on the pessimistic side; and what would settle it.

A box that fails only because too little is known of it is no box that fails. The measurement named is that of the part
(a stage, or decode) with the largest share in the distance between the pessimistic and the median load.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from advisor.planner.question.inputs import Candidate
from advisor.planner.search.costs import decode_cores, stage_cores
from advisor.planner.search.rank import price, spare
from advisor.planner.search.search import Ask, Judgement, Searcher
from advisor.planner.search.space import Z90
from advisor.records.base import Evidence
from advisor.records.plan import NextMeasurement, Undecided
from advisor.simulate.spec import DECODE

from .options import belief

MOST_UNDECIDED = 3
MOST_TRIED = 8
"""Nearest misses that are judged at the median belief."""
MOST_BOXES = 8
"""More boxes than this are not tried for a platform that may or may not hold."""


def next_measurement(searcher: Searcher, judged: Judgement, ask: Ask) -> NextMeasurement | None:
    """Name the measurement on the platform that would take most of the doubt away; None where all is measured there.

    Raises
    ------
    ValueError
        The judgement has no configuration.
    """
    setup, model, scenario = judged.setup, judged.model, ask.scenario
    if setup is None:
        raise ValueError(f"{model.id} was judged without a configuration")
    facts = searcher.facts(scenario, ask.load(judged.count))
    spread = {
        name: stage_cores(option, facts.stages[name], Z90) - stage_cores(option, facts.stages[name], 0.0)
        for name, option in setup.choice.items()
    }
    spread[DECODE] = decode_cores(model, scenario, facts, Z90) - decode_cores(model, scenario, facts, 0.0)
    total = sum(spread.values())
    evidence = model.evidence(scenario, setup.choice)
    open_parts = [name for name in spread if evidence.get(name, Evidence.MEASURED) is not Evidence.MEASURED]
    if total <= 0 or not open_parts:
        return None
    part = max(open_parts, key=lambda name: spread[name])
    share = spread[part] / total
    if part == DECODE:
        command, what = "sizer bench --quick", "decoding"
    else:
        command, what = f"sizer bench {scenario.stage(part).model}", f"stage {part}"
    text = f"`{command}` on it would narrow this most: {what} makes {share * 100:.0f} % of the doubt about its load"
    return NextMeasurement(part=part, command=command, share=share, text=text)


def undecided(searcher: Searcher, failing: Sequence[tuple[Candidate, int]], ask: Ask) -> tuple[Undecided, ...]:
    """Of platforms that fail on the pessimistic side those that hold at the median belief, as ``failing`` is ordered.

    ``failing``: candidates with the largest number of boxes of interest, nearest miss first.
    """
    found = []
    for candidate, boxes in failing[:MOST_TRIED]:
        hopeful = _fewest(searcher, candidate, ask, min(boxes, MOST_BOXES))
        if hopeful is not None:
            found.append(_record(searcher, candidate, hopeful, ask))
        if len(found) >= MOST_UNDECIDED:
            break
    return tuple(found)


def _fewest(searcher: Searcher, candidate: Candidate, ask: Ask, boxes: int) -> Judgement | None:
    """Judgement with the fewest boxes that hold at the median belief; None where none do."""
    judgements = (searcher.judge(candidate, count, ask, 0.0) for count in range(1, boxes + 1))
    return next((judged for judged in judgements if judged.feasible), None)


def _record(searcher: Searcher, candidate: Candidate, judged: Judgement, ask: Ask) -> Undecided:
    # At the median it holds, on the pessimistic side it does not: the belief lies in between.
    probability = belief(searcher, replace(judged, feasible=False), ask)
    paid = price(searcher, candidate, judged.count, ask.scenario)
    bought = judged.count + spare(ask.scenario)
    measurement = next_measurement(searcher, judged, ask)
    text = (
        f"{probability * 100:.0f} % that it holds, which it does at the median and not on the pessimistic side; "
        "`sizer verify` on it would settle that"
    )
    if measurement is not None:
        text += f", {measurement.text}"
    return Undecided(
        platform=candidate.platform.id,
        name=candidate.platform.name,
        count=bought,
        price=paid,
        probability=probability,
        measurement=measurement,
        text=text,
    )
