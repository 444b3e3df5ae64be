"""The planner's speed: a whole warm ``sizer plan``, and over the size of the catalogue with synthetic platforms.

``run()`` returns the table in Markdown; ``python -m benchmarks.planner`` from the checkout prints it.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
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
    lines = [
        "| platforms | plan | per platform | simulations | configurations | simulated | left untried |",
        "|---|---|---|---|---|---|---|",
    ]
    plan(inputs(platforms(3)))
    for size in sizes:
        given = inputs(platforms(size))
        start = time.perf_counter()
        result = plan(given)
        took = time.perf_counter() - start
        facts = result.search
        known, share, left = facts["configurations"], facts["share_simulated"] * 100, facts["configurations_left_out"]
        lines.append(
            f"| {size} | {took:.2f} s | {took / size * 1e3:.2f} ms | {facts['simulations']} | {known:,} | "
            f"{share:.3f} % | {left} |"
        )
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


def whole_command(repeats: int = 3) -> str:
    """Time of ``sizer plan store-analytics`` over the shipped catalogue as its user waits for it, models profiled."""
    code = "import sys; from advisor.cli.main import run; sys.exit(run(sys.argv[1:]))"
    command = [sys.executable, "-c", code, "plan", "store-analytics", "--no-measure", "--json"]
    facts: dict[str, float] = {}
    took = []
    for _ in range(repeats + 1):  # the first builds and compiles what is missing
        start = time.perf_counter()
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        took.append(time.perf_counter() - start)
        facts = json.loads(done.stdout)["search"]
    share = 100 * float(facts["share_simulated"])
    return (
        f"`sizer plan store-analytics` with its models profiled, from the start of the process to its end: "
        f"{statistics.median(took[1:]):.1f} s (median of {repeats}); {facts['platforms']} platforms, "
        f"{facts['configurations']:,} configurations, {share:.2g} % of them simulated."
    )


def run() -> str:
    """All tables."""
    return "\n".join([whole_command(), "", *over_catalogue(), "", over_sites()])


if __name__ == "__main__":
    print(run())
