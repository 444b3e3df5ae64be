"""The planner's speed over the size of the catalogue, with synthetic platforms and a predictor that costs nothing.

``run()`` returns the table in Markdown; ``python -m benchmarks.planner`` from the checkout prints it.
"""

from __future__ import annotations

import time

from advisor.planner.inputs import Candidate
from advisor.planner.plan import plan
from tests.planner.fakes import candidate, inputs, scenario

SIZES = (60, 600, 6000)
SITES = 500


def platforms(count: int) -> list[Candidate]:
    """Boxes of 1 to 32 cores whose price grows with the cores, no two alike."""
    return [candidate(f"box-{i}", 1 + i % 32, 80.0 + 55.0 * (1 + i % 32) + 0.01 * i) for i in range(count)]


def over_catalogue(sizes: tuple[int, ...] = SIZES) -> list[str]:
    """Time of a whole plan per number of platforms; per platform it must not grow."""
    lines = ["| platforms | plan | per platform | simulations |", "|---|---|---|---|"]
    plan(inputs(platforms(3)))
    for size in sizes:
        given = inputs(platforms(size))
        start = time.perf_counter()
        result = plan(given)
        took = time.perf_counter() - start
        lines.append(f"| {size} | {took:.2f} s | {took / size * 1e3:.2f} ms | {result.search['simulations']} |")
    return lines


def over_sites(sites: int = SITES, size: int = 60) -> str:
    """Time of a plan for many sites, half of them with camera counts of their own."""
    shop = scenario(
        sites=[
            {"name": f"s{i}", "count": 1, "cameras": {"aisle": 1 + i % 25, "door": 1 + i % 10}} for i in range(sites)
        ]
    )
    given = inputs(platforms(size), shop=shop)
    start = time.perf_counter()
    result = plan(given)
    took = time.perf_counter() - start
    kinds = len({tuple(sorted(site.cameras.items())) for site in shop.sites})
    return f"{sites} sites ({kinds} different) x {size} platforms: {took:.1f} s, {result.sites_total['boxes']} boxes."


def run() -> str:
    """All tables."""
    return "\n".join([*over_catalogue(), "", over_sites()])


if __name__ == "__main__":
    print(run())
