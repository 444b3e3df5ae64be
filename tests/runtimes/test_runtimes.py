"""Names, facts and imports of the package."""

import builtins
import subprocess
import sys
from typing import get_args

import pytest

from advisor.errors import InputError
from advisor.graph.frontend import hash_file
from advisor.records.base import RuntimeName
from advisor.records.config import RunConfig
from advisor.records.model import ModelFile
from advisor.runtimes import get_runtime, one_runtime, runtime_facts, runtime_names
from advisor.runtimes.conformance_networks import small_network
from advisor.runtimes.registry import MAKERS


def test_unknown_runtime_names_its_neighbour() -> None:
    with pytest.raises(InputError, match="did you mean 'openvino'"):
        get_runtime("openvin")
    assert {*runtime_names(), *MAKERS} == set(get_args(RuntimeName))
    assert get_runtime("fake").name == "fake"


def test_package_imports_no_runtime() -> None:
    code = (
        "import sys, advisor.runtimes, advisor.graph, advisor.runtimes.openvino_config\n"
        "print([name for name in ('openvino', 'onnxruntime', 'onnx', 'numpy') if name in sys.modules])"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"


@pytest.mark.runtime
def test_facts_of_what_is_here() -> None:
    facts = {item.name: item for item in runtime_facts()}
    assert set(facts) == {"openvino", "onnxruntime"}
    assert all(item.available and item.version and "CPU" in item.devices for item in facts.values())


def test_facts_of_what_is_missing(monkeypatch) -> None:
    real = builtins.__import__

    def without(name, *args, **kwargs):
        if name in {"openvino", "onnxruntime"}:
            raise ImportError(f"No module named {name!r}")
        return real(name, *args, **kwargs)

    for name in ("advisor.runtimes.openvino_runtime", "advisor.runtimes.onnxruntime_runtime"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    monkeypatch.setattr(builtins, "__import__", without)
    facts = runtime_facts()
    assert [item.available for item in facts] == [False, False]
    assert all("No module named" in (item.reason or "") for item in facts)


@pytest.mark.parametrize(
    ("name", "module"), [("ncnn", "ncnn"), ("litert", "ai_edge_litert"), ("torch", "torch"), ("tvm", "tvm")]
)
def test_an_optional_runtime_that_is_missing_says_what_brings_it(monkeypatch, name, module) -> None:
    monkeypatch.delitem(sys.modules, f"advisor.runtimes.{name}_runtime", raising=False)
    for loaded in [loaded for loaded in sys.modules if loaded.split(".")[0] == module]:
        monkeypatch.delitem(sys.modules, loaded)
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(InputError, match=rf"runtime {name}: .*pip install 'sizer\[{name}\]'") as caught:
        get_runtime(name)
    assert "\n" not in str(caught.value)
    assert not one_runtime(name).available


@pytest.mark.runtime
@pytest.mark.parametrize("runtime", ["openvino", "onnxruntime"])
def test_work_of_a_model(tmp_path, runtime) -> None:
    from advisor.runtimes.inspect import inspect_model

    path = small_network(tmp_path / "n.onnx")
    model = ModelFile(
        reference=str(path), name="n", family="test", kind="file", path=str(path), sha256=hash_file(path),
        input_shape=(1, 3, 32, 32),
    )  # fmt: skip
    work = inspect_model(model, RunConfig(runtime=runtime, threads=1, batch=2))
    assert work.batch == 2
    assert work.flop == pytest.approx(sum(kernel.flop for kernel in work.kernels), rel=0.01)
    assert work.weight_bytes == pytest.approx(4 * (16 * 28 + 16 * 10 + 32 * 17 + 32 * 289 + 32 * 73 + 330), rel=0.01)
    assert work.activation_bytes > 2 * 16 * 16 * 16 * 4
    assert all(kernel.time_s is None for kernel in work.kernels)
