"""One way to run one stage on one platform, and what it costs at any quantile of what is believed."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property

from advisor.perfmodel.resources.cold_pass import ColdStart
from advisor.records.base import Evidence, Interval
from advisor.records.config import RunConfig
from advisor.records.prediction import ServiceEstimate

from .belief import at
from .loads import places, risen


@dataclass(frozen=True)
class CoreCost:
    """Core time of work that is no pass, with the time to move its picture between cores."""

    core_s: Interval
    """With all cores busy [s]."""
    alone_s: Interval
    """While the others idle [s]."""
    evidence: Evidence
    notes: tuple[str, ...]
    key_factor: float | None = None
    """Decode time of a key frame over that of the others; None: not measured, or no decoding."""
    _known: dict[float, tuple[float, float]] = field(default_factory=dict, init=False, repr=False, compare=False)
    """:meth:`at` by quantile: all options of a stage share it."""

    def at(self, z: float) -> tuple[float, float]:
        """Core time while the others idle and with all cores busy [s]."""
        known = self._known.get(z)
        if known is None:
            known = self._known[z] = at(self.alone_s, z), at(self.core_s, z)
        return known

    def contention(self, z: float) -> float:
        """Added time with all other cores busy, as a share of the time alone."""
        return max(0.0, at(self.core_s, z) / at(self.alone_s, z) - 1.0)


def known_cost(cost: CoreCost, z: float) -> CoreCost:
    """Return a cost that is known to be one of its quantiles."""
    core_s, alone_s = Interval.exact(at(cost.core_s, z)), Interval.exact(at(cost.alone_s, z))
    return CoreCost(core_s, alone_s, cost.evidence, cost.notes, cost.key_factor)


@dataclass(frozen=True)
class Collected:
    """Passes that OpenVINO's device BATCH makes of requests of one input each (SimStage.collected)."""

    most: int
    """Requests that make one pass."""
    timeout_s: float
    single: StageOption
    """How a request runs that is left when the clock strikes: by itself, on the same stream."""


@dataclass(frozen=True)
class StageOption:
    """One way to run one stage on one platform."""

    config: RunConfig
    """With as many streams and threads as fit; the planner lowers them to what the load needs."""
    estimate: ServiceEstimate
    preprocess: CoreCost | None
    application: CoreCost | None = None
    """The application's own work on one object; None: none, and for stages on frames."""
    busy: Interval | None = None
    """Time that one pass takes of a device, whose host's part is the estimate's core time [s]; None: on the cores."""
    collected: Collected | None = None
    """The runtime makes batches: the estimate is of a full one, its core time and memory traffic those of one input in
    it, the least that an input can take. None: the application makes them."""
    _known: dict[float, tuple[float, float, float, float]] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )
    """:meth:`costs` by quantile: thousands of combinations share one option."""
    _prepared: dict[float, tuple[float, float]] = field(default_factory=dict, init=False, repr=False, compare=False)
    """Least and most time of preparation by quantile."""
    _loaded: dict[tuple[float, float], tuple[float, ...]] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )
    """:meth:`loaded_core_s` by cores and quantile."""

    @cached_property
    def threads_per_stream(self) -> int:
        """Threads that one pass occupies; on a device the one that calls."""
        if self.busy is not None:
            return 1
        return (self.config.threads or 1) // (self.config.streams or 1)

    def at(self, z: float, preparation_z: float, pause_z: float, application_z: float) -> StageOption:
        """Return the option with its parts known to be these quantiles of what is believed."""

        def known(interval: Interval | None, quantile: float) -> Interval | None:
            return None if interval is None else Interval.exact(at(interval, quantile))

        estimate = self.estimate.model_copy(
            update={
                "latency_s": known(self.estimate.latency_s, z),
                "core_s": known(self.estimate.core_s, z),
                "alone_s": known(self.estimate.alone_s, z),
                "full_s": known(self.estimate.full_s, z),
                "cold_s": known(self.estimate.cold_s, pause_z),
            }
        )
        preprocess = None if self.preprocess is None else known_cost(self.preprocess, preparation_z)
        application = None if self.application is None else known_cost(self.application, application_z)
        busy, collected = known(self.busy, z), self.collected
        if collected is not None:
            single = collected.single.at(z, preparation_z, pause_z, application_z)
            collected = replace(collected, single=single)
        return replace(
            self, estimate=estimate, preprocess=preprocess, application=application, busy=busy, collected=collected
        )

    def busy_s(self, z: float) -> float:
        """Time that one pass takes of its device [s]; 0 on the cores."""
        return 0.0 if self.busy is None else at(self.busy, z)

    def pass_s(self, z: float) -> float:
        """Time of one pass of ``config.batch`` inputs with all cores busy [s]."""
        return self.costs(z)[1]

    def alone_s(self, z: float) -> float:
        """Time of one pass while nothing else infers [s], or that of :meth:`pass_s` if unknown: the least it takes."""
        return self.costs(z)[0]

    def costs(self, z: float) -> tuple[float, float, float, float]:
        """Time of one pass alone and with all cores busy, and its core time in both cases [s]."""
        known = self._known.get(z)
        if known is None:
            estimate = self.estimate
            full_s = at(estimate.full_s or estimate.latency_s, z)
            alone_s = full_s if estimate.alone_s is None else min(at(estimate.alone_s, z), full_s)
            threads = at(estimate.core_s, z) / at(estimate.latency_s, z)
            core_s = full_s * min(threads, self.threads_per_stream)
            known = self._known[z] = alone_s, full_s, core_s * (alone_s / full_s), core_s
        return known

    def contention(self, z: float) -> float:
        """Added time of a pass with all cores busy, as a share of its time alone."""
        return self.pass_s(z) / self.alone_s(z) - 1.0

    def loaded_s(self, share: float, z: float) -> float:
        """Time of one pass with a share (0 to 1) of the other cores busy [s], as the simulator lengthens it."""
        alone_s, full_s = self.costs(z)[:2]
        return alone_s + risen(self.estimate.contention_rise, share) * (full_s - alone_s)

    def loaded_core_s(self, cores: float, z: float) -> tuple[float, ...]:
        """Core time of one pass [s] with each share of :data:`LOADS` of ``cores`` busy in all, its own among them."""
        key = cores, z
        known = self._loaded.get(key)
        if known is None:
            alone_s, full_s, _, core_s = self.costs(z)
            each, added_s, points = core_s / full_s, full_s - alone_s, (0.0, *(self.estimate.contention_rise or (1.0,)))
            known = self._loaded[key] = tuple(
                each * (alone_s + (points[low] + part * (points[low + 1] - points[low])) * added_s)
                for low, part in places(cores, self.threads_per_stream, len(points))
            )
        return known

    def preprocess_s(self, z: float) -> float:
        """Core time to prepare one input, the application's work on it included, with all cores busy [s]."""
        return self._preparation(z)[1]

    def least_preprocess_s(self, z: float) -> float:
        """The same while all other cores idle [s]."""
        return self._preparation(z)[0]

    def _preparation(self, z: float) -> tuple[float, float]:
        known = self._prepared.get(z)
        if known is None:
            costs = [cost.at(z) for cost in (self.preprocess, self.application) if cost is not None]
            known = self._prepared[z] = sum(least_s for least_s, _ in costs), sum(most_s for _, most_s in costs)
        return known

    def preprocess_contention(self, z: float) -> float:
        """Added time of a preparation with all other cores busy, as a share of its time alone."""
        alone_s, most_s = self._preparation(z)
        return max(0.0, most_s / alone_s - 1.0) if alone_s > 0 else 0.0

    def cold_s(self, cold: ColdStart, z: float) -> float:
        """Added time of a pass after a long pause [s]: of this model where measured, else of this machine."""
        measured = self.estimate.cold_s
        return at(cold.pass_s(self.threads_per_stream) if measured is None else measured, z)

    def sigma(self, cold: ColdStart) -> float:
        """Spread of single passes (log): as measured in this configuration or after pauses, whichever is more."""
        return max(self.estimate.pass_sigma or 0.0, cold.sigma(self.threads_per_stream))

    def core_s(self, z: float) -> float:
        """Core time of one pass with all cores busy [s]."""
        return self.costs(z)[3]

    def least_core_s(self, z: float) -> float:
        """Core time of one pass at least [s]: while nothing else infers."""
        return self.costs(z)[2]
