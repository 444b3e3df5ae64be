"""Is a platform good enough, and which is the cheapest that is.

Closed-form bounds discard first (memory, shortest path, utilisation law); what they leave is simulated on the
pessimistic side of the interval, with growth and headroom. Cheapest first, so the first that holds is the answer.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from advisor.planner.demand import camera_counts, per_box, spread
from advisor.planner.evaluate import Choice, Load, Outcome, cpu_demand, evaluate, memory_needed_bytes, path_latency_s
from advisor.planner.inputs import Candidate, PlanInputs
from advisor.planner.space import Z90, PlatformModel
from advisor.records.scenario import Scenario

MOST_CHOICES = 256
MOST_FRAMES = 60_000


@dataclass
class SearchCount:
    """How much of the space was looked at, and how."""

    platforms: int = 0
    bounded: int = 0
    simulated: int = 0
    choices: int = 0


@dataclass(frozen=True)
class Judgement:
    """One platform, so many boxes of it: does it hold, with which configuration, or why not."""

    model: PlatformModel
    count: int
    feasible: bool
    choice: Choice | None
    outcome: Outcome | None
    check: str | None = None
    reason: str = ""


@dataclass
class Searcher:
    """Judges platforms under one scenario; keeps what it asked the performance model."""

    inputs: PlanInputs
    counted: SearchCount = field(default_factory=SearchCount)
    _models: dict[str, PlatformModel] = field(default_factory=dict)

    def model(self, candidate: Candidate) -> PlatformModel:
        """Return the candidate's platform model, made once."""
        if candidate.platform.id not in self._models:
            self._models[candidate.platform.id] = PlatformModel(self.inputs, candidate)
            self.counted.platforms += 1
        return self._models[candidate.platform.id]

    def prepare(self, candidates: Sequence[Candidate]) -> None:
        """Ask the performance model about all candidates at once: many times faster than one by one."""
        scenario = self.inputs.scenario
        asked = [
            (self.model(candidate), stage, request)
            for candidate in candidates
            for stage in scenario.stages
            for request in self.model(candidate).requests(scenario, stage)
        ]
        answers = self.inputs.predictor.service_many([request for _, _, request in asked])
        for (model, stage, _), answer in zip(asked, answers, strict=True):
            model.learn(stage, [answer])

    def grown_load(self, scenario: Scenario, count: int, extra_cameras: int = 0, objects_factor: float = 1.0) -> Load:
        """Load of the fullest box with the scenario's growth."""
        counts = camera_counts(scenario)
        total = sum(counts.values())
        grown = spread(counts, total + scenario.margin.growth_cameras + extra_cameras) if total else counts
        factor = (1.0 + scenario.margin.growth_requests_pct / 100.0) / count
        return Load(per_box(grown, count), objects_factor, factor)

    def nominal_load(self, scenario: Scenario, count: int) -> Load:
        """Load of the fullest box as the scenario stands today."""
        return Load(per_box(camera_counts(scenario), count), 1.0, 1.0 / count)

    def choices(self, model: PlatformModel, scenario: Scenario, load: Load, z: float) -> list[Choice]:
        """Every combination of the stages' options, least core time first; empty where a stage has none."""
        per_stage = [model.options(scenario, stage) for stage in scenario.stages]
        if not all(per_stage):
            return []
        # Every stage contributes at least its best options when the product is too large to list.
        keep = len(max(per_stage, key=len))
        while math.prod(min(len(options), keep) for options in per_stage) > MOST_CHOICES and keep > 1:
            keep -= 1
        names = [stage.id for stage in scenario.stages]
        found = [
            dict(zip(names, combination, strict=True))
            for combination in itertools.product(*[options[:keep] for options in per_stage])
        ]
        self.counted.choices += len(found)
        return sorted(found, key=lambda choice: cpu_demand(model, scenario, choice, load, z))

    def duration_s(self, scenario: Scenario, load: Load) -> float:
        """Simulated time: the scenario's window, shorter where so many cameras give enough frames sooner."""
        rate = sum(camera.fps * load.counts.get(camera.group, 0) for camera in scenario.cameras)
        rate += sum(requests.rate_per_s for requests in scenario.requests)
        wanted = min(scenario.slo.window_s, 60.0)
        return wanted if rate <= 0 else max(min(wanted, MOST_FRAMES / rate), min(wanted, 10.0))

    def run(self, model: PlatformModel, scenario: Scenario, choice: Choice, load: Load, z: float) -> Outcome:
        """Simulate once."""
        self.counted.simulated += 1
        return evaluate(model, scenario, choice, load, z, self.inputs.seed, self.duration_s(scenario, load))

    def judge(
        self,
        candidate: Candidate,
        count: int,
        scenario: Scenario | None = None,
        *,
        extra_cameras: int = 0,
        objects_factor: float = 1.0,
        z: float = Z90,
    ) -> Judgement:
        """Decide whether ``count`` boxes of a platform carry the scenario at belief ``z``, growth and headroom kept."""
        scenario = scenario or self.inputs.scenario
        model = self.model(candidate)
        load = self.grown_load(scenario, count, extra_cameras, objects_factor)
        choices = self.choices(model, scenario, load, z)
        if not choices:
            missing = next(stage.id for stage in scenario.stages if not model.options(scenario, stage))
            self.counted.bounded += 1
            return Judgement(model, count, False, None, None, "evidence",
                             f"no evidence of how stage {missing} runs on it at the permitted precisions")  # fmt: skip
        refusal = self._bound(model, scenario, choices, load, z, count)
        if refusal is not None:
            self.counted.bounded += 1
            return Judgement(model, count, False, choices[0], None, *refusal)
        return self._simulate(model, scenario, choices, load, z, count)

    def boxes_needed(self, candidate: Candidate, scenario: Scenario) -> int | None:
        """Fewest boxes by the utilisation law; None when not even ``candidates.max_boxes`` suffice, or no option."""
        model = self.model(candidate)
        for count in range(1, scenario.candidates.max_boxes + 1):
            load = self.grown_load(scenario, count)
            choices = self.choices(model, scenario, load, Z90)
            if not choices:
                return None
            if cpu_demand(model, scenario, choices[0], load, Z90) <= _allowed(scenario) * model.cores:
                return count
        return None

    def _bound(
        self, model: PlatformModel, scenario: Scenario, choices: Sequence[Choice], load: Load, z: float, count: int
    ) -> tuple[str, str] | None:
        """Closed-form reasons why no choice can hold, or None."""
        cheapest = choices[0]
        each = " per box" if count > 1 else ""
        demand = cpu_demand(model, scenario, cheapest, load, z)
        allowed = _allowed(scenario) * model.cores
        if demand > allowed:
            return "cpu", (
                f"needs {demand:.2g} of its {model.cores:.2g} cores{each} on the pessimistic side, "
                f"{allowed:.2g} may be used with {scenario.margin.headroom_pct:g} % headroom"
            )
        shortest = min(path_latency_s(scenario, model, choice, z) for choice in choices)
        if shortest * 1000.0 > scenario.slo.latency_p95_ms:
            return "latency_p95", (
                f"one frame takes {shortest * 1000.0:.3g} ms with nothing else running, "
                f"the budget is {scenario.slo.latency_p95_ms:g} ms"
            )
        have = model.machine.memory_bytes
        need = min(memory_needed_bytes(choice, load, z) for choice in choices)
        if have is None:
            return "memory", f"its memory is unknown and {need / 1024**3:.2g} GiB are needed"
        if need > have:
            return "memory", f"needs {need / 1024**3:.2g} GiB, has {have / 1024**3:.2g} GiB"
        limit_w = scenario.site.max_power_w
        wall = model.candidate.platform.max_power_w
        if limit_w is not None and wall is not None and wall.value * count > limit_w:
            return (
                "site.max_power_w",
                f"{count} boxes draw up to {wall.value * count:g} W, the site allows {limit_w:g} W",
            )
        return None

    def _simulate(
        self, model: PlatformModel, scenario: Scenario, choices: Sequence[Choice], load: Load, z: float, count: int
    ) -> Judgement:
        allowed = _allowed(scenario)
        best: Judgement | None = None
        for choice in choices:
            if cpu_demand(model, scenario, choice, load, z) > allowed * model.cores:
                break  # sorted by demand: the rest asks for more
            if path_latency_s(scenario, model, choice, z) * 1000.0 > scenario.slo.latency_p95_ms:
                continue
            if memory_needed_bytes(choice, load, z) > (model.machine.memory_bytes or 0.0):
                continue
            outcome = self.run(model, scenario, choice, load, z)
            refusal = _refusal(scenario, outcome)
            if refusal is None:
                return Judgement(model, count, True, choice, outcome)
            if best is None or best.outcome is None or len(outcome.failed) < len(best.outcome.failed):
                best = Judgement(model, count, False, choice, outcome, *refusal)
        if best is None:
            return Judgement(model, count, False, choices[0], None, "latency_p95",
                             "no configuration meets latency, memory and headroom at once")  # fmt: skip
        return best


def _allowed(scenario: Scenario) -> float:
    return 1.0 - scenario.margin.headroom_pct / 100.0


def _refusal(scenario: Scenario, outcome: Outcome) -> tuple[str, str] | None:
    allowed = _allowed(scenario)
    slo = scenario.slo
    if "camera_fps" in outcome.failed:
        wanted = slo.camera_fps or min(camera.fps for camera in scenario.cameras)
        return "camera_fps", f"its slowest camera gets {outcome.camera_fps:.3g} of {wanted:g} FPS"
    if "drops" in outcome.failed:
        return "drops", f"drops {outcome.drops_pct:.2g} % of frames, {slo.drops_max_pct:g} % are allowed"
    if "latency_p95" in outcome.failed:
        seen = "unbounded" if outcome.p95_ms is None else f"{outcome.p95_ms:.3g} ms"
        return "latency_p95", f"p95 latency {seen}, {slo.latency_p95_ms:g} ms are allowed"
    if "queue_growth" in outcome.failed:
        return "queue_growth", "its queues grow without end"
    if outcome.cpu > allowed + 1e-9:
        return "cpu", f"cpu {outcome.cpu * 100:.0f} % busy, {allowed * 100:.0f} % may be used with headroom"
    if outcome.bandwidth is not None and outcome.bandwidth > allowed + 1e-9:
        return "memory_bandwidth", f"memory {outcome.bandwidth * 100:.0f} % busy, {allowed * 100:.0f} % may be used"
    return None
