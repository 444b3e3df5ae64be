"""What a box does, called directly: files that come in parts, names that lead astray, answers instead of exceptions."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from advisor.errors import InputError, ModelError
from advisor.farm import work
from advisor.farm.cells import from_data, to_data
from advisor.farm.files import parts, sent_model
from advisor.measure.campaign.campaign import Campaign, Entry
from advisor.measure.items.footprint import FootprintItem
from advisor.measure.items.preparation import PreparationItem
from advisor.measure.items.throughput import TimingItem
from advisor.measure.timing.harness import MeasureSpec
from advisor.records.config import LoadMode, RunConfig
from tests.measure.models import small_conv

DATA = b"weights" * 100
SHA256 = hashlib.sha256(DATA).hexdigest()


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SIZER_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("SIZER_HOME", str(tmp_path / "home"))
    return tmp_path / "cache"


def test_a_file_comes_in_parts_and_is_there_when_its_hash_is_right(cache: Path) -> None:
    assert work.lacking([SHA256]) == [SHA256]
    assert work.store_part(SHA256, 0, DATA[:300], last=False)
    assert work.lacking([SHA256]) == [SHA256]
    assert work.store_part(SHA256, 300, DATA[300:], last=True)
    assert work.lacking([SHA256]) == []
    assert (cache / "farm/files" / SHA256).read_bytes() == DATA
    assert work.store_part(SHA256, 0, b"anything", last=True), "what is there stays"
    assert (cache / "farm/files" / SHA256).read_bytes() == DATA


def test_a_gap_begins_anew_and_damage_is_refused() -> None:
    assert not work.store_part(SHA256, 300, DATA[300:], last=True)
    assert work.store_part(SHA256, 0, DATA[:300], last=False)
    with pytest.raises(InputError, match="damaged"):
        work.store_part(SHA256, 300, b"x" * 400, last=True)
    assert work.lacking([SHA256]) == [SHA256]


@pytest.mark.parametrize("name", ["../out", "/etc/out", "a/../../out", ""])
def test_no_file_name_leads_out_of_its_folder(name: str, tmp_path: Path) -> None:
    work.store_part(SHA256, 0, DATA, last=True)
    with pytest.raises(InputError, match="out of its folder"):
        work._lay_out({name: SHA256}, tmp_path / "models")


def test_what_goes_wrong_on_a_box_is_an_answer() -> None:
    assert work.run("store_part", "x", {"sha256": SHA256, "offset": 0, "data": b"x", "last": True})["error"].startswith(
        "a file arrived damaged"
    )
    bug = work.run("lacking", "x", {"wrong": 1})
    assert "TypeError" in bug["error"]
    assert "\n" not in bug["error"]
    answer = work.run("lacking", "x", {"files": [SHA256]})
    assert answer["value"] == [SHA256]
    assert answer["clock_s"] > 1.6e9


def test_what_a_desk_stops_is_no_result(monkeypatch: pytest.MonkeyPatch) -> None:
    def stopped(files: list[str]) -> list[str]:
        work.stop()
        return files

    monkeypatch.setitem(work._FUNCTIONS, "lacking", stopped)
    assert work.run("lacking", "x", {"files": []}) == {"stopped": True}


def test_parts_of_a_file_are_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("advisor.farm.files.PART_BYTES", 256)
    for size in (0, 1, 256, 257, 512):
        path = tmp_path / "net.xml"
        path.write_bytes(DATA[:size])
        path.with_suffix(".bin").write_bytes(b"w")
        sent = sent_model(path)
        assert [file.name for file in sent.files] == ["net.xml", "net.bin"]
        calls = list(parts(sent.files[0]))
        assert b"".join(call.payload["data"] for call in calls) == DATA[:size]
        assert [call.payload["last"] for call in calls] == [False] * (len(calls) - 1) + [True]


def test_a_model_without_its_weights_or_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no such model file"):
        sent_model(tmp_path / "none.onnx")
    path = tmp_path / "net.xml"
    path.write_text("<net/>")
    with pytest.raises(ModelError, match="are missing"):
        sent_model(path)


def test_a_measurement_travels_as_plain_data(tmp_path: Path) -> None:
    model = small_conv(tmp_path)
    config = RunConfig(threads=2, streams=1, precision="int8", simd_cap="avx2")
    spec = MeasureSpec(min_duration_s=0.5)
    items = [TimingItem(model, config, LoadMode(kind="paced", rate_per_s=3.0), spec), FootprintItem(model, config)]
    data = to_data(Campaign(tuple(Entry(item, 1.0) for item in items)), "print")
    assert len(data["models"]) == 1
    for cell, item in zip(data["cells"], items, strict=True):
        back = from_data({**cell, "model": data["models"][cell["model"]]})
        assert back == item
        assert back.key("print") == cell["key"]


def test_a_kind_that_no_matrix_has_is_refused() -> None:
    item = PreparationItem((64, 48), (16, 16))
    with pytest.raises(InputError, match="no measurement that a farm takes"):
        to_data(Campaign((Entry(item, 1.0),)), "print")


@pytest.mark.runtime
def test_a_measurement_is_taken_in_a_process_of_its_own(tmp_path: Path) -> None:
    model = small_conv(tmp_path)
    spec = MeasureSpec(
        min_duration_s=0.02, min_samples=3, min_blocks=2, max_duration_s=0.1, block_s=0.01, warmup_max_s=0.0
    )
    item = TimingItem(model, RunConfig(runtime="onnxruntime", threads=1), LoadMode(), spec)
    data = to_data(Campaign((Entry(item, 1.0),)), work.own_facts("box-1").fingerprint)
    (cell,) = data["cells"]
    answer = work.run("measure", "x", {"name": "box-1", "item": {**cell, "model": data["models"][0]}})
    (text,) = answer["value"]
    assert f'"{cell["key"]}"' in text
    assert '"status":"done"' in text
    Path(model.path).unlink()
    gone = work.run("measure", "x", {"name": "box-1", "item": {**cell, "model": data["models"][0]}})
    assert "its file has gone" in gone["error"]
