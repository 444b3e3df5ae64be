"""The planner's speed: a whole ``sizer plan``, cold and warm, then with synthetic platforms by their number.

``run()`` returns the table in Markdown; ``python -m benchmarks.planner`` from the checkout prints it.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from advisor.planner.plan import plan
from advisor.planner.question.inputs import Candidate
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


def over_groups(groups: tuple[int, ...] = (1, 10, 40), cameras: int = 80) -> list[str]:
    """CPU time of a plan for as many cameras in ever more groups that are equal: it must not grow."""
    lines = ["| groups | CPU time | boxes |", "|---|---|---|"]
    for count in groups:
        kind = {"resolution": "1920x1080", "codec": "h264", "fps": 15, "bitrate_kbps": 4000}
        shop = scenario(cameras=[{**kind, "group": f"g{i}", "count": cameras // count} for i in range(count)])
        start = time.process_time()
        result = plan(inputs(platforms(60), shop=shop))
        bought = "none" if result.recommended is None else f"{result.recommended.count}"
        lines.append(f"| {count} | {time.process_time() - start:.2f} s | {bought} |")
    return lines


def catalogue(repeats: int = 3) -> str:
    """CPU time of reading the catalogue and deriving the machine of every box, each time in a fresh process."""
    code = (
        "import time; from advisor.store.catalogue import Catalogue; t = time.process_time(); c = Catalogue.load();"
        " m = [c.machine(p) for p in c.platforms()]; print(len(m), time.process_time() - t)"
    )
    runs = [subprocess.check_output([sys.executable, "-c", code], text=True).split() for _ in range(repeats)]
    took_s = statistics.median(float(took) for _, took in runs)
    return f"Catalogue: {runs[0][0]} boxes read in {took_s:.2f} s of CPU time, median of {repeats} processes."


def whole_command(repeats: int = 3) -> str:
    """Time of what ``make plan`` runs, as its user waits for it: first with nothing measured, then with all of it."""
    code = "import sys; from advisor.cli.main import run; sys.exit(run(sys.argv[1:]))"
    took = []
    with tempfile.TemporaryDirectory() as folder:
        plan_file, page = Path(folder) / "plan.json", Path(folder) / "plan.html"
        command = [sys.executable, "-c", code, "plan", "store-analytics", "-o", str(plan_file), "--html", str(page)]
        surroundings = {name: value for name, value in os.environ.items() if name != "SIZER_STORE"}
        surroundings |= {"SIZER_HOME": f"{folder}/home", "SIZER_CACHE": f"{folder}/cache"}
        for _ in range(repeats + 1):
            start = time.perf_counter()
            subprocess.run(command, check=True, capture_output=True, env=surroundings)
            took.append(time.perf_counter() - start)
        facts = json.loads(plan_file.read_text(encoding="utf-8"))["search"]
    share = 100 * float(facts["share_simulated"])
    return (
        f"`sizer plan store-analytics` with its files, from the start of the process to its end: {took[0]:.0f} s with "
        f"an empty store and cache, {statistics.median(took[1:]):.1f} s with models profiled (median of {repeats}); "
        f"{facts['platforms']} platforms, {facts['configurations']:,} configurations, {share:.2g} % of them simulated."
    )


def run() -> str:
    """All tables."""
    return "\n".join([whole_command(), "", catalogue(), "", *over_catalogue(), "", *over_groups(), "", over_sites()])


if __name__ == "__main__":
    print(run())
