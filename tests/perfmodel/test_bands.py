import numpy as np

from advisor.perfmodel.bands import Held, tuned
from advisor.perfmodel.interval import Bands
from advisor.perfmodel.machine import SIMD_CLASSES
from advisor.perfmodel.material import load_material, residual_rows
from advisor.perfmodel.observations import MODES
from advisor.perfmodel.physics import PRECISIONS


def test_bands_of_a_class_hold_most_of_its_own_machines_when_each_is_left_out():
    """Errors drawn per machine: wild in one class, tame in the others; each class is covered by its own factor."""
    material = load_material()
    data = material.data.take(residual_rows(material.data))
    counted = tuned(data)
    rng = np.random.default_rng(0)
    names = [row.machine for row in data.rows]
    covered: dict[str, list[float]] = {}
    for _ in range(6):
        wild = {name: rng.normal(0.0, 0.3 if "xeon" not in name else 0.08) for name in sorted(set(names))}
        errors = np.array([wild[name] for name in names]) + rng.normal(0.0, 0.05, len(names))
        held = Held(data, errors, counted)
        for left in sorted(set(names)):
            bands = Bands([*held.bands({left}), *_wide()])
            for i in np.flatnonzero(counted & (np.array(names) == left)):
                row = data.rows[i]
                simd = SIMD_CLASSES[data.machines.simd[i]]
                low, high = bands.find(simd, PRECISIONS[row.precision], MODES[row.mode])
                covered.setdefault(simd, []).append(float(low <= errors[i] <= high))
    for simd in ("avx2", "avx2_vnni", "avx512_vnni"):
        assert 0.6 < np.mean(covered[simd]) < 0.97


def _wide():
    from advisor.records.calibration import ErrorBand

    return [ErrorBand(key="new/*/*", low=-1.0, high=1.0, machines=20, rows=100)]


def test_a_published_cell_is_known_better_than_its_chip_and_that_better_than_a_data_sheet():
    from advisor.records.calibration import TransferCalibration
    from advisor.store.files import read_document
    from advisor.store.paths import profiles_dir

    shipped = read_document(profiles_dir() / "calibration" / "transfer.json", TransferCalibration)
    bands = {item.key: item.high - item.low for item in shipped.bands}
    assert bands["published/*/*"] < bands["anchored/*/*"] < bands["new/*/*"]
