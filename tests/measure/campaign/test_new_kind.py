"""A kind of measurement is one file: one that the package has never heard of is measured, stored, resumed, reported."""

from pathlib import Path

from advisor.clock import FakeClock
from advisor.measure.campaign.campaign import Campaign, Entry, Options, run
from advisor.measure.items.progress import NullProgress
from advisor.store.measurements import MeasurementStore
from tests.measure.hosts import facts
from tests.measure.toy_kind import HashItem


class Lines(NullProgress):
    def __init__(self) -> None:
        self.lines: list[str] = []

    def advance(self, done: int, what: str, remaining_s: float | None) -> None:
        self.lines.append(what)


def campaign(*items: HashItem) -> Campaign:
    return Campaign(tuple(Entry(item, item.estimate_s) for item in items))


def test_a_kind_from_outside_is_measured_stored_and_resumed(tmp_path: Path) -> None:
    small, large = HashItem(1_000), HashItem(10_000_000)
    with MeasurementStore(tmp_path / "s.db") as store:
        assert run(campaign(small), store, facts()).done == 1
        progress = Lines()
        summary = run(campaign(small, large), store, facts(), progress)
        assert (summary.known, summary.done, summary.failed) == (1, 1, 0)
        records = {record.name: record for record in store.micro("test-host", "hash/")}
    assert set(records) == {small.name, large.name}
    assert records[large.name].value > records[small.name].value > 0
    assert records[large.name].parameters == {"bytes": "10000000"}
    (line,) = progress.lines
    assert line == f"hash 10000000 bytes: {records[large.name].value:.4g} s"


def test_a_running_batch_is_cut_when_the_budget_is_over(tmp_path: Path) -> None:
    """The first of six items that share a worker takes far longer than expected: no other one begins."""
    clock = FakeClock()

    class Late(Lines):
        def advance(self, done: int, what: str, remaining_s: float | None) -> None:
            super().advance(done, what, remaining_s)
            clock.advance(60.0)

    todo = campaign(*(HashItem(1_000 + size) for size in range(6)))
    with MeasurementStore(tmp_path / "s.db") as store:
        summary = run(todo, store, facts(), Late(), options=Options(budget_s=60.0), clock=clock)
        assert (summary.done, summary.failed, summary.interrupted) == (1, 0, False)
        assert summary.left_out == [f"hash {1_000 + size} bytes" for size in range(1, 6)]
        assert run(todo, store, facts()).done == 5


def test_its_failures_are_kept_and_tried_again_on_request(tmp_path: Path) -> None:
    todo = campaign(HashItem(1_000, "no such algorithm"), HashItem(1_000))
    with MeasurementStore(tmp_path / "s.db") as store:
        summary = run(todo, store, facts())
        assert (summary.done, summary.failed) == (1, 1)
        assert "ValueError" in summary.failures[0]
        assert run(todo, store, facts()).known == 2
        assert run(todo, store, facts(), options=Options(retry_failed=True)).failed == 1
        (failure,) = store.micro_failures("test-host")
        assert failure.name == "hash/no such algorithm/1000"


def test_the_report_of_a_machine_lists_it(tmp_path: Path) -> None:
    """``sizer bench`` knows nothing of the kind."""
    from advisor.workflows import probe
    from advisor.workflows.bench import BenchRequest, bench_machine

    url = f"sqlite:///{tmp_path / 's.db'}"
    with MeasurementStore(url) as store:
        run(campaign(HashItem(1_000)), store, probe())
    report, _ = bench_machine(BenchRequest(), store_url=url)
    assert [record.name for record in report.micro] == ["hash/sha256/1000"]
