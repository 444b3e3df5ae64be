import csv
from dataclasses import asdict

import numpy as np
import pytest

from advisor.calibration.memory import (
    FIELDS,
    beliefs,
    design,
    fit,
    fit_terms,
    fitted,
    held_out,
    interval,
    predicted,
    read_rows,
)
from advisor.errors import CatalogueError
from advisor.graph.counted import counted_work
from advisor.perfmodel.resources.memory import load_memory, peak_memory, sessions_of, sizes_of, terms_of
from advisor.records.config import RunConfig
from advisor.records.model import LiveBytes
from advisor.store.paths import profiles_dir
from advisor.workflows.models import resolve_model
from tests.perfmodel.makers import kernel, work

LOAD = np.array([30e6, 150e3, 100e3, 90e3, 2.0, 2.0, 2.0, 1.0, 0.0, 0.0, 0.0, 0.0])
RUN = np.array([30e6, 150e3, 100e3, 80e3, 1.9, 1.9, 1.9, 1.0, 0.0, 0.0, 1.3, 0.4])


def rows(seed: int, noise: float = 0.0, count: int = 60) -> list[dict[str, str]]:
    """Made-up rows of six families, loading and running by :data:`LOAD` and :data:`RUN`."""
    rng = np.random.default_rng(seed)
    found = []
    for i in range(count):
        largest = rng.uniform(1e5, 2e6)
        sizes = {
            "layers": rng.integers(20, 150), "others": rng.integers(0, 150), "window_bytes": rng.uniform(1e6, 2e8),
            "point_bytes": rng.uniform(1e6, 2e8), "product_bytes": rng.uniform(1e6, 2e8),
            "table_bytes": rng.uniform(0, 3e7), "largest_bytes": largest, "live_bytes": rng.uniform(1e6, 1e7),
            "product_share": rng.uniform(),
        }  # fmt: skip
        row = {"model": f"m{i}", "family": f"f{i % 6}", "runtime": "openvino", "precision": "f32",
               "streams": 1 + i % 2, "threads": 1 + i % 2, "batch": (1, 8)[i // 2 % 2]}  # fmt: skip
        text = {name: str(value) for name, value in (row | sizes).items()}
        (x,) = design([text])
        load, run = (float(x @ terms) * float(np.exp(rng.normal(0.0, noise))) for terms in (LOAD, RUN))
        found.append(text | {"load_bytes": str(load), "run_bytes": str(run), "peak_bytes": str(max(load, run))})
    return found


def test_the_formula_is_found_again_from_its_own_numbers() -> None:
    known = rows(0)
    errors = predicted(known, *fitted(known)) / np.array([float(row["peak_bytes"]) for row in known]) - 1
    assert np.abs(errors).max() < 0.03


def test_a_few_outliers_move_it_little() -> None:
    known = rows(1, 0.02)
    for row in known[:4]:
        row["run_bytes"] = str(2 * float(row["run_bytes"]))
    sizes = design(known)
    assert np.allclose(sizes @ fitted(known)[1], sizes @ RUN, rtol=0.1)


def test_coefficients_that_no_row_tells_stay_where_they_are_believed() -> None:
    known = [row | {"table_bytes": "0"} for row in rows(2)]
    prior = beliefs("openvino", "f32", "run")
    found = fit_terms(design(known), np.array([float(row["run_bytes"]) for row in known]), prior)
    table = design(rows(2))[0].tolist().index(float(rows(2)[0]["table_bytes"]))
    assert found[table] == pytest.approx(prior[table, 0], rel=1e-3)
    assert (found >= 0).all()


def test_a_family_that_needs_more_is_missed_when_left_out() -> None:
    known = rows(3)
    for row in known:
        if row["family"] == "f0":
            for name in ("load_bytes", "run_bytes", "peak_bytes"):
                row[name] = str(1.5 * float(row[name]))
    errors = held_out(known)
    odd = np.array([row["family"] == "f0" for row in known])
    assert np.allclose(errors[odd], np.log(1.5), atol=0.05)
    assert np.abs(errors[~odd]).max() < 0.15


def test_an_interval_holds_the_prediction() -> None:
    assert interval(np.array([0.1, 0.2, 0.3])) == (0.0, pytest.approx(0.28))
    low, high = interval(np.linspace(-1.0, 1.0, 101))
    assert (low, high) == (pytest.approx(-0.8), pytest.approx(0.8))


def test_rows_become_terms_with_their_error(tmp_path) -> None:
    path = tmp_path / "memory.csv"
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, FIELDS)
        writer.writeheader()
        writer.writerows(rows(4, 0.05))
    found, lines = fit(path)
    (terms,) = found.terms
    assert (terms.runtime, terms.precision, terms.rows) == ("openvino", "f32", 60)
    assert terms.low < 0 < terms.high
    assert terms.mean_pct < 10
    assert len(lines) == 1


def test_missing_or_short_rows_are_refused_with_the_command(tmp_path) -> None:
    with pytest.raises(CatalogueError, match=r"benchmarks\.memory"):
        read_rows(tmp_path / "none.csv")
    (tmp_path / "short.csv").write_text("model\nx\n")
    with pytest.raises(CatalogueError, match="column 'batch'"):
        read_rows(tmp_path / "short.csv")
    (tmp_path / "memory.json").write_text("{}")
    with pytest.raises(CatalogueError, match=r"advisor\.calibration\.memory"):
        load_memory(tmp_path / "memory.json")


def test_weights_are_told_apart_by_what_runtimes_do_with_them() -> None:
    sizes = sizes_of(
        work(
            [
                kernel(0, weights=10.0),
                kernel(1, weights=30.0, type="matmul"),
                kernel(2, weights=500.0, type="gather"),
                kernel(3, weights=20.0, type="dwconv"),
                kernel(4, weights=7.0, kernel_size=(1, 1)),
            ],
            batch=2,
        ),
        "openvino",
        "f32",
    )
    assert (sizes.layers, sizes.others, sizes.window_bytes, sizes.point_bytes) == (4, 1, 30.0, 7.0)
    assert (sizes.product_bytes, sizes.table_bytes) == (30.0, 500.0)
    assert (sizes.largest_bytes, sizes.live_bytes) == (500.0, 1e6)


def test_onnx_runtime_holds_a_model_once_per_session() -> None:
    assert [sessions_of("onnxruntime", 4, threads) for threads in (None, 4, 8)] == [1, 1, 4]
    assert sessions_of("openvino", 4, 8) == 1
    large = work([kernel(i, weights=1e7) for i in range(10)])
    shared = peak_memory(large, RunConfig(runtime="onnxruntime", threads=4), 4).p50
    # Three sessions more, each with its own copy of 100 MB.
    assert peak_memory(large, RunConfig(runtime="onnxruntime", threads=8), 4).p50 > shared + 0.8 * 3 * 1e8


def test_streams_beyond_the_first_prepare_their_kernels_again() -> None:
    one, two = (terms_of(sizes_of(work(), "openvino", "f32"), streams, 1, 1) for streams in (1, 2))
    assert (one[3], two[3]) == (0.0, 20.0)


def test_every_part_of_a_configuration_costs_memory() -> None:
    small = work([kernel(i, weights=1e6) for i in range(10)])
    large = work([kernel(i, weights=2e7) for i in range(10)])
    one = peak_memory(small, RunConfig(), 1)
    assert one.p10 < one.p50 < one.p90
    assert peak_memory(large, RunConfig(), 1).p50 > one.p50 + 190e6
    assert peak_memory(small, RunConfig(batch=8), 1).p50 > one.p50
    assert peak_memory(small, RunConfig(batch=8), 4).p50 > peak_memory(small, RunConfig(batch=8), 1).p50


def test_bf16_needs_the_same_from_its_own_kernels_and_from_those_of_f32() -> None:
    """Plans have f32 kernels for chips whose bf16 cannot be compiled here; the file is the same."""
    kernels = [kernel(i, weights=2e7) for i in range(10)]
    config = RunConfig(precision="bf16")
    own = work([item.model_copy(update={"precision": "bf16", "weight_bytes": 1e7}) for item in kernels],
               precision="bf16")  # fmt: skip
    borrowed = work(kernels, precision="bf16")
    assert peak_memory(own, config, 1) == peak_memory(borrowed, config, 1)
    assert peak_memory(own, config, 1).p50 < peak_memory(work(kernels), RunConfig(), 1).p50


def test_counted_work_is_as_wide_as_its_int8_copy() -> None:
    """The same record serves every runtime and precision, on any host."""
    live = LiveBytes(openvino_f32=8e6, openvino_int8=2e6, onnxruntime_f32=9e6, onnxruntime_int8=3e6, quantisable=True)
    counted = work(
        [kernel(0, weights=40.0), kernel(1, weights=80.0, type="rnn"), kernel(2, weights=500.0, type="gather")]
    ).model_copy(update={"live": live})
    plain, narrow = (sizes_of(counted, "openvino", precision) for precision in ("f32", "int8"))
    assert (plain.window_bytes, plain.product_bytes, plain.table_bytes) == (40.0, 80.0, 500.0)
    assert (narrow.window_bytes, narrow.product_bytes, narrow.table_bytes) == (10.0, 80.0, 500.0)
    assert [sizes_of(counted, *how).live_bytes for how in (("openvino", "bf16"), ("onnxruntime", "int8"))] == [4e6, 3e6]
    assert sizes_of(counted, "onnxruntime", "f32").live_bytes == 9e6


@pytest.mark.parametrize("name", ["squeezenet-1.1", "shufflenet-v2", "bert-mini"])
def test_what_was_fitted_is_counted_as_plans_count_it(name: str) -> None:
    """Else coefficients and sizes are of two kinds: `python -m benchmarks.memory FILE --count`, then fit again."""
    file = resolve_model(name)
    counted = counted_work(file)
    assert counted is not None
    found = [row for row in read_rows(profiles_dir() / "measured" / "memory.csv") if row["model"] == name]
    assert len(found) > 20
    for row in found:
        for field, value in asdict(sizes_of(counted, row["runtime"], row["precision"])).items():
            assert float(row[field]) == pytest.approx(value, abs=0.5 if value > 1 else 1e-4), field
