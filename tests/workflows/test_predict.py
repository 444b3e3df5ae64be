from pathlib import Path
from types import SimpleNamespace

import pytest

from advisor.errors import InputError
from advisor.records.base import Evidence
from advisor.records.config import RunConfig
from advisor.workflows import predict
from advisor.workflows.predict import PredictRequest, predict_model
from tests.measure.makers import file
from tests.perfmodel.makers import kernel, measurement, work

KERNELS = [kernel(i, flop=1e8 * (i + 1), time_s=1e-3) for i in range(3)]


@pytest.fixture
def taken(monkeypatch):
    """Configurations that were timed and counted, with nothing run."""
    from advisor.measure.campaign.campaign import Summary
    from advisor.measure.items.profile import ProfileItem
    from advisor.measure.items.throughput import TimingItem

    seen = SimpleNamespace(timed=[], counted=[], said=[])

    def run(campaign, store, facts):
        items = [entry.item for entry in campaign.entries]
        seen.timed += [item.config for item in items if isinstance(item, TimingItem)]
        seen.counted += [item.config for item in items if isinstance(item, ProfileItem)]
        return Summary()

    monkeypatch.setattr("advisor.measure.campaign.campaign.run", run)
    return seen


def measure(taken, rows, config: RunConfig, kernels=KERNELS, batch: int = 1) -> None:
    store = SimpleNamespace(find=lambda **_: rows, get=lambda _: None)
    model, facts = file("toy"), SimpleNamespace(fingerprint="h")
    request = PredictRequest("toy", ("this",), measure_s=2.0)
    predict._measure(request, model, work(kernels, batch=batch), [config], facts, store, taken.said.append)


@pytest.mark.parametrize(
    ("option", "number", "fault"),
    [
        ("threads", "13", None),
        ("streams", "13", None),
        ("threads", "5", "--threads 5 is more than intel-core-i3-8100 has: its cores run 4 threads at once"),
        ("streams", "5", "--streams 5 is more than intel-core-i3-8100 has: its cores run 4 threads at once"),
    ],
)
def test_more_threads_than_a_machine_runs_at_once_are_refused(option, number, fault, tmp_path) -> None:
    """A chip of twelve threads answered for thirteen as for twelve; the platform that lacks them is named."""
    request = PredictRequest("toy", ("intel-core-i7-8700", "intel-core-i3-8100"), **{option: number})
    fault = fault or f"--{option} 13 is more than intel-core-i7-8700 has: its cores run 12 threads at once"
    with pytest.raises(InputError) as refused:
        predict_model(request, store_url=f"sqlite:///{tmp_path / 's.sqlite3'}")
    assert str(refused.value) == fault


def test_a_device_without_calibration_is_unknown_with_what_to_do_and_carries_no_figure(monkeypatch, tmp_path) -> None:
    """``sizer predict`` ends with 1 where no row has a figure."""
    model = file("toy").model_copy(update={"path": ""})
    monkeypatch.setattr(predict, "resolve_for_device", lambda *_: model)
    request = PredictRequest("toy", ("intel-core-i5-8500", "this"), device="GPU")
    report = predict.predict_model(request, store_url=f"sqlite:///{tmp_path / 's.sqlite3'}")
    assert [row.platform for row in report.predictions] == ["intel-core-i5-8500", "this"]
    for row in report.predictions:
        assert row.evidence is Evidence.UNKNOWN
        assert (row.throughput_fps, row.latency_ms, row.memory_bytes, row.bottleneck) == (None, None, None, "unknown")
        assert "GPU" in row.notes[0]
        assert "sizer bench" in row.notes[0]


def test_new_kernels_are_timed_with_one_thread_and_as_many_as_a_stream_has(taken) -> None:
    measure(taken, [], RunConfig(threads=4, streams=2, batch=8))
    assert [(c.threads, c.streams, c.batch) for c in taken.timed] == [(1, 1, 1), (2, 1, 1)]
    assert taken.counted == taken.timed


def test_known_kernels_are_looked_up_and_not_measured_again(taken) -> None:
    rows = [measurement(1.0, kernels=tuple(KERNELS))]
    measure(taken, rows, RunConfig(threads=1, streams=1))
    assert taken.timed == taken.counted == []
    assert taken.said == ["every kernel of toy was measured here before"]


def test_one_new_kernel_is_enough_to_measure(taken) -> None:
    rows = [measurement(1.0, kernels=tuple(KERNELS[:2]))]
    measure(taken, rows, RunConfig(threads=1, streams=1))
    assert len(taken.counted) == 1


def test_another_batch_of_known_kernels_is_known(taken) -> None:
    from advisor.perfmodel.here.kernels import at_batch

    rows = [measurement(1.0, kernels=tuple(KERNELS))]
    measure(taken, rows, RunConfig(threads=1, streams=1, batch=8), [at_batch(k, 8.0) for k in KERNELS], batch=8)
    assert taken.timed == []


def test_an_unknown_runtime_is_refused_with_the_nearest(tmp_path: Path) -> None:
    request = PredictRequest("resnet-50", ("intel-core-i5-12400",), runtime="onxruntime")
    with pytest.raises(InputError, match=r"--runtime onxruntime: unknown; did you mean 'onnxruntime'\?"):
        predict_model(request, store_url=f"sqlite:///{tmp_path}/s.db")
