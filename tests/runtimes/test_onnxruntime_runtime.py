"""What only ONNX Runtime has: sessions per stream, refusals by word, a byte input written into the file."""

from typing import Never

import numpy as np
import pytest

from advisor.errors import RuntimeRefusal
from advisor.records.config import RunConfig
from advisor.runtimes import get_runtime
from advisor.runtimes.conformance import small_network
from advisor.runtimes.onnx_files import is_int8, load_onnx, with_byte_input

pytestmark = pytest.mark.runtime


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"simd_cap": "avx2"}, "cannot be capped"),
        ({"precision": "bf16"}, "bf16"),
        ({"device": "GPU"}, "device GPU: not here; this build of onnxruntime runs on: CPU"),
        ({"hint": "throughput"}, "hint throughput"),
        ({"hint_requests": 2}, "hint_requests"),
        ({"pinning": False}, "pinning"),
        ({"core_type": "any"}, "core_type"),
        ({"layout": "nhwc"}, "layout"),
        ({"auto_batch_timeout_s": 0.0}, "auto_batch_timeout_s"),
    ],
)
def test_refusals_name_the_setting(tmp_path, changes, word) -> None:
    path = small_network(tmp_path / "n.onnx")
    with pytest.raises(RuntimeRefusal, match=word) as caught:
        get_runtime("onnxruntime").compile(path, RunConfig(runtime="onnxruntime", **changes))
    assert "\n" not in str(caught.value)


def test_refuses_other_formats_and_fixed_batches(tmp_path) -> None:
    config = RunConfig(runtime="onnxruntime", batch=2)
    with pytest.raises(RuntimeRefusal, match=r"only \.onnx"):
        get_runtime("onnxruntime").compile(tmp_path / "model.xml", config)
    path = small_network(tmp_path / "n.onnx", batch=1)
    with pytest.raises(RuntimeRefusal, match=r"fixed to \[1, 3, 32, 32\], 2 is requested"):
        get_runtime("onnxruntime").compile(path, config)


@pytest.mark.parametrize(
    ("threads", "streams", "sessions", "granted"), [(1, 1, 1, 1), (2, 2, 1, 2), (4, 2, 2, 4), (3, 2, 1, 2)]
)
def test_threads_of_all_streams_together(tmp_path, threads, streams, sessions, granted) -> None:
    config = RunConfig(runtime="onnxruntime", threads=threads, streams=streams)
    compiled = get_runtime("onnxruntime").compile(small_network(tmp_path / "n.onnx"), config)
    effective = compiled.effective
    assert (effective.streams, effective.threads) == (streams, granted)
    assert effective.properties["sessions"] == str(sessions)
    assert effective.properties["intra_op_num_threads"] == str(granted // streams)
    compiled.close()


def test_settings_reach_the_session(tmp_path) -> None:
    config = RunConfig(
        runtime="onnxruntime", threads=2, streams=1, spinning=False, inter_op_threads=2, execution_mode="parallel"
    )
    compiled = get_runtime("onnxruntime").compile(small_network(tmp_path / "n.onnx"), config)
    assert compiled.effective.properties["execution_mode"] == "ORT_PARALLEL"
    assert compiled.effective.properties["inter_op_num_threads"] == "2"
    compiled.infer([np.zeros((1, 3, 32, 32), np.float32)])
    compiled.close()


def test_threads_left_to_the_runtime_are_unknown(tmp_path) -> None:
    compiled = get_runtime("onnxruntime").compile(small_network(tmp_path / "n.onnx"), RunConfig(runtime="onnxruntime"))
    assert compiled.effective.threads is None
    compiled.close()


def test_byte_input_is_written_once(tmp_path) -> None:
    path = small_network(tmp_path / "n.onnx")
    first = with_byte_input(path, tmp_path / "cache")
    stamp = first.stat().st_mtime_ns
    assert with_byte_input(path, tmp_path / "cache") == first
    assert first.stat().st_mtime_ns == stamp
    assert [file.name for file in (tmp_path / "cache").iterdir()] == [first.name]
    assert not is_int8(load_onnx(first))


def test_failed_pass_reaches_its_callback(tmp_path) -> None:
    compiled = get_runtime("onnxruntime").compile(
        small_network(tmp_path / "n.onnx"), RunConfig(runtime="onnxruntime", threads=1, streams=1)
    )

    class Broken:
        def run(self, *_) -> Never:
            raise ValueError("no\nsuch luck")

    compiled._sessions.get()
    compiled._sessions.put(Broken())
    seen = []
    compiled.start([np.zeros((1, 3, 32, 32), np.float32)], "token", lambda *result: seen.append(result))
    compiled.wait_all()
    ((token, outputs, _, error),) = seen
    assert (token, outputs) == ("token", None)
    assert isinstance(error, RuntimeRefusal)
    assert "such luck" in str(error)
    assert compiled.idle_requests() == 1
    compiled.close()
