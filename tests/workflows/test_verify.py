from __future__ import annotations

import hashlib
import json
import signal
from pathlib import Path
from typing import Any

import pytest

import advisor
from advisor.errors import InputError, StoreError
from advisor.host import host_facts
from advisor.measure.campaign.matrix import _config
from advisor.records.plan import Plan
from advisor.records.scenario import Application, Scenario
from advisor.store.files import document_text, read_document
from advisor.store.scenario import load_scenario
from advisor.workflows.verify import _hashes, _kept, _stop_on_interrupt, verify_scenario
from advisor.workflows.verify_setting import Setting, VerifyRequest, _from_plan, _other_machine, _versions
from tests.report.samples import facts, shop_plan, verdict


def facts_of(brand: str) -> object:
    here = host_facts()
    return here.model_copy(update={"cpu": here.cpu.model_copy(update={"brand": brand})})


@pytest.mark.parametrize(
    ("platform", "brand", "same"),
    [
        ("intel-core-i7-8700", "Intel(R) Core(TM) i7-8700 CPU @ 3.20GHz", True),
        ("intel-core-i7-8700", "Intel(R) Core(TM) i7-8700T CPU @ 2.40GHz", False),
        ("mini-pc-i7-11800h-16-gb", "11th Gen Intel(R) Core(TM) i7-11800H @ 2.30GHz", True),
        ("mini-pc-i7-11800h-16-gb", "AMD EPYC", False),
    ],
)
def test_a_plan_is_held_against_its_own_kind_of_machine_only(platform: str, brand: str, same: bool) -> None:
    warning = _other_machine(platform, facts_of(brand))  # type: ignore[arg-type]
    assert (warning is None) is same
    if warning is not None:
        assert platform in warning
        assert brand in warning


def made(version: str) -> Plan:
    return Plan.model_construct(sizer_version=version)


def test_the_run_itself_is_part_of_what_stands_for_the_application(tmp_path: Path) -> None:
    from advisor.measure.timing.micro_record import to_record
    from advisor.store.measurements import MeasurementStore
    from advisor.workflows.verify import _application_s

    def asked(scenario: Scenario, store: MeasurementStore) -> tuple[float, float]:
        return _application_s(scenario, facts(), store)

    plain = load_scenario("store-analytics")
    with MeasurementStore(tmp_path / "s.db") as store:
        frame_s, object_s = asked(plain, store)
        for key, value_s in (("a", 0.75), ("b", 0.25)):  # the newest counts
            figure = {"name": "harness/frame", "value": value_s * frame_s, "unit": "s", "spread": None, "samples": 1}
            store.add_micro(to_record({**figure, "parameters": {}}, key, facts().fingerprint))
        assert asked(plain, store) == (pytest.approx(0.75 * frame_s), object_s)
        nothing = {"overhead_ms_per_frame": 0.0, "overhead_ms_per_object": 0.0}
        none = plain.model_copy(update={"application": Application(**nothing)})
        assert asked(none, store) == (0.0, 0.0)


def test_a_plan_of_another_version_is_a_warning() -> None:
    assert _versions(made(advisor.__version__)) == ()
    (warning,) = _versions(made("0.0.1"))
    assert "0.0.1" in warning
    assert "plan again" in warning


def test_a_store_that_cannot_be_written_costs_no_verdict() -> None:
    class Full:
        def put_run(self, kind: str, document: object) -> str:
            raise StoreError("store /x: disk is full; free some space")

    kept = _kept(verdict("FAIL"), Full())  # type: ignore[arg-type]
    assert kept.verdict == "FAIL"
    assert kept.warnings[-1] == "not kept in the store: store /x: disk is full; free some space"


def test_the_first_signal_asks_and_the_second_interrupts() -> None:
    # The handlers are called as the interpreter would call them: a real signal could end the test run.
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    with _stop_on_interrupt() as stop:
        on_term, on_int = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)
        assert callable(on_term)
        assert callable(on_int)
        assert not stop.is_set()
        on_term(signal.SIGTERM, None)
        assert stop.is_set()
        with pytest.raises(KeyboardInterrupt):
            on_int(signal.SIGINT, None)
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before


def test_a_hang_up_asks_too_unless_nohup_ignores_it() -> None:
    with _stop_on_interrupt() as stop:
        asked = signal.getsignal(signal.SIGHUP)
        assert callable(asked)
        asked(signal.SIGHUP, None)
        assert stop.is_set()
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with _stop_on_interrupt():
            assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)


def test_files_that_said_what_to_do_are_hashed(tmp_path: Path) -> None:
    scenario = tmp_path / "s.yaml"
    scenario.write_text("scenario: s\n")
    found = _hashes(VerifyRequest(scenario=str(scenario), plan_file=tmp_path / "none.json"))
    assert found == {"scenario": hashlib.sha256(b"scenario: s\n").hexdigest()}
    assert set(_hashes(VerifyRequest(scenario="store-analytics"))) == {"scenario"}


SHOP = """
scenario: {name}
cameras: [{{group: aisle, count: 8, resolution: 1920x1080, fps: 15}}]
activity: {{objects_per_frame: {{person: {{mean: 4}}}}}}
stages:
  - {{id: person, model: "like:person-detection-retail-0013"}}
  - {{id: reid, model: "like:person-reidentification-retail-0288", on: person}}
slo: {{latency_p95_ms: 400}}
"""


def settled(folder: Path, change: Any = None, *, text: str = SHOP, brand: str = "Acme Wonder 4000") -> Setting:
    """What is run after the plan's file went through ``change``; it was made for the scenario as it stands in SHOP."""
    plan = shop_plan()
    scenario = folder / "shop.yaml"
    scenario.write_text(text.format(name=plan.scenario), encoding="utf-8")
    document = json.loads(document_text(plan))
    sha256 = hashlib.sha256(SHOP.format(name=plan.scenario).encode()).hexdigest()
    document["scenario_sha256"] = sha256
    document["recommended"]["platform"] = "this"
    document["inputs"] = {"scenario_sha256": sha256, "catalogue": "c", "calibration": "k", "seed": 0, "this": "f1"}
    if change is not None:
        change(document)
    file = folder / "plan.json"
    file.write_text(json.dumps(document), encoding="utf-8")
    return _from_plan(file, load_scenario(scenario), scenario, facts(brand=brand))


def test_plan_scenario_and_box_that_belong_together_are_named(tmp_path: Path) -> None:
    setting = settled(tmp_path)
    assert setting.predicted is not None
    assert setting.other_box is None
    assert [text for text in setting.warnings if "made by sizer" not in text] == []
    (note,) = setting.notes
    plan_sha256 = hashlib.sha256((tmp_path / "plan.json").read_bytes()).hexdigest()
    assert "as planned); plan plan.json" in note
    assert plan_sha256[:12] in note
    assert note.endswith("box Acme Wonder 4000 (fingerprint f1, the planned one)")


def test_a_changed_scenario_is_not_held_against_the_old_plan(tmp_path: Path) -> None:
    setting = settled(tmp_path, text=SHOP.replace("fps: 15", "fps: 5"))
    assert setting.predicted is None
    assert any("the scenario was changed since it was planned" in text for text in setting.warnings)
    assert "changed since planned" in setting.notes[0]


@pytest.mark.parametrize(("this", "says"), [("f2", "was made on another one (f2)"), (None, "does not say which")])
def test_this_means_the_machine_on_which_the_plan_was_made(tmp_path: Path, this: str | None, says: str) -> None:
    setting = settled(tmp_path, lambda document: document["inputs"].update(this=this))
    assert setting.predicted is None
    assert any(says in text for text in setting.warnings)
    assert setting.notes[0].endswith("not the planned one)")
    assert setting.other_box is not None
    assert says in setting.other_box


def _configured(**values: Any) -> Any:
    return lambda document: document["recommended"]["config"]["stages"]["person"].update(values)


def _decoding(threads: int) -> Any:
    return lambda document: document["recommended"]["config"]["decode"].update(threads=threads)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (_configured(runtime="fake"), "recommended.config.stages.person.runtime: is a test double"),
        (_decoding(0), "recommended.config.decode.threads: 0 is not from 1 to 4096"),
        (_decoding(-3), "recommended.config.decode.threads: -3 is not from 1"),
        (_decoding(10**9), "recommended.config.decode.threads: 1000000000 is not from 1"),
        (_configured(threads=10**9), "recommended.config.stages.person.threads: 1000000000 is above 4096"),
        (_configured(device="hailo-8l"), "stages.person.device: hailo-8l in openvino, which no runtime here drives"),
        (_configured(runtime="tensorrt", device="GPU"), "person.device: GPU in tensorrt, which no runtime here drives"),
        (_configured(streams=5000), "recommended.config.stages.person.streams: 5000 is above 4096"),
        (lambda document: document.update(scenario_sha256="0" * 64), "and inputs.scenario_sha256 differ"),
    ],
)
def test_what_a_plan_file_may_not_say_is_refused_with_its_path(tmp_path: Path, change: Any, says: str) -> None:
    with pytest.raises(InputError) as caught:
        settled(tmp_path, change)
    assert str(caught.value).startswith(f"{tmp_path / 'plan.json'}: ")
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


def test_no_file_reaches_a_test_double(tmp_path: Path) -> None:
    document = json.loads(document_text(shop_plan()))
    document["alternatives"][0]["config"]["stages"]["reid"]["runtime"] = "fake"
    path = tmp_path / "plan.json"
    path.write_text(json.dumps(document), encoding="utf-8")
    with pytest.raises(InputError, match=r"alternatives\[0\]\.config\.stages\.reid\.runtime: is a test double"):
        read_document(path, Plan)
    with pytest.raises(InputError, match="is a test double"):
        _config({"runtime": "fake"}, 4)


def test_a_missing_clip_ends_before_anything_is_planned(tmp_path: Path) -> None:
    file = tmp_path / "shop.yaml"
    file.write_text(
        "scenario: shop\ncameras:\n  - {group: aisle, count: 1, resolution: 320x180, fps: 5, source: gone.mp4}\n"
        "stages:\n  - {id: person, model: resnet-18}\nslo: {latency_p95_ms: 300}\n"
    )
    said: list[str] = []
    with pytest.raises(InputError, match=r"group aisle: no file gone\.mp4 in "):
        verify_scenario(VerifyRequest(str(file)), store_url=f"sqlite:///{tmp_path}/store.sqlite", say=said.append)
    assert said == []
    assert not (tmp_path / "store.sqlite").exists()
