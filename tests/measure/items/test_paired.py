from pathlib import Path

import pytest

from advisor.measure.items.paired import RoundsWanted, Variant, installed, measure_rounds
from advisor.measure.timing.pairs import paired_ratio
from advisor.records.config import LoadMode, RunConfig
from advisor.records.measurement import PairedMeasurement
from advisor.records.model import ModelFile
from tests.measure.models import small_conv


def with_open_batch(model: ModelFile) -> ModelFile:
    import onnx

    graph = onnx.load(model.path)
    for port in (*graph.graph.input, *graph.graph.output):
        port.type.tensor_type.shape.dim[0].dim_param = "batch"
    onnx.save(graph, model.path)
    return model


def rounds(
    variants: list[Variant], count: int, known: dict[str, PairedMeasurement] | None = None
) -> tuple[int, dict[str, PairedMeasurement], list[PairedMeasurement]]:
    kept: list[PairedMeasurement] = []
    found = {} if known is None else known
    wanted = RoundsWanted(count, kept.append, lambda _: None, lambda _: True, {})
    return measure_rounds(variants, found, "host", wanted), found, kept


def test_variants_take_turns_in_processes_of_their_own_and_what_fails_costs_only_itself(tmp_path: Path) -> None:
    model = small_conv(tmp_path)
    fast = RunConfig(runtime="fake", precision="f32", streams=1, threads=2, requests=1)
    slow = fast.model_copy(update={"threads": 1})
    refused = fast.model_copy(update={"precision": "bf16"})
    variants = [Variant(model, config, LoadMode()) for config in (slow, refused, fast)]
    completed, known, kept = rounds(variants, 3)
    assert completed == 3
    first, failed, second = (known[variant.key("host")] for variant in variants)
    assert failed.failure == "precision bf16: the fake cannot compute in it; permit another"
    assert failed.turns == ()
    assert [turn.round for turn in first.turns] == [turn.round for turn in second.turns]
    assert len({turn.round for turn in first.turns}) == 3
    assert first.process_bytes is not None
    assert first.model_bytes is not None
    assert first.process_bytes > first.model_bytes
    assert sum(row.status == "done" for row in kept) == 2 + 6  # opened, then every turn as it was taken

    # The fake's pass on two threads takes 0.55 of that on one, by Amdahl's law with a share of 0.9.
    ratio = paired_ratio(second.turns, first.turns)
    assert ratio is not None
    assert ratio.value < 1

    more, joined, _ = rounds([variants[0], variants[2]], 1, known)
    assert more == 1
    assert len(joined[variants[0].key("host")].turns) == 4


@pytest.mark.runtime
def test_real_runtimes_static_dynamic_and_capped(tmp_path: Path) -> None:
    model = with_open_batch(small_conv(tmp_path))
    one = RunConfig(streams=1, threads=1, requests=1)
    configs = [
        one,
        one.model_copy(update={"simd_cap": "sse42"}),
        one.model_copy(update={"dynamic_shapes": True}),
        one.model_copy(update={"runtime": "onnxruntime", "simd_cap": "sse42"}),
        one.model_copy(update={"runtime": "onnxruntime", "dynamic_shapes": True}),
    ]
    variants = [Variant(model, config, LoadMode()) for config in configs]
    _, known, _ = rounds(variants, 1)
    rows = [known[variant.key("host")] for variant in variants]
    assert [row.status for row in rows] == ["done", "done", "done", "failed", "done"]
    assert "cannot be capped" in (rows[3].failure or "")
    granted = [None if row.effective is None else row.effective.dynamic_shapes for row in rows]
    assert granted == [False, False, True, None, True]


def test_a_runtime_that_compiles_for_fixed_shapes_all_the_same_has_failed(tmp_path: Path) -> None:
    config = RunConfig(runtime="fake", streams=1, requests=1, dynamic_shapes=True)
    variant = Variant(small_conv(tmp_path), config, LoadMode())
    _, known, _ = rounds([variant], 1)
    assert known[variant.key("host")].failure == "dynamic shapes: fake compiled the model for fixed ones"


def test_a_runtime_that_is_not_installed_is_said_to_be_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from advisor.errors import InputError

    variant = Variant(small_conv(tmp_path), RunConfig(runtime="ncnn"), LoadMode())

    def missing(name: str) -> str:
        raise InputError(f"runtime {name} is not installed; run: pip install {name}")

    monkeypatch.setattr("advisor.measure.timing.keys.runtime_version", missing)
    assert installed(variant) == "runtime ncnn is not installed; run: pip install ncnn"
