"""What happens to each request on the recommended boxes: one simulated run, traced."""

from __future__ import annotations

from advisor.planner.search.belief import MEDIAN
from advisor.planner.search.judgement import Deployment
from advisor.planner.search.simulate import trace_requests
from advisor.records.plan import PlanOption
from advisor.records.trace import Trace, timeline

BEGIN_S, LENGTH_S = 8.0, 2.0
"""Window of the simulated run that pages show [s]: behind its warm-up."""


def trace_of(deployment: Deployment, duration_s: float) -> Trace:
    """Trace one box under today's load at the median of what is believed of its speed."""
    return trace_requests(
        deployment.model, deployment.scenario, deployment.setup, deployment.nominal, MEDIAN,
        deployment.study.inputs.seed, duration_s,
    )  # fmt: skip


def with_requests(option: PlanOption, deployment: Deployment) -> PlanOption:
    """Add the timeline of two seconds to an option."""
    trace = trace_of(deployment, BEGIN_S + LENGTH_S)
    predicted = option.predicted.model_copy(update={"requests": timeline(trace, BEGIN_S, LENGTH_S)})
    return option.model_copy(update={"predicted": predicted})
