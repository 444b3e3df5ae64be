"""Is a platform good enough for what is asked of it, and with which configuration.

Closed-form bounds discard first (memory, shortest path, utilisation law); what they leave is simulated on the
pessimistic side of the interval, with growth and headroom, least core time first.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from advisor.planner.costs import LoadFacts, Table, load_facts
from advisor.planner.demand import Counts, camera_counts, per_box, spread
from advisor.planner.evaluate import DECODE_SIGMA, Load, Outcome, Setup, allowed_share, evaluate, refusal, set_up
from advisor.planner.inputs import Candidate, PlanInputs
from advisor.planner.space import Z90, PlatformModel, at, stage_batches
from advisor.records.scenario import Scenario

MOST_SIMULATIONS = 32
"""Configurations that are simulated on one platform before it is given up; the plan counts those left out."""
MOST_FRAMES = 60_000
DECODE_FULL = 1.02
"""Share of one core's time for one camera's frames beyond which they are lost for certain; above 1 for the draw."""
ALIKE = 1.005
"""Demand above that of a configuration whose simulated load was too high, beyond which the others' is too."""


@dataclass(frozen=True, eq=False)
class Ask:
    """A question to the search: this scenario with so many cameras per group, today and with its growth."""

    scenario: Scenario
    now: Counts
    grown: Counts
    objects_factor: float = 1.0

    @classmethod
    def of(
        cls,
        scenario: Scenario,
        *,
        counts: Counts | None = None,
        extra_cameras: int = 0,
        objects_factor: float = 1.0,
    ) -> Ask:
        """Return the scenario's own cameras, or ``counts``, with its growth and ``extra_cameras`` on top."""
        now = camera_counts(scenario) if counts is None else dict(counts)
        total = sum(now.values())
        grown = spread(now, total + scenario.margin.growth_cameras + extra_cameras) if total else now
        return cls(scenario, now, grown, objects_factor)

    def load(self, boxes: int) -> Load:
        """Load of the fullest of ``boxes`` boxes with growth: what they must carry."""
        factor = (1.0 + self.scenario.margin.growth_requests_pct / 100.0) / boxes
        return Load(per_box(self.grown, boxes), self.objects_factor, factor)

    def nominal(self, boxes: int) -> Load:
        """Load of the fullest of ``boxes`` boxes as the scenario stands today: what is predicted."""
        return Load(per_box(self.now, boxes), self.objects_factor, 1.0 / boxes)

    def with_cameras(self, cameras: int, boxes: int) -> Load:
        """Load of the fullest of ``boxes`` boxes with so many cameras in all, in the shares of today."""
        return Load(per_box(spread(self.now, cameras), boxes), self.objects_factor, 1.0 / boxes)

    def but(self, *, scenario: Scenario | None = None, extra_cameras: int = 0, objects_factor: float = 1.0) -> Ask:
        """Return the same cameras under a changed scenario, with more cameras, or with more objects."""
        return Ask.of(
            scenario or self.scenario, counts=self.now, extra_cameras=extra_cameras, objects_factor=objects_factor
        )

    @property
    def cameras(self) -> int:
        """Cameras of today."""
        return sum(self.now.values())


@dataclass
class SearchCount:
    """How much of the space was looked at, and how."""

    platforms: int = 0
    bounded: int = 0
    simulated: int = 0
    judged_by_simulation: int = 0
    tried: int = 0
    configurations: int = 0
    left_out: int = 0


@dataclass(frozen=True)
class Judgement:
    """One platform, so many boxes of it: does it hold, with which configuration, or why not."""

    model: PlatformModel
    count: int
    feasible: bool
    setup: Setup | None
    outcome: Outcome | None
    check: str | None = None
    reason: str = ""
    closeness: float = 0.0
    """What it has over what it needs of the resource that fails, 0 to 1: the nearer to 1, the nearer the miss."""


@dataclass
class Searcher:
    """Judges platforms; keeps what it asked the performance model and what it found."""

    inputs: PlanInputs
    counted: SearchCount = field(default_factory=SearchCount)
    _models: dict[str, PlatformModel] = field(default_factory=dict)
    _facts: dict[tuple[object, ...], LoadFacts] = field(default_factory=dict)
    _judged: dict[tuple[object, ...], Judgement] = field(default_factory=dict)
    _scenarios: dict[int, Scenario] = field(default_factory=dict)

    def model(self, candidate: Candidate) -> PlatformModel:
        """Return the candidate's platform model, made once."""
        if candidate.platform.id not in self._models:
            self._models[candidate.platform.id] = PlatformModel(self.inputs, candidate)
            self.counted.platforms += 1
        return self._models[candidate.platform.id]

    def prepare(self, candidates: Sequence[Candidate], scenario: Scenario | None = None) -> None:
        """Ask the performance model about all candidates at once: many times faster than one by one."""
        scenario = scenario or self.inputs.scenario
        asked = [
            (self.model(candidate), stage, request)
            for candidate in candidates
            for stage in scenario.stages
            for request in self.model(candidate).unanswered(scenario, stage)
        ]
        answers = self.inputs.predictor.service_many([request for _, _, request in asked])
        for (model, stage, _), answer in zip(asked, answers, strict=True):
            model.learn(stage, [answer])

    def facts(self, scenario: Scenario, load: Load) -> LoadFacts:
        """Offered load of a scenario, worked out once."""
        key = (self._name(scenario), _load_key(load))
        if key not in self._facts:
            self._facts[key] = load_facts(scenario, load, stage_batches)
        return self._facts[key]

    def table(self, model: PlatformModel, scenario: Scenario, load: Load, z: float) -> Table | None:
        """Every combination of the stages' options; None where a stage has none."""
        if not all(model.options(scenario, stage) for stage in scenario.stages):
            return None
        return Table(model, scenario, self.facts(scenario, load), z)

    def duration_s(self, scenario: Scenario, load: Load) -> float:
        """Simulated time: the scenario's window, shorter where so many cameras give enough frames sooner."""
        rate = sum(camera.fps * load.counts.get(camera.group, 0) for camera in scenario.cameras)
        rate += sum(requests.rate_per_s * load.requests_factor for requests in scenario.requests)
        wanted = min(scenario.slo.window_s, 60.0)
        return wanted if rate <= 0 else max(min(wanted, MOST_FRAMES / rate), min(wanted, 10.0))

    def run(
        self, model: PlatformModel, scenario: Scenario, setup: Setup, load: Load, z: float, longest_s: float = 60.0
    ) -> Outcome:
        """Simulate once."""
        self.counted.simulated += 1
        duration_s = min(self.duration_s(scenario, load), longest_s)
        return evaluate(model, scenario, setup, load, z, self.inputs.seed, duration_s)

    def judge(self, candidate: Candidate, count: int, ask: Ask, z: float = Z90) -> Judgement:
        """Decide whether ``count`` boxes of a platform carry what is asked at belief ``z``, with headroom."""
        key = (
            candidate.platform.id, count, self._name(ask.scenario), tuple(sorted(ask.grown.items())),
            ask.objects_factor, z,
        )  # fmt: skip
        if key not in self._judged:
            self._judged[key] = self._judge(candidate, count, ask, z)
        return self._judged[key]

    def sketch(self, candidate: Candidate, count: int, ask: Ask) -> Judgement:
        """Return the least configuration of a platform without judging it."""
        model = self.model(candidate)
        load = ask.load(count)
        table = self.table(model, ask.scenario, load, Z90)
        setup = None if table is None else set_up(model, ask.scenario, table.choice(0), load)
        return Judgement(model, count, False, setup, None, "cost")

    def _judge(self, candidate: Candidate, count: int, ask: Ask, z: float) -> Judgement:
        scenario, load = ask.scenario, ask.load(count)
        model = self.model(candidate)
        table = self.table(model, scenario, load, z)
        if table is None:
            missing = next(stage.id for stage in scenario.stages if not model.options(scenario, stage))
            self.counted.bounded += 1
            return Judgement(model, count, False, None, None, "evidence",
                             f"no evidence of how stage {missing} runs on it at the permitted precisions")  # fmt: skip
        self.counted.configurations += len(table)
        refused = _bound(model, scenario, table, load, z, count)
        if refused is not None:
            self.counted.bounded += 1
            least = set_up(model, scenario, table.choice(int(np.argmin(table.demand))), load)
            return Judgement(model, count, False, least, None, *refused)
        return self._simulate(model, scenario, table, load, z, count)

    def _simulate(
        self, model: PlatformModel, scenario: Scenario, table: Table, load: Load, z: float, count: int
    ) -> Judgement:
        alive = _admissible(model, scenario, table)
        best: Judgement | None = None
        tries = 0
        self.counted.judged_by_simulation += 1
        while alive.any():
            if tries >= MOST_SIMULATIONS:
                self.counted.left_out += int(alive.sum())
                break
            index = _next(table, alive, best, tries)
            setup = set_up(model, scenario, table.choice(index), load)
            outcome = self.run(model, scenario, setup, load, z)
            tries += 1
            self.counted.tried += 1
            refused = refusal(scenario, outcome)
            if refused is None:
                return Judgement(model, count, True, setup, outcome)
            alive[index] = False
            if tries + int(alive.sum()) > MOST_SIMULATIONS:
                alive &= ~_hopeless(table, index, refused[0], outcome)
            if best is None or refused[2] > best.closeness:
                best = Judgement(model, count, False, setup, outcome, *refused)
        assert best is not None  # the bounds left at least one
        return best

    def _name(self, scenario: Scenario) -> int:
        """Identity of a scenario, kept alive so that no other can take its place."""
        self._scenarios[id(scenario)] = scenario
        return id(scenario)


def _load_key(load: Load) -> tuple[object, ...]:
    return tuple(sorted(load.counts.items())), load.objects_factor, load.requests_factor


def _next(table: Table, alive: np.ndarray, best: Judgement | None, tries: int) -> int:
    """Least demand first; where latency or queues failed before, every second try is the quickest path that is left."""
    left = np.flatnonzero(alive)
    slow = best is not None and best.check not in {"cpu", "memory_bandwidth"}
    if slow and tries % 2 == 1:
        return int(left[np.argmin(table.path_s[left])])
    return int(left[0])


def _hopeless(table: Table, index: int, check: str, outcome: Outcome) -> np.ndarray:
    """Combinations that will fail as ``index`` did.

    No law where the draw of a short run or a burst decides, so it serves only where not all can be tried anyway.
    """
    if check in {"cpu", "memory_bandwidth"}:
        burden = table.demand if check == "cpu" else table.traffic
        return np.asarray(burden >= burden[index] * ALIKE)
    if outcome.result.dropped > 0 and not any(stage.drops for stage in outcome.result.stages):
        # Frames were lost before decode, so no stage is to blame: only less load on the cores could help.
        return np.asarray(table.demand >= table.demand[index] / ALIKE)
    return table.no_quicker_than(index)


def _admissible(model: PlatformModel, scenario: Scenario, table: Table) -> np.ndarray:
    """Combinations that no closed form rules out."""
    allowed = allowed_share(scenario)
    fits = table.demand <= allowed * model.cores
    fits &= table.path_s * 1000.0 <= scenario.slo.latency_p95_ms
    fits &= table.memory <= (model.machine.memory_bytes or 0.0)
    bandwidth = model.machine.memory_bandwidth_bytes_per_s
    if bandwidth is not None:
        fits &= table.traffic <= allowed * bandwidth
    return fits


def _bound(
    model: PlatformModel, scenario: Scenario, table: Table, load: Load, z: float, count: int
) -> tuple[str, str, float] | None:
    """Closed-form reasons why no combination can hold, with closeness, or None."""
    each = " per box" if count > 1 else ""
    allowed = allowed_share(scenario)
    slow = _slow_decode(model, scenario, load, z)
    if slow is not None:
        return slow
    demand = float(table.demand.min())
    if demand > allowed * model.cores:
        return (
            "cpu",
            (
                f"needs {demand:.2g} of its {model.cores:.3g} cores{each} on the pessimistic side; "
                f"{allowed * model.cores:.2g} may be used with {scenario.margin.headroom_pct:g} % headroom"
            ),
            allowed * model.cores / demand,
        )
    shortest_ms = float(table.path_s.min()) * 1000.0
    if shortest_ms > scenario.slo.latency_p95_ms:
        return (
            "latency_p95",
            (
                f"one frame takes {shortest_ms:.3g} ms with nothing else running; "
                f"the budget is {scenario.slo.latency_p95_ms:g} ms"
            ),
            scenario.slo.latency_p95_ms / shortest_ms,
        )
    have = model.machine.memory_bytes
    need = float(table.memory.min())
    if have is None:
        return "memory", f"its memory is unknown and {need / 1024**3:.2g} GiB are needed", 0.0
    if need > have:
        return "memory", f"needs {need / 1024**3:.2g} GiB of memory{each}, has {have / 1024**3:.2g} GiB", have / need
    bandwidth = model.machine.memory_bandwidth_bytes_per_s
    if bandwidth is not None and float(table.traffic.min()) > allowed * bandwidth:
        return (
            "memory_bandwidth",
            (
                f"moves {table.traffic.min() / 1e9:.2g} GB/s{each} of its {bandwidth / 1e9:.2g} GB/s; "
                f"{allowed * 100:.0f} % may be used"
            ),
            allowed * bandwidth / float(table.traffic.min()),
        )
    if not _admissible(model, scenario, table).any():
        return "latency_p95", "no configuration meets latency, memory and headroom at once", 0.9
    return None


def _slow_decode(model: PlatformModel, scenario: Scenario, load: Load, z: float) -> tuple[str, str, float] | None:
    """Refuse where one camera's frames, decoded one after another, come faster than a core decodes them."""
    kept = 1.0 - scenario.slo.drops_max_pct / 100.0
    for camera in scenario.cameras:
        if camera.codec == "raw" or not load.counts.get(camera.group, 0):
            continue
        mean_s = at(model.decode(camera).core_s, z) * math.exp(DECODE_SIGMA**2 / 2)
        share = kept * min(camera.fps, scenario.slo.camera_fps or camera.fps) * mean_s
        if share > DECODE_FULL:
            return (
                "camera_fps",
                (
                    f"decoding one {camera.resolution} {camera.codec} frame takes a core {mean_s * 1000.0:.3g} ms on "
                    f"the pessimistic side; each camera of {camera.group} sends one every "
                    f"{1000.0 / camera.fps:.3g} ms; "
                    "take a sub-stream or a lower rate"
                ),
                1.0 / share,
            )
    return None
