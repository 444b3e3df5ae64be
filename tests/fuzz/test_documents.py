"""Mutated scenarios, plans, boxes and matrices through the command line: no internal error, no hang, no stray write.

The default run takes a few of each. ``pytest -m slow tests/fuzz`` takes 10,000, 500 from each of the seeds below; what
fails is repeated with its seed.
"""

from __future__ import annotations

import copy
import json
import os
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

import advisor.measure.campaign.campaign
import advisor.verification
import advisor.workflows
import advisor.workflows.bench
import advisor.workflows.verify
from advisor.cli.main import run
from advisor.measure.campaign.campaign import Summary
from advisor.planner.question.demand import camera_counts, decode_rates, stage_demand
from advisor.records.model import ModelFile
from advisor.records.scenario import Scenario
from advisor.store.files import document_text
from advisor.store.measurements import MeasurementStore
from advisor.store.scenario import load_scenario, shipped_scenarios
from advisor.store.yamltext import parse_yaml
from advisor.verification import Order
from advisor.verification.run import process_environment
from advisor.verification.setup import feeds_of
from advisor.workflows.box_export import export_box
from tests.measure.campaign.test_matrix import GOOD as MATRIX
from tests.measure.hosts import facts
from tests.report.samples import shop_plan, verdict
from tests.store.samples import measurement, micro_benchmark, model_work

PER_SEED = 500
SEEDS = {kind: range(5 * at, 5 * at + 5) for at, kind in enumerate(("scenario", "plan", "box", "matrix"))}
CPU_LIMIT_S = 30
"""CPU time after which one command counts as one that never ends; most take milliseconds."""

ODD: list[Any] = [
    None, True, False, 0, -1, 1, 2**31, 2**63, -(10**30), 10**400, 0.0, -0.0, 1e-300, 1e300, 5e-324, float("inf"),
    float("-inf"), float("nan"), "", " ", "0", "-", "1/3", "30000/1001", "4 000", "4.000", "1e9999", "9" * 400,
    "x" * 5000,
    "\x1b[31mred\x1b[0m", "\x1b]0;title\x07", "\x00", "\n", "\u202e", "\ud7ff", "\U0001f4f7", "\u00e9\u0301",
    "../../../../etc/passwd", "/dev/zero", "/dev/stdin", "pipe:0", "concat:a|b", "rtsp://u:p@h:port/x", "file://", "~",
    "~nobody/x", "$HOME", "decode", "all", "like:", "like:" + "x" * 300, "none", "null", "[]", "{}", "a: b", "<<", "&a",
    "*a",
    "!!python/object/apply:os.system [id]", [], {}, [[]], [None], {"": None}, {"<<": 1}, {"schema": "sizer.plan/9"},
]  # fmt: skip
SNIPPETS = ["\n", "\t", "{", "]", ": ", "<<: *x", "&x ", "\x00", "---\n"]
# Copies: a list that stands in two places, and in itself after the next change, is no document.
SCALARS = st.sampled_from(ODD).map(copy.deepcopy) | st.integers() | st.floats() | st.text(max_size=8)
VALUES = SCALARS | st.lists(SCALARS, max_size=3) | st.dictionaries(st.text(max_size=4), SCALARS, max_size=3)


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every key and index of a document."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield (*path, key)
        yield from places(inner, (*path, key))


def mutated(document: Any, data: st.DataObject) -> Any:
    """A document with one to four of its parts replaced, removed, renamed, repeated or put elsewhere."""
    document = copy.deepcopy(document)
    for _ in range(data.draw(st.sampled_from([1, 1, 1, 2, 4]))):
        path = data.draw(st.sampled_from(list(places(document)) or [()]))
        if not path:
            return data.draw(VALUES)
        holder = document
        for part in path[:-1]:
            holder = holder[part]
        key = path[-1]
        how = data.draw(st.sampled_from(["replace", "replace", "remove", "rename", "repeat", "move", "scale"]))
        if how == "remove":
            del holder[key]
        elif how == "rename" and isinstance(holder, dict):
            name = data.draw(st.text(max_size=6) | st.sampled_from(sorted(map(str, holder))))
            holder[name] = holder.pop(key)
        elif how == "repeat" and isinstance(holder, list):
            holder.extend(copy.deepcopy(holder[key]) for _ in range(data.draw(st.sampled_from([1, 2, 50]))))
        elif how == "move":
            source: Any = document
            for part in data.draw(st.sampled_from(list(places(document)))):
                source = source[part]
            holder[key] = copy.deepcopy(source)
        elif how == "scale" and isinstance(holder[key], int | float):
            holder[key] *= data.draw(st.sampled_from([-1, 0, 1e-9, 1e-3, 1e3, 1e9]))
        else:
            holder[key] = data.draw(VALUES)
    return document


def damaged(text: str, data: st.DataObject) -> str:
    """A text that is cut, overwritten or run together in places."""
    for _ in range(data.draw(st.sampled_from([0, 0, 0, 1, 2]))):
        start = data.draw(st.integers(0, len(text)))
        inserted = data.draw(
            st.text(max_size=6) | st.sampled_from(["\n", "\t", "{", "]", ": ", "<<: *x", "&x ", "\x00", "---\n"])
        )
        text = text[:start] + inserted + text[start + data.draw(st.integers(0, 20)) :]
    return text


class Guard:
    """Notes whatever is opened for writing, made, renamed or removed outside the allowed folders."""

    def __init__(self) -> None:
        self.allowed: tuple[str, ...] | None = None
        self.strayed: list[str] = []
        sys.addaudithook(self._hear)

    def _hear(self, event: str, arguments: tuple[Any, ...]) -> None:
        if self.allowed is None:
            return
        touched: tuple[Any, ...] = ()
        if event == "open":
            path, mode, flags = arguments
            writes = (isinstance(mode, str) and set(mode) & set("wax+")) or (
                isinstance(flags, int) and flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)
            )
            touched = (path,) if writes else ()
        elif event in {"os.mkdir", "os.remove", "os.rmdir", "os.truncate", "os.chmod"}:
            touched = arguments[:1]
        elif event in {"os.rename", "os.link", "os.symlink"}:
            touched = arguments[:2]
        elif event == "sqlite3.connect":
            touched = arguments[:1]
        for path in touched:
            if isinstance(path, str | bytes | os.PathLike):
                full = os.path.realpath(os.fsdecode(path).removeprefix("file:").partition("?")[0])
                if full != "/dev/null" and "__pycache__" not in full and not full.startswith(self.allowed):
                    self.strayed.append(f"{event} {full}")


GUARD = Guard()


class Overtime(BaseException):
    """A command used more CPU time than any may."""


def command_ends(arguments: list[str], home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Run a command in this process and hold it to what every input is owed."""

    def late(_number: int, _frame: Any) -> None:
        raise Overtime(f"{arguments} used {CPU_LIMIT_S} s of CPU")

    before = signal.signal(signal.SIGVTALRM, late)
    signal.setitimer(signal.ITIMER_VIRTUAL, CPU_LIMIT_S)
    GUARD.allowed, GUARD.strayed = (str(home.resolve() / "home"),), []
    try:
        code = run(arguments)
    finally:
        GUARD.allowed = None
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)
    printed = capsys.readouterr()
    assert code in {0, 1, 2, 3}, printed.err
    assert not GUARD.strayed
    assert "\x1b" not in printed.out + printed.err
    assert code != 2 or len(printed.err.strip().splitlines()) <= 3, printed.err


def resolved(reference: str, *_: object) -> ModelFile:
    return ModelFile(
        reference=reference, name="m", family="f", kind="file", path="m.onnx", sha256="0" * 64, input_shape=(1, 3, 8, 8)
    )


def all_resolved(scenario: Scenario, _: str) -> dict[str, ModelFile]:
    return {stage.id: resolved(stage.model) for stage in scenario.stages}


def asked(request: Any, **_: Any) -> Any:
    """What a plan asks of a scenario before it looks at a platform."""
    scenario = load_scenario(request.scenario)
    counts = camera_counts(scenario)
    stage_demand(scenario, counts)
    decode_rates(scenario, counts)
    if scenario.camera_count <= 200:
        feeds_of(scenario)
    return shop_plan()


def ran(order: Order, **_: Any) -> Any:
    """What a run looks at before it starts a process."""
    process_environment(order)
    return verdict("PASS")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user's folders, and commands without what takes minutes: no planning, no measuring, no run."""
    monkeypatch.setenv("SIZER_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("SIZER_STORE", raising=False)
    monkeypatch.chdir(tmp_path)

    def local(store: MeasurementStore) -> Any:
        store.put_host(facts(threads=4))
        return facts(threads=4)

    monkeypatch.setattr(advisor.workflows, "plan_scenario", asked, raising=False)
    monkeypatch.setattr(advisor.workflows.verify, "local_facts", local)
    monkeypatch.setattr(advisor.workflows.bench, "local_facts", local)
    monkeypatch.setattr(
        advisor.workflows.verify,
        "resolve_stages",
        lambda given, _: {one.id: resolved(one.model) for one in given.stages},
    )
    monkeypatch.setattr(advisor.verification, "verify", ran)
    monkeypatch.setattr(advisor.workflows.bench, "resolve_model", resolved)
    monkeypatch.setattr(advisor.measure.campaign.campaign, "run", lambda *_, **__: Summary(interrupted=True))
    return tmp_path


def scenario_case(folder: Path) -> Callable[[st.DataObject], list[str]]:
    documents = [parse_yaml(path.read_text(encoding="utf-8"))[0] for path in shipped_scenarios().values()]

    def case(data: st.DataObject) -> list[str]:
        found = mutated(data.draw(st.sampled_from(documents)), data)
        text = yaml.safe_dump(found, sort_keys=False, allow_unicode=True)
        (folder / "case.yaml").write_text(damaged(text, data), encoding="utf-8", errors="replace")
        return ["plan", "case.yaml", "--quiet"]

    return case


def plan_case(folder: Path) -> Callable[[st.DataObject], list[str]]:
    plan = json.loads(document_text(shop_plan()))
    (folder / "shop.yaml").write_text(shipped_scenarios()["store-analytics"].read_text(encoding="utf-8"))

    def case(data: st.DataObject) -> list[str]:
        text = damaged(json.dumps(mutated(plan, data)), data)
        (folder / "plan.json").write_text(text, encoding="utf-8", errors="replace")
        return ["verify", "shop.yaml", "--plan", "plan.json", "--quiet", "--duration", "5"]

    return case


def box_case(folder: Path) -> Callable[[st.DataObject], list[str]]:
    with MeasurementStore(folder / "home" / "box.sqlite3") as store:
        here = facts(threads=4)
        store.add(measurement("k1", host_fingerprint=here.fingerprint, versions={"openvino": "2026.4.1"}))
        store.add_micro(micro_benchmark("m1", host_fingerprint=here.fingerprint))
        store.put_work(model_work())
        box = json.loads(export_box(store, here, folder / "box.json").read_text(encoding="utf-8"))

    def case(data: st.DataObject) -> list[str]:
        text = damaged(json.dumps(mutated(box, data)), data)
        (folder / "box.json").write_text(text, encoding="utf-8", errors="replace")
        return ["catalog", "add", "box.json", "--quiet"]

    return case


def matrix_case(folder: Path) -> Callable[[st.DataObject], list[str]]:
    matrix = parse_yaml(MATRIX)[0]

    def case(data: st.DataObject) -> list[str]:
        text = damaged(yaml.safe_dump(mutated(matrix, data), allow_unicode=True), data)
        (folder / "matrix.yaml").write_text(text, encoding="utf-8", errors="replace")
        return ["bench", "--matrix", "matrix.yaml", "--quiet"]

    return case


CASES = {"scenario": scenario_case, "plan": plan_case, "box": box_case, "matrix": matrix_case}


def examine(kind: str, number: int, examples: int, home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (home / "home").mkdir(exist_ok=True)
    case = CASES[kind](home)

    @seed(number)
    @settings(max_examples=examples, database=None, suppress_health_check=list(HealthCheck))
    @given(st.data())
    def attempt(data: st.DataObject) -> None:
        command_ends(case(data), home, capsys)

    attempt()


@pytest.mark.parametrize("kind", CASES)
def test_a_few_mutated_documents_end_as_they_should(kind: str, home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    examine(kind, SEEDS[kind][0], 10, home, capsys)


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "number"), [(kind, number) for kind, seeds in SEEDS.items() for number in seeds])
def test_ten_thousand_mutated_documents_end_as_they_should(
    kind: str, number: int, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    examine(kind, number, PER_SEED, home, capsys)


def test_the_unchanged_documents_are_accepted(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (home / "home").mkdir()
    for name, file in shipped_scenarios().items():
        assert run(["plan", str(file), "--quiet"]) == 0, name
    assert isinstance(load_scenario("store-analytics"), Scenario)
    box_case(home)
    assert run(["catalog", "add", "box.json", "--quiet"]) == 0, capsys.readouterr().err
