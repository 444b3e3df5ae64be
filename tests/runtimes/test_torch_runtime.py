"""What only PyTorch has: its modes, its files, its own quantisation, and what may not be loaded."""

import importlib.util
import os
import subprocess
import sys
import warnings

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper, save

from advisor.errors import ModelError, RuntimeRefusal
from advisor.graph.inputs import GivenShapes
from advisor.graph.torch_archive import archive_kind
from advisor.records.config import RunConfig
from advisor.runtimes import get_runtime
from advisor.runtimes.conformance import conformance_inputs
from advisor.runtimes.conformance_networks import small_network
from advisor.runtimes.file_facts import file_facts
from advisor.runtimes.openvino_config import simd_environment
from advisor.runtimes.protocol import CompileOptions
from advisor.runtimes.quantise import int8_model

torch = pytest.importorskip("torch", reason="torch is an extra; run make test-torch")
pytestmark = pytest.mark.torch
needs_converter = pytest.mark.skipif(importlib.util.find_spec("onnx2torch") is None, reason="onnx2torch is missing")


def torch_config(**changes):
    return RunConfig(**{"runtime": "torch", "threads": 1, "streams": 1, **changes})


class Net(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv, self.classes = torch.nn.Conv2d(3, 8, 3, padding=1), torch.nn.Linear(8, 10)

    def forward(self, x):
        return self.classes(torch.relu(self.conv(x)).mean((2, 3)))


@pytest.fixture
def files(tmp_path):
    """A model saved in every way that PyTorch has."""
    torch.manual_seed(0)
    net, example = Net().eval(), torch.rand(2, 3, 16, 16)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.jit.save(torch.jit.trace(net, example), str(tmp_path / "script.pt"))
        batch = torch.export.Dim("batch")
        torch.export.save(torch.export.export(net, (example,), dynamic_shapes=({0: batch},)), tmp_path / "program.pt2")
    torch.save(net, tmp_path / "pickled.pt")
    torch.save(net.state_dict(), tmp_path / "weights.pth")
    with torch.no_grad():
        expected = net(example).numpy()
    return tmp_path, example.numpy(), expected


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"precision": "bf16"}, "precision bf16"),
        ({"device": "GPU"}, "device GPU: not here"),
        ({"hint": "latency"}, "hint latency"),
        ({"spinning": False}, "spinning"),
        ({"arena": True}, "arena"),
        ({"quantisation": "dynamic"}, "request int8"),
    ],
)
def test_refusals_name_the_setting(tmp_path, changes, word) -> None:
    with pytest.raises(RuntimeRefusal, match=word) as caught:
        get_runtime("torch").compile(small_network(tmp_path / "n.onnx"), torch_config(**changes))
    assert "\n" not in str(caught.value)


def test_files_are_told_apart_without_loading_them(files) -> None:
    folder, _, _ = files
    kinds = {path.name: archive_kind(path) for path in folder.iterdir()}
    assert kinds == {
        "script.pt": "torchscript", "program.pt2": "exported", "pickled.pt": "pickle", "weights.pth": "pickle",
    }  # fmt: skip


@pytest.mark.parametrize(("name", "mode"), [("script.pt", "torchscript"), ("program.pt2", "eager")])
@pytest.mark.parametrize("batch", [1, 2])
def test_files_of_pytorch_give_its_answer(files, name, mode, batch) -> None:
    folder, example, expected = files
    options = CompileOptions(input_shape=(1, 3, 16, 16))
    compiled = get_runtime("torch").compile(folder / name, torch_config(batch=batch), options)
    assert compiled.effective.properties["torch_mode"] == mode
    np.testing.assert_allclose(compiled.infer([example[:batch]])[0], expected[:batch], rtol=1e-4, atol=1e-5)
    assert sum(kernel.flop for kernel in compiled.kernels()) == batch * (2 * 8 * 16 * 16 * 27 + 2 * 8 * 10)
    compiled.close()


@pytest.mark.parametrize("name", ["pickled.pt", "weights.pth"])
@pytest.mark.parametrize("runtime", ["torch", "openvino", "onnxruntime"])
def test_pickles_are_never_loaded(files, name, runtime) -> None:
    folder, _, _ = files
    with pytest.raises(ModelError, match=r"executes code; save the model with torch\.jit\.save") as caught:
        get_runtime(runtime).compile(folder / name, RunConfig(runtime=runtime))
    assert "\n" not in str(caught.value)


def test_a_pickle_that_would_run_a_command_does_not(tmp_path) -> None:
    class Command:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "ran"),)

    torch.save(Command(), tmp_path / "bad.pt")
    with pytest.raises(ModelError, match=r"bad\.pt"):
        get_runtime("torch").compile(tmp_path / "bad.pt", torch_config())
    assert not (tmp_path / "ran").exists()


def test_files_of_pytorch_need_pytorch(files) -> None:
    folder, _, _ = files
    with pytest.raises(RuntimeRefusal, match="use --runtime torch"):
        get_runtime("openvino").compile(folder / "script.pt", RunConfig())


def test_a_torchscript_file_needs_its_shape(files) -> None:
    folder, _, _ = files
    with pytest.raises(ModelError, match="input:"):
        get_runtime("torch").compile(folder / "script.pt", torch_config())
    options = CompileOptions(input_shape=(1, 3, 16, 16))
    with pytest.raises(RuntimeRefusal, match="a graph already"):
        get_runtime("torch").compile(folder / "script.pt", torch_config(torch_mode="eager"), options)


def test_facts_of_files(files) -> None:
    folder, _, _ = files
    for name in ("script.pt", "program.pt2"):
        facts = file_facts(folder / name, GivenShapes((1, 3, 16, 16)))
        assert facts.input_shape == (1, 3, 16, 16)
        assert facts.flop == 2 * 8 * 16 * 16 * 27 + 2 * 8 * 10
        assert facts.parameters == 8 * 27 + 8 + 8 * 10 + 10


@pytest.mark.parametrize("kept", [0.3, 0.9])
@pytest.mark.parametrize("name", ["script.pt", "program.pt2"])
def test_cut_files_are_refused(files, name, kept) -> None:
    folder, _, _ = files
    whole = (folder / name).read_bytes()
    (folder / name).write_bytes(whole[: int(len(whole) * kept)])
    with pytest.raises(ModelError, match=name):
        get_runtime("torch").compile(folder / name, torch_config(), CompileOptions(input_shape=(1, 3, 16, 16)))


def _product(path):
    """A fully connected layer and one that multiplies by a constant, as exporters write it."""
    rng = np.random.default_rng(0)
    weights = [numpy_helper.from_array(rng.random((64, 64)).astype(np.float32), "w"),
               numpy_helper.from_array(rng.random(64).astype(np.float32), "b")]  # fmt: skip
    ports = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 64]) for name in "xy"]
    graph = helper.make_graph([helper.make_node("Gemm", ["x", "w", "b"], ["y"])], "g", ports[:1], ports[1:], weights)
    save(helper.make_model(graph, ir_version=9, opset_imports=[helper.make_opsetid("", 17)]), path)
    return path


@needs_converter
def test_dynamic_int8_is_read_back(tmp_path) -> None:
    config = torch_config(precision="int8", quantisation="dynamic")
    compiled = get_runtime("torch").compile(_product(tmp_path / "n.onnx"), config)
    assert compiled.effective.precision == "int8"
    assert compiled.effective.properties["int8_share_of_operations"] == "1.000"
    plain = get_runtime("torch").compile(tmp_path / "n.onnx", torch_config())
    inputs = conformance_inputs(plain)
    np.testing.assert_allclose(compiled.infer(inputs)[0], plain.infer(inputs)[0], rtol=0.05)
    compiled.close()
    plain.close()


@needs_converter
def test_static_ranges_come_from_the_users_inputs(tmp_path) -> None:
    """Of numbers twenty times those of random inputs, ranges from these cut all but the smallest."""
    path, folder = small_network(tmp_path / "n.onnx", batch=1), tmp_path / "inputs"
    folder.mkdir()
    large = 20.0 * np.random.default_rng(0).random((1, 3, 32, 32)).astype(np.float32)
    np.savez(folder / "a.npz", x=large)
    plain = get_runtime("torch").compile(path, torch_config())
    right = plain.infer([large])[0]
    off = {}
    for calibration in (None, folder):
        copy = int8_model(path, tmp_path / "int8", calibration=calibration)
        compiled = get_runtime("torch").compile(copy, torch_config(precision="int8"))
        off[calibration] = np.abs(compiled.infer([large])[0] - right).max() / np.abs(right).max()
        compiled.close()
    assert off[folder] < 0.1 < off[None]
    plain.close()


@needs_converter
def test_parts_that_cannot_be_traced_stay_in_f32(tmp_path) -> None:
    """A reshape that keeps a dimension asks for its size; the convolution and the product around it are int8."""
    rng = np.random.default_rng(0)
    weights = [
        numpy_helper.from_array(rng.normal(size=(8, 3, 3, 3)).astype(np.float32), "c"),
        numpy_helper.from_array(rng.normal(size=(8 * 16 * 16, 10)).astype(np.float32), "w"),
        numpy_helper.from_array(np.array([0, -1], np.int64), "flat"),
    ]
    nodes = [
        helper.make_node("Conv", ["x", "c"], ["a"], pads=[1, 1, 1, 1]),
        helper.make_node("Reshape", ["a", "flat"], ["f"]),
        helper.make_node("Gemm", ["f", "w"], ["y"]),
    ]
    ports = [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
             for name, shape in (("x", [1, 3, 16, 16]), ("y", [1, 10]))]  # fmt: skip
    graph = helper.make_graph(nodes, "g", ports[:1], ports[1:], weights)
    path = tmp_path / "n.onnx"
    save(helper.make_model(graph, ir_version=9, opset_imports=[helper.make_opsetid("", 17)]), path)
    compiled = get_runtime("torch").compile(int8_model(path, tmp_path / "int8"), torch_config(precision="int8"))
    plain = get_runtime("torch").compile(path, torch_config())
    inputs = conformance_inputs(plain)
    assert compiled.effective.properties["int8_share_of_operations"] == "1.000"
    ours, theirs = compiled.infer(inputs)[0].ravel(), plain.infer(inputs)[0].ravel()
    assert np.dot(ours, theirs) / np.linalg.norm(ours) / np.linalg.norm(theirs) > 0.99
    compiled.close()
    plain.close()


def test_what_cannot_be_made_int8_is_refused(files) -> None:
    folder, _, _ = files
    options = CompileOptions(input_shape=(1, 3, 16, 16))
    with pytest.raises(RuntimeRefusal, match="no product of it is in int8"):
        get_runtime("torch").compile(folder / "script.pt", torch_config(precision="int8"), options)


@needs_converter
@pytest.mark.parametrize(("threads", "streams"), [(1, 1), (2, 1), (4, 2)])
def test_threads_are_read_back_and_work(tmp_path, threads, streams) -> None:
    config = torch_config(threads=threads, streams=streams)
    compiled = get_runtime("torch").compile(small_network(tmp_path / "n.onnx"), config)
    assert compiled.effective.threads == threads
    assert compiled.effective.properties["num_threads"] == str(threads // streams)
    seen = []
    original = compiled._pass

    def watched(lane, feed):
        result = original(lane, feed)
        seen.append(torch.get_num_threads())
        return result

    compiled._pass = watched
    compiled.infer_queued(conformance_inputs(compiled))
    assert seen == [threads // streams]
    compiled.close()


@needs_converter
def test_inter_op_threads_are_one_number_per_process(tmp_path) -> None:
    own = torch.get_num_interop_threads()
    path = small_network(tmp_path / "n.onnx")

    def ask_twice() -> None:
        for number in (own + 1, own + 2):
            get_runtime("torch").compile(path, torch_config(inter_op_threads=number)).close()

    with pytest.raises(RuntimeRefusal, match=r"inter_op_threads \d+: PyTorch takes this number once per process"):
        ask_twice()


@needs_converter
@pytest.mark.parametrize(("cap", "word"), [("sse42", "DEFAULT"), (None, None)])
def test_a_cap_is_read_back(tmp_path, cap, word) -> None:
    script = (
        "from pathlib import Path\nimport sys\nfrom advisor.records.config import RunConfig\n"
        "from advisor.runtimes import get_runtime\n"
        f"config = RunConfig(runtime='torch', threads=1, streams=1, simd_cap={cap!r})\n"
        "found = get_runtime('torch').compile(Path(sys.argv[1]), config)\n"
        "print(found.effective.properties['cpu_capability'])\nfound.close()\n"
    )
    path = small_network(tmp_path / "n.onnx")
    done = subprocess.run(
        [sys.executable, "-c", script, str(path)], env={**os.environ, **simd_environment(cap)},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout.split()[-1] == (word or torch.backends.cpu.get_cpu_capability())


@needs_converter
@pytest.mark.slow  # a C++ compiler: half a minute
def test_compiled_it_gives_the_same_answer(tmp_path) -> None:
    path = small_network(tmp_path / "n.onnx", batch=1)
    found = get_runtime("torch").compile(path, torch_config(torch_mode="compile"), CompileOptions(profiling=True))
    right = get_runtime("torch").compile(path, torch_config())
    inputs = conformance_inputs(right)
    np.testing.assert_allclose(found.infer(inputs)[0], right.infer(inputs)[0], rtol=1e-3, atol=1e-4)
    assert found.effective.properties["torch_mode"] == "compile"
    with pytest.raises(RuntimeRefusal, match="request torch_mode eager"):
        found.profile(1)
    found.close()
    right.close()
