"""How ratios between runtimes are fitted and judged: on made-up machines whose truth is known."""

from pathlib import Path

import numpy as np
import pytest

from advisor.calibration.runtimes import (
    Deviations,
    RatioFit,
    RatioRow,
    calibrate,
    enough,
    fit_deviations,
    judge,
    read_rows,
)
from advisor.perfmodel.elsewhere.runtime_ratio import RuntimeCalibration, find, load_runtime_ratios, simd_class

FAMILIES = ("resnet", "mobilenet", "vgg", "bert")


def made_up(machines: int, seed: int = 0, runtime: str = "tvm") -> list[RatioRow]:
    """Mean log ratio of 0.5; families differ by 0.3, machines by 0.2, single models by 0.05."""
    rng = np.random.default_rng(seed)
    of_family = dict(zip(FAMILIES, rng.normal(0, 0.3, len(FAMILIES)), strict=True))
    return [
        RatioRow(runtime, "f32", f"m{machine}", "avx2", f"{family}-{size}", family,
                 0.5 + of_family[family] + shift + rng.normal(0, 0.05))
        for machine, shift in enumerate(rng.normal(0, 0.2, machines))
        for family in FAMILIES
        for size in range(3)
    ]  # fmt: skip


def test_deviations_are_found_again() -> None:
    rows = [row for seed in range(4) for row in made_up(6, seed, runtime=f"r{seed}")]
    found = fit_deviations(rows)
    assert 0.15 < found.family < 0.5
    assert 0.1 < found.machine < 0.35
    assert 0.03 < found.single < 0.08


def test_a_family_that_was_seen_is_told_better_than_one_that_was_not() -> None:
    calibration = calibrate(made_up(5), "test", "0")
    seen = find(calibration.ratios, "tvm", "f32", "vgg", "avx2")
    unseen = find(calibration.ratios, "tvm", "f32", "yolo", "avx2")
    elsewhere = find(calibration.ratios, "tvm", "f32", "vgg", "avx512")
    assert seen is not None
    assert unseen is not None
    assert elsewhere is not None
    assert seen.deviation < unseen.deviation
    assert seen.deviation < elsewhere.deviation
    assert "5 machines, 12 models of family vgg" in seen.said
    assert "none of this family" in unseen.said
    assert find(calibration.ratios, "tvm", "int8", "vgg", "avx2") is None
    assert find(calibration.ratios, "torch", "f32", "vgg", "avx2") is None


def test_intervals_of_machines_left_out_hold_as_often_as_they_say() -> None:
    rows = [row for seed in range(5) for row in made_up(8, seed, runtime=f"r{seed}")]
    accuracy = [row for row in judge(rows) if row.machine == "all"]
    assert len(accuracy) == 5
    covered = np.average([row.coverage for row in accuracy], weights=[row.rows for row in accuracy])
    # 80 % are said; errors of one machine go together, so 40 machines count: five standard errors are 32 %.
    assert 0.55 < covered <= 1.0


def test_what_is_judged_was_not_learned_from() -> None:
    rows = made_up(3)
    shifted = [row if row.machine != "m2" else RatioRow(**{**vars(row), "log_ratio": 3.0}) for row in rows]
    before = next(row for row in judge(rows) if row.machine == "m2")
    after = next(row for row in judge(shifted) if row.machine == "m2")
    assert after.median_pct > 80 > before.median_pct


def test_a_runtime_with_one_model_teaches_and_is_taught_nothing() -> None:
    lone = RatioRow("torch", "f32", "m0", "avx2", "resnet-1", "resnet", 0.1)
    assert enough([lone, *made_up(1)]) == made_up(1)
    calibration = calibrate([lone, *made_up(2)], "test", "0")
    assert calibration.left_out == 1
    of_one_machine = RatioRow("tvm", "f32", "m9", "avx512", "vgg-1", "vgg", 2.0)
    assert calibrate([of_one_machine, *made_up(2)], "test", "0").ratios == calibrate(made_up(2), "test", "0").ratios
    assert {row.runtime for row in calibration.ratios} == {"tvm"}


def test_no_effect_is_shared_between_unknown_machines() -> None:
    rows = made_up(2)
    fit = RatioFit(rows, Deviations(0.3, 0.2, 0.2, 0.05))
    mean, deviation = fit.predict([RatioRow("tvm", "f32", "", "", "x", "", 0.0)])
    assert deviation[0] > np.sqrt(0.3**2 + 0.2**2 + 0.2**2 + 0.05**2) * 0.99
    assert abs(mean[0] - 0.5) < 0.6


def test_repeats_are_one_row_by_their_median(tmp_path: Path) -> None:
    table = tmp_path / "t.csv"
    head = "source,runtime,release,openvino_releases,machine,simd,model,family,precision,batch,ratio"
    lines = [f"dli,tvm,{release},x,m,avx2,vgg16,vgg,f32,1,{ratio}" for release, ratio in (("1", 2), ("2", 8), ("3", 4))]
    table.write_text("\n".join([head, *lines]) + "\n")
    (row,) = read_rows([table])
    assert row.log_ratio == pytest.approx(np.log(4))


def test_what_ships_is_what_the_tables_give() -> None:
    shipped = load_runtime_ratios()
    assert isinstance(shipped, RuntimeCalibration)
    again = calibrate(read_rows(), shipped.command, shipped.data_sha256)
    assert [(r.runtime, r.precision, r.rows) for r in again.ratios] == [
        (r.runtime, r.precision, r.rows) for r in shipped.ratios
    ]
    for one, other in zip(again.ratios, shipped.ratios, strict=True):
        assert [e.log_ratio for e in one.estimates] == pytest.approx([e.log_ratio for e in other.estimates], abs=0.02)


def test_classes_of_instruction_sets() -> None:
    assert [simd_class(level) for level in ("avx512_bf16", "avx2_vnni", "sse42", "neon")] == [
        "avx512", "avx2", "sse42", "neon",
    ]  # fmt: skip
