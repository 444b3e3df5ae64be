"""What a family of stand-ins is: a graph over a list of channel counts, and its arrangements of layers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from .builder import Net
from .families import Layout


@dataclass(frozen=True)
class Variant:
    """One arrangement of a family's layers."""

    base: tuple[float, ...]
    """Channels of each stage at width 1 and growth 1."""
    depths: tuple[int, ...]
    """Blocks per stage."""
    option: int
    """What the family's graph calls its third degree of freedom: classes, stem stride, layers."""
    exponents: tuple[float, ...] = ()
    """Power of growth in each count; empty: 0, 1, 2 and so on."""

    def width_at(self, place: int, width: float, growth: float) -> float:
        """Channel count, not yet rounded, for the two knobs."""
        return self.base[place] * width * growth ** (self.exponents[place] if self.exponents else place)


Body = Callable[[Net, tuple[int, ...], tuple[int, ...], int], None]


@dataclass(frozen=True)
class Template:
    """A family of stand-ins; variants stand in order of preference, each tried first at the natural growth."""

    family: str
    task: str
    output_layout: Layout
    body: Body
    variants: tuple[Variant, ...]
    growth: float = 1.8
    """Factor from stage to stage that real nets of this family have."""
    token_limit: int | None = None
    """Not None: the input holds int64 token ids below this number."""
    real: bool = False
    """Whether the counts of each variant are those of a real network: the search then moves them no further than the
    tolerance asks for."""

    def describe(self, name: str, shape: tuple[int, ...], variant: Variant, channels: tuple[int, ...]) -> Net:
        """Describe the graph for these channel counts."""
        net = Net(name, shape, self.token_limit)
        self.body(net, channels, variant.depths, variant.option)
        return net


def template(
    family: str, task: str, layout: Layout, body: Body, base: tuple[float, ...], options: tuple[int, ...],
    *depths: tuple[int, ...], exponents: tuple[float, ...] = (), growth: float = 1.8,
) -> Template:  # fmt: skip
    """Make a template with one variant for each option and list of depths.

    A depth list with more stages than the shortest extends ``base`` at the coarse end.
    """
    short = min(len(each) for each in depths)
    variants = tuple(
        Variant(base + base[-1:] * (len(each) - short), each, option, exponents)
        for option in options
        for each in depths
    )
    return Template(family, task, layout, body, variants, growth)


def network(
    family: str, task: str, layout: Layout, body: Body, counts: tuple[float, ...], options: tuple[int, ...],
    *depths: tuple[int, ...],
) -> Template:  # fmt: skip
    """Make a template whose first variant is a real network."""
    variants = tuple(Variant(counts, each, option) for option in options for each in depths)
    return Template(family, task, layout, body, variants, growth=1.0, real=True)
