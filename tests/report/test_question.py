from __future__ import annotations

from advisor.report.question import question_rows
from tests.planner.fakes import camera, scenario


def test_groups_of_one_kind_are_one_and_mixed_rates_are_told_apart() -> None:
    def group(name: str, count: int, fps: float) -> dict[str, object]:
        return camera(count) | {"group": name, "fps": fps}

    mixed = scenario(cameras=[group("aisle", 6, 15.0), group("gate", 2, 5.0), group("till", 1, 15.0)], slo={
        "latency_p95_ms": 300.0})  # fmt: skip
    rows = dict(question_rows(mixed))
    assert rows["cameras"].startswith("9 cameras: 6 aisle + 1 till: 1920x1080, 15 FPS")
    assert "; 2 gate: 1920x1080, 5 FPS" in rows["cameras"]
    assert "every camera's own rate" in rows["must hold"]


def test_one_group_requests_and_limits() -> None:
    site = {"max_power_w": 65.0, "fanless": True}
    rows = dict(question_rows(scenario(cameras=[camera(1)], site=site, candidates={"max_boxes": 1})))
    assert rows["cameras"].startswith("1 camera (aisle): 1920x1080, ")
    assert "one box" in rows["limits"]
    assert "65 W at the wall per box, fanless" in rows["limits"]
    calls = scenario(
        cameras=[], requests=[{"group": "api", "rate_per_s": 20.0}], stages=[{"id": "text", "model": "like:text"}],
        slo={"latency_p95_ms": 300.0}, margin={"growth_requests_pct": 50.0, "redundancy": "n+1"},
    )  # fmt: skip
    rows = dict(question_rows(calls))
    assert rows["requests"] == "20/s api (poisson)"
    assert "growth of requests by 50 %, one box may fail (n+1)" in rows["margins"]
    assert "FPS" not in rows["must hold"]


def test_a_plan_keeps_no_address_of_a_camera() -> None:
    secret = "rtsp://user:hunter2@cam/1"
    asked = scenario(cameras=[camera(1) | {"source": secret}])
    assert secret in asked.model_dump_json()
    assert "hunter2" not in asked.without_addresses().model_dump_json()
