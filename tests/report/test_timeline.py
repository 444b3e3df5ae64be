"""Requests of a few seconds as a picture."""

from __future__ import annotations

from advisor.records.trace import Timeline, TimelineLane, TimelinePass
from advisor.report.timeline import LANES_MAX, PATTERNS, timelines, without_requests


def _timeline(*bars: TimelinePass, source: str = "simulated", lanes: int = 1) -> Timeline:
    rows = tuple(TimelineLane(name=f"person {number}", passes=bars) for number in range(lanes))
    return Timeline.model_validate({"source": source, "begin_s": 8.0, "length_s": 2.0, "lanes": rows})


def test_spans_of_old_verdicts_are_drawn() -> None:
    spans = [["a", 1.0, 2.0], ["b", 1.5, 3.0], ["a", 2.0, 3.0]]
    found = without_requests({"spans": spans})
    assert found is not None
    assert found.length_s == 2.0
    assert [(lane.name, len(lane.passes)) for lane in found.lanes] == [("a", 2), ("b", 1)]
    assert timelines(found).count('<rect class="batch single" x=') == 3
    prepared = timelines(without_requests({"spans": [["a", 1.0, 2.0, 1.5]]}))
    assert prepared.count('<rect class="wait" x=') == prepared.count('<rect class="batch single" x=') == 1
    assert without_requests({}) is None
    assert timelines(None) == "<p>No timeline was recorded.</p>"


def test_simulated_stands_above_measured_on_one_scale() -> None:
    bar = TimelinePass(begin_s=0.5, inference_s=0.5, end_s=1.0)
    text = timelines(_timeline(bar), None, _timeline(bar, source="measured"))
    assert text.index(">simulated<") < text.index(">measured<")
    assert text.count('class="batch single" x="360.0"') == 2  # a quarter of two seconds, in both


def test_the_five_ways_in_which_a_batch_forms_differ_and_are_explained() -> None:
    bars = [
        TimelinePass(begin_s=0.3 * at, inference_s=0.3 * at, end_s=0.3 * at + 0.2, items=4, pattern=pattern)
        for at, pattern in enumerate(PATTERNS)
    ]
    text = timelines(_timeline(*bars))
    for pattern, words in PATTERNS.items():
        assert text.count(f'class="batch {pattern.replace(" ", "-")}" x=') == 1
        assert f"<b>{pattern}</b>: {words}" in text
    assert "5 passes in 2 s (1 single, 1 full, 1 filled, 1 timed out, 1 partial)" in text
    assert text.count(">4</text>") == 5


def test_a_server_of_many_streams_stays_a_picture() -> None:
    bar = TimelinePass(begin_s=0.5, inference_s=0.5, end_s=1.0)
    text = timelines(_timeline(bar, lanes=LANES_MAX + 3))
    assert text.count('class="batch single" x=') == LANES_MAX
    assert "and 3 more rows" in text


def test_drops_and_names_are_shown_as_text() -> None:
    lane = TimelineLane(name="<reid> 0", device="GPU", passes=())
    text = timelines(Timeline(source="measured", begin_s=0, length_s=2, lanes=(lane,), drops={"<reid>": (1.0,)}))
    assert "<reid>" not in text
    assert "&lt;reid&gt; 0 (GPU)" in text
    assert "1 frames dropped" in text
