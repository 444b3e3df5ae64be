from __future__ import annotations

import math
from dataclasses import replace

import pytest

from advisor.planner.answer.explain import breaks_first, sensitivity
from advisor.planner.answer.predicted_load import predict_load
from advisor.planner.plan import plan
from advisor.planner.question.inputs import Candidate
from advisor.planner.search.belief import MEDIAN
from advisor.planner.search.costs import MEMORY_OF_CAMERA_BYTES, MEMORY_OF_SYSTEM_BYTES
from advisor.planner.search.judgement import Deployment
from advisor.planner.search.rank import solutions
from advisor.planner.search.search import least_deployment
from advisor.planner.search.study import Study
from advisor.records.plan import BreaksFirst, Sensitivity
from advisor.records.scenario import Scenario
from tests.planner.fakes import camera, candidate, inputs, scenario

BOXES = [candidate(f"box-{n}", n, 100.0 + 60.0 * n) for n in (2, 4, 8, 16)]


def test_what_breaks_first_is_said_for_requests_too() -> None:
    shop = scenario(
        cameras=[], activity={}, requests=[{"group": "web", "rate_per_s": 20.0}],
        stages=[{"id": "person", "model": "like:person", "groups": ["web"]}],
        slo={"latency_p95_ms": 80.0, "window_s": 20.0},
    )  # fmt: skip
    best = plan(inputs([candidate("box", 4, 200.0)], shop=shop)).recommended
    assert best is not None
    rates = {item.resource: item.at_requests_per_s or 0.0 for item in best.breaks_first}
    # 70 % of four cores, each request 20 ms; four streams, for bursts, are full at 200 requests/s.
    assert rates.pop("headroom") == pytest.approx(0.7 * 4 / 0.02)
    ((resource, rate),) = rates.items()
    assert resource in {"cpu", "drops", "latency_p95"}
    assert 20.0 < rate < 200.0
    assert list(best.breaks_first) == sorted(best.breaks_first, key=lambda item: item.at_requests_per_s or 0.0)


def test_a_change_under_which_the_boxes_need_other_settings_says_so() -> None:
    result = plan(inputs([candidate("box", 16, 500.0)], shop=scenario(accuracy={"precisions": ["f32", "int8"]})))
    without = next(item for item in result.sensitivity if item.change == "f32 instead of int8")
    assert without.holds
    assert "with other settings" in without.text


def limits(cores: int, shop: Scenario | None = None) -> tuple[Deployment, dict[str, BreaksFirst]]:
    """What gives way on one box, by resource."""
    box = candidate("box", cores, 300.0)
    deployment = least_deployment(Study.of(inputs([box], shop=shop)), box, 1)
    assert deployment is not None
    predicted = predict_load(deployment, exact=True, feasible=False).predicted
    return deployment, {item.resource: item for item in breaks_first(deployment, predicted)}


def test_headroom_and_a_full_cpu_are_where_the_utilisation_law_says() -> None:
    # With a tight budget queueing gives way before the CPU is full.
    deployment, items = limits(4, scenario(slo={"camera_fps": 15.0, "latency_p95_ms": 60.0, "window_s": 20.0}))
    cores = deployment.cores(deployment.nominal, MEDIAN, contended=True)
    assert items["headroom"].at_cameras == math.floor(0.7 * 4.0 / cores * 8)
    assert items["cpu"].at_cameras == pytest.approx(4.0 / cores * 8)
    assert items["headroom"].at_cameras < (items["latency_p95"].at_cameras or 0.0) < items["cpu"].at_cameras
    assert "headroom of the CPU is used up" in items["headroom"].text


def test_memory_is_full_where_that_of_cameras_and_models_says() -> None:
    _, items = limits(8)
    free = 16.0 * 1024**3 - MEMORY_OF_SYSTEM_BYTES - 2 * 50e6
    assert items["memory"].at_cameras == pytest.approx(free / MEMORY_OF_CAMERA_BYTES)


def test_one_camera_more_than_fits_names_what_fails() -> None:
    deployment, items = limits(4)
    predicted = predict_load(deployment, exact=True, feasible=False).predicted
    assert predicted.capacity_cameras is not None
    at = predicted.capacity_cameras.p50 + 1
    (item,) = [item for name, item in items.items() if name not in {"headroom", "memory", "memory_bandwidth", "objects"}
               and item.at_cameras == at]  # fmt: skip
    assert item.text.startswith(f"at {at:.0f} cameras ")
    assert not deployment.run(deployment.case.with_total(int(at), 1), MEDIAN).meets_slo


def test_the_objects_that_still_hold_are_bisected() -> None:
    deployment, items = limits(4)
    factor = items["objects"].at_objects_factor
    assert factor is not None
    assert 1.0 < factor < 8.0
    assert deployment.run(replace(deployment.nominal, objects_factor=factor), MEDIAN).meets_slo
    # Cascades without objects have no such limit.
    _, without = limits(4, scenario(stages=[{"id": "person", "model": "like:person"}]))
    assert "objects" not in without


def changes(boxes: list[Candidate], **shop: object) -> dict[str, Sensitivity]:
    study = Study.of(inputs(boxes, shop=scenario(**shop)))
    chosen, *others = solutions(study, boxes)
    return {item.change: item for item in sensitivity(study, chosen, others[0] if others else None, boxes)}


def test_a_rise_in_price_matters_where_the_next_box_is_within_it() -> None:
    close = [candidate("box", 4, 300.0), candidate("rival", 4, 359.0)]
    apart = [candidate("box", 4, 300.0), candidate("rival", 4, 361.0)]
    rise = "its price +20 %"
    assert changes(close)[rise].platform == "rival"
    assert not changes(close)[rise].holds
    assert changes(apart)[rise].holds


def test_a_harder_case_that_the_box_fails_names_what_would_carry_it() -> None:
    boxes = [candidate("box", 4, 300.0), candidate("large", 16, 900.0)]
    # 2.6 cores at the median with nine cameras; with 202 crops/s, not 135, 2.9 of the 2.8 that may be busy.
    harder = {"candidates": {"max_boxes": 1}, "cameras": [camera(9)]}
    more = changes(boxes, **harder)["objects +50 %"]
    assert not more.holds
    assert (more.platform, more.price) == ("large", 900.0)
    assert "would hold" in more.text
    alone = changes(boxes[:1], **harder)["objects +50 %"]
    assert alone.platform is None
    assert "nothing in the catalogue holds with up to 1 boxes" in alone.text


def test_a_single_memory_module_is_judged_with_its_share_of_the_bandwidth() -> None:
    box = candidate("box", 8, 300.0)
    change = "one memory channel populated, not 2"
    assert changes([box])[change].holds
    # Decoded pictures move 1.1 to 1.4 GB/s: 70 % of 3 GB/s, a sixth less attained, are enough; half of it is not.
    narrow = Candidate(box.platform, box.machine.model_copy(update={"memory_bandwidth_bytes_per_s": 3e9}))
    assert "insist on 2 modules" in changes([narrow])[change].text
