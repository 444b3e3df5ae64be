from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
import sqlalchemy
from sqlalchemy import create_engine, text

from advisor.errors import StoreError
from advisor.records.host import CpuFacts, HostFacts, LimitFacts, MemoryFacts, NoiseFacts
from advisor.records.measurement import MicroFailure
from advisor.store.measurements import MeasurementStore

from .samples import measurement, micro_benchmark, model_work


def facts(fingerprint: str = "box-1", **changes: object) -> HostFacts:
    cpu = CpuFacts(
        brand="Some CPU", vendor=None, architecture="x86_64", sockets=1, cores=4, threads=8, threads_per_core=2,
        performance_cores=None, efficiency_cores=None, numa_nodes=None, simd=("avx2",), simd_level="avx2",
        l1d_bytes=None, l2_bytes=None, l3_bytes=None,
    )  # fmt: skip
    values = {
        "sizer_version": "0.1.0", "created": "2026-11-21T07:00:00+00:00", "fingerprint": fingerprint, "cpu": cpu,
        "memory": MemoryFacts(total_bytes=8 * 2**30), "noise": NoiseFacts(),
        "limits": LimitFacts(quota_cores=None, affinity=None, usable_cores=4),
    }  # fmt: skip
    return HostFacts(**{**values, **changes})


def test_a_measurement_reads_back_equal(store: MeasurementStore) -> None:
    one = measurement()
    assert store.add(one)
    assert store.get("k1") == one
    assert store.get("k2") is None


def test_a_key_is_kept_once(store: MeasurementStore) -> None:
    first = measurement(model="first")
    assert store.add(first)
    assert not store.add(measurement(model="second"))
    assert store.get("k1") == first


def test_a_failure_gives_way_to_its_repetition(store: MeasurementStore) -> None:
    failed = measurement(status="failed", failure="crashed with signal 11", timing=None)
    store.add(failed)
    assert store.has("k1")
    assert store.has("k1", status="failed")
    assert not store.has("k1", status="done")
    store.replace(measurement())
    assert store.has("k1", status="done")
    assert len(store.find()) == 1
    store.replace(measurement("k2"))
    assert store.known_keys() == {"k1", "k2"}


def test_find_filters(store: MeasurementStore) -> None:
    rows = [
        measurement("a", started="2026-11-21T07:00:03+00:00"),
        measurement("b", host_fingerprint="box-2", started="2026-11-21T07:00:02+00:00"),
        measurement("c", started="2026-11-21T07:00:01+00:00"),
        measurement("d", status="failed", timing=None, failure="refused"),
        measurement("e", model="bert-mini", model_sha256="b" * 64),
    ]
    for row in rows:
        store.add(row)

    def found(**filters: str) -> list[str]:
        return [row.key for row in store.find(**filters)]  # type: ignore[arg-type]

    assert found() == ["d", "e", "c", "b", "a"]  # in the order in which they were started
    assert found(host_fingerprint="box-2") == ["b"]
    assert found(status="failed") == ["d"]
    assert found(model="bert-mini") == found(model_sha256="b" * 64) == ["e"]
    assert found(model="bert-mini", status="failed") == []
    assert store.known_keys(host_fingerprint="box-1", status="done") == {"a", "c", "e"}
    assert store.remove("a")
    assert not store.remove("a")
    assert len(found()) == 4


def test_micro_benchmarks(store: MeasurementStore) -> None:
    peak, barrier = micro_benchmark(), micro_benchmark("m2", "barrier/t2")
    odd = micro_benchmark("m3", "barrier%/t2")
    for one in (peak, barrier, odd, micro_benchmark("m4", host_fingerprint="box-2")):
        store.add_micro(one)
    assert sorted(one.key for one in store.micro("box-1")) == ["m1", "m2", "m3"]
    assert store.micro("box-1", prefix="peak/") == [peak]
    assert store.micro("box-1", prefix="barrier%") == [odd]
    newer = micro_benchmark(value=2e11)
    store.add_micro(newer)
    assert store.micro("box-1", prefix="peak/") == [newer]
    assert store.has_micro("m1")
    assert not store.has_micro("m9")


def test_of_micro_benchmarks_of_one_name_the_newest_is_last(store: MeasurementStore) -> None:
    old = micro_benchmark("z").model_copy(update={"started": "2026-11-20T10:00:00Z"})
    new = micro_benchmark("a").model_copy(update={"started": "2026-11-21T10:00:00Z"})
    for one in (new, old):
        store.add_micro(one)
    assert [one.key for one in store.micro("box-1")] == ["z", "a"]


def test_a_failed_micro_benchmark_stays_until_it_is_measured(store: MeasurementStore) -> None:
    first = MicroFailure(key="m1", name="decode/h264", failure="broke", host_fingerprint="box-1", started="t")
    again = first.model_copy(update={"failure": "broke otherwise"})
    elsewhere = first.model_copy(update={"key": "m2", "host_fingerprint": "box-2"})
    for failure in (first, again, elsewhere):
        store.add_micro_failure(failure)
    assert store.micro_failures("box-1") == [again]
    assert store.micro_failures("box-1", "peak/") == []
    store.add_micro(micro_benchmark("m1"))
    assert store.micro_failures("box-1") == []
    assert store.micro_failures("box-2") == [elsewhere]


def test_work_is_found_only_under_exactly_its_key(store: MeasurementStore) -> None:
    native, capped = model_work(), model_work(simd_cap="avx2")
    store.put_work(native)
    store.put_work(capped)
    store.put_work(capped)
    key = ("a" * 64, "openvino", "2026.4.1", "f32", 1)
    assert store.get_work(*key) == native
    assert store.get_work(*key, "avx2") == capped
    assert store.get_work(*key, "sse42") is None
    assert store.get_work("a" * 64, "openvino", "2026.4.2", "f32", 1) is None
    assert store.get_work("a" * 64, "openvino", "2026.4.1", "f32", 2) is None


def test_hosts(store: MeasurementStore) -> None:
    assert store.host("box-1") is None
    store.put_host(facts())
    store.put_host(facts("box-2", created="2026-11-20T07:00:00+00:00"))
    renamed = facts(hostname="lab")
    store.put_host(renamed)
    assert store.host("box-1") == renamed
    assert store.hosts() == ["box-2", "box-1"]


def test_runs(store: MeasurementStore) -> None:
    document = {"schema": "sizer.plan/1", "scenario": "shop", "created": "2026-11-21T07:00:00+00:00", "x": [1, None]}
    plan = store.put_run("plan", document)
    verdict = store.put_run("verdict", {"scenario": "shop", "created": "2026-11-21T08:00:00+00:00"})
    assert store.run(plan).document == document
    assert store.run(plan).scenario == "shop"
    assert store.run("verdict-").id == verdict
    assert {row.id for row in store.runs()} == {plan, verdict}
    assert [row.kind for row in store.runs("plan")] == ["plan"]
    with pytest.raises(StoreError, match=f"did you mean '{plan}'"):
        store.run(plan[:-1] + "_")
    store.put_run("plan", document)
    with pytest.raises(StoreError, match="2 runs begin so"):
        store.run("plan")


def test_runs_are_listed_one_at_a_time_and_a_damaged_one_hides_no_other(store: MeasurementStore) -> None:
    best = {"count": 2, "platform": "box"}
    for number in range(3):
        store.put_run("plan", {"scenario": f"s{number}", "recommended": best if number else None})
    store.put_run("verdict", {"scenario": "v", "verdict": "PASS"})
    store.put_run("verdict", {"newer": 9})
    with store._write() as connection:
        text = sqlalchemy.text("UPDATE runs SET document = '{' WHERE document LIKE '%s0%'")
        connection.execute(text)
    titles = sorted(run.title for run in store.run_titles())
    damaged = "damaged, or of another version of sizer"
    assert titles == [damaged, damaged, "s1: 2 x box", "s2: 2 x box", "v: PASS"]
    assert len(store.run_titles(2)) == 2
    assert store.count_runs() == 5
    (bad,) = (run.id for run in store.run_titles() if run.kind == "plan" and run.title == damaged)
    with pytest.raises(StoreError, match=f"run {bad} in it is damaged"):
        store.run(bad)


def test_old_runs_are_removed_and_their_space_given_back(store: MeasurementStore) -> None:
    store.add(measurement("k1"))
    for number in range(5):
        store.put_run("plan", {"scenario": f"s{number}", "recommended": None, "filler": "x" * 100_000})
    newest = [run.id for run in store.run_titles()][:2]
    assert store.prune_runs(2) == 3
    assert [run.id for run in store.run_titles()] == newest
    assert store.has("k1")
    assert store.prune_runs(0) == 2
    assert store.runs() == []
    if store.url.startswith("sqlite"):
        assert sum(path.stat().st_size for path in Path(store.name).parent.glob("*")) < 300_000


def test_a_run_with_a_number_that_json_lacks_is_refused(store: MeasurementStore) -> None:
    with pytest.raises(StoreError, match="cannot be written as JSON"):
        store.put_run("plan", {"x": float("nan")})
    assert store.runs() == []
    with pytest.raises(StoreError, match="holds no run yet"):
        store.run("x")


def test_a_reopened_store_holds_what_it_held(url: str) -> None:
    with MeasurementStore(url) as first:
        first.add(measurement())
    with MeasurementStore(url) as second:
        assert second.get("k1") == measurement()


def test_a_row_that_another_process_inserts_first_is_replaced(url: str) -> None:
    """The update finds nothing, the insert collides: what PostgreSQL lets happen between two writers."""
    from sqlalchemy import event

    with MeasurementStore(url) as store, MeasurementStore(url) as other:
        if url.startswith("sqlite"):
            pytest.skip("SQLite's writers take turns, so that this cannot happen")

        @event.listens_for(store._engine, "before_cursor_execute")
        def _squeeze_in(_c: object, _cursor: object, statement: str, *_rest: object) -> None:
            if statement.startswith("INSERT") and not other.has("k1"):
                other.add(measurement(model="theirs"))

        store.replace(measurement(model="ours"))
        assert other.get("k1").model == "ours"  # type: ignore[union-attr]


def test_another_programs_database_is_left_alone(url: str) -> None:
    engine = create_engine(url)
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE runs (distance_km INTEGER)"))
    engine.dispose()
    with pytest.raises(StoreError, match="another program"):
        MeasurementStore(url)


def test_a_file_of_another_program_is_left_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "places.sqlite"
    engine = create_engine(f"sqlite:///{path}")
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE bookmarks (url TEXT)"))
    engine.dispose()
    before = path.read_bytes()
    with pytest.raises(StoreError, match="another program"):
        MeasurementStore(path)
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("{tmp}/missing/store.db", "folder .*missing does not exist; make it"),
        ("{tmp}", "is a folder"),
        ("{tmp}/text.db", "is something else; name another with --store"),
        ("nosuch://host/db", "no driver"),
        ("::::://", "is not a database URL"),
        ("sqlite://", "in memory"),
        ("postgresql+psycopg://nobody:secret@127.0.0.1:1/none", "check host, port, user"),
    ],
)
def test_what_cannot_be_opened_is_said_in_one_line(tmp_path: Path, given: str, words: str) -> None:
    if given.startswith("postgresql"):
        pytest.importorskip("psycopg", reason="no PostgreSQL driver")
    (tmp_path / "text.db").write_text("this is a diary, not a database, and it is longer than a header " * 20)
    with pytest.raises(StoreError, match=words) as caught:
        MeasurementStore(given.replace("{tmp}", str(tmp_path)))
    assert "\n" not in str(caught.value)
    assert "secret" not in str(caught.value)
    assert not (tmp_path / "missing").exists()


def test_no_permission_is_said_in_one_line(tmp_path: Path) -> None:
    MeasurementStore(tmp_path / "warm.db").close()  # loads modules that another user might not be able to read
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o500)
    readable = tmp_path / "readable"
    readable.mkdir()
    MeasurementStore(readable / "store.db").close()
    (readable / "store.db").chmod(0o444)
    readable.chmod(0o555)
    for parent in tmp_path.parents:
        if parent.stat().st_uid == os.getuid() and parent.stat().st_mode & 0o077 == 0:
            parent.chmod(0o711)
    if os.getuid() == 0:  # root may write anywhere
        os.chmod(closed, 0o555)
        os.seteuid(65534)
    try:
        for path in (closed / "store.db", readable / "store.db"):
            with pytest.raises(StoreError, match=r"--store|mode") as caught:
                MeasurementStore(path).add(measurement())
            assert "\n" not in str(caught.value)
    finally:
        if os.getuid() == 0:
            os.seteuid(0)
    assert list(closed.iterdir()) == []


def test_a_damaged_document_is_named(tmp_path: Path) -> None:
    with MeasurementStore(tmp_path / "s.db") as store:
        store.add(measurement())
        connection = sqlite3.connect(tmp_path / "s.db")
        connection.execute("UPDATE measurements SET document = '{\"key\": 3}'")
        connection.commit()
        connection.close()
        with pytest.raises(StoreError, match="Measurement in it is damaged"):
            store.get("k1")


def test_the_default_store_makes_its_own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SIZER_STORE", raising=False)
    monkeypatch.setenv("SIZER_HOME", str(tmp_path / "new" / "home"))
    with MeasurementStore() as store:
        store.add(measurement())
    assert (tmp_path / "new" / "home" / "store.sqlite3").is_file()


WRITER = """
import sys
sys.path.insert(0, sys.argv[4])
from advisor.store.measurements import MeasurementStore
from tests.store.samples import measurement, micro_benchmark
store = MeasurementStore(sys.argv[1])
name, count = sys.argv[2], int(sys.argv[3])
print("ready", flush=True)
sys.stdin.readline()
for number in range(count):
    store.add(measurement(f"{name}-{number}"))
    store.add(measurement(f"shared-{number}"))
    store.replace(measurement("contended", model=name))
    store.add_micro(micro_benchmark(f"{name}-{number}"))
    print(number, flush=True)
"""
ROOT = str(Path(__file__).resolve().parents[2])


def writer(url: str, name: str, count: int) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", WRITER, url, name, str(count), ROOT],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def release(process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None
    process.stdin.write("\n")
    process.stdin.flush()


def test_two_processes_write_at_once(url: str) -> None:
    count = 40
    processes = [writer(url, name, count) for name in ("left", "right")]
    for process in processes:
        release(process)
    for process in processes:
        _, errors = process.communicate(timeout=240)
        assert process.returncode == 0, errors
    with MeasurementStore(url) as store:
        assert len(store.known_keys()) == 3 * count + 1
        assert len(store.micro("box-1")) == 2 * count
        assert store.get("contended").model in {"left", "right"}  # type: ignore[union-attr]


def test_two_processes_may_create_it_at_once(tmp_path: Path) -> None:
    code = "import sys; from advisor.store.measurements import MeasurementStore; MeasurementStore(sys.argv[1]).hosts()"
    processes = [
        subprocess.Popen([sys.executable, "-c", code, str(tmp_path / "new.db")], cwd=ROOT, stderr=subprocess.PIPE)
        for _ in range(3)
    ]
    for process in processes:
        _, errors = process.communicate(timeout=240)
        assert process.returncode == 0, errors.decode()


def test_kill_loses_at_most_what_was_in_flight(url: str) -> None:
    process = writer(url, "victim", 100_000)
    release(process)
    assert process.stdout is not None
    said = [int(process.stdout.readline()) for _ in range(25)]
    process.send_signal(signal.SIGKILL)
    rest = process.stdout.read()  # communicate() would pass over lines that readline() had taken in ahead
    process.communicate(timeout=240)
    said += [int(line) for line in rest.split("\n")[:-1]]
    with MeasurementStore(url) as store:
        found = {key for key in store.known_keys() if key.startswith("victim-")}
        assert {f"victim-{number}" for number in said} <= found
        assert len(found) <= len(said) + 1
        assert all(row.timing is not None for row in store.find())  # whole documents, none torn
        assert store.add(measurement("after"))
    if url.startswith("sqlite"):
        connection = sqlite3.connect(url.removeprefix("sqlite:///"))
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        connection.close()
