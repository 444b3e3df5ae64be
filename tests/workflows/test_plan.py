"""What a plan measures, and what of it enters; nothing is measured, built or compiled here."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from advisor import __version__
from advisor.errors import ScenarioError
from advisor.measure.campaign.campaign import Options
from advisor.measure.items.throughput import TimingItem
from advisor.planner.plan import plan
from advisor.planner.question.inputs import Candidate, PlanInputs
from advisor.records.model import ModelFile
from advisor.store.catalogue import Catalogue
from advisor.store.measurements import MeasurementStore
from advisor.workflows import plan as workflow
from advisor.workflows.plan import plan_scenario
from advisor.workflows.plan_basis import calibration_sha256
from advisor.workflows.plan_candidates import is_this_machine
from advisor.workflows.plan_inputs import PlanRequest, prepare
from advisor.workflows.plan_measurements import VISITS
from advisor.workflows.plan_runtimes import for_onnxruntime, named_runtimes, runtimes_text
from advisor.workflows.without_measurements import without_measurements
from advisor.workflows.works import Works
from tests.measure.hosts import facts
from tests.measure.makers import file
from tests.perfmodel.makers import kernel, measurement, work
from tests.planner.fakes import candidate

HOST = candidate("this", 4, 0.0).machine
UNKNOWN = [kernel(i, flop=1e8 * (i + 1)) for i in range(3)]


def test_a_fault_of_the_scenario_is_said_before_this_machine_is_looked_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def looked_at() -> None:
        raise AssertionError("the machine was looked at")

    monkeypatch.setattr(workflow, "probing", looked_at)
    with pytest.raises(ScenarioError, match=r"none\.yaml"):
        plan_scenario(PlanRequest(str(tmp_path / "none.yaml")))


def test_a_machine_is_a_candidate_by_its_name_or_as_a_box_that_was_measured() -> None:
    here = facts().fingerprint
    other = candidate("box", 4, 100.0)
    assert not is_this_machine(other, HOST, here)
    assert is_this_machine(Candidate(other.platform, HOST), HOST, here)
    measured = other.platform.model_copy(update={"measured_fingerprint": here})
    assert is_this_machine(Candidate(measured, other.machine), HOST, here)
    elsewhere = other.platform.model_copy(update={"measured_fingerprint": "f" * 16})
    assert not is_this_machine(Candidate(elsewhere, other.machine), HOST, here)


@pytest.fixture
def planning(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[SimpleNamespace]:
    """``inputs(**options)`` prepares a plan of an unpublished model; ``campaigns`` are what it would have measured."""
    monkeypatch.setenv("SIZER_HOME", str(tmp_path))
    seen = SimpleNamespace(campaigns=[], visits=[])

    def run(campaign: object, *_: object, options: Options) -> SimpleNamespace:
        seen.campaigns.append(campaign)
        seen.again = options.again
        seen.visits.append(options.visits)
        return SimpleNamespace(interrupted=False)

    def compiled(works: Works, models: list[ModelFile], runtime: str) -> None:
        for model, precision in itertools.product(models, ("f32", "int8")):
            found = work(UNKNOWN, model.name, precision=precision, sha256=model.sha256)
            works._works_by_key[model.sha256, runtime, precision] = found

    monkeypatch.setattr("advisor.measure.campaign.campaign.run", run)
    named = lambda name, *_: file(str(name).removeprefix("like:"))  # noqa: E731
    monkeypatch.setattr("advisor.workflows.stage_models.resolve_model", named)
    monkeypatch.setattr("advisor.workflows.plan_inputs.smaller_models", lambda _: {})
    monkeypatch.setattr(Works, "_compile", compiled)
    with MeasurementStore(tmp_path / "store.sqlite3") as store:
        seen.store = store

        def inputs(**options: object) -> PlanInputs:
            request = PlanRequest("store-analytics", **options)  # type: ignore[arg-type]
            return prepare(request, store, facts, None, lambda _: None)

        seen.inputs = inputs
        yield seen


def stored(planning: SimpleNamespace, latency_s: float = 0.02) -> str:
    """Key of a timing of the unpublished model that this machine has in its store."""
    row = measurement(latency_s, "person-detection-retail-0013")
    row = row.model_copy(update={"host_fingerprint": facts().fingerprint, "model_sha256": row.model * 3})
    planning.store.add(row)
    return row.key


def predicted(inputs: PlanInputs) -> list[object]:
    """Time of a pass and of a decoded picture on every candidate."""
    found = inputs.works("person", "openvino", "f32", 1)
    assert found is not None
    config = {"runtime": "openvino", "precision": "f32", "streams": 1, "threads": 1}
    from advisor.records.config import RunConfig

    requests = [(item.machine, found, RunConfig.model_validate(config)) for item in inputs.candidates]
    decoded = [inputs.predictor.decode(machine, "h264", 1920, 1080, 4000.0, 15.0) for machine, _, _ in requests]
    return [*inputs.predictor.service_many(requests), *decoded]


@pytest.mark.parametrize("measure", [None, False])
def test_a_plan_over_the_catalogue_measures_nothing_and_nothing_of_this_machine_enters(
    measure: bool | None, planning: SimpleNamespace
) -> None:
    from_empty = planning.inputs(measure=measure)
    stored(planning)
    found = planning.inputs(measure=measure)
    assert planning.campaigns == []
    assert predicted(found) == predicted(from_empty)
    assert found.basis == from_empty.basis
    assert found.basis is not None
    assert found.basis.measurements == ()
    assert "no measurement was taken for this plan" in found.assumptions[0]
    assert "`sizer plan --measure`" in found.assumptions[0]


@pytest.mark.slow
def test_asked_for_passes_of_unpublished_models_are_measured_and_enter(planning: SimpleNamespace) -> None:
    without = planning.inputs()
    key = stored(planning)
    found = planning.inputs(measure=True)
    (campaign,) = planning.campaigns
    assert {type(entry.item) for entry in campaign.entries} == {TimingItem}
    assert found.basis is not None
    assert found.basis.measurements == (key,)
    assert "inputs.measurements" in found.assumptions[0]
    count = len(found.candidates)
    before, after = predicted(without), predicted(found)
    assert after[count:] == before[count:]  # decoding
    assert after[:count] != before[:count]


def test_a_plan_with_measurements_says_what_it_would_be_without(planning: SimpleNamespace) -> None:
    boxes = ("mini-pc-i7-11800h-16-gb",)
    key = stored(planning, latency_s=0.5)  # far slower than anything predicts
    measured, bare = planning.inputs(on=boxes, measure=True), planning.inputs(on=boxes, measure=False)
    without = without_measurements(measured, bare, planning.store)
    assert without is not None
    summary = planning.store.get(key).summary
    assert without.entered == (f"person-detection-retail-0013 f32, 1 x 1 threads: {summary}",)
    best = plan(bare).recommended
    assert (without.platform, without.count) == ((None, 0) if best is None else (best.platform, best.count))
    assert without.probability == (None if best is None else best.probability)
    assert without_measurements(bare, bare, planning.store) is None


def test_nothing_is_measured_where_figures_of_all_models_are_published(
    planning: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    stored(planning)
    monkeypatch.setattr("advisor.perfmodel.Predictor.has_published_figures", lambda *_: True)
    found = planning.inputs(measure=True)
    assert planning.campaigns == []
    assert found.basis is not None
    assert found.basis.measurements == ()
    assert "figures of all models are published" in found.assumptions[0]


def test_a_plan_of_this_machine_measures_it_and_for_itself_alone(planning: SimpleNamespace) -> None:
    box = "mini-pc-i7-11800h-16-gb"
    (other, _) = (predicted(planning.inputs(on=(box,)))[0], stored(planning))
    found = planning.inputs(on=(box, "this"))
    assert planning.visits == [VISITS]
    assert found.basis is not None
    assert len(found.basis.measurements) == 1
    assert predicted(found)[0] == other
    assert predicted(found)[1] != other
    planning.inputs(on=("this",), measure=False)
    assert planning.visits == [VISITS]
    assert not planning.again
    planning.inputs(on=("this",), again=True)
    assert planning.again


def test_the_basis_changes_with_what_it_names(
    planning: SimpleNamespace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, other_seed = planning.inputs().basis, planning.inputs(seed=1).basis
    assert other_seed == first.model_copy(update={"seed": 1})
    assert first.scenario_sha256 == planning.inputs().scenario_sha256
    assert first.catalogue == Catalogue.load().sha256()
    assert first.calibration == calibration_sha256()
    own = tmp_path / "catalogue" / "platforms" / "my-box.yaml"
    own.parent.mkdir(parents=True)
    shipped = Catalogue.load()
    source = next((Path(__file__).parents[2] / "profiles" / "platforms").glob("mini-pc-i7-11800h-16-gb.yaml"))
    own.write_text(source.read_text().replace("id: mini-pc-i7-11800h-16-gb", "id: my-box"))
    assert "my-box" in Catalogue.load().platform_ids()
    assert Catalogue.load().sha256() != shipped.sha256()
    monkeypatch.setattr("advisor.workflows.plan_basis.__version__", f"{__version__}.other")
    assert calibration_sha256() != first.calibration


def test_runtimes_that_a_scenario_permits_have_the_work_that_openvino_has_where_they_are_not_installed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else a plan would leave them out without a word on every machine that plans and lacks them."""

    def listed(wanted: list[tuple[ModelFile, tuple[str, str, int, None]]], store: object) -> list[object]:
        asked = [request for _, request in wanted]
        return [None if name == "ncnn" else work(UNKNOWN, runtime=name, precision=how) for name, how, _, _ in asked]

    monkeypatch.setattr("advisor.measure.items.model_kernels.works_of", listed)
    store = MeasurementStore(f"sqlite:///{tmp_path}/s.db")
    works = Works({"a": file("net")}, store)
    found = works.of_stage("a", "ncnn", "f32", 1)
    assert found is not None
    assert (found.runtime, found.kernels) == ("ncnn", tuple(UNKNOWN))
    store.close()


def test_what_is_not_named_is_not_considered_and_said() -> None:
    permitted = SimpleNamespace(candidates=SimpleNamespace(runtimes=("onnxruntime", "openvino", "onnxruntime", "fake")))
    assert named_runtimes(permitted) == ("onnxruntime",)  # type: ignore[arg-type]
    assert "OpenVINO only" in runtimes_text({}, ())
    assert "OpenVINO and ncnn (candidates.runtimes)" in runtimes_text({}, ("ncnn",))


def test_a_file_that_onnxruntime_alone_runs_is_said_with_what_permits_it() -> None:
    models = {"d": file("detector"), "e": file("embedding"), "f": file("foreign")}
    works = SimpleNamespace(
        compiled=lambda stage: [object()] if stage == "e" else [],
        of_stage=lambda stage, *_: object() if stage != "f" else None,
    )
    (text,) = for_onnxruntime(models, cast("Any", works))
    assert text.startswith(f"stage d: OpenVINO cannot run {models['d'].reference}, ONNX Runtime can; permit it")
    assert "candidates: {runtimes: [onnxruntime]}" in text
