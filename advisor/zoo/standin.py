"""Stand-ins: graphs of the right family, as heavy as a published model whose file is not at hand.

A family's template describes a graph for any list of channel counts, one per stage of its resolution pyramid. Two
knobs steer that list: ``width`` scales all counts and so parameters and operations together; ``growth``, the factor
from one stage to the next, moves weight between fine maps (many operations per parameter) and coarse ones (few). Both
are solved with the graph's own count, without making a weight; single stages are then adjusted in steps of 8 channels
until both published figures are met.

What a stand-in does not promise: results, or the real model's layers. Its time is a model of the real one's time to the
extent that kernels of the same kind, at the same sizes, do the same number of operations.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache, partial
from itertools import pairwise

from advisor.errors import ModelError, ModelRangeError, nearest

from .builder import Net
from .families import ARCHITECTURES
from .published import Published, published, refused
from .rules import same_graph, template_for
from .templates import Template, Variant

PREFIX = "like:"
TOLERANCE = 0.05
"""Largest relative deviation of operations and parameters that a stand-in may have."""
_WANTED = 0.02
"""Deviation at which the search rests."""
_ACCEPTED = 0.04
"""Deviation that is taken when no arrangement of layers comes nearer; leaves a margin to the tolerance."""
_REAL = 0.045
"""Deviation at which the search rests where it began at a real network. Published operations count additions of biases
and the like: 1 to 7 % more than convolutions and matrix products alone."""
_HOPELESS = 0.7
"""Deviation, as a logarithm, that moving single stages will not mend."""
_STEEPEST, _FLATTEST = 5.0, 0.2
"""Factors between neighbouring stages outside which another arrangement of layers is tried."""
_GRAINS = (8, 4, 2, 1)
"""Channel counts are multiples of 8; smaller steps only for nets of a few thousand parameters that need them."""
_BISECTIONS = 10


@dataclass(frozen=True)
class StandIn:
    """A solved stand-in."""

    published: Published
    family: str
    make: Callable[[], Net]
    channels: tuple[int, ...]
    """Channel counts that were solved; empty where the graph is that of a reference architecture."""
    gflops: float
    mparams: float
    real: bool = False
    """Whether the search began at a real network's counts."""

    @property
    def error(self) -> float:
        """Larger of the two deviations, as the absolute logarithm of the ratio."""
        return _error(self.gflops, self.mparams, self.published)

    @property
    def uneven(self) -> bool:
        """True where channel counts jump or fall between stages as in no real net."""
        ratios = [b / a for a, b in pairwise(self.channels)]
        return any(ratio > _STEEPEST or ratio < _FLATTEST for ratio in ratios)

    def within(self, tolerance: float) -> bool:
        """Whether operations and parameters are relatively no further off than ``tolerance``."""
        row = self.published
        assert row.gflops is not None
        assert row.mparams is not None
        return max(abs(self.gflops / row.gflops - 1.0), abs(self.mparams / row.mparams - 1.0)) <= tolerance

    @property
    def near(self) -> bool:
        """Whether the search may rest here."""
        return self.within(TOLERANCE) if self.real else self.error <= _WANTED

    @property
    def rank(self) -> tuple[bool, bool, float]:
        """Order of preference: near enough, then even, then nearer."""
        return (not self.near, self.uneven, self.error)

    def describe(self) -> Net:
        """Return the graph."""
        net = self.make()
        net.name = PREFIX + self.published.name
        return net


@lru_cache(maxsize=512)
def stand_in(name: str) -> StandIn:
    """Solve the stand-in for a published model.

    Parameters
    ----------
    name : str
        Name in the table of published figures, without ``like:``.

    Raises
    ------
    ModelError
        The name is unknown, its figures are missing or evidently wrong, or no graph of its family meets them.
    """
    rows = published()
    row = rows.get(name)
    if row is None:
        raise ModelError(f"like:{name}: no published figures under this name{nearest(name, rows, 2)}")
    reason = refused(row)
    if reason is not None:
        raise ModelError(f"like:{name}: {reason}; export the real model and name its file")
    architecture = same_graph(row)
    if architecture is not None:
        known = ARCHITECTURES[architecture]
        net = known.describe()
        return StandIn(row, known.family, known.describe, (), net.gflops, net.mparams)
    template = template_for(row)
    best: StandIn | None = None
    for grain in _GRAINS:
        for variant in template.variants:
            found = _solve(row, template, variant, grain)
            if found is not None and (best is None or found.rank < best.rank):
                best = found
            if best is not None and best.near and (best.real or not best.uneven):
                return best
        if best is not None and best.error <= math.log1p(_ACCEPTED):
            return best
    raise ModelError(
        f"like:{name}: no {template.family} graph has {row.gflops:g} GFLOPs with {row.mparams:g} million "
        f"parameters at {list(row.input_shape)}; export the real model and name its file"
    )


def _error(gflops: float, mparams: float, row: Published) -> float:
    assert row.gflops is not None
    assert row.mparams is not None
    return max(abs(math.log(gflops / row.gflops)), abs(math.log(mparams / row.mparams)))


@dataclass
class _Search:
    """Tries channel lists of one variant and remembers what they came to."""

    row: Published
    template: Template
    variant: Variant
    grain: int
    seen: dict[tuple[int, ...], tuple[float, float] | None] = field(default_factory=dict)

    def describe(self, channels: tuple[int, ...]) -> Net:
        return self.template.describe(self.row.name, self.row.input_shape, self.variant, channels)

    def count(self, channels: tuple[int, ...]) -> tuple[float, float] | None:
        """GFLOPs and MParams; None if the graph cannot be."""
        if channels not in self.seen:
            try:
                net = self.describe(channels)
                self.seen[channels] = (net.gflops, net.mparams)
            except ModelRangeError:
                self.seen[channels] = None
        return self.seen[channels]

    @property
    def goal(self) -> float:
        """Deviation that needs no further move."""
        return _REAL if self.template.real else 0.5 * _WANTED

    def result(self, channels: tuple[int, ...]) -> StandIn | None:
        """Stand-in of these counts; None if the graph cannot be."""
        found = self.count(channels)
        if found is None:
            return None
        net = partial(self.describe, channels)
        return StandIn(self.row, self.template.family, net, channels, *found, real=self.template.real)

    def start(self) -> StandIn | None:
        """The real network itself, where it is within the tolerance; its counts are not rounded."""
        found = self.result(tuple(round(count) for count in self.variant.base))
        return found if found is not None and found.within(TOLERANCE) else None

    def error(self, channels: tuple[int, ...]) -> float:
        found = self.count(channels)
        return math.inf if found is None else _error(*found, self.row)

    def shape(self, width: float, growth: float) -> tuple[int, ...]:
        """Channel counts for the two knobs."""
        return tuple(
            max(self.grain, round(self.variant.width_at(place, width, growth) / self.grain) * self.grain)
            for place in range(len(self.variant.base))
        )

    def fit_width(self, growth: float) -> tuple[tuple[int, ...], float] | None:
        """Width at which parameters fit; with it the log ratio of operations to the target."""
        assert self.row.mparams is not None
        assert self.row.gflops is not None
        width = 1.0
        nearest_fit: tuple[float, tuple[int, ...], float] | None = None
        for _ in range(6):
            channels = self.shape(width, growth)
            found = self.count(channels)
            if found is None:
                return None
            off = math.log(self.row.mparams / found[1])
            if nearest_fit is None or abs(off) < nearest_fit[0]:
                nearest_fit = (abs(off), channels, math.log(found[0] / self.row.gflops))
            if abs(off) < 0.01:
                break
            # Parameters grow with about the square of the width.
            width *= math.exp(0.5 * off)
        assert nearest_fit is not None
        return nearest_fit[1], nearest_fit[2]


def _solve(row: Published, template: Template, variant: Variant, grain: int) -> StandIn | None:
    """Bisect growth, with the width fitted inside, then adjust stage by stage."""
    search = _Search(row, template, variant, grain)
    if template.real:
        found = search.start()
        if found is not None:
            return found
    low, high = 0.4, 3.0
    growth = template.growth
    candidates = []
    for _ in range(_BISECTIONS):
        fitted = search.fit_width(growth)
        if fitted is None:
            return None
        candidates.append(fitted[0])
        if search.error(fitted[0]) <= search.goal:
            break
        # More growth: more parameters on coarse maps, fewer operations at the same parameters.
        if fitted[1] > 0:
            low = growth
        else:
            high = growth
        growth = math.sqrt(low * high)
    channels = _descend(search, min(candidates, key=search.error))
    return search.result(channels)


def _descend(search: _Search, channels: tuple[int, ...]) -> tuple[int, ...]:
    """Move single stages, or two against each other, by ever smaller steps while that lowers the error."""
    error = search.error(channels)
    if error > _HOPELESS:
        return channels
    for factor in (4, 1):
        improved = True
        while improved and error > search.goal:
            improved = False
            for trial in _neighbours(channels, search.grain * factor, search.grain):
                if (trial_error := search.error(trial)) < error - 1e-4:
                    channels, error, improved = trial, trial_error, True
                    break
    return channels


def _neighbours(channels: tuple[int, ...], step: int, least: int) -> Iterator[tuple[int, ...]]:
    places = range(len(channels))
    for place in places:
        for sign in (1, -1):
            yield _moved(channels, (place, sign * step), least=least)
    for up in places:
        for down in places:
            if up != down:
                yield _moved(channels, (up, step), (down, -step), least=least)


def _moved(channels: tuple[int, ...], *moves: tuple[int, int], least: int) -> tuple[int, ...]:
    changed = list(channels)
    for place, step in moves:
        changed[place] = max(least, changed[place] + step)
    return tuple(changed)
