"""What must hold of devices and money in any scenario: more asked is never cheaper, more permitted never dearer.

Of random scenarios over three small boxes, of which some have graphics and all can be bought with an added device.
Simulations draw random numbers, so a probability may rise by what 100 draws can err.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from advisor.perfmodel.devices.question import DeviceAnswer
from advisor.perfmodel.resources.engines import Engine
from advisor.planner.answer.certainty import probability_of_holding
from advisor.planner.question.inputs import Candidate, PlanInputs
from advisor.planner.question.load_case import LoadCase
from advisor.planner.search import decoding
from advisor.planner.search.costs import engine_load, load_facts
from advisor.planner.search.judgement import Feasible
from advisor.planner.search.rank import cheapest
from advisor.planner.search.search import judge
from advisor.planner.search.space import stage_batches
from advisor.planner.search.study import Study
from advisor.records.base import Evidence, Interval, Precision
from advisor.records.device import DeviceSpec
from advisor.records.scenario import Scenario

from .fakes import FakePredictor, candidate, inputs, scenario
from .search.parts import platform_model

FAST = settings(
    max_examples=12, deadline=None, suppress_health_check=list(HealthCheck),
    phases=(Phase.explicit, Phase.reuse, Phase.generate),
)  # fmt: skip
PRICES = {"small": (2, 150.0), "middle": (4, 260.0), "large": (8, 520.0)}
ADDED_USD = 90.0
DRAWS_ERR = 0.06
"""Two deviations of a share of 100 draws near 0.9."""


@dataclass(frozen=True)
class Case:
    """A scenario and how fast its models are."""

    cameras: int
    fps: float
    person_s: float
    reid_s: float
    gpu_per_s: float
    hailo_per_s: float
    spread: float
    reid_known: bool
    """Whether the devices know the second model."""

    def scenario(self, devices: list[str]) -> Scenario:
        camera = {"group": "aisle", "count": self.cameras, "resolution": "1920x1080", "fps": self.fps}
        return scenario(
            cameras=[{**camera, "bitrate_kbps": 4000.0}],
            slo={"camera_fps": self.fps, "latency_p95_ms": 500.0, "window_s": 20.0},
            candidates={"devices": devices, "add_accelerators": True, "max_boxes": 3},
        )

    def inputs(self, devices: list[str]) -> PlanInputs:
        boxes: list[Candidate] = []
        for name, (cores, price) in PRICES.items():
            own = (_device("igpu", f"{name}-gpu"),) if "GPU" in devices and name != "large" else ()
            boxes.append(replace(candidate(name, cores, price), devices=own))
            if "hailo-8" in devices:
                added = (_device("accelerator", "hailo-8"),)
                box = candidate(f"{name}-with-hailo-8", cores, price + ADDED_USD)
                boxes.append(replace(box, devices=added, bought_with="hailo-8"))

        def known(device: DeviceSpec, key: str, precision: Precision) -> DeviceAnswer | None:
            if precision != "f16" or (key == "reid" and not self.reid_known):
                return None
            per_s = self.gpu_per_s if device.kind == "igpu" else self.hailo_per_s
            per_s *= 4.0 if key == "reid" else 1.0
            return DeviceAnswer(math.log(per_s), (-0.2, 0.2), None, (-0.2, 0.2), Evidence.PUBLISHED, "test")

        predictor = FakePredictor({"person": self.person_s, "reid": self.reid_s}, self.spread)
        return replace(inputs(boxes, predictor, self.scenario(devices)), device_answer=known)

    def cost(self, devices: list[str]) -> float:
        """Of the cheapest boxes that hold [USD]; infinite: none do."""
        asked = self.inputs(devices)
        solution = cheapest(Study.of(asked), asked.candidates)
        return math.inf if solution is None else solution.cost

    def probability(self, devices: list[str], name: str) -> float:
        """That one box of a name holds, as it would be set up."""
        asked = self.inputs(devices)
        study = Study.of(asked)
        box = next(item for item in asked.candidates if item.platform.id == name)
        judged = judge(study, box, 1)
        if judged.deployment is None or (not isinstance(judged, Feasible) and judged.failed.at_median):
            return 0.0
        return probability_of_holding(judged.deployment, feasible=isinstance(judged, Feasible))


def _device(kind: str, name: str) -> DeviceSpec:
    return DeviceSpec(id=name, machine="box", chip=None, name=name, kind=kind, family="xe-lp")


CASES = st.builds(
    Case,
    cameras=st.integers(1, 10),
    fps=st.sampled_from([5.0, 10.0, 15.0, 25.0]),
    person_s=st.sampled_from([0.01, 0.03, 0.08]),
    reid_s=st.sampled_from([0.002, 0.01]),
    gpu_per_s=st.sampled_from([30.0, 90.0, 250.0]),
    hailo_per_s=st.sampled_from([100.0, 400.0]),
    spread=st.sampled_from([1.1, 1.5]),
    reid_known=st.booleans(),
)
ALL = ["CPU", "GPU", "hailo-8"]


@FAST
@given(CASES, st.integers(1, 6))
def test_more_cameras_are_never_cheaper(case: Case, more: int) -> None:
    assert case.cost(ALL) <= replace(case, cameras=case.cameras + more).cost(ALL)


@FAST
@given(CASES)
def test_what_is_permitted_in_addition_never_makes_the_answer_dearer(case: Case) -> None:
    cores, with_graphics, everything = (case.cost(devices) for devices in (["CPU"], ["CPU", "GPU"], ALL))
    assert everything <= with_graphics <= cores


@FAST
@given(CASES, st.sampled_from([1.3, 2.0, 5.0]))
def test_a_faster_device_never_makes_the_answer_dearer(case: Case, factor: float) -> None:
    faster = replace(case, gpu_per_s=case.gpu_per_s * factor, hailo_per_s=case.hailo_per_s * factor)
    assert faster.cost(ALL) <= case.cost(ALL)


@FAST
@given(CASES, st.sampled_from([1.5, 2.0]), st.sampled_from(["small", "middle", "large", "small-with-hailo-8"]))
def test_more_frames_per_second_are_never_surer_to_hold(case: Case, factor: float, name: str) -> None:
    more = replace(case, fps=case.fps * factor)
    assert more.probability(ALL, name) <= case.probability(ALL, name) + DRAWS_ERR


@FAST
@given(
    pixels=st.floats(1e8, 1e10), faster=st.floats(1.0, 4.0), sessions=st.one_of(st.none(), st.integers(1, 40)),
    more=st.integers(0, 40), cameras=st.integers(1, 30),
)  # fmt: skip
def test_engines_of_more_pixels_or_sessions_are_never_fuller(
    pixels: float, faster: float, sessions: int | None, more: int, cameras: int
) -> None:
    def busy(per_s: float, streams: int | None) -> float:
        shop = Case(cameras, 15.0, 0.01, 0.01, 90.0, 90.0, 1.1, reid_known=True).scenario(ALL)
        shop = shop.model_copy(
            update={"cameras": tuple(group.model_copy(update={"codec": "h264"}) for group in shop.cameras)}
        )
        bound = None if streams is None else Interval.exact(float(streams))
        engine = Engine("gpu", 1, "h264", Interval.exact(per_s), bound, Evidence.PUBLISHED, "test")
        use = decoding.EngineUse("gpu", "zero-copy", {"h264": engine})
        model = platform_model(shop)
        model.engines = use
        facts = load_facts(shop, LoadCase.of(shop).required(1), stage_batches)
        return engine_load(model, shop, facts, 0.0)

    before = busy(pixels, sessions)
    after = busy(pixels * faster, None if sessions is None else sessions + more)
    assert after <= before * (1.0 + 1e-9)


@pytest.mark.parametrize("codec", ["h264", "h265"])
def test_4k_costs_an_engine_four_times_as_many_pixels(codec: str) -> None:
    engine = Engine("gpu", 1, codec, Interval.exact(2.6e9), None, Evidence.PUBLISHED, "test")
    ratio = engine.streams(1920, 1080, 30.0).p50 / engine.streams(3840, 2160, 30.0).p50
    assert ratio == pytest.approx(4.0)
