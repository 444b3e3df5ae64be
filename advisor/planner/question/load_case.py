"""The load that boxes are asked to carry: a scenario with so many cameras, today and with its growth."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property

from advisor.records.scenario import Scenario

from .demand import Counts, camera_counts, dealing_order, per_box, spread

LoadKey = tuple[tuple[tuple[str, int], ...], float, float]
CaseKey = tuple[tuple[tuple[str, int], ...], tuple[tuple[str, int], ...], float]


@dataclass(frozen=True)
class Load:
    """What one box has to carry."""

    counts: Counts
    objects_factor: float = 1.0
    """Factor on the objects per frame that the scenario gives."""
    requests_factor: float = 1.0
    """Factor on the request rates that the scenario gives."""

    @cached_property
    def key(self) -> LoadKey:
        """Equal for equal loads of one scenario."""
        return tuple(sorted(self.counts.items())), self.objects_factor, self.requests_factor


@dataclass(frozen=True)
class LoadCase:
    """A scenario with so many cameras per group: those of today, and those that must fit with growth."""

    scenario: Scenario
    now: Counts
    grown: Counts
    order: tuple[tuple[str, ...], ...]
    """Groups in the order in which their cameras are dealt out over boxes."""
    objects_factor: float = 1.0
    _required: dict[int, Load] = field(default_factory=dict, init=False, repr=False, compare=False)
    _nominal: dict[int, Load] = field(default_factory=dict, init=False, repr=False, compare=False)
    """Loads by the number of boxes: each is asked for once per platform, and its key is long with many groups."""

    @classmethod
    def of(
        cls,
        scenario: Scenario,
        *,
        counts: Counts | None = None,
        extra_cameras: int = 0,
        objects_factor: float = 1.0,
    ) -> LoadCase:
        """Return the scenario's own cameras, or ``counts``, with its growth and ``extra_cameras`` on top."""
        now = camera_counts(scenario) if counts is None else dict(counts)
        total = sum(now.values())
        grown = spread(now, total + scenario.margin.growth_cameras + extra_cameras) if total else now
        return cls(scenario, now, grown, dealing_order(scenario), objects_factor)

    @cached_property
    def key(self) -> CaseKey:
        """Equal for equal cases of one scenario."""
        return tuple(sorted(self.now.items())), tuple(sorted(self.grown.items())), self.objects_factor

    @property
    def cameras(self) -> int:
        """Cameras of today."""
        return sum(self.now.values())

    @property
    def grown_cameras(self) -> int:
        """Cameras that must fit."""
        return sum(self.grown.values())

    @property
    def spare_boxes(self) -> int:
        """Boxes that are bought beyond those that carry the load."""
        return 1 if self.scenario.margin.redundancy == "n+1" else 0

    @property
    def max_boxes(self) -> int:
        """Most boxes over which the load may be spread: those that are permitted, never more than there are cameras."""
        permitted = self.scenario.candidates.max_boxes
        return min(permitted, max(1, self.grown_cameras)) if self.cameras else permitted

    def required(self, boxes: int) -> Load:
        """Load of the fullest of ``boxes`` boxes with growth: what they must carry."""
        if boxes not in self._required:
            growth = 1.0 + self.scenario.margin.growth_requests_pct / 100.0
            counts = per_box(self.order, self.grown, boxes)
            self._required[boxes] = Load(counts, self.objects_factor, self._of_requests(growth, boxes))
        return self._required[boxes]

    def nominal(self, boxes: int) -> Load:
        """Load of the fullest of ``boxes`` boxes as the scenario stands today: what is predicted."""
        if boxes not in self._nominal:
            counts = per_box(self.order, self.now, boxes)
            self._nominal[boxes] = Load(counts, self.objects_factor, self._of_requests(1.0, boxes))
        return self._nominal[boxes]

    def with_total(self, cameras: int, boxes: int) -> Load:
        """Load of the fullest of ``boxes`` boxes with so many cameras in all, in the shares of today."""
        counts = per_box(self.order, spread(self.now, cameras), boxes)
        return Load(counts, self.objects_factor, self._of_requests(1.0, boxes))

    def _of_requests(self, growth: float, boxes: int) -> float:
        """Factor on the request rates of one box; 1 where there are none, so that equal loads are told to be equal."""
        return growth / boxes if self.scenario.requests else 1.0

    def with_scenario(self, scenario: Scenario) -> LoadCase:
        """Return the same cameras of today under a changed scenario, with its growth."""
        return LoadCase.of(scenario, counts=self.now, objects_factor=self.objects_factor)

    def with_extra_cameras(self, cameras: int) -> LoadCase:
        """Return the case with more cameras beyond the growth."""
        return LoadCase.of(self.scenario, counts=self.now, extra_cameras=cameras, objects_factor=self.objects_factor)

    def with_objects_factor(self, factor: float) -> LoadCase:
        """Return the case with ``factor`` times the objects per frame that the scenario gives."""
        return replace(self, objects_factor=factor)

    def with_exactly(self, counts: Counts) -> LoadCase:
        """Return the case of these very cameras, which do not grow."""
        return replace(self, now=counts, grown=counts)
