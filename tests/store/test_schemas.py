from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import jsonschema
import pytest
import yaml

from advisor.errors import InputError
from advisor.records.scenario import Scenario
from advisor.store.paths import profiles_dir
from advisor.store.scenario import shipped_scenarios
from advisor.store.schemas import scenario_schema, schema_for, schema_names
from advisor.store.yamltext import parse_yaml
from advisor.workflows.schemas import schema_for as workflow_schema_for


@pytest.mark.parametrize("name", schema_names())
def test_each_is_a_schema(name: str) -> None:
    schema = schema_for(name)
    jsonschema.Draft202012Validator.check_schema(schema)
    json.dumps(schema)
    assert schema["$id"] == f"sizer:{name}"
    if name != "scenario":
        assert schema["properties"]["schema"]["const"].startswith(f"sizer.{name}/")


def test_the_promised_names_are_there() -> None:
    promised = {"host", "bench", "prediction", "plan", "verdict", "models", "scenario"}
    assert promised | {"processor", "platform", "accelerator"} <= set(schema_names())
    with pytest.raises(InputError, match="did you mean 'scenario'"):
        schema_for("scenari")


@pytest.mark.parametrize("schema", [schema_for, workflow_schema_for])
def test_an_unknown_name_is_refused_in_a_sentence(schema: Callable[[str], object]) -> None:
    with pytest.raises(InputError, match=r"^schema 'scenaro' is not known; did you mean 'scenario'\?$"):
        schema("scenaro")
    with pytest.raises(InputError, match=r"^schema 'foo' is not known; known are "):
        schema("foo")


def test_every_key_of_a_scenario_is_described() -> None:
    schema = scenario_schema()
    for title, definition in [("Scenario", schema), *schema["$defs"].items()]:
        for name, described in definition.get("properties", {}).items():
            assert described.get("description"), f"{title}.{name}"


@pytest.mark.parametrize("name", sorted(shipped_scenarios()))
def test_shipped_scenarios_meet_the_schema(name: str) -> None:
    data, _ = parse_yaml(shipped_scenarios()[name].read_text(encoding="utf-8"))
    jsonschema.validate(data, scenario_schema())


def test_a_single_group_needs_no_list_in_the_schema_either() -> None:
    data, _ = parse_yaml(shipped_scenarios()["store-analytics"].read_text(encoding="utf-8"))
    data["stages"][1]["groups"] = "entrance"
    data["cameras"][0]["source"] = "rtsp://camera/1"
    jsonschema.validate(data, scenario_schema())
    assert Scenario.model_validate(data).stages[1].groups == ("entrance",)


def test_the_schema_refuses_what_the_loader_refuses() -> None:
    data, _ = parse_yaml(shipped_scenarios()["store-analytics"].read_text(encoding="utf-8"))
    for change in ({"slos": 1}, {"slo": {}}, {"stages": []}):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate({**data, **change}, scenario_schema())


@pytest.mark.parametrize("kind", ["processor", "platform", "accelerator"])
def test_catalogue_files_meet_their_schema(kind: str) -> None:
    validator: Any = jsonschema.Draft202012Validator(schema_for(kind))
    for path in sorted((profiles_dir() / f"{kind}s").glob("*.yaml"))[::9]:
        validator.validate(yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader))


def test_the_package_is_light() -> None:
    heavy = "{'yaml', 'sqlalchemy', 'pydantic', 'platformdirs'}"
    code = f"import sys, advisor.store; print(sorted({heavy} & set(sys.modules)))"
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "[]"
    code = "import sys; from advisor.store import load_scenario, Catalogue; print('sqlalchemy' in sys.modules)"
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "False"


def test_every_entry_point_is_there() -> None:
    import advisor.store

    for name in advisor.store.__all__:
        assert callable(getattr(advisor.store, name))
    with pytest.raises(AttributeError, match="nothing"):
        _ = advisor.store.nothing
