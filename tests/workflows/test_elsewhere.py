"""Other machines are predicted alike on every host: without AVX2, on Arm, with a runtime that lacks the precision."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from advisor.host import host_facts
from advisor.measure.items import model_kernels
from advisor.records.base import Precision
from advisor.records.host import HostFacts
from advisor.records.prediction import Prediction
from advisor.workflows import predict
from advisor.workflows.predict import PredictRequest, predict_model
from tests.host.make_trees import files_of, write_tree

MODEL = "like:age-gender-recognition-retail-0013"
AMX, PLAIN = "intel-xeon-platinum-8490h-2s", "intel-core-i5-8500"
Works = Callable[..., Any]


@pytest.fixture
def asked_on(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., tuple[Prediction, ...]]:
    """What is predicted at a precision on a machine of this description, whose runtimes list these works."""
    real: Works = model_kernels.model_works

    def ask(host: str, precision: Precision, works: Callable[[Works], Works]) -> tuple[Prediction, ...]:
        facts: HostFacts = host_facts(write_tree(files_of(host), tmp_path / host))
        monkeypatch.setattr(predict, "local_facts", lambda _: facts)
        monkeypatch.setattr(model_kernels, "model_works", works(real))
        platforms = (AMX,) if precision == "bf16" else (AMX, PLAIN)
        request = PredictRequest(MODEL, platforms, precision=precision)
        return predict_model(request, store_url=f"sqlite:///{tmp_path / host}.sqlite3").predictions

    return ask


def _as_here(real: Works) -> Works:
    return real


def _poor(real: Works) -> Works:
    """A host that computes in f32 alone, and whose runtime fuses otherwise."""

    def works(model: Any, asked: Any, store: Any) -> list[Any]:
        found = real(model, [(runtime, "f32", batch, cap) for runtime, _, batch, cap in asked], store)
        return [
            work.model_copy(update={"kernels": work.kernels[:-1]}) if work is not None and one[1] == "f32" else None
            for work, one in zip(found, asked, strict=True)
        ]

    return works


@pytest.mark.parametrize("precision", ["f32", "bf16"])
def test_a_prediction_of_another_machine_does_not_depend_on_the_host(
    precision: Precision, asked_on: Callable[..., tuple[Prediction, ...]]
) -> None:
    here = asked_on("desktop", precision, _as_here)
    assert all(row.throughput_fps is not None for row in here)
    for host in ("kvm64", "raspberry_pi_4"):
        for row, expected in zip(asked_on(host, precision, _poor), here, strict=True):
            assert row.memory_bytes is not None
            # In the explanation what the runtime fuses here has a part.
            for figure in (
                "platform", "throughput_fps", "latency_ms", "memory_bytes", "evidence", "bottleneck", "notes",
            ):  # fmt: skip
                assert getattr(row, figure) == getattr(expected, figure), (host, figure)
