"""The power section on meters made up here, and on the machines of the published table."""

from advisor.perfmodel.resources.power import wall_power
from advisor.store.catalogue import Catalogue
from advisor.store.paths import profiles_dir
from benchmarks.power import Row, rows_of, tables


def test_every_published_meter_belongs_to_a_machine_of_the_catalogue() -> None:
    catalogue = Catalogue.load()
    rows = rows_of(profiles_dir() / "published" / "power.csv", catalogue)
    assert len(rows) == len({row.machine for row in rows}) == 6
    for row in rows:
        assert row.low <= row.measured <= row.high
        assert row.p50 == wall_power(catalogue.resolve(row.machine), 1.0).p50


def test_errors_are_of_the_published_watts() -> None:
    text = tables([Row("a", 10.0, 9.0, 11.0, 6.0, 12.0, 18.0), Row("b", 40.0, 30.0, 50.0, 6.0, 10.0, 14.0)])
    assert "| a | 12.0 (6.0-18.0) | 10.0 (9.0-11.0) | +20 % |" in text
    assert "Median error 48 %, mean 48 %, 50 % of 2 machines in P10-P90." in text
