"""What happens to each pass of the models that were measured, for ``sizer bench --trace``."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from advisor.errors import Inconclusive
from advisor.records.trace import Trace, TracedPass, TracedRequest, TracedStage

from .context import Say

if TYPE_CHECKING:
    from advisor.measure.items.throughput import TimingItem

TRACED_MAX = 24
"""Most configurations of which a trace tells: each is measured once more, for a second or two."""


def trace_timings(
    items: Iterable[TimingItem], host_fingerprint: str, traced: Callable[[Trace], None], say: Say
) -> None:
    """Measure each configuration shortly once more, alone, and hand over its passes; what fails is said."""
    from advisor.measure.items.item import MeasureContext
    from advisor.measure.items.passes import measured_passes

    context = MeasureContext(host_fingerprint, lambda _: None)
    todo = list(items)
    for item in todo[:TRACED_MAX]:
        say(f"tracing {item.label}")
        try:
            passes, effective = measured_passes(item, context)
        except Inconclusive as error:
            say(f"not traced: {error}")
            continue
        traced(trace_of(item.label, passes, effective.device, item.config.batch))
    if len(todo) > TRACED_MAX:
        say(f"traced {TRACED_MAX} of {len(todo)} configurations, the first ones")


def trace_of(label: str, passes: list[tuple[float, float]], device: str, batch: int) -> Trace:
    """Passes of one model as a trace: a row for each request that is in flight beside others."""
    from advisor.simulate.trace import lanes_of

    lanes = lanes_of(passes)
    return Trace(
        scenario=label,
        source="measured",
        begin_s=0.0,
        end_s=max((end_s for _, end_s in passes), default=0.0),
        stages={"passes": TracedStage(1, 0.0, device)},
        cameras=(),
        frames=(),
        decodes=(),
        passes=[
            TracedPass("passes", lane, begin_s, begin_s, end_s, batch, (TracedRequest("", number, batch, begin_s),))
            for number, ((begin_s, end_s), lane) in enumerate(zip(passes, lanes, strict=True))
        ],
    )
