from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest

from advisor.cli.main import run
from advisor.errors import StoreError
from advisor.farm.table import campaign_table
from advisor.imports.formats.base import ImportOptions, Machine
from advisor.imports.formats.dli import DliFormat
from advisor.records.config import LoadMode, RunConfig
from advisor.records.farm import CampaignBox, FarmCell, FarmRun, FarmTable, LostCell
from advisor.records.measurement import FootprintMeasurement, TimingMeasurement
from advisor.report.farm_table import HEADINGS, render_farm_html, table_csv
from advisor.store.measurements import MeasurementStore
from tests.measure.hosts import facts
from tests.store.samples import measurement

CONFIG = RunConfig(runtime="openvino", precision="int8", threads=4, streams=2, batch=8, requests=4)
STATES = {"k-ok": "success", "k-bad": "failed", "k-lost": "lost", "k-missing": "missing"}


def cell(key: str, name: str, kind: str = "timing") -> FarmCell:
    return FarmCell(
        key=f"{name}-{key}", kind=kind, box=name, host_fingerprint=f"print-{name}", label=key, model="<net>;1",
        model_sha256="0" * 64, config=CONFIG, mode=LoadMode(kind="async"),
    )  # fmt: skip


def result(key: str, name: str, **changes: object) -> TimingMeasurement:
    own = {
        "key": f"{name}-{key}",
        "host_fingerprint": f"print-{name}",
        "config": CONFIG,
        "mode": LoadMode(kind="async"),
    }
    return measurement().model_copy(update={**own, **changes})


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'desk.db'}"


@pytest.fixture
def store(url: str) -> Iterator[MeasurementStore]:
    with MeasurementStore(url) as opened:
        for name in ("a", "b"):
            opened.put_host(facts().model_copy(update={"fingerprint": f"print-{name}", "box": name}))
            opened.add(result("k-ok", name))
            opened.add(result("k-bad", name, status="failed", failure='crashed; "SIGFPE"', timing=None))
        document = FarmRun(
            sizer_version="0", created="2026-11-29T12:00:00Z", title="m.yaml",
            boxes=tuple(CampaignBox(name=name, fingerprint=f"print-{name}", clock_ahead_s=0.1) for name in ("a", "b")),
            cells=tuple(cell(key, name) for name in ("a", "b") for key in STATES),
            lost=tuple(
                LostCell(key=f"{name}-k-lost", at="2026-11-29T12:00:09Z", reason="the box went") for name in ("a", "b")
            ),
        )  # fmt: skip
        opened.put_run("farm", document)
        yield opened


@pytest.fixture
def table(store: MeasurementStore) -> FarmTable:
    return campaign_table(store, None)


def lines(table: FarmTable) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(table_csv(table)), delimiter=";"))


def test_every_test_has_a_row_with_its_state(table: FarmTable) -> None:
    assert sorted((row.box, row.status) for row in table.rows) == sorted(
        (name, state) for name in ("a", "b") for state in STATES.values()
    )
    by_state = {row.status: row for row in table.rows if row.box == "a"}
    assert by_state["failed"].failure == 'crashed; "SIGFPE"'
    assert by_state["lost"].failure == "the box went (2026-11-29T12:00:09Z)"
    assert by_state["missing"].latency_p50_s is None


def test_the_figures_are_those_of_the_store_in_the_units_of_the_headings(table: FarmTable) -> None:
    timing = measurement().timing
    assert timing is not None
    ok = next(line for line in lines(table) if line["Status"] == "Success")
    assert tuple(ok) == HEADINGS
    assert float(ok["Latency"]) == pytest.approx(timing.p50.value_s, rel=1e-5)
    assert float(ok["Average time of single pass (s)"]) == pytest.approx(timing.avg_time_s, rel=1e-5)
    assert float(ok["FPS"]) == pytest.approx(timing.throughput_per_s, rel=1e-5)
    assert (ok["Precision"], ok["Batch size"], ok["Mode"], ok["Box"]) == ("INT8", "8", "Async", "a")
    assert ok["Parameters"] == "Device: CPU, Async request count: 4, Thread count: 4, Stream count: 2"
    failed = next(line for line in lines(table) if line["Status"] == "Failed")
    assert (failed["Latency"], failed["FPS"], failed["Failure"]) == ("", "", 'crashed; "SIGFPE"')


def test_the_table_of_one_box_is_read_as_dlis(table: FarmTable, tmp_path: Path) -> None:
    """By the reader of ``sizer import dli``, which was written after DLI's own tables."""
    path = tmp_path / "one.csv"
    path.write_text(table_csv(table.model_copy(update={"rows": tuple(row for row in table.rows if row.box == "a")})))
    machine = Machine(id="test", processor="Test")
    read = DliFormat().read(path, ImportOptions(machine=machine))
    (figure,) = read.figures
    timing = measurement().timing
    assert timing is not None
    assert figure.throughput_per_s == pytest.approx(timing.throughput_per_s, rel=1e-5)
    assert (figure.batch, figure.streams, figure.requests, figure.mode) == (8, 2, 4, "async")
    assert figure.precision == "int8"
    assert len(read.notes) == 3


class Texts(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.tags.append(tag)

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def test_the_page_holds_every_test_and_escapes_names(table: FarmTable) -> None:
    page = Texts()
    html = render_farm_html(table)
    page.feed(html)
    text = " ".join(" ".join(page.text).split())
    assert "net" not in page.tags
    assert text.count("<net>;1") == len(table.rows)
    assert "lost: the box went" in text
    assert "missing: not taken yet" in text
    assert "http" not in html.replace("http-equiv", "")


def test_a_footprint_that_failed_has_a_row_and_one_that_was_taken_stands_in_its_timing(store: MeasurementStore) -> None:
    common = {name: getattr(result("k-mem", "a"), name) for name in ("model", "model_sha256", "model_kind", "config",
              "effective", "started", "sizer_version")}  # fmt: skip
    store.add(
        FootprintMeasurement(key="a-k-mem", host_fingerprint="print-a", status="failed", failure="no room", **common)
    )
    store.add(FootprintMeasurement(key="a-k-mem2", host_fingerprint="print-a", status="done", **common))
    (row,) = store.runs("farm")
    before = FarmRun.model_validate(row.document)
    added = (cell("k-mem", "a", "footprint"), cell("k-mem2", "a", "footprint"))
    store.renew_run(row.id, before.model_copy(update={"cells": (*before.cells, *added)}))
    rows = [one for one in campaign_table(store, None).rows if one.kind == "footprint"]
    assert [(one.status, one.failure) for one in rows] == [("failed", "no room")]


def test_what_is_no_campaign_is_refused(store: MeasurementStore, url: str, capsys: pytest.CaptureFixture[str]) -> None:
    other = store.put_run("plan", {"created": "2026-01-01", "scenario": "x"})
    for asked, words in (("nonsense", "is not in store"), (other, "is a plan")):
        assert run(["farm", "table", asked, "--store", url]) == 2
        assert words in capsys.readouterr().err
    with pytest.raises(StoreError, match="has gone"):
        store.renew_run("farm-0", FarmRun(sizer_version="0", created="", title="", boxes=(), cells=()))


def test_an_empty_store_and_the_command_say_what_to_do(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["farm", "table", "--store", f"sqlite:///{tmp_path / 'empty.db'}"]) == 2
    assert "sizer farm bench --matrix FILE" in capsys.readouterr().err


def test_the_command_writes_prints_and_lists_the_run(
    store: MeasurementStore, url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["farm", "table", "--store", url]) == 0
    screen = capsys.readouterr().out
    assert "m.yaml on 2 boxes" in screen
    files = [tmp_path / "t.csv", tmp_path / "t.html"]
    assert run(["farm", "table", "--store", url, "--csv", str(files[0]), "--html", str(files[1]), "-q"]) == 0
    assert all(file.stat().st_size > 500 for file in files)
    capsys.readouterr()
    assert run(["report", "--store", url]) == 0
    assert "m.yaml: 8 measurements on 2 boxes" in capsys.readouterr().out
    (row,) = store.runs("farm")
    assert run(["report", row.id, "--store", url]) == 2
    assert f"sizer farm table {row.id}" in capsys.readouterr().err
