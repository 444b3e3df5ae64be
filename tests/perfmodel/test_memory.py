import csv

import numpy as np
import pytest

from advisor.errors import CatalogueError
from advisor.perfmodel.fit_memory import FIELDS, fit, fit_terms, held_out, read_rows
from advisor.perfmodel.memory import load_memory, peak_memory
from advisor.perfmodel.works import table_of
from advisor.records.config import RunConfig

from .makers import kernel, work

TRUE = np.array([20e6, 80e3, 2.0, 1.5])


def rows(rng, noise: float = 0.0):
    sizes = np.array(
        [(1.0, rng.integers(20, 300), rng.uniform(1e6, 4e8), rng.uniform(1e6, 2e8)) for _ in range(60)], dtype=float
    )
    return sizes, sizes @ TRUE * np.exp(rng.normal(0.0, noise, 60))


def test_the_formula_is_found_again_from_its_own_numbers():
    sizes, peaks = rows(np.random.default_rng(0))
    assert np.allclose(fit_terms(sizes, peaks), TRUE, rtol=1e-3)


def test_a_few_outliers_move_it_little():
    sizes, peaks = rows(np.random.default_rng(1), 0.02)
    peaks[:4] *= 2.0
    assert np.allclose(sizes @ fit_terms(sizes, peaks), sizes @ TRUE, rtol=0.1)


def test_a_family_that_needs_more_is_missed_when_left_out():
    sizes, peaks = rows(np.random.default_rng(2))
    families = ["odd" if i < 5 else f"f{i % 6}" for i in range(60)]
    peaks[:5] *= 1.5
    errors = held_out(sizes, peaks, families)
    assert np.allclose(errors[:5], np.log(1.5), atol=0.02)
    assert np.abs(errors[5:]).max() < 0.1


def test_rows_become_terms_with_their_error(tmp_path):
    sizes, peaks = rows(np.random.default_rng(3), 0.05)
    path = tmp_path / "memory.csv"
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, FIELDS)
        writer.writeheader()
        for i, (size, peak) in enumerate(zip(sizes, peaks, strict=True)):
            values = (f"m{i}", f"f{i % 5}", "openvino", "int8", 1, 1, 0, int(size[1]), size[2], size[3], peak)
            writer.writerow(dict(zip(FIELDS, values, strict=True)))
    found, lines = fit(path)
    (terms,) = found.terms
    assert (terms.runtime, terms.precision, terms.rows) == ("openvino", "int8", 60)
    assert terms.low < 0 < terms.high
    assert terms.mean_pct < 10
    assert len(lines) == 1


def test_missing_or_short_rows_are_refused_with_the_command(tmp_path):
    with pytest.raises(CatalogueError, match=r"benchmarks\.memory"):
        read_rows(tmp_path / "none.csv")
    (tmp_path / "short.csv").write_text("model\nx\n")
    with pytest.raises(CatalogueError, match="column 'activation_bytes'"):
        read_rows(tmp_path / "short.csv")
    (tmp_path / "memory.json").write_text("{}")
    with pytest.raises(CatalogueError, match="fit_memory"):
        load_memory(tmp_path / "memory.json")


def test_every_part_of_a_configuration_costs_memory():
    small = table_of(work([kernel(i, weights=1e6) for i in range(10)]))
    large = table_of(work([kernel(i, weights=2e7) for i in range(10)]))
    one = peak_memory(small, RunConfig(), 1)
    assert one.p10 < one.p50 < one.p90
    assert peak_memory(large, RunConfig(), 1).p50 > one.p50 + 190e6
    assert peak_memory(small, RunConfig(batch=8), 1).p50 > one.p50
    assert peak_memory(small, RunConfig(batch=8), 4).p50 > peak_memory(small, RunConfig(batch=8), 1).p50
    assert peak_memory(large, RunConfig(precision="int8"), 1).p50 < peak_memory(large, RunConfig(), 1).p50
