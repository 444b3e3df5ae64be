"""Nothing talks to a network unasked: every command where none is to be had, under a count of what tries."""

from __future__ import annotations

import ast
from pathlib import Path

import click
import pytest

from advisor.cli.main import cli
from advisor.records.farm import FarmRun
from advisor.store.measurements import MeasurementStore
from tests.kit.boxes import FakeBox
from tests.kit.makers import built, unpacked
from tests.network import run_isolated

ROOT = Path(__file__).parents[1]
SCENARIO = """
scenario: quiet
cameras: [{group: door, count: 1, resolution: 320x192, codec: h264, fps: 5}]
stages: [{id: look, model: squeezenet-1.1}]
slo: {camera_fps: 5, latency_p95_ms: 1000}
"""
# In this order: later ones use what earlier ones left.
COMMANDS: dict[tuple[str, ...], list[list[str]]] = {
    ("host",): [["host", "--json"]],
    ("init",): [["init", "new.yaml", "--cameras", "1", "--model", "squeezenet-1.1"]],
    ("import",): [["import", "cameras", "cameras.csv"]],
    ("models", "list"): [["models", "list"]],
    ("models", "build"): [["models", "build", "squeezenet-1.1", "-o", "."]],
    ("models", "inspect"): [["models", "inspect", "squeezenet-1.1"]],
    ("bench",): [
        ["bench", "squeezenet-1.1", "--threads", "1", "--runtime", "onnxruntime", "--precision", "int8"],
        ["bench", "--export", "box.json"],
    ],
    ("compare",): [
        [
            "compare",
            "squeezenet-1.1",
            "--runtimes",
            "openvino,onnxruntime",
            "--precisions",
            "f32",
            "--threads",
            "1",
            "--rounds",
            "1",
        ],
    ],
    ("calibrate",): [["calibrate"]],
    ("predict",): [
        ["predict", "squeezenet-1.1", "--on", "this,intel-core-i5-12400", "--runtime", "onnxruntime"],
    ],
    ("plan",): [["plan", "quiet.yaml", "--on", "office-desktop-i5-12400-16-gb", "-o", "plan.json", "--html", "p.html"]],
    ("verify",): [["verify", "quiet.yaml", "--config", "default", "--duration", "3s", "-o", "verdict.json"]],
    ("kit", "show"): [["kit", "show", "kit.tar.gz"]],
    ("kit", "read"): [["kit", "read", "result"]],
    ("catalog", "list"): [["catalog", "list"]],
    ("catalog", "show"): [["catalog", "show", "office-desktop-i5-12400-16-gb"]],
    ("catalog", "check"): [["catalog", "check"]],
    ("catalog", "add"): [["catalog", "add", "box.json"]],
    ("catalog", "remove"): [["catalog", "remove", "BOX"]],
    ("catalog", "offers", "import"): [["catalog", "offers", "import", "prices.csv"]],
    ("catalog", "offers", "list"): [["catalog", "offers", "list"]],
    ("catalog", "offers", "show"): [["catalog", "offers", "show", "beelink-eq14"]],
    ("catalog", "offers", "export"): [["catalog", "offers", "export"]],
    ("report",): [["report"], ["report", "--csv", "m.csv", "--html", "m.html"]],
    ("schema",): [["schema", "scenario"]],
    ("farm", "table"): [["farm", "table"]],
    ("store", "prune"): [["store", "prune", "--keep", "1"]],
}
ASKED_FOR = {("farm", name) for name in ("scheduler", "worker", "bench", "status", "watch", "plan")} | {("serve",)}
"""A network is what these are for: they reach for the address that they are given, which their own tests show."""

FETCHES = {("kit", "build")}
"""What fetches packages because it is asked to; without a network it says so (tests/kit/test_wheels.py)."""


def _leaves(command: click.Command, path: tuple[str, ...] = ()) -> set[tuple[str, ...]]:
    if isinstance(command, click.Group):
        return {leaf for name, child in command.commands.items() for leaf in _leaves(child, (*path, name))}
    return {path}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    where = tmp_path_factory.mktemp("network")
    (where / "quiet.yaml").write_text(SCENARIO, encoding="utf-8")
    (where / "cameras.csv").write_text("name,resolution,codec,fps\ndoor,320x192,h264,5\n", encoding="utf-8")
    prices = "product,price,currency,observed_at\nbeelink-eq14,239,USD,2026-11-20\n"
    (where / "prices.csv").write_text(prices, encoding="utf-8")
    (where / "sizer").mkdir()
    with MeasurementStore(f"sqlite:///{where / 'sizer' / 'store.sqlite3'}") as store:
        campaign = FarmRun(sizer_version="0", created="2026-11-29T12:00:00Z", title="m.yaml", boxes=(), cells=())
        store.put_run("farm", campaign)
    return where


def test_no_command_is_left_out() -> None:
    assert set(COMMANDS) | ASKED_FOR | FETCHES == _leaves(cli)


QUICK = {("host",), ("init",), ("import",), ("catalog", "list"), ("schema",)}
"""The others take minutes together and build on each other."""


@pytest.mark.runtime
@pytest.mark.parametrize(
    "command",
    [pytest.param(name, marks=() if name in QUICK else pytest.mark.slow, id=" ".join(name)) for name in COMMANDS],
)
def test_a_command_reaches_for_no_network(
    command: tuple[str, ...], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if command[0] == "kit" and not (folder / "result").exists():
        monkeypatch.setenv("SIZER_CACHE", str(folder / "sizer" / "cache"))
        box = unpacked(built(folder, "kit.tar.gz").path, folder / "box")
        assert FakeBox(monkeypatch, box).start() == 0
        (box / "result").rename(folder / "result")
    for given in COMMANDS[command]:
        added = next((folder / "sizer" / "catalogue" / "platforms").glob("*.yaml"), None)
        arguments = [added.stem if word == "BOX" and added is not None else word for word in given]
        outcome = run_isolated(["-P", "-c", "from advisor.cli.main import main; main()", *arguments], folder)
        assert outcome.code in {0, 1, 3}, outcome.output
        assert outcome.attempts == ()
        assert outcome.left_behind == ()


@pytest.mark.runtime
def test_the_api_and_a_notebook_reach_for_no_network(folder: Path) -> None:
    code = "import advisor, onnxruntime, time; advisor.catalog(); time.sleep(1.0)"
    outcome = run_isolated(["-P", "-c", code], folder)
    assert outcome.code == 0, outcome.output
    assert (outcome.attempts, outcome.left_behind) == ((), ())


@pytest.mark.parametrize(
    "code",
    [
        "import socket; socket.socket(socket.AF_INET, socket.SOCK_DGRAM).connect(('192.0.2.1', 9))",
        "import socket; socket.getaddrinfo('example.invalid', 80)",
    ],
    ids=["connect", "look up a name"],
)
def test_the_count_sees_what_it_is_to_see(code: str, tmp_path: Path) -> None:
    assert run_isolated(["-c", code], tmp_path).attempts


def test_the_runtime_alone_would_leave_a_device_id(tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime")
    outcome = run_isolated(["-c", "import onnxruntime, time; time.sleep(1.0)"], tmp_path)
    if not outcome.left_behind:
        pytest.skip("this version of onnxruntime sends no usage data")
    assert any("deviceid" in name for name in outcome.left_behind)


def test_whatever_imports_a_runtime_imports_this_package_first() -> None:
    """The package tells the runtimes to send nothing, and they read that while they are imported."""
    wrong = []
    for folder in ("advisor", "benchmarks", "docs", "profiles"):
        for path in (ROOT / folder).rglob("*.py"):
            text = path.read_text(encoding="utf-8")
            if "onnxruntime" not in text and "openvino" not in text:
                continue
            names = [
                alias.name if isinstance(node, ast.Import) else str(node.module)
                for node in ast.walk(ast.parse(text))
                if isinstance(node, ast.Import | ast.ImportFrom)
                for alias in node.names
            ]
            heavy = [name for name in names if name.split(".")[0] in {"onnxruntime", "openvino"}]
            ours = folder == "advisor" or any(name.split(".")[0] == "advisor" for name in names)
            if heavy and not ours:
                wrong.append(str(path.relative_to(ROOT)))
    assert wrong == []
