import random
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from advisor.clock import FakeClock
from advisor.measure.campaign import campaign as c
from advisor.measure.campaign.campaign import Campaign, Entry
from advisor.measure.items.decode import DecodeItem
from advisor.measure.items.item import MeasureContext
from advisor.measure.items.preparation import PreparationItem
from advisor.measure.items.throughput import TimingItem
from advisor.records.config import LoadMode, RunConfig
from advisor.records.measurement import MicroBenchmark, TimingMeasurement
from advisor.store.measurements import MeasurementStore
from tests.measure.campaign_script import SPEC, campaign
from tests.measure.hosts import facts
from tests.measure.models import small_conv

ROOT = Path(__file__).resolve().parents[3]


def start(store: Path, folder: Path, count: int) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "tests.measure.campaign_script", str(store), str(folder), str(count)],
        cwd=ROOT, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip


def stamps(store: Path) -> dict[str, str]:
    """Every key with its full record: a repetition would have other samples. Least times of the fixed work may fall."""
    with MeasurementStore(store) as opened:
        found = {record.key: record.model_dump_json() for record in opened.find()}
        micro = [record for record in opened.micro("test-host") if not record.name.startswith("reference/")]
        found |= {record.key: record.model_dump_json() for record in micro}
    return found


@pytest.mark.runtime
def test_kill_at_random_instants_then_resume_without_repetition(tmp_path: Path) -> None:
    count, total = 8, 12
    store = tmp_path / "s.db"
    chance = random.Random(5)
    known: dict[str, str] = {}
    for _ in range(2):
        process = start(store, tmp_path, count)
        assert process.stdout is not None
        # Killed after a random number of results, a random moment later.
        for _ in range(chance.randint(1, 3)):
            process.stdout.readline()
        time.sleep(chance.uniform(0, 0.05))
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stdout.close()
        now = stamps(store)
        assert {key: now[key] for key in known} == known
        assert len(now) >= len(known)
        known = now
    assert 0 < len(known) < total
    process = start(store, tmp_path, count)
    output, _ = process.communicate(timeout=240)
    assert process.returncode == 0
    assert f"start {total - len(known)}\n" in output
    final = stamps(store)
    assert len(final) == total
    assert {key: final[key] for key in known} == known


@pytest.mark.runtime
def test_ctrl_c_ends_with_a_summary_and_keeps_what_was_measured(tmp_path: Path) -> None:
    store = tmp_path / "s.db"
    process = start(store, tmp_path, 6)
    assert process.stdout is not None
    lines = [process.stdout.readline() for _ in range(3)]
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=240)
    assert process.returncode == 0
    assert "finish interrupted:" in output
    assert len(stamps(store)) >= len(lines) - 1


@pytest.mark.runtime
def test_two_processes_share_a_store(tmp_path: Path) -> None:
    store = tmp_path / "s.db"
    with MeasurementStore(store):
        pass
    processes = [start(store, tmp_path, 6) for _ in range(2)]
    for process in processes:
        output, _ = process.communicate(timeout=240)
        assert process.returncode == 0
        assert "finish" in output
    assert len(stamps(store)) == 9


def items_without_runtime(clock: FakeClock, monkeypatch: pytest.MonkeyPatch, fail: str = "") -> None:
    """Replace the worker: each preparation takes one second of fake time."""

    def measure(items: Sequence[PreparationItem], context: MeasureContext) -> None:
        from advisor.errors import Inconclusive

        for item in items:
            clock.advance(1.0)
            if item.name == fail:
                raise Inconclusive(f"{item.name} failed: it broke")
            host = context.host_fingerprint
            record = MicroBenchmark(
                key=item.key(host), name=item.name, value=1.0, unit="s", samples=1, host_fingerprint=host,
                started="2026-01-01T00:00:00Z",
            )  # fmt: skip
            context.keep(record)

    monkeypatch.setattr(PreparationItem, "measure", measure)


def preparations(count: int) -> tuple[PreparationItem, ...]:
    return tuple(PreparationItem((64, 48), (16 + 2 * k, 16)) for k in range(count))


def test_budget_stops_in_time_and_says_what_was_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = FakeClock()
    items_without_runtime(clock, monkeypatch)
    todo = Campaign(tuple(Entry(item, 1.0) for item in preparations(30)), left_out=("something",))
    with MeasurementStore(tmp_path / "s.db") as store:
        first = c.run(todo, store, facts(), options=c.Options(budget_s=15.0), clock=clock)
        assert first.done == 15
        assert len(first.left_out) == 15
        assert first.took_s == 15
        assert "15 left out" in first.text()
        second = c.run(todo, store, facts(), clock=clock)
        assert (second.known, second.done, second.failed) == (15, 15, 0)


def test_no_more_time_is_announced_than_the_budget_leaves(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from advisor.measure.items.progress import NullProgress

    class Heard(NullProgress):
        left_s: list[float | None] = []

        def start(self, total: int, estimate_s: float | None, unit: str = "items") -> None:
            self.left_s.append(estimate_s)

        def advance(self, done: int, what: str, remaining_s: float | None) -> None:
            self.left_s.append(remaining_s)

    clock, tell = FakeClock(), Heard()
    items_without_runtime(clock, monkeypatch)
    todo = Campaign(tuple(Entry(item, 1.0) for item in preparations(30)))
    with MeasurementStore(tmp_path / "s.db") as store:
        c.run(todo, store, facts(), tell, options=c.Options(budget_s=14.0), clock=clock)
    assert tell.left_s[:3] == [14.0, 13.0, 12.0]
    assert tell.left_s[-1] == 0.0


def test_each_item_is_named_when_it_begins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from advisor.measure.items.progress import NullProgress

    class Heard(NullProgress):
        events: list[str] = []

        def begin(self, what: str) -> None:
            self.events.append(f"begin {what}")

        def advance(self, done: int, what: str, remaining_s: float | None) -> None:
            self.events.append(f"end {what.split(':', maxsplit=1)[0]}")

    clock, heard = FakeClock(), Heard()
    items_without_runtime(clock, monkeypatch)
    items = preparations(14)  # more than one batch
    with MeasurementStore(tmp_path / "s.db") as store:
        c.run(Campaign(tuple(Entry(item, 1.0) for item in items)), store, facts(), heard, clock=clock)
    assert heard.events == [f"{when} {item.label}" for item in items for when in ("begin", "end")]


def test_estimates_are_corrected_by_what_things_took(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = FakeClock()
    items_without_runtime(clock, monkeypatch)
    # Estimated at half of what they take: the second batch must be cut.
    todo = Campaign(tuple(Entry(item, 0.5) for item in preparations(24)))
    with MeasurementStore(tmp_path / "s.db") as store:
        summary = c.run(todo, store, facts(), options=c.Options(budget_s=17.0), clock=clock)
        assert summary.done == 12 + 5
        assert summary.took_s <= 17


def test_a_failure_is_counted_and_the_campaign_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = FakeClock()
    items = preparations(14)
    items_without_runtime(clock, monkeypatch, fail=items[11].name)
    todo = Campaign(tuple(Entry(item, 1.0) for item in items))
    with MeasurementStore(tmp_path / "s.db") as store:
        summary = c.run(todo, store, facts(), clock=clock)
    assert (summary.done, summary.failed) == (13, 1)
    assert "it broke" in summary.failures[0]


def test_most_information_per_second_comes_first(tmp_path: Path) -> None:
    model = small_conv(tmp_path)
    slow = Entry(DecodeItem("h264", 64, 64, 100), 10.0, 1.0)
    rich = Entry(PreparationItem((64, 48), (16, 16)), 1.0, 9.0)
    rows = [
        Entry(TimingItem(model, RunConfig(threads=1, batch=k), LoadMode(), SPEC), 1.0, float(k)) for k in range(1, 20)
    ]
    found = c.batches([slow, *rows, rich])
    assert [len(batch) for batch in found] == [c.BATCH, 1, 19 - c.BATCH, 1]
    assert found[0][0] is rows[-1]
    assert found[1] == [rich]
    assert found[-1] == [slow]


def test_a_group_stays_in_one_worker(tmp_path: Path) -> None:
    model = small_conv(tmp_path)

    def entry(batch: int, group: str) -> Entry:
        return Entry(
            TimingItem(model, RunConfig(threads=1, batch=batch + 1), LoadMode(), SPEC), 1.0, 30.0 - batch, group
        )

    entries = [entry(k, "abc"[k % 3]) for k in range(15)]
    found = c.batches(entries)
    # Five each: two groups fill ten of the twelve places, the third would not fit whole.
    assert [{item.group for item in batch} for batch in found] == [{"a", "b"}, {"c"}]
    assert sum(map(len, found)) == 15


@pytest.mark.runtime
def test_a_refused_item_is_recorded_and_retried_on_request(tmp_path: Path) -> None:
    model = small_conv(tmp_path)
    bad = TimingItem(model, RunConfig(device="TOASTER", threads=1), LoadMode(), SPEC)
    todo = Campaign((Entry(bad, 0.1), *campaign(tmp_path, 1).entries))
    with MeasurementStore(tmp_path / "s.db") as store:
        first = c.run(todo, store, facts())
        assert (first.done, first.failed) == (1, 1)
        record = store.get(bad.key("test-host"))
        assert record is not None
        assert record.status == "failed"
        assert "TOASTER" in (record.failure or "")
        assert c.run(todo, store, facts()).known == 2
        again = c.run(todo, store, facts(), options=c.Options(retry_failed=True))
        assert (again.known, again.failed) == (1, 1)


@pytest.mark.runtime
def test_a_disturbed_timing_is_visited_again_and_joined(tmp_path: Path) -> None:
    todo = campaign(tmp_path, 2)
    keys = [entry.item.key(facts().fingerprint) for entry in todo.entries if isinstance(entry.item, TimingItem)]
    with MeasurementStore(tmp_path / "s.db") as store:

        def disturb(dirty: bool) -> None:
            for key in keys:
                record = store.get(key)
                assert record is not None
                seen = record.interference.model_copy(update={"dirty": dirty})
                store.replace(record.model_copy(update={"interference": seen}))

        def samples() -> list[int]:
            rows = [store.get(key) for key in keys]
            return [row.timing.samples for row in rows if isinstance(row, TimingMeasurement) and row.timing is not None]

        c.run(todo, store, facts(), options=c.Options(visits=2))
        once = samples()
        disturb(False)
        assert c.run(todo, store, facts(), options=c.Options(visits=2)).done == 0
        disturb(True)
        assert c.run(todo, store, facts()).done == 0
        assert c.run(todo, store, facts(), options=c.Options(visits=2)).done == len(keys)
        assert all(after > before for after, before in zip(samples(), once, strict=True))
        disturb(True)
        assert c.run(todo, store, facts(), options=c.Options(visits=2)).done == 0
        row = store.get(keys[0])
        assert isinstance(row, TimingMeasurement)
        assert row.timing is not None
        assert row.timing.visits == 2
        again = c.run(todo, store, facts(), options=c.Options(visits=2, again=True))
        assert (again.done, again.known) == (len(todo.entries), 0)
        anew = store.get(keys[0])
        assert isinstance(anew, TimingMeasurement)
        assert anew.timing is not None
        assert anew.timing.visits == 1
