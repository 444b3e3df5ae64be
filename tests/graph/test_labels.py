"""How many classes a file names."""

import onnx
import pytest

from advisor.graph.labels import score_columns
from advisor.runtimes.conformance_networks import small_network


@pytest.mark.parametrize(
    ("names", "count"),
    [
        ("{0: 'person'}", 1), ("{0: 'person', 1: 'car'}", 2), ("['a', 'b', 'c']", 3), ("{}", None), ("person", None),
        ("__import__('os')", None), (None, None),
    ],
)  # fmt: skip
def test_classes_are_counted_from_what_the_exporter_wrote(tmp_path, names, count) -> None:
    path = small_network(tmp_path / "n.onnx")
    model = onnx.load(path)
    if names is not None:
        onnx.helper.set_model_props(model, {"stride": "32", "names": names})
    onnx.save(model, path)
    assert score_columns(path) == count


def test_other_formats_say_nothing(tmp_path) -> None:
    assert score_columns(tmp_path / "a.xml") is None
