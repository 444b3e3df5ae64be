"""What a plan says AUTO would do at the start, in place of the device that it names."""

from __future__ import annotations

from dataclasses import replace

from advisor.planner.plan import configure, plan
from advisor.planner.question.inputs import PlanInputs
from advisor.records.plan import AutoStart
from advisor.report.html import render_plan_html
from advisor.report.layout import plain_text
from advisor.report.plan_text import render_plan
from tests.planner.fakes import best_of, candidate
from tests.planner.search.test_devices import DETECTOR, REID, asked, shop

BOX = candidate("box", 4, 200.0)


def _inputs(core_s: float, compile_s: float | None = None, *stages: dict[str, object]) -> PlanInputs:
    """40 detections per second, of ``core_s`` each on the cores, on a device that carries 400."""
    case = shop([{**DETECTOR, "device": "GPU"}, *stages], [])
    given = asked(case, BOX, {"person": 400.0}, {"person": core_s, "reid": 0.001})
    known = given.device_answer

    def measured(*what):  # type: ignore[no-untyped-def]
        found = known(*what)
        return None if found is None else replace(found, compile_s=compile_s)

    return replace(given, device_answer=measured)


def _auto(given: PlanInputs) -> AutoStart:
    auto = best_of(plan(given)).auto
    assert auto is not None
    return auto


def test_cores_that_carry_the_load_do_so_for_an_unknown_time() -> None:
    auto = _auto(_inputs(0.02))
    assert (auto.compile_s, auto.holds, auto.lost_pct) == ({"person": None}, True, None)
    # LATENCY: one pass over all four cores, 20 ms / 4^0.9, behind decoding and preparation.
    assert auto.latency_p95_ms is not None
    assert 0.02 / 4**0.9 * 1e3 < auto.latency_p95_ms < 60.0
    assert auto.text.startswith(
        "Until the GPU has compiled, AUTO would answer person on the CPU: for how long is unknown"
    )
    assert "`sizer bench MODEL --device GPU`" in auto.text
    assert "the cores would carry today's load meanwhile" in auto.text
    assert "The plan names the device, so that nothing switches, and sets streams" in auto.text


def test_cores_that_do_not_lose_frames_until_the_device_is_ready() -> None:
    """Passes of 0.2 s over four cores: 57 ms, so that 17 of 40 per second are done, and decoding takes its part."""
    auto = _auto(_inputs(0.2, compile_s=30.0))
    assert (auto.compile_s, auto.holds) == ({"person": 30.0}, False)
    assert auto.lost_pct is not None
    # Of 120 frames a second 40 are due; at most 17.5 of these are done.
    assert 100.0 * (40.0 - 17.5) / 120.0 - 1.0 < auto.lost_pct < 100.0 * 40.0 / 120.0
    assert ": for 30 s (measured without a cache)" in auto.text
    assert "would not carry today's load meanwhile: on them " in auto.text
    assert f"{auto.lost_pct:.3g} % of the frames of that time would be lost" in auto.text


def test_what_nobody_knows_of_the_cores_is_said_to_be_unknown() -> None:
    given = _inputs(0.02, 3.0)
    auto = _auto(replace(given, works=lambda stage, *more: None))
    assert (auto.holds, auto.latency_p95_ms, auto.lost_pct) == (None, None, None)
    assert "whether the cores would carry today's load meanwhile is unknown" in auto.text


def test_stages_on_the_cores_stay_as_they_are() -> None:
    given = _inputs(0.02, 2.0, REID)
    best = best_of(plan(given))
    assert best.auto is not None
    assert set(best.auto.compile_s) == {"person"}
    assert (best.config.stages["person"].device, best.config.stages["reid"].device) == ("GPU", "CPU")
    assert configure(given).auto == best.auto


def test_a_plan_on_cores_alone_says_nothing_of_it() -> None:
    result = plan(asked(shop([DETECTOR], ["CPU"]), BOX, {"person": 400.0}, {"person": 0.01}))
    assert best_of(result).auto is None
    assert "The device AUTO instead" not in plain_text(render_plan(result, details=True))


def test_the_report_tells_it_among_the_details() -> None:
    result = plan(_inputs(0.02))
    words = " ".join(plain_text(render_plan(result, details=True)).split())
    assert "The device AUTO instead" in words
    assert "Until the GPU has compiled, AUTO would answer person on the CPU" in words
    assert "AUTO would answer" not in " ".join(plain_text(render_plan(result)).split())
    assert "<h2>The device AUTO instead</h2>" in render_plan_html(result)
