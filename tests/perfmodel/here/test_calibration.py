import numpy as np
import pytest

from advisor.errors import CatalogueError
from advisor.perfmodel.here import calibration
from advisor.perfmodel.here.calibration import HostCalibration, load_host_calibration, width_factor
from tests.perfmodel.makers import within


def test_width_factor_brings_held_out_rows_inside() -> None:
    rng = np.random.default_rng(1)
    hits = []
    for _ in range(200):
        errors = rng.normal(0.0, 0.2, 21)
        names = [f"m{i}" for i in range(20)]
        factor = width_factor(errors[:20].tolist(), [0.1] * 20, names)
        hits.append(abs(errors[20]) <= 0.1 * factor)
    assert within(float(np.mean(hits)), 0.82, 200)


def test_a_damaged_fit_is_refused(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(calibration, "host_calibration_path", lambda fingerprint: tmp_path / "h.json")
    (tmp_path / "h.json").write_text("{")
    with pytest.raises(CatalogueError, match="sizer calibrate"):
        load_host_calibration("h")
    assert HostCalibration().width == 1.0
