"""The check of stand-ins on figures made up here from a known physical model."""

import json
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from advisor.calibration.dataset import Dataset
from advisor.calibration.stand_ins import LEAST_MACHINES, Judged, document, judge_stand_ins, measured_ratio, sources
from advisor.perfmodel.analytic.work_table import load_stand_in_works
from advisor.records.calibration import TransferCalibration
from advisor.store.paths import profiles_dir
from tests.calibration.shipped import dataset as shipped_dataset

WORKS = profiles_dir() / "calibration" / "works.json"


@pytest.fixture(scope="module")
def dataset() -> Dataset:
    return shipped_dataset()


@pytest.fixture(scope="module")
def calibration() -> TransferCalibration:
    return TransferCalibration.model_validate_json((profiles_dir() / "calibration" / "transfer.json").read_bytes())


@pytest.fixture(scope="module")
def judged(dataset: Dataset, calibration: TransferCalibration) -> tuple[Judged, ...]:
    """Every stand-in, by the shipped figures."""
    return judge_stand_ins(dataset, calibration, sources(WORKS), load_stand_in_works(WORKS))


def scaled(dataset: Dataset, model: str, factor: float) -> Dataset:
    """The published times of one model multiplied."""
    rows = tuple(
        replace(row, log_time=row.log_time + np.log(factor)) if row.model == model else row for row in dataset.data.rows
    )
    data = replace(dataset.data, rows=rows, log_time=np.array([row.log_time for row in rows]))
    return replace(dataset, data=data)


def ratio(found: Sequence[Judged], source: str) -> float:
    return next(item.ratio for item in found if item.source == source)


def test_a_network_published_twice_as_slow_halves_its_own_ratio(
    dataset: Dataset, calibration: TransferCalibration
) -> None:
    """Its own figures teach nothing of it: only the denominator moves. The figures of two machines show it."""
    name = "face-detection-retail-0004"
    asked = {model: graph for model, graph in sources(WORKS).items() if graph in {f"like:{name}", "resnet-50"}}
    two = set(sorted({row.machine for row in dataset.data.rows if row.model == name})[::2])
    assert len(two) == LEAST_MACHINES
    few = replace(dataset, data=dataset.data.take(np.flatnonzero([row.machine in two for row in dataset.data.rows])))
    before, after = (judge_stand_ins(scaled(few, name, factor), calibration, asked, {}) for factor in (1.0, 2.0))
    assert ratio(after, f"like:{name}") == pytest.approx(0.5 * ratio(before, f"like:{name}"), rel=1e-6)
    assert ratio(after, "resnet-50") == pytest.approx(ratio(before, "resnet-50"), rel=0.05)


def test_tables_of_wrong_published_operations_are_judged_by_the_stand_ins_own(judged: tuple[Judged, ...]) -> None:
    own = {"faster_rcnn_resnet50_coco", "mask_rcnn_resnet50_atrous_coco"}
    assert set(load_stand_in_works(WORKS)) == own
    assert not own & set(sources(WORKS))  # or the published tables would be judged, too
    assert ratio(judged, "like:mask_rcnn_resnet50_atrous_coco") < 0.4


def test_a_measured_ratio_is_one_where_times_have_the_published_proportions(dataset: Dataset) -> None:
    rows = {
        row.model: float(np.exp(row.log_time))
        for row in dataset.data.rows
        if (row.era, row.machine, row.precision, row.mode, row.batch) == ("dli-2018", "intel-core-i5-8600k", 0, 0, 1)
        and row.threads is None
        and row.streams is None
    }
    references = {"squeezenet-1.1": rows["squeezenet1.1"], "resnet-50": rows["resnet-50"], "alexnet": rows["alexnet"]}
    seconds = 3.0 * rows["face-detection-retail-0004"]
    slower = {name: 3.0 * value for name, value in references.items()}
    only = replace(dataset, data=dataset.data.take(np.flatnonzero(
        [row.machine == "intel-core-i5-8600k" and row.era == "dli-2018" for row in dataset.data.rows]
    )))  # fmt: skip
    assert measured_ratio(["face-detection-retail-0004"], seconds, slower, only) == pytest.approx(1.0)
    assert measured_ratio(["face-detection-retail-0004"], seconds, references, only) == pytest.approx(3.0)
    assert measured_ratio(["face-detection-retail-0004"], seconds, {"alexnet": 1.0}, only) is None


def test_the_shipped_table_has_every_stand_in_judged_on_two_machines(
    dataset: Dataset, judged: tuple[Judged, ...]
) -> None:
    shipped = json.loads((profiles_dir() / "calibration" / "stand_ins.json").read_text(encoding="utf-8"))
    assert shipped["data_sha256"] == dataset.sha256
    made = json.loads(document(judged, dataset.sha256))["models"]
    assert shipped["models"].keys() == made.keys()
    for name, entry in made.items():
        assert shipped["models"][name]["ratio"] == pytest.approx(entry["ratio"], rel=0.01)
