import signal
import threading
from pathlib import Path

import pytest

from advisor.workflows import bench
from advisor.workflows.bench import BenchRequest


def test_sigterm_ends_a_campaign_as_ctrl_c_does_and_the_old_handler_comes_back() -> None:
    def old(_number: int, _frame: object) -> None:
        raise AssertionError("the old handler was called")

    before = signal.signal(signal.SIGTERM, old)
    try:
        with bench._stopped_like_ctrl_c():
            on_term = signal.getsignal(signal.SIGTERM)  # called, not raised: a real signal could end the test run
            assert callable(on_term)
            with pytest.raises(KeyboardInterrupt):
                on_term(signal.SIGTERM, None)
        assert signal.getsignal(signal.SIGTERM) is old
    finally:
        signal.signal(signal.SIGTERM, before)


def test_a_thread_other_than_the_main_one_may_measure_too() -> None:
    before, seen = signal.getsignal(signal.SIGTERM), []

    def work() -> None:
        with bench._stopped_like_ctrl_c():
            seen.append(signal.getsignal(signal.SIGTERM))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [before]


def test_quick_keeps_its_promise_unless_told_otherwise() -> None:
    assert bench._budget_s(BenchRequest(mode="quick")) == bench.QUICK_BUDGET_S < 120
    assert bench._budget_s(BenchRequest(mode="quick", budget="10m")) == 600
    assert bench._budget_s(BenchRequest(mode="full")) is None
    assert bench._budget_s(BenchRequest(models=("resnet-50",), mode="quick")) is None
    assert bench._budget_s(BenchRequest(matrix=Path("m.yaml"))) is None
