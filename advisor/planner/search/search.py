"""Is a platform good enough for what is asked of it, and with which configuration.

Closed-form bounds discard first (memory, shortest path, utilisation law); what they leave is simulated on the
pessimistic side of the interval, with growth and headroom, least core time first.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from advisor.planner.question.demand import Counts, camera_counts, per_box, spread
from advisor.planner.question.inputs import Candidate, PlanInputs
from advisor.records.scenario import Scenario

from .bounds import admissible, bound
from .costs import LoadFacts, Table, choice_cores, load_facts
from .simulate import (
    Load,
    Outcome,
    Refusal,
    Setup,
    decode_choices,
    evaluate,
    far_over,
    mean_use,
    near_a_limit,
    refusal,
    set_up,
)
from .space import Z90, Placement, PlatformModel, stage_batches

MOST_SIMULATIONS = 64
"""Configurations that are simulated on one platform before it is given up; the plan counts those left out."""
PATIENT_PLATFORMS, IMPATIENCE = 16, 8
"""After so many platforms' worth of configurations a platform may try so many times fewer of them."""
MOST_FRAMES = 30_000
"""Frames of one simulation: four times what eight cameras send in a minute."""
HEADROOM = frozenset({"cpu", "memory_bandwidth"})
SEEDS = 3
"""Draws on each of which a configuration must hold where it stands near a limit; the first alone where it does not."""
ALIKE = 1.001
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
    most_simulations: int = MOST_SIMULATIONS
    counted: SearchCount = field(default_factory=SearchCount)
    _models: dict[tuple[str, Placement], PlatformModel] = field(default_factory=dict)
    _facts: dict[tuple[object, ...], LoadFacts] = field(default_factory=dict)
    _judged: dict[tuple[object, ...], Judgement] = field(default_factory=dict)
    _figures: dict[tuple[object, ...], float | None] = field(default_factory=dict)
    _scenarios: dict[int, Scenario] = field(default_factory=dict)

    def model(self, candidate: Candidate, placement: Placement = "all") -> PlatformModel:
        """Return the candidate's platform model, made once."""
        key = (candidate.platform.id, placement)
        if key not in self._models:
            self._models[key] = PlatformModel(self.inputs, candidate, placement)
        return self._models[key]

    def prepare(self, candidates: Sequence[Candidate], scenario: Scenario | None = None) -> None:
        """Ask the performance model about all candidates at once: many times faster than one by one."""
        scenario = scenario or self.inputs.scenario
        asked = [
            (model, stage, request)
            for candidate in candidates
            for model in self.models(candidate)
            for stage in scenario.stages
            for request in model.unanswered(scenario, stage)
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

    def once(
        self, name: tuple[object, ...], scenario: Scenario, load: Load, work: Callable[[], float | None]
    ) -> float | None:
        """Return a figure of a scenario under a load, worked out the first time that it is asked for."""
        key = (*name, self._name(scenario), _load_key(load))
        if key not in self._figures:
            self._figures[key] = work()
        return self._figures[key]

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
        self,
        model: PlatformModel,
        scenario: Scenario,
        setup: Setup,
        load: Load,
        z: float,
        longest_s: float = 60.0,
        draw: int = 0,
    ) -> Outcome:
        """Simulate once; ``draw`` numbers independent draws of everything that is random."""
        self.counted.simulated += 1
        duration_s = min(self.duration_s(scenario, load), longest_s)
        return evaluate(model, scenario, setup, load, z, self.inputs.seed + draw, duration_s)

    def assess(
        self, model: PlatformModel, scenario: Scenario, setup: Setup, load: Load, z: float
    ) -> tuple[Outcome, Refusal | None]:
        """Judge one configuration: near a limit on ``SEEDS`` draws, each of which must meet the SLO.

        Headroom is asked of the mean over the draws: it is a margin in the long run, not of a single minute. Returns a
        draw that fails with its refusal, else the first draw and None.
        """
        first = self.run(model, scenario, setup, load, z)
        refused = refusal(scenario, first)
        if refused is None and not near_a_limit(scenario, first):
            return first, None
        if refused is not None and (refused[0] not in HEADROOM or far_over(scenario, first)):
            return first, refused
        draws = [first]
        for draw in range(1, SEEDS):
            outcome = self.run(model, scenario, setup, load, z, draw=draw)
            refused = refusal(scenario, outcome)
            if refused is not None and refused[0] not in HEADROOM:
                return outcome, refused
            draws.append(outcome)
        return first, refusal(scenario, mean_use(draws))

    def judge(self, candidate: Candidate, count: int, ask: Ask, z: float = Z90) -> Judgement:
        """Decide whether ``count`` boxes of a platform carry what is asked at belief ``z``, with headroom."""
        key = (
            candidate.platform.id, count, self._name(ask.scenario), tuple(sorted(ask.now.items())),
            tuple(sorted(ask.grown.items())), ask.objects_factor, z,
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

    def models(self, candidate: Candidate) -> tuple[PlatformModel, ...]:
        """The platform with all its cores, and of a chip with two kinds of them with the performance cores alone."""
        whole = self.model(candidate)
        return (whole,) if candidate.machine.efficiency_cores == 0 else (whole, self.model(candidate, "performance"))

    def _judge(self, candidate: Candidate, count: int, ask: Ask, z: float) -> Judgement:
        """Judge all cores together first; the performance cores alone where that fails, or where energy is paid."""
        whole, *others = self.models(candidate)
        judged = self._judge_placed(whole, count, ask, z)
        for model in others:
            if judged.feasible and ask.scenario.money.objective == "price":
                break
            other = self._judge_placed(model, count, ask, z)
            if other.feasible and (not judged.feasible or self.paid_cores(other, ask) < self.paid_cores(judged, ask)):
                judged = other
        return judged

    def paid_cores(self, judged: Judgement, ask: Ask) -> float:
        """Cores that a configuration keeps busy today at the median belief: what its energy is counted from."""
        assert judged.setup is not None  # callers have seen to it
        facts = self.facts(ask.scenario, ask.nominal(judged.count))
        return choice_cores(judged.model, ask.scenario, judged.setup.choice, facts, 0.0)

    def _judge_placed(self, model: PlatformModel, count: int, ask: Ask, z: float) -> Judgement:
        scenario, load = ask.scenario, ask.load(count)
        table = self.table(model, scenario, load, z)
        if table is None:
            missing = next(stage.id for stage in scenario.stages if not model.options(scenario, stage))
            self.counted.bounded += 1
            return Judgement(model, count, False, None, None, "evidence",
                             f"cannot tell: no evidence of how stage {missing} runs on it at the permitted precisions; "
                             "`sizer bench` on one would settle that")  # fmt: skip
        workers = decode_choices(model, scenario, load, z)
        self.counted.configurations += len(table) * len(workers)
        refused = bound(model, scenario, table, load, z, count)
        if refused is not None:
            self.counted.bounded += 1
            least = set_up(model, scenario, table.choice(int(np.argmin(table.demand))), load)
            return Judgement(model, count, False, least, None, *refused)
        self.counted.judged_by_simulation += 1
        trial = _Trial(self, model, ask, count, z, table, workers)
        found = trial.first()
        if found.feasible and scenario.money.objective == "tco":
            return trial.thriftier(found)
        return found

    def patience(self) -> int:
        """Configurations that the next platform may try: fewer once many were tried in vain.

        Where a tight latency budget fails nearly everything, a plan over a whole catalogue would take minutes.
        """
        if self.counted.tried < PATIENT_PLATFORMS * self.most_simulations:
            return self.most_simulations
        return max(1, self.most_simulations // IMPATIENCE)

    def _name(self, scenario: Scenario) -> int:
        """Identity of a scenario, kept alive so that no other can take its place."""
        self._scenarios[id(scenario)] = scenario
        return id(scenario)


def _load_key(load: Load) -> tuple[object, ...]:
    return tuple(sorted(load.counts.items())), load.objects_factor, load.requests_factor


@dataclass
class _Trial:
    """Simulations of one platform's combinations, least core time first, until one holds."""

    searcher: Searcher
    model: PlatformModel
    ask: Ask
    count: int
    z: float
    table: Table
    workers: tuple[int, ...]
    tries: int = 0

    def __post_init__(self) -> None:
        self.limit = self.searcher.patience()
        self.alive = admissible(self.model, self.ask.scenario, self.table)

    def first(self) -> Judgement:
        """Return the first combination that holds, or the one that came nearest."""
        best: Judgement | None = None
        steps = 0
        while self.alive.any():
            if self.tries >= self.limit:
                self._leave_out(self.alive)
                break
            index = _next(self.table, self.alive, best, steps)
            steps += 1
            judged = self._try(index)
            if judged.feasible:
                return judged
            if best is None or judged.closeness > best.closeness:
                best = judged
        assert best is not None  # the bounds left at least one
        return best

    def thriftier(self, found: Judgement) -> Judgement:
        """Return the combination that holds with the least core time today, which is the least energy.

        Core time at the median belief today decides the bill; whether a combination holds is judged with growth on the
        pessimistic side, so the first that holds need not be the thriftiest.
        """
        searcher, scenario = self.searcher, self.ask.scenario
        facts = searcher.facts(scenario, self.ask.nominal(self.count))
        cores = self.table.cores_under(self.model, scenario, facts, 0.0)
        paid = searcher.paid_cores(found, self.ask)
        # What was tried and failed is no longer alive; what cost less and was not tried still is.
        rivals = self.alive & (cores < paid - 1e-12)
        self.limit = self.tries + searcher.patience()
        for index in np.flatnonzero(rivals)[np.argsort(cores[rivals], kind="stable")]:
            if not self.alive[index]:
                continue
            if self.tries >= self.limit:
                self._leave_out(self.alive & rivals)
                break
            judged = self._try(int(index))
            if judged.feasible:
                return judged
        return found

    def _try(self, index: int) -> Judgement:
        """Simulate one combination, with one number of decoder threads after another."""
        scenario, load = self.ask.scenario, self.ask.load(self.count)
        choice = self.table.choice(index)
        best: Judgement | None = None
        for workers in self.workers:
            setup = set_up(self.model, scenario, choice, load, workers)
            outcome, refused = self.searcher.assess(self.model, scenario, setup, load, self.z)
            self.tries += 1
            self.searcher.counted.tried += 1
            if refused is None:
                return Judgement(self.model, self.count, True, setup, outcome)
            if best is None or refused[2] > best.closeness:
                best = Judgement(self.model, self.count, False, setup, outcome, *refused)
            if refused[0] == "cpu" and far_over(scenario, outcome):
                break  # fewer decoder threads take as much core time
        assert best is not None  # there is at least one number of threads
        assert best.outcome is not None
        assert best.check is not None
        self.alive[index] = False
        if self.tries + int(self.alive.sum()) * len(self.workers) > self.limit:
            self.alive &= ~_hopeless(self.table, index, best.check, best.outcome)
        return best

    def _leave_out(self, which: np.ndarray) -> None:
        self.searcher.counted.left_out += int(which.sum()) * len(self.workers)


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
        burden = table.likely if check == "cpu" else table.traffic
        return np.asarray(burden >= burden[index] * ALIKE)
    if outcome.result.dropped > 0 and not any(stage.drops for stage in outcome.result.stages):
        # Frames were lost before decode, so no stage is to blame: only less load on the cores could help.
        return np.asarray(table.demand >= table.demand[index] / ALIKE)
    return table.no_quicker_than(index)
