import numpy as np
import pytest

from advisor.errors import CatalogueError
from advisor.perfmodel.analytic.work_table import CLASSES, canonical_name, load_works, same_network, table_of
from tests.perfmodel.makers import kernel, work


def test_an_unknown_kernel_counts_as_memory_bound_and_is_marked() -> None:
    plain = table_of(work([kernel(0)]))
    odd = table_of(work([kernel(0), kernel(1, type="other", original_type="Strange", flop=0.0, moved=1e6)]))
    assert odd.table[CLASSES.index("memory"), 1] == pytest.approx(1e6)
    assert odd.unknown_share == pytest.approx(0.5)
    assert plain.unknown_share == 0.0


def test_precision_does_not_change_the_table() -> None:
    """Bytes are counted as if every element had four, so that precision enters once, in the physics."""
    wide = table_of(work([kernel(0, moved=4e6, weights=4e5)]))
    narrow = table_of(work([kernel(0, moved=1e6, weights=1e5, precision="u8")], precision="int8", activation_bytes=5e5))
    assert np.allclose(wide.table, narrow.table)
    assert wide.peak_activation_bytes == narrow.peak_activation_bytes


def test_a_look_up_reads_the_rows_that_it_takes() -> None:
    found = table_of(work([kernel(0, type="gather", flop=0.0, moved=4e5, weights=9e7)]))
    assert 0.0 < found.table[CLASSES.index("memory"), 2] <= 4e5


def test_batch_is_divided_out_but_not_of_the_weights() -> None:
    one = table_of(work([kernel(0)]))
    eight = table_of(work([kernel(0, flop=1.6e9, moved=8e6)], batch=8, activation_bytes=1.6e7))
    assert np.allclose(one.table, eight.table)


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ("like:face-detection-retail-0004", "face-detection-retail-0004"),
        ("/x/y/Net.onnx", "net"),
        ("resnet-50", "resnet-50"),
    ],
)
def test_published_rows_know_a_model_by_its_plain_name(given, name) -> None:
    assert canonical_name(given) == name


def test_a_network_is_known_again_in_another_precision_with_its_reorders() -> None:
    f32 = table_of(work([kernel(i) for i in range(20)], model="one"))
    pixels = [kernel(i, moved=2.5e5, weights=2.5e4, precision="u8") for i in range(20)]
    reorders = [kernel(99 + i, type="reorder", flop=0.0, weights=0.0) for i in range(8)]
    int8 = table_of(work([*pixels, *reorders], model="another", precision="int8", activation_bytes=5e5))
    assert same_network(f32, int8)


@pytest.mark.parametrize("change", [{"flop": 2.6e8}, {"weights": 1.3e5}, {"type": "dwconv"}])
def test_another_input_width_or_kind_of_kernel_is_another_network(change) -> None:
    one, other = (table_of(work([kernel(i, **some) for i in range(20)])) for some in ({}, change))
    assert not same_network(one, other)


def test_one_kernel_in_four_more_is_another_network_of_the_same_size() -> None:
    one = table_of(work([kernel(i, flop=5e8, weights=2.5e5) for i in range(16)]))
    other = table_of(work([kernel(i, flop=4e8, weights=2e5) for i in range(20)]))
    assert not same_network(one, other)


def test_damaged_tables_are_refused(tmp_path) -> None:
    path = tmp_path / "works.json"
    path.write_text('{"schema": "other/9", "models": {}}')
    with pytest.raises(CatalogueError, match="other/9"):
        load_works(path)
