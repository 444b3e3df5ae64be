from pathlib import Path

import pytest

from advisor.errors import ModelError
from advisor.graph.frontend import hash_file
from advisor.measure.items import model_kernels
from advisor.measure.items.model_kernels import file_facts, model_works, works_of
from advisor.measure.items.progress import NullProgress
from advisor.measure.worker.job import Job, JobResult
from advisor.measure.worker.run import run_job
from advisor.store.measurements import MeasurementStore
from tests.graph import files
from tests.measure.models import small_conv


class Listener(NullProgress):
    def __init__(self) -> None:
        self.lines: list[str] = []

    def message(self, text: str) -> None:
        self.lines.append(text)


# Three 3x3 convolutions, 16 to 16 channels, 16x16 pixels; two operations per multiply-add.
FLOP = 3 * 2 * 16 * 16 * 9 * 16 * 16
WEIGHTS = 3 * 16 * 16 * 9


@pytest.mark.runtime
def test_facts_of_a_file(tmp_path: Path) -> None:
    model = small_conv(tmp_path)
    facts = file_facts(Path(model.path))
    assert facts.sha256 == model.sha256
    assert facts.input_shape == (1, 16, 16, 16)
    assert facts.flop == FLOP
    assert facts.parameters == WEIGHTS


@pytest.mark.runtime
def test_a_file_that_leaves_sizes_open_is_another_network_at_each(tmp_path: Path) -> None:
    """All that is kept of a model is kept by this hash: kernels, counts, timings."""
    open_sizes = files.picture_net(tmp_path / "open.onnx", size="side")
    small, large, again = (file_facts(open_sizes, (1, 3, size, size)) for size in (32, 64, 32))
    assert len({small.sha256, large.sha256, hash_file(open_sizes)}) == 3
    assert small == again


@pytest.mark.runtime
def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "broken.onnx"
    path.write_bytes(Path(small_conv(tmp_path).path).read_bytes()[:200])
    with pytest.raises(ModelError, match=r"broken\.onnx"):
        file_facts(path)


@pytest.mark.runtime
def test_kernels_are_listed_once_and_kept(tmp_path: Path) -> None:
    model = small_conv(tmp_path)
    listener = Listener()
    wanted = [("openvino", "f32", 1, None), ("openvino", "f32", 4, None), ("openvino", "f32", 1, "sse42")]
    with MeasurementStore(tmp_path / "s.db") as store:
        first, batched, capped = model_works(model, wanted, store, listener)
        assert first is not None
        assert batched is not None
        assert capped is not None
        convolutions = [kernel for kernel in first.kernels if kernel.type == "conv"]
        assert len(convolutions) == 3
        assert first.flop == sum(kernel.flop for kernel in convolutions) == FLOP
        assert batched.flop == 4 * FLOP
        assert first.weight_bytes >= 4 * WEIGHTS
        assert batched.activation_bytes > first.activation_bytes > 0
        assert all(kernel.time_s is None for kernel in first.kernels)
        assert "sse" in next(kernel.implementation for kernel in capped.kernels if kernel.type == "conv")
        Path(model.path).unlink()  # what is known needs no file
        assert model_works(model, wanted, store) == [first, batched, capped]
        refused = model_works(model, [("openvino", "f32", 2, None)], store, listener)
    assert refused == [None]
    assert listener.lines


@pytest.mark.runtime
def test_one_worker_serves_several_models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Started once for two models; what one of them is refused is no other's."""
    good = small_conv(tmp_path)
    gone = good.model_copy(update={"sha256": "0" * 64, "path": str(tmp_path / "gone.onnx"), "name": "gone"})
    jobs: list[tuple[str, ...]] = []

    def counted(job: Job, *others: object) -> JobResult:
        result = run_job(job, *others)  # type: ignore[arg-type]
        jobs.append(tuple(item.id for item in job.items))
        return result

    monkeypatch.setattr(model_kernels, "run_job", counted)
    listener = Listener()
    request = ("openvino", "f32", 1, None)
    missing, found = works_of([(gone, request), (good, request)], None, listener)
    assert missing is None
    assert found is not None
    assert found.flop == FLOP
    assert [len(job) for job in jobs] == [2]
    assert [line.split(":")[0] for line in listener.lines] == ["gone openvino/f32/1/None"]
