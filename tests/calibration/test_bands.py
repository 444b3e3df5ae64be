import numpy as np
import pytest

from advisor.calibration.bands import HeldOutBands, drawn_in, few_bands, level, new_bands
from advisor.calibration.dataset import residual_rows
from advisor.calibration.left_out import tuned
from advisor.calibration.published import machines_elsewhere
from advisor.perfmodel.analytic.interval import FEW, Bands
from advisor.perfmodel.analytic.machine import SIMD_CLASSES
from advisor.perfmodel.analytic.physics import PRECISIONS
from advisor.perfmodel.analytic.runtime_defaults import MODES
from tests.calibration.shipped import dataset as shipped_dataset


def test_bands_of_a_class_hold_most_of_its_own_machines_when_each_is_left_out() -> None:
    """Errors drawn per machine: wild in one class, tame in the others; each class is covered by its own factor.

    Machines leave four at a time, so that bands are made for seven groups and not for each machine.
    """
    dataset = shipped_dataset()
    data = dataset.data.take(residual_rows(dataset.data))
    counted = tuned(data)
    rng = np.random.default_rng(0)
    names = [row.machine for row in data.rows]
    covered: dict[str, list[float]] = {}
    classes = data.machines.error_classes()
    for _ in range(6):
        wild = {
            name: rng.normal(0.0, 0.08 if "high_power" in group else 0.3)
            for name, group in sorted(set(zip(names, classes, strict=True)))
        }
        errors = np.array([wild[name] for name in names]) + rng.normal(0.0, 0.05, len(names))
        every = rng.permutation(sorted(set(names)))
        groups = [frozenset(part.tolist()) for part in np.array_split(every, 7)]
        held = HeldOutBands(data, errors, counted, {name: part for part in groups for name in part})
        for left in groups:
            bands = Bands([*held.bands(left), *_wide()])
            for i in np.flatnonzero(counted & np.isin(names, list(left))):
                row = data.rows[i]
                simd = classes[i]
                low, high, _ = bands.find(simd, PRECISIONS[row.precision], MODES[row.mode])
                covered.setdefault(simd, []).append(float(low <= errors[i] <= high))
    assert len([simd for simd in covered if simd.endswith("_power")]) == 6
    for power in ("low_power", "high_power"):
        inside = [hit for simd, hits in covered.items() if simd.endswith(power) for hit in hits]
        assert 0.6 < np.mean(inside) < 0.97


def test_a_factor_learned_from_few_machines_must_hold_more_of_their_rows() -> None:
    """Levels by hand: t_{0.9} of 7 and 14 degrees of freedom is 1.4149 and 1.3450; Phi of them 0.92145 and 0.91069."""
    assert level(3) == pytest.approx(2 * 0.92145 - 1, abs=1e-4)
    assert level(10) == pytest.approx(2 * 0.91069 - 1, abs=1e-4)
    assert level(100_000) == pytest.approx(0.8, abs=1e-4)


def test_small_cores_are_a_part_of_their_class_with_a_width_of_their_own() -> None:
    data = shipped_dataset().data
    data = data.take(residual_rows(data))
    names, classes = [row.machine for row in data.rows], data.machines.error_classes()
    off = dict(zip(sorted(set(names)), np.random.default_rng(3).normal(0.0, 0.05, len(set(names))), strict=True))
    small = sorted({name for name, group in zip(names, classes, strict=True) if group == "small_cores"})
    assert len(small) == 3
    off |= dict(zip(small, (-0.15, 0.15, 0.15), strict=True))
    held = HeldOutBands(data, np.array([off[name] for name in names]), tuned(data), {n: frozenset({n}) for n in names})
    with_them, without = ({item.key: item for item in held.bands(left)} for left in ((), small))
    tail = "int8/throughput"
    assert with_them[f"small_cores/{tail}"].high > 1.2 * with_them[f"avx2_vnni_low_power/{tail}"].high
    low = {name for name, group in zip(names, classes, strict=True) if group.endswith("low_power")} | set(small)
    assert with_them[f"small_cores/{tail}"].machines == len(low), "all of low power stand for it"
    bands = [without[f"{name}/{tail}"] for name in ("small_cores", "avx2_vnni_low_power")]
    assert bands[0].model_copy(update={"key": ""}) == bands[1].model_copy(update={"key": ""})


def test_a_class_is_shrunk_to_its_power_and_has_that_width_without_a_machine() -> None:
    """One class of low power is off by far: it is widest, and its siblings are wider than those of high power."""
    data = shipped_dataset().data
    data = data.take(residual_rows(data))
    names, classes = [row.machine for row in data.rows], data.machines.error_classes()
    of = dict(zip(names, classes, strict=True))
    rng = np.random.default_rng(4)
    far = "avx512_vnni_low_power"
    off = {name: rng.choice([-0.25, 0.25]) if of[name] == far else rng.normal(0.0, 0.1) for name in sorted(of)}
    held = HeldOutBands(data, np.array([off[name] for name in names]), tuned(data), {n: frozenset({n}) for n in of})
    tail = "int8/throughput"

    def width(name: str, left_out: list[str]) -> float:
        bands = {item.key: item for item in held.bands(left_out)}
        return bands[f"{name}/{tail}"].high - bands[f"{name}/{tail}"].low

    assert width(far, []) > 1.2 * width("avx2_vnni_low_power", []) > 1.2 * width("avx2_vnni_high_power", [])
    siblings = [name for name, group in of.items() if group == "avx2_low_power"]
    bands = {item.key: item for item in held.bands(siblings)}
    low = {name for name, group in of.items() if group.endswith("low_power") or group == "small_cores"}
    assert bands[f"avx2_low_power/{tail}"].machines == len(low) - len(siblings) > 3
    assert "avx512_vnni_high_power/bf16/throughput" not in bands, "no machine of its power shows bf16"
    assert width("avx2_low_power", siblings) > width("avx2_high_power", siblings)
    found = Bands([*held.bands(siblings), *_wide()]).find("avx2_low_power", "int8", "throughput")
    assert found.extent == pytest.approx(width("avx2_low_power", siblings)), "its parent stands for it, no other set"


def test_the_band_of_an_unknown_class_counts_classes_and_not_their_machines() -> None:
    """Whole classes off by one number each: many machines of a class say it once, so it does not narrow the band."""
    data = shipped_dataset().data
    data = data.take(residual_rows(data))
    off = np.random.default_rng(1).normal(0.0, 0.3, len(SIMD_CLASSES))
    bands = {item.key: item for item in new_bands(data, off[data.machines.simd], tuned(data))}
    judged = sorted(set(data.machines.simd[tuned(data)].tolist()))
    assert bands["new/*/*"].machines == len(judged)
    assert bands["new/*/*"].high - bands["new/*/*"].low > 2 * 1.28 * np.sqrt(np.mean(off[judged] ** 2))


def test_models_of_few_machines_are_judged_by_themselves_whatever_the_harness() -> None:
    """Only figures of models that one or two other machines have are off; their band says so, and counts models."""
    data = shipped_dataset().data
    data = data.take(residual_rows(data))
    elsewhere = machines_elsewhere(data.rows)
    few = (elsewhere > 0) & (elsewhere < FEW)
    rng = np.random.default_rng(2)
    models = sorted({row.model for row in data.rows})
    off = dict(zip(models, rng.normal(0.0, 0.3, len(models)), strict=True))
    errors = np.where(few, [off[row.model] for row in data.rows], 0.0)
    found = {item.key: item for item in few_bands(data, errors)}
    inside = (errors[few] > found["few/f32"].low) & (errors[few] < found["few/f32"].high)
    assert found["few/f32"].machines == len(
        {row.model for row, flag in zip(data.rows, few, strict=True) if flag and not row.precision}
    )
    assert 0.7 < inside.mean() < 0.9
    assert few_bands(data, np.where(few, 0.0, 1.0))[0].high < 0.1


def test_a_box_that_is_far_off_counts_as_far_and_not_as_all_of_its_class() -> None:
    """Medians 0.1 of five machines and 2 of one: the scale is 0.1 / 0.6745, and the far one moves as a whole."""
    machines = [name for name in "abcdef" for _ in range(3)]
    errors = np.repeat([0.1, -0.1, 0.1, -0.1, 0.1, 2.0], 3) + np.tile([-0.02, 0.0, 0.02], 6)
    moved = drawn_in(errors, machines, ["f32/throughput"] * 18, range(18))
    assert np.allclose(moved[:15], errors[:15])
    farthest = 2 * 1.2816 * 0.1 / 0.6745
    assert np.allclose(moved[15:], farthest + np.array([-0.02, 0.0, 0.02]), atol=1e-3)
    assert np.allclose(drawn_in(errors, machines, ["f32/throughput"] * 18, range(15)), errors)


def test_bands_of_a_machine_do_not_know_its_twins() -> None:
    """Two machines of one family are off by the same: with the one left out, the other may not say so."""
    data = shipped_dataset().data
    data = data.take(residual_rows(data))
    counted = tuned(data)
    names = sorted({row.machine for row in data.rows})
    twins = ["intel-core-i3-8100", "intel-core-i5-8500"]
    rng = np.random.default_rng(5)
    off = dict(zip(names, rng.normal(0.0, 0.05, len(names)), strict=True)) | dict.fromkeys(twins, 0.12)
    errors = np.array([off[row.machine] for row in data.rows])
    alone = {name: frozenset({name}) for name in names}
    apart, together = (
        HeldOutBands(data, errors, counted, left_out).ratios()["avx2_high_power"]
        for left_out in (alone, alone | dict.fromkeys(twins, frozenset(twins)))
    )
    mean = [np.mean([ratio for name, ratio in ratios if name in twins]) for ratios in (apart, together)]
    assert mean[1] > mean[0]


def _wide():
    from advisor.records.calibration import ErrorBand

    return [ErrorBand(key="new/*/*", low=-1.0, high=1.0, machines=20, rows=100)]


def test_a_chip_with_figures_is_known_better_than_one_of_its_class_and_that_better_than_a_new_class() -> None:
    from advisor.records.calibration import TransferCalibration
    from advisor.store.files import read_document
    from advisor.store.paths import profiles_dir

    shipped = read_document(profiles_dir() / "calibration" / "transfer.json", TransferCalibration)
    bands = {item.key: item.high - item.low for item in shipped.bands}
    assert bands["published/*/*"] < bands["new/*/*"]
    known = {key: width for key, width in bands.items() if key.startswith("anchored/")}
    assert known
    for key, width in known.items():
        tail = key.split("/", 2)[2]
        unknown = [bands[f"{name}/{tail}"] for name in ("low_power", "high_power", "new") if f"{name}/{tail}" in bands]
        assert width < max(unknown)
