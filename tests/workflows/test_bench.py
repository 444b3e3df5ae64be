from pathlib import Path

from advisor.workflows import bench
from advisor.workflows.bench import BenchRequest


def test_quick_keeps_its_promise_unless_told_otherwise() -> None:
    assert bench._budget_s(BenchRequest(mode="quick")) == bench.QUICK_BUDGET_S < 120
    assert bench._budget_s(BenchRequest(mode="quick", budget="10m")) == 600
    assert bench._budget_s(BenchRequest(mode="full")) is None
    assert bench._budget_s(BenchRequest(models=("resnet-50",), mode="quick")) is None
    assert bench._budget_s(BenchRequest(matrix=Path("m.yaml"))) is None
