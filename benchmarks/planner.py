"""The planner's speed: whole commands over the shipped catalogue, then with synthetic platforms by their number.

``run()`` returns the table in Markdown; ``python -m benchmarks.planner`` from the checkout prints it. Every case runs
in a process of its own and is ended after :data:`LIMIT_S` of CPU time, which the table says.
"""

from __future__ import annotations

import json
import os
import resource
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
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
LIMIT_S = 60
"""CPU time of one run [s] after which it is given up: with all of its cases the section ends within ten minutes."""


@dataclass(frozen=True)
class Measured:
    """A command that ended."""

    cpu_s: float
    """CPU time of it and of the workers that it started [s]: a busy machine changes it least."""
    output: str


def platforms(count: int) -> list[Candidate]:
    """Boxes of 1 to 32 cores whose price grows with the cores, no two alike."""
    return [candidate(f"box-{i}", 1 + i % 32, 80.0 + 55.0 * (1 + i % 32) + 0.01 * i) for i in range(count)]


def plan_for(what: str, size: int) -> dict[str, Any]:
    """Plan for so many ``platforms``, or for so many ``sites``: CPU time of planning alone [s], and what was found."""
    if what == "platforms":
        plan(inputs(platforms(3)))  # compiles the simulator
        given = inputs(platforms(size))
    else:
        given = inputs(platforms(SIZES[0]), shop=_with_sites(size))
    start = time.process_time()
    result = plan(given)
    took_s = time.process_time() - start
    kinds = len({tuple(sorted(site.cameras.items())) for site in given.scenario.sites})
    return {"cpu_s": took_s, "search": result.search, "kinds": kinds, "boxes": (result.sites_total or {}).get("boxes")}


def _with_sites(sites: int) -> Any:
    """Shop of so many sites, each with a camera count of its own among 250."""
    return scenario(
        sites=[
            {"name": f"s{i}", "count": 1, "cameras": {"aisle": 1 + i % 25, "door": 1 + i % 10}} for i in range(sites)
        ]
    )


def _planned(what: str, size: int, limit_s: int) -> dict[str, Any] | None:
    """:func:`plan_for` in a process of its own; None where it did not end in time."""
    done = _measured([sys.executable, "-m", "benchmarks.planner", what, str(size)], _surroundings(), limit_s)
    return None if done is None else json.loads(done.output)


def over_catalogue(sizes: Sequence[int] = SIZES, limit_s: int = LIMIT_S) -> list[str]:
    """CPU time of a whole plan per number of platforms; per platform it must not grow."""
    lines = [
        "| platforms | CPU time | per platform | simulations | configurations | simulated | left untried |",
        "|---|---|---|---|---|---|---|",
    ]
    for size in sizes:
        found = _planned("platforms", size, limit_s)
        if found is None:
            lines.append(f"| {size} | {_unfinished(limit_s)} | - | - | - | - | - |")
            continue
        took_s, facts = found["cpu_s"], found["search"]
        known, share, left = facts["configurations"], facts["share_simulated"] * 100, facts["configurations_left_out"]
        lines.append(
            f"| {size} | {took_s:.2f} s | {took_s / size * 1e3:.2f} ms | {facts['simulations']} | {known:,} | "
            f"{share:.3f} % | {left} |"
        )
    return lines


def over_sites(sites: int = SITES, limit_s: int = LIMIT_S) -> str:
    """CPU time of a plan for many sites, each with camera counts of its own."""
    found = _planned("sites", sites, limit_s)
    if found is None:
        return f"{sites} sites x {SIZES[0]} platforms: {_unfinished(limit_s)}."
    return (
        f"{sites} sites ({found['kinds']} different) x {SIZES[0]} platforms: {found['cpu_s']:.1f} s, "
        f"{found['boxes']} boxes."
    )


def _unfinished(limit_s: int) -> str:
    return f"not finished in {limit_s} s"


def catalogue(repeats: int = 3) -> str:
    """CPU time of reading the catalogue and deriving the machine of every box, each time in a fresh process."""
    code = (
        "import time; from advisor.store.catalogue import Catalogue; t = time.process_time(); c = Catalogue.load();"
        " m = [c.machine(p) for p in c.platforms()]; print(len(m), time.process_time() - t)"
    )
    runs = [subprocess.check_output([sys.executable, "-c", code], text=True).split() for _ in range(repeats)]
    took_s = statistics.median(float(took) for _, took in runs)
    return f"Catalogue: {runs[0][0]} boxes read in {took_s:.2f} s of CPU time, median of {repeats} processes."


def _surroundings(**more: str) -> dict[str, str]:
    """Environment of commands: modules kept compiled, as where sizer is installed, and no store of the user."""
    left_out = ("SIZER_STORE", "PYTHONDONTWRITEBYTECODE")
    return {**{name: value for name, value in os.environ.items() if name not in left_out}, **more}


def _measured(command: Sequence[str], surroundings: Mapping[str, str], limit_s: int) -> Measured | None:
    """Run a command to its end; None where it was ended at the limit of CPU time [s].

    Raises
    ------
    RuntimeError
        It failed.
    """
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=surroundings, text=True
    ) as process:
        resource.prlimit(process.pid, resource.RLIMIT_CPU, (limit_s, limit_s))
        assert process.stdout is not None  # it is a pipe
        output = process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode in (-signal.SIGXCPU, -signal.SIGKILL) and usage.ru_utime + usage.ru_stime >= limit_s - 1:
        return None
    if process.returncode not in (0, 3):  # 3: nothing carries the scenario, which is an answer
        raise RuntimeError(f"{' '.join(command)} ended with exit code {process.returncode}")
    return Measured(usage.ru_utime + usage.ru_stime, output)


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


def whole_commands(repeats: int = 3, limit_s: int = LIMIT_S) -> list[str]:
    """CPU time of ``sizer plan`` over the shipped catalogue, from the start of the process to its end."""
    lines = ["| `sizer plan` | CPU time | platforms | configurations | simulated |", "|---|---|---|---|---|"]
    shop = parse_yaml(scenario_file("store-analytics").read_text(encoding="utf-8"))[0]
    devices = ["CPU", "GPU", "NPU", *(item.id for item in Catalogue.load().devices() if item.kind == "accelerator")]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        surroundings = _surroundings(SIZER_HOME=f"{folder}/home", SIZER_CACHE=f"{folder}/cache")

        def row(
            what: str,
            document: object,
            *,
            runs: int = repeats,
            page: bool = False,
            empty: bool = False,
            unsimulated: bool = False,
        ) -> None:
            asked, written = folder / "scenario.yaml", folder / "plan.json"
            asked.write_text(yaml.safe_dump(document, sort_keys=False), encoding="utf-8")
            code = "from advisor.cli.main import main; main()"
            command = [sys.executable, "-c", code, "plan", str(asked), "-o", str(written)]
            command += ["--html", str(folder / "plan.html")] if page else []
            took_s = []
            for _ in range(runs):
                if empty:
                    shutil.rmtree(folder / "home", ignore_errors=True)
                if unsimulated:
                    (folder / "cache" / "simulator" / "runs.sqlite3").unlink(missing_ok=True)
                done = _measured(command, surroundings, limit_s)
                if done is None:
                    lines.append(f"| {what} | {_unfinished(limit_s)} | - | - | - |")
                    return
                took_s.append(done.cpu_s)
            facts = json.loads(written.read_text(encoding="utf-8"))["search"]
            lines.append(
                f"| {what} | {statistics.median(took_s):.1f} s | {facts['platforms']} | {facts['configurations']:,} | "
                f"{facts['configurations_simulated']} |"
            )

        row("store-analytics, store and cache empty", shop, runs=1)
        row("the same, models built, store empty, no simulated run kept", shop, empty=True, unsimulated=True)
        row("the same, warm, no simulated run kept", shop, unsimulated=True)
        row("the same, warm", shop)
        row("the same, warm, with its page (`make plan`)", shop, page=True)
        candidates = {**shop["candidates"], "devices": devices, "add_accelerators": True}
        row("the same, warm, all devices and added accelerators permitted", {**shop, "candidates": candidates})
        for distinct in (False, True):
            row(
                f"1,000 cameras in 40 {'different' if distinct else 'equal'} groups, 6 stages",
                many_cameras(1000, 40, distinct=distinct), runs=1,
            )  # fmt: skip
    return lines


def run() -> str:
    """All tables."""
    told = f"A run is ended after {LIMIT_S} s of CPU time, and shown as not finished."
    return "\n".join([told, "", *whole_commands(), "", catalogue(), "", *over_catalogue(), "", over_sites()])


if __name__ == "__main__":
    if len(sys.argv) > 1:
        print(json.dumps(plan_for(sys.argv[1], int(sys.argv[2]))))
    else:
        print(run())
