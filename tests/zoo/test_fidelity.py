import json
from pathlib import Path

import pytest

from advisor import zoo
from advisor.errors import CatalogueError
from advisor.zoo import fidelity


@pytest.fixture
def ratios(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Write a table of ratios and have it read instead of the shipped one."""

    def write(models: dict[str, dict[str, float]], schema: str = fidelity.SCHEMA) -> None:
        (tmp_path / "calibration").mkdir(exist_ok=True)
        (tmp_path / fidelity.FILE).write_text(json.dumps({"schema": schema, "models": models}), encoding="utf-8")

    monkeypatch.setattr(fidelity, "profiles_folder", lambda: tmp_path)
    fidelity._ratios.cache_clear()
    zoo.info.cache_clear()
    yield write
    fidelity._ratios.cache_clear()
    zoo.info.cache_clear()


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        ({"ratio": 1.15}, None), ({"ratio": 1.16}, 1.16), ({"ratio": 0.84}, 0.84), ({"ratio": 0.86}, None),
        # A prediction may err on its own; what was measured decides.
        ({"ratio": 1.4, "measured": 1.05}, None), ({"ratio": 1.4, "measured": 1.3}, 1.3),
        ({"ratio": 1.4, "measured": 0.7}, None),
    ],
)  # fmt: skip
def test_a_stand_in_differs_beyond_15_percent(ratios, entry, expected) -> None:
    ratios({"face-detection-retail-0004": {"machines": 3, **entry}})
    assert fidelity.differs("face-detection-retail-0004") == expected


def test_nothing_is_said_of_a_stand_in_without_figures(ratios) -> None:
    ratios({})
    assert fidelity.differs("text-recognition-0014") is None
    assert fidelity.remark("text-recognition-0014") is None


def test_the_difference_is_in_the_record_and_in_its_notes(ratios) -> None:
    ratios({"faceboxes-pytorch": {"ratio": 0.5, "machines": 2}})
    row = zoo.info("like:faceboxes-pytorch")
    assert row.stand_in_ratio == 0.5
    assert row.notes is not None
    assert "differs from the published network: 0.50 times its time" in row.notes


def test_a_graph_that_is_the_networks_own_does_not_differ(ratios) -> None:
    ratios({"unet-camvid-onnx-0001": {"ratio": 1.3, "machines": 16}})
    assert zoo.info("like:unet-camvid-onnx-0001").stand_in_ratio is None


def test_a_table_of_another_schema_is_refused(ratios) -> None:
    ratios({}, schema="sizer.stand-ins/0")
    with pytest.raises(CatalogueError, match="install sizer again"):
        fidelity.differs("faceboxes-pytorch")
