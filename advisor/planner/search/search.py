"""Do so many boxes of a platform carry a load case, and with which configuration.

Closed-form bounds discard first (memory, shortest path, utilisation law); what they leave is simulated with growth,
least core time first: SLO and headroom must hold at the median of what is believed of the platform, the SLO alone at
the confidence asked for.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, replace

from advisor.planner.question.demand import spread
from advisor.planner.question.inputs import Candidate
from advisor.planner.question.load_case import Load

from .belief import MEDIAN
from .judge_model import has_cores, judge_model, nearer
from .judgement import Deployment, Failing, Feasible, Judgement
from .last_digits import less
from .platform_model import PlatformModel
from .setup import Choice, set_up
from .study import Study


def judge(study: Study, candidate: Candidate, count: int) -> Judgement:
    """Decide whether ``count`` boxes of a platform carry the case; judged once, and once for all that are alike."""
    key = ("judgement", candidate.platform.id, count, study.case.key)
    return study.once(key, lambda: _judge_alike(study, candidate, count))


def least_deployment(study: Study, candidate: Candidate, count: int) -> Deployment | None:
    """Return the configuration with least demand, without judging it; None where a stage has no option."""
    model, load = study.model(candidate), study.case.required(count)

    def least() -> Choice | None:
        return study.combinations(model, load).first(MEDIAN) if model.has_options(study.scenario) else None

    choice = study.once(("least choice", *model.like, load.key), least)
    if choice is None:
        return None
    return Deployment(study, model, count, set_up(model, study.scenario, choice, load))


def boxes_with_cores(study: Study, candidate: Candidate, count: int) -> int | None:
    """Fewest boxes, ``count`` or more, that have the cores at the median for some combination; None where none do.

    By bisection: the fullest of more boxes never has more to carry. Fewer boxes than that fail as :func:`judge` would
    say of each, for want of cores. Where nothing is known of any combination, ``count``.
    """
    if count > study.case.max_boxes:
        return None
    counts = range(count, study.case.max_boxes + 1)
    if not _known_models(study, candidate):
        return count
    fewest = bisect_left(counts, True, key=lambda boxes: _has_cores(study, candidate, study.case.required(boxes)))
    return counts[fewest] if fewest < len(counts) else None


def cameras_with_cores(study: Study, candidate: Candidate, at_most: int) -> int:
    """Cameras, in the shares of those that must fit, for which one box has the cores at the median; 0 to ``at_most``.

    By bisection, without simulations: more of them fail as :func:`judge` would say, for want of cores.
    """
    numbers = range(1, at_most + 1)

    def lacks(cameras: int) -> bool:
        case = study.case.with_exactly(spread(study.case.grown, cameras))
        return not _has_cores(study, candidate, case.required(1))

    return bisect_left(numbers, True, key=lacks)


def _known_models(study: Study, candidate: Candidate) -> list[PlatformModel]:
    """Models of the platform on which every stage has an option."""
    return [model for model in study.models(candidate) if model.has_options(study.scenario)]


def _has_cores(study: Study, candidate: Candidate, load: Load) -> bool:
    return any(has_cores(study, model, load) for model in _known_models(study, candidate))


@dataclass(frozen=True, eq=False)
class _Precedent:
    """A judgement on boxes that others are predicted to be like in everything."""

    judged: Judgement
    tried_before: int
    took: tuple[int, ...]
    """What it added to ``SearchCounters.judging``."""


def _judge_alike(study: Study, candidate: Candidate, count: int) -> Judgement:
    """Judge boxes as others with equal figures and memory were: boxes of one chip, but for their name and price.

    Or as another number of the same boxes, where the fullest has the same load: of like cameras, fewer than there are
    boxes, each has one. Counted as if they had been searched, too; searched where the budget of tries might
    end elsewhere by now.
    """
    models = study.models(candidate)
    memory_bytes = candidate.machine.memory_bytes
    loads = study.case.required(count).key, study.case.nominal(count).key
    # Reasons say "per box" of several.
    key = ("precedent", *(model.like for model in models), memory_bytes, count > 1, *loads, study.case.key)

    def first() -> _Precedent:
        before = study.counters.judging
        judged = _judge(study, models, count)
        took = tuple(now - then for now, then in zip(study.counters.judging, before, strict=True))
        return _Precedent(judged, before[0], took)

    judging = study.counters.judging
    precedent = study.once(key, first)
    if study.counters.judging != judging:
        return precedent.judged  # that was this very platform
    if not study.budget_is_as_before(precedent.tried_before, precedent.took[0]):
        return _judge(study, models, count)
    study.counters.count_again(precedent.took)
    return _moved(precedent.judged, models, count)


def _moved(judged: Judgement, models: Sequence[PlatformModel], count: int) -> Judgement:
    """The same judgement on so many boxes of the platform of these models."""
    model = next(model for model in models if model.like == judged.model.like)
    deployment = None if judged.deployment is None else replace(judged.deployment, model=model, count=count)
    if isinstance(judged, Failing):
        return replace(judged, model=model, count=count, deployment=deployment)
    assert deployment is not None  # what holds is configured
    return replace(judged, deployment=deployment)


def _judge(study: Study, models: Sequence[PlatformModel], count: int) -> Judgement:
    """Judge all cores together first; performance cores alone, and devices, where that fails or energy is paid."""
    whole, *others = models
    judged = judge_model(study, whole, count)
    assert judged is not None  # there is nothing that it could fail farther from
    for model in others:
        if isinstance(judged, Feasible) and study.scenario.money.objective == "price":
            break
        other = judge_model(study, model, count, judged)
        if isinstance(other, Feasible):
            better = isinstance(judged, Failing) or _needs_less(other, judged)
        else:
            better = other is not None and isinstance(judged, Failing) and nearer(model, other.failed, judged)
        judged = other if better and other is not None else judged
    return judged


def _needs_less(judged: Feasible, than: Feasible) -> bool:
    return less(judged.deployment.nominal_cores, than.deployment.nominal_cores)
