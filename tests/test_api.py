"""The Python API: light to import, named as on the command line, errors of one tree, records and tables out."""

from __future__ import annotations

import ast
import inspect
import json
import logging
import subprocess
import sys
import typing
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click
import pandas as pd
import pytest

import advisor
from advisor import api
from advisor.cli.main import cli
from advisor.errors import CatalogueError, InputError, ModelError, ScenarioError, StoreError
from advisor.host import host_facts
from advisor.records.plan import Plan
from advisor.records.prediction import PredictionReport
from advisor.records.verdict import Verdict
from advisor.store.catalogue import Catalogue
from advisor.store.files import document_text
from advisor.store.measurements import MeasurementStore
from advisor.workflows.market import Rate
from tests.report.samples import shop_plan, verdict
from tests.store.samples import measurement

ROOT = Path(__file__).parents[1]
CLASSES = {"Plan": Plan, "Rate": Rate, "PredictionReport": PredictionReport, "Verdict": Verdict, "pd": pd}
"""What the API imports for type checkers alone."""


def test_importing_the_package_loads_nothing_else() -> None:
    code = (
        "import sys\n"
        "before = set(sys.modules)\n"
        "import advisor\n"
        "assert {'plan', 'predict', 'measurements', 'catalog'} <= set(dir(advisor))\n"
        "loaded = {name.split('.')[0] for name in set(sys.modules) - before}\n"
        "print(sorted(loaded - sys.stdlib_module_names))\n"
        "print([name for name in sys.modules if name.startswith('advisor.')])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.splitlines() == ["['advisor', 'openvino_telemetry']", "[]"]


def test_the_package_shows_what_the_api_has() -> None:
    names = set(advisor.__all__) - {"__version__"}
    assert names <= set(api.__all__)
    assert all(getattr(advisor, name) is getattr(api, name) for name in names)
    with pytest.raises(AttributeError, match="no attribute 'plam'"):
        _ = advisor.plam  # type: ignore[attr-defined]


def test_type_checkers_see_the_names_that_are_there() -> None:
    tree = ast.parse(Path(advisor.__file__).read_text(encoding="utf-8"))
    imports = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module == "advisor.api"]
    assert [{alias.name for alias in node.names} for node in imports] == [set(advisor.__all__) - {"__version__"}]


@pytest.mark.parametrize(
    ("function", "returned"),
    [
        (api.plan, Plan), (api.predict, PredictionReport), (api.verify, Verdict),
        (api.measurements, pd.DataFrame), (api.catalog, pd.DataFrame),
    ],
    ids=["plan", "predict", "verify", "measurements", "catalog"],
)  # fmt: skip
def test_signatures_are_typed_and_options_have_names(function: Callable[..., Any], returned: type) -> None:
    assert typing.get_type_hints(function, localns=CLASSES)["return"] is returned
    kinds = [parameter.kind for parameter in inspect.signature(function).parameters.values()]
    assert set(kinds[1:]) <= {inspect.Parameter.KEYWORD_ONLY}


PRESENTATION = {
    "json", "debug", "quiet", "output", "html", "junit", "sign", "check", "export", "export_of", "key", "new_key",
    "details", "trace",
}  # fmt: skip
RENAMED = {"as": "imitate", "rate": "rates", "duration": "duration_s", "input": "input_shape"}


@pytest.mark.parametrize(
    ("name", "arguments"), [("plan", ["shop"]), ("predict", ["net", "--on", "box"]), ("verify", ["shop"])]
)
def test_options_and_their_defaults_are_those_of_the_command(
    name: str, arguments: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SIZER_STORE", raising=False)  # where it is set, that is the default of the command
    command, function = cli.commands[name], getattr(api, name)
    defaults = command.make_context(name, arguments).params
    options = {
        parameter.opts[-1].lstrip("-").replace("-", "_"): parameter
        for parameter in command.params
        if isinstance(parameter, click.Option)
    }
    renamed = RENAMED | ({"measure": "measure_s"} if name == "predict" else {})
    wanted = {renamed.get(key, key): option for key, option in options.items() if key not in PRESENTATION}
    given = dict(list(inspect.signature(function).parameters.items())[1:])
    assert set(given) == set(wanted)
    hints = typing.get_type_hints(function, localns=CLASSES)
    for key, option in wanted.items():
        if key != "on":  # no platform is None to the command and an empty sequence here
            assert given[key].default == defaults[option.name or ""], key
        if isinstance(option.type, click.Choice):
            assert set(typing.get_args(hints[key])) == set(option.type.choices), key


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Path]:
    """A file with measurements of this machine and of another."""
    path = tmp_path / "store.sqlite3"
    with MeasurementStore(path) as opened:
        opened.add(measurement("k1", host_fingerprint=host_facts().fingerprint))
        opened.add(measurement("k2", started="2026-11-22T07:00:00Z"))
        opened.add(measurement("k3", model="yolo", started="2026-11-23T07:00:00Z", timing=None, status="failed"))
    return path


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"precision": "fp16"}, "unknown precision 'fp16'; expected f32, bf16, f16, int8"),
        ({"runtime": "openvin"}, "did you mean 'openvino'"),
        ({"hint": "fast"}, "latency, throughput, none"),
        ({"batch": 0}, "batch is 0; expected a whole number of at least 1"),
        ({"batch": True}, "batch is True"),
        ({"streams": "some"}, "streams is 'some'"),
        ({"threads": 1.5}, "threads is 1.5"),
        ({"measure_s": float("nan")}, "measure_s is nan"),
        ({"measure_s": -1.0}, "at least 0"),
        ({"on": ()}, "names no platform"),
    ],
)
def test_a_bad_option_is_our_error(options: dict[str, Any], says: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="\\W+".join(says.split())):
        api.predict("resnet-50", **({"on": "intel-core-i7-8700", "store": tmp_path / "s.db"} | options))


def test_verify_stays_the_function_whatever_is_imported() -> None:
    code = (
        "import advisor, advisor.verification.run, advisor.api\n"
        "assert advisor.verify is advisor.api.verify and callable(advisor.verify)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize(
    "options",
    [{"profile": "quick"}, {"config": "best"}, {"decode": "gpu"}, {"duration_s": 0.5}, {"duration_s": float("inf")},
     {"seed": -1}],
)  # fmt: skip
def test_a_bad_option_of_verify_is_our_error(options: dict[str, Any], tmp_path: Path) -> None:
    (name,) = options
    with pytest.raises(InputError, match=name):
        api.verify("store-analytics", store=tmp_path / "s.db", **options)


def test_prices_that_do_not_exist_are_refused_instead_of_left_out(tmp_path: Path) -> None:
    options: dict[str, Any] = {"offers": "ship", "store": tmp_path / "s.db"}
    with pytest.raises(InputError, match=r"unknown offers 'ship'; expected all, shipped, .*did you mean 'shipped'"):
        api.plan("store-analytics", **options)


def test_bad_input_is_the_error_of_the_command_line(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/s.db"
    with pytest.raises(ScenarioError, match=r"none\.yaml"):
        api.plan(tmp_path / "none.yaml", store=url)
    with pytest.raises(CatalogueError, match="i7-9999"):
        api.plan("store-analytics", on="i7-9999", measure=False, store=url)
    with pytest.raises(ModelError, match="no-such-net"):
        api.predict("no-such-net", on=["intel-core-i7-8700"], store=url)
    with pytest.raises(StoreError, match="does not exist"):
        api.measurements(store=tmp_path / "missing" / "s.db")


def test_options_reach_the_workflow(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    seen: dict[str, Any] = {}

    def planned(request: Any, *, store_url: str | None, say: Callable[[str], None]) -> Plan:
        seen.update(request=request, store_url=store_url)
        say("100 % said")
        return shop_plan()

    monkeypatch.setattr("advisor.workflows.plan_scenario", planned)
    with caplog.at_level(logging.INFO, logger="advisor"):
        assert api.plan("shop", on="one, two", measure=False, seed=7, store=Path("s.db")) is shop_plan()
    assert caplog.messages == ["100 % said"]
    assert seen["store_url"] == "s.db"
    request = seen["request"]
    assert (request.scenario, request.on, request.measure, request.seed) == ("shop", ("one", "two"), False, 7)
    api.plan("shop")
    assert seen["request"].measure is None


def test_a_plan_from_memory_is_verified_as_its_file_would_be(monkeypatch: pytest.MonkeyPatch) -> None:
    files: list[tuple[Path | None, str | None]] = []

    def judged(request: Any, **_: Any) -> Verdict:
        file = request.plan_file
        files.append((file, None if file is None else file.read_text(encoding="utf-8")))
        return verdict()

    monkeypatch.setattr("advisor.workflows.verify_scenario", judged)
    api.verify("shop", plan=shop_plan())
    ((path, text),) = files
    assert text == document_text(shop_plan())
    assert path is not None
    assert path.name == "plan.json"
    assert not path.exists()
    api.verify("shop")
    assert files[1] == (None, None)


def test_measurements_of_this_machine_of_all_and_of_one_model(store: Path) -> None:
    assert len(api.measurements(store=store)) == 1
    everywhere = api.measurements(host=None, store=store)
    assert list(everywhere["host_fingerprint"])[1:] == ["box-1", "box-1"]
    assert list(everywhere["status"]) == ["done", "done", "failed"]
    assert list(api.measurements(host="box-1", model="yolo", store=f"sqlite:///{store}")["model"]) == ["yolo"]
    nothing = api.measurements(host="box-1", model="other", store=store)
    assert nothing.empty
    assert nothing.dtypes.to_dict() == everywhere.dtypes.to_dict()


def test_the_catalogue_is_a_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIZER_HOME", str(tmp_path))
    frame = api.catalog()
    assert list(frame["platform"]) == Catalogue.load().platform_ids()
    assert frame["price_source"].notna().equals(frame["price_usd"].notna())
    assert (frame["cores"] == frame["performance_cores"] + frame["efficiency_cores"] + frame["low_power_cores"]).all()


def _blocks(text: str) -> list[str]:
    return [part.split("```")[0] for part in text.split("```python\n")[1:]]


def test_the_guide_uses_what_exists_and_describes_every_column(tmp_path: Path) -> None:
    text = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
    blocks = _blocks(text)
    assert blocks
    for block in blocks:
        for node in ast.walk(ast.parse(block)):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "advisor":
                assert hasattr(advisor, node.attr)
    described = {word for line in text.splitlines() if line.startswith("| `") for word in line.split("`")[1::2]}
    for line in text.splitlines():
        if line.startswith("| `advisor.") and "(" in line:
            name, options = line.split("`")[1].removesuffix(")").split("(")
            listed = [word for word in options.split(", ") if word not in {"", "*"}]
            assert listed == list(inspect.signature(getattr(api, name.removeprefix("advisor."))).parameters), name
    families = tuple(word.removesuffix("*") for word in described if word.endswith("_*"))
    nothing_measured = api.measurements(store=f"sqlite:///{tmp_path / 'store.sqlite3'}")
    for frame in (api.catalog(), nothing_measured, shop_plan().to_frame()):
        for name in frame.columns:
            bound = name.startswith(("latency_p9", "latency_p5")) and name.endswith(("_lower_s", "_upper_s"))
            assert name in described or name.startswith(families) or bound, name


SMALL = """
scenario: small-shop
cameras: [{group: aisle, count: 2, resolution: 1280x720, codec: h264, fps: 5, bitrate_kbps: 1000}]
stages: [{id: person, model: "like:person-detection-retail-0013", every: 2 frames}]
slo: {camera_fps: 5, latency_p95_ms: 500, window_s: 5}
"""


@pytest.mark.runtime
@pytest.mark.parametrize("scenario", [SMALL, pytest.param(None, marks=pytest.mark.slow)], ids=["small", "shipped"])
def test_the_notebook_runs(scenario: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As it is, and of a scenario of one model, which is planned in a moment."""
    monkeypatch.setenv("SIZER_HOME", str(tmp_path))
    monkeypatch.setenv("SIZER_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("SIZER_STORE", raising=False)
    text = (ROOT / "docs" / "examples" / "notebook.py").read_text(encoding="utf-8")
    assert text.count('"store-analytics"') == 1
    if scenario is not None:
        (tmp_path / "small.yaml").write_text(scenario, encoding="utf-8")
        text = text.replace('"store-analytics"', repr(str(tmp_path / "small.yaml")))
    notebook = tmp_path / "notebook.py"
    notebook.write_text(text, encoding="utf-8")
    done = subprocess.run([sys.executable, notebook], capture_output=True, text=True, check=False, cwd=ROOT)
    assert (done.returncode, done.stderr) == (0, "")
    with MeasurementStore() as opened:
        (kept,) = opened.runs("plan")
    plan = Plan.model_validate_json(json.dumps(kept.document))
    assert plan.recommended is not None
    for option in (plan.recommended, *plan.alternatives):
        assert option.platform in done.stdout
    cheapest = api.catalog().sort_values("price_usd")["platform"].iloc[0]
    assert cheapest in done.stdout
