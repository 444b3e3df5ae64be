"""A store of 2,000 plans: lists come in parts, and neither the server nor the command grows with what is stored."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest

pytest.importorskip("flask")
pytest.importorskip("waitress")

from advisor.records.plan import Plan
from advisor.store.measurements import MeasurementStore
from tests.report.samples import shop_plan

PLANS, PLAN_BYTES = 2000, 250_000
"""As many as an integrator makes in a year; a plan over the whole catalogue takes 340 to 480 kB."""
MOST_GROWTH_BYTES = 60e6
"""Above what the same takes on a store of one plan."""
REQUESTS = 60
COMMAND = [sys.executable, "-c", "from advisor.cli.main import main; main()"]

pytestmark = pytest.mark.slow


def large_plan() -> Plan:
    """A plan with as many rejected boxes as it takes."""
    plan = shop_plan()
    (*_, rejected) = plan.rejected
    each = len(rejected.model_dump_json())
    many = tuple(rejected.model_copy(update={"platform": f"box-{number}"}) for number in range(PLAN_BYTES // each))
    return plan.model_copy(update={"rejected": many})


def filled(folder: Path, plans: int) -> str:
    folder.mkdir()
    url = f"sqlite:///{folder / 'store.sqlite3'}"
    plan = json.loads(large_plan().model_dump_json(by_alias=True))
    with MeasurementStore(url) as opened:
        for number in range(plans):
            opened.put_run("plan", {**plan, "scenario": f"shop-{number:04}"})
    return url


@pytest.fixture(scope="module")
def stores(tmp_path_factory: pytest.TempPathFactory) -> dict[int, str]:
    folder = tmp_path_factory.mktemp("load")
    return {plans: filled(folder / str(plans), plans) for plans in (1, PLANS)}


@contextmanager
def served(store: str) -> Iterator[tuple[str, psutil.Process]]:
    command = [*COMMAND, "serve", "--port", "0", "--store", store]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as run:
        assert run.stdout is not None
        address = run.stdout.readline().split()[0]
        try:
            yield address, psutil.Process(run.pid)
        finally:
            run.send_signal(signal.SIGINT)
            run.wait(60)


def fetched(address: str, path: str) -> str:
    with urllib.request.urlopen(address + path, timeout=120) as answer:  # the address that the server printed
        assert answer.status == 200
        return str(answer.read().decode())


def timed(address: str, path: str, times: int) -> float:
    """Median time of a request [ms], for whoever reads the figures of docs/commands/serve.md."""
    took = []
    for _ in range(times):
        began = time.perf_counter()
        fetched(address, path)
        took.append(1000.0 * (time.perf_counter() - began))
    return sorted(took)[len(took) // 2]


def held_after_use(store: str) -> tuple[int, dict[str, float]]:
    """Memory of a server [B] after many lists and plans of it were looked at, and what each took."""
    with served(store) as (address, process):
        found: list[dict[str, Any]] = json.loads(fetched(address, "api/runs?rows=200"))["rows"]
        took = {
            "list of 50": timed(address, "runs", 9),
            "list of 200": timed(address, "api/runs?rows=200", 5),
            "filtered list": timed(address, "runs?scenario=shop-00", 5),
            "page of a plan": timed(address, f"runs/{found[0]['id']}", 9),
            "JSON of a plan": timed(address, f"api/runs/{found[0]['id']}", 5),
        }
        for number in range(REQUESTS):
            fetched(address, f"runs?page={1 + number % 40}")
            fetched(address, f"runs/{found[number % len(found)]['id']}")
        return process.memory_info().rss, took


def test_a_server_holds_no_more_for_two_thousand_plans_than_for_one(stores: dict[int, str]) -> None:
    one, _ = held_after_use(stores[1])
    many, took = held_after_use(stores[PLANS])
    print(f"server: {one / 1e6:.0f} MB with 1 plan, {many / 1e6:.0f} MB with {PLANS}; "
          + ", ".join(f"{name} {ms:.0f} ms" for name, ms in took.items()))  # fmt: skip
    assert many - one < MOST_GROWTH_BYTES


def test_lists_of_a_large_store_come_in_parts(stores: dict[int, str]) -> None:
    with served(stores[PLANS]) as (address, _):
        pages = [json.loads(fetched(address, f"api/runs?page={page}")) for page in range(1, PLANS // 50 + 1)]
    assert {(page["total"], len(page["rows"])) for page in pages} == {(PLANS, 50)}
    assert len({row["id"] for page in pages for row in page["rows"]}) == PLANS


@pytest.mark.parametrize("options", [[], ["--json"]])
def test_the_list_of_the_command_grows_no_more(stores: dict[int, str], options: list[str]) -> None:
    peaks = {plans: peak(["report", *options, "--store", store]) for plans, store in stores.items()}
    told = ", ".join(f"{held / 1e6:.0f} MB with {plans} plans" for plans, held in peaks.items())
    print(f"sizer report {' '.join(options)}: {told}")
    assert peaks[PLANS] - peaks[1] < MOST_GROWTH_BYTES


def peak(arguments: list[str]) -> int:
    """Most memory that a command held [B], as the kernel counts it from its own start on."""
    told = "import atexit, sys; atexit.register(lambda: sys.stderr.write(open('/proc/self/status').read())); "
    command = [COMMAND[0], COMMAND[1], told + COMMAND[2], *arguments]
    run = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=True)
    return int(re.findall(r"^VmHWM:\s+(\d+) kB", run.stderr, re.MULTILINE)[-1]) * 1024
