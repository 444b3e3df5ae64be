"""The planner's speed: whole commands over the shipped catalogue, then with synthetic platforms by their number.

``run()`` returns the table in Markdown; ``python -m benchmarks.planner`` from the checkout prints it.
"""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from advisor.planner.plan import plan
from advisor.planner.question.inputs import Candidate
from advisor.store.catalogue import Catalogue
from advisor.store.scenario import scenario_file
from advisor.store.yamltext import parse_yaml
from tests.planner.fakes import candidate, inputs, scenario

SIZES = (60, 600, 6000)
SITES = 500


def platforms(count: int) -> list[Candidate]:
    """Boxes of 1 to 32 cores whose price grows with the cores, no two alike."""
    return [candidate(f"box-{i}", 1 + i % 32, 80.0 + 55.0 * (1 + i % 32) + 0.01 * i) for i in range(count)]


def over_catalogue(sizes: tuple[int, ...] = SIZES) -> list[str]:
    """CPU time of a whole plan per number of platforms; per platform it must not grow."""
    lines = [
        "| platforms | CPU time | per platform | simulations | configurations | simulated | left untried |",
        "|---|---|---|---|---|---|---|",
    ]
    plan(inputs(platforms(3)))
    for size in sizes:
        given = inputs(platforms(size))
        start = time.process_time()
        result = plan(given)
        took = time.process_time() - start
        facts = result.search
        known, share, left = facts["configurations"], facts["share_simulated"] * 100, facts["configurations_left_out"]
        lines.append(
            f"| {size} | {took:.2f} s | {took / size * 1e3:.2f} ms | {facts['simulations']} | {known:,} | "
            f"{share:.3f} % | {left} |"
        )
    return lines


def over_sites(sites: int = SITES, size: int = 60) -> str:
    """CPU time of a plan for many sites, half of them with camera counts of their own."""
    shop = scenario(
        sites=[
            {"name": f"s{i}", "count": 1, "cameras": {"aisle": 1 + i % 25, "door": 1 + i % 10}} for i in range(sites)
        ]
    )
    given = inputs(platforms(size), shop=shop)
    start = time.process_time()
    result = plan(given)
    took = time.process_time() - start
    kinds = len({tuple(sorted(site.cameras.items())) for site in shop.sites})
    return f"{sites} sites ({kinds} different) x {size} platforms: {took:.1f} s, {result.sites_total['boxes']} boxes."


def catalogue(repeats: int = 3) -> str:
    """CPU time of reading the catalogue and deriving the machine of every box, each time in a fresh process."""
    code = (
        "import time; from advisor.store.catalogue import Catalogue; t = time.process_time(); c = Catalogue.load();"
        " m = [c.machine(p) for p in c.platforms()]; print(len(m), time.process_time() - t)"
    )
    runs = [subprocess.check_output([sys.executable, "-c", code], text=True).split() for _ in range(repeats)]
    took_s = statistics.median(float(took) for _, took in runs)
    return f"Catalogue: {runs[0][0]} boxes read in {took_s:.2f} s of CPU time, median of {repeats} processes."


def _cpu_s(command: Sequence[str], surroundings: Mapping[str, str]) -> float:
    """CPU time of a command and of the workers that it starts [s]: a busy machine changes it least."""
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=surroundings) as process:
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode not in (0, 3):  # 3: nothing carries the scenario, which is an answer
        raise RuntimeError(f"{' '.join(command)} ended with exit code {process.returncode}")
    return usage.ru_utime + usage.ru_stime


def many_cameras(cameras: int, groups: int, *, distinct: bool) -> dict[str, object]:
    """Scenario of so many cameras in groups, equal or each of its own rate, before the usual stages and two more."""
    document: dict[str, Any] = parse_yaml(scenario_file("store-analytics").read_text(encoding="utf-8"))[0]
    kind = {"resolution": "1920x1080", "codec": "h264", "count": cameras // groups}
    document["cameras"] = [
        {**kind, "group": f"g{i}", "fps": 5 + i / 4 if distinct else 15, "bitrate_kbps": 3000 + 25 * i * distinct}
        for i in range(groups)
    ]
    stages = [{name: value for name, value in stage.items() if name != "groups"} for stage in document["stages"]]
    again = {**stages[0], "id": "again", "every": "5 frames", "objects": "person"}
    document["stages"] = [*stages, again, {**stages[-1], "id": "reid-again", "on": "again"}]
    document["slo"]["camera_fps"] = 5
    del document["site"]
    document["candidates"] = {"max_boxes": cameras}
    return document


def whole_commands(repeats: int = 3) -> list[str]:
    """CPU time of ``sizer plan`` over the shipped catalogue, from the start of the process to its end."""
    code = "import sys; from advisor.cli.main import run; sys.exit(run(sys.argv[1:]))"
    lines = ["| `sizer plan` | CPU time | platforms | configurations | simulated |", "|---|---|---|---|---|"]
    shop = parse_yaml(scenario_file("store-analytics").read_text(encoding="utf-8"))[0]
    devices = ["CPU", "GPU", "NPU", *(item.id for item in Catalogue.load().devices() if item.kind == "accelerator")]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        surroundings = {name: value for name, value in os.environ.items() if name != "SIZER_STORE"}
        surroundings |= {"SIZER_HOME": f"{folder}/home", "SIZER_CACHE": f"{folder}/cache"}

        def row(what: str, document: object, *, runs: int = repeats, page: bool = False, empty: bool = False) -> None:
            asked, written = folder / "scenario.yaml", folder / "plan.json"
            asked.write_text(yaml.safe_dump(document, sort_keys=False), encoding="utf-8")
            command = [sys.executable, "-c", code, "plan", str(asked), "-o", str(written)]
            command += ["--html", str(folder / "plan.html")] if page else []
            took = []
            for _ in range(runs):
                if empty:
                    shutil.rmtree(folder / "home", ignore_errors=True)
                took.append(_cpu_s(command, surroundings))
            facts = json.loads(written.read_text(encoding="utf-8"))["search"]
            lines.append(
                f"| {what} | {statistics.median(took):.1f} s | {facts['platforms']} | {facts['configurations']:,} | "
                f"{facts['configurations_simulated']} |"
            )

        row("store-analytics, store and cache empty", shop, runs=1)
        row("the same, models built, store empty", shop, runs=1, empty=True)
        row("the same, models profiled", shop)
        row("the same, with its page (`make plan`)", shop, page=True)
        candidates = {**shop["candidates"], "devices": devices, "add_accelerators": True}
        row("all devices and added accelerators permitted", {**shop, "candidates": candidates})
        for cameras, groups, distinct in ((1000, 40, False), (1000, 40, True), (10_000, 40, False)):
            kind = "different" if distinct else "equal"
            row(
                f"{cameras:,} cameras in {groups} {kind} groups, 6 stages",
                many_cameras(cameras, groups, distinct=distinct), runs=1,
            )  # fmt: skip
    return lines


def run() -> str:
    """All tables."""
    return "\n".join([*whole_commands(), "", catalogue(), "", *over_catalogue(), "", over_sites()])


if __name__ == "__main__":
    print(run())
