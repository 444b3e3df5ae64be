"""Exports, read by the target's own parser where a package brings one."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from advisor.errors import InputError, RuntimeRefusal
from advisor.records.base import Interval
from advisor.records.config import RunConfig
from advisor.records.host_settings import HostSettings
from advisor.records.plan import BoxShare, Mix, Plan
from advisor.report.exporters import export_plan
from advisor.report.exporters.onnxruntime import session_options
from advisor.report.exporters.openvino import openvino_properties
from advisor.runtimes.openvino_config import properties
from tests.needs import TWO_CORES
from tests.planner.fakes import scenario

from .samples import hopeless_plan, shop_plan

OPENVINO = RunConfig(streams=2, threads=4, requests=4, batch=1, pinning=False, hint="throughput", hint_requests=4)
SMALL = OPENVINO.model_copy(update={"threads": 2, "requests": 2})
"""OpenVINO never takes more threads than the machine has; TWO_CORES skips where there are fewer."""
ORT = RunConfig(
    runtime="onnxruntime", precision="int8", streams=2, threads=4, batch=8, spinning=False, execution_mode="parallel",
    inter_op_threads=2,
)  # fmt: skip


def plan_with(**stages: RunConfig) -> Plan:
    plan = shop_plan()
    assert plan.recommended is not None
    config = plan.recommended.config.model_copy(update={"stages": stages})
    return plan.model_copy(update={"recommended": plan.recommended.model_copy(update={"config": config})})


def pbtxt_parts(text: str) -> dict[str, str]:
    """Files of a Triton export by their path."""
    parts = re.split(r"^# (\S+/config\.pbtxt)$", text, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def tiny_model(path: Path) -> Path:
    import onnx
    from onnx import TensorProto, helper

    graph = helper.make_graph(
        [helper.make_node("Relu", ["x"], ["y"])],
        "tiny",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 8])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 8])],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.save(model, str(path))
    return path


def test_an_unknown_format_names_the_nearest() -> None:
    with pytest.raises(InputError, match="did you mean 'triton'"):
        export_plan(shop_plan(), "tritn")


def test_nothing_recommended_means_nothing_to_export() -> None:
    with pytest.raises(InputError, match="nothing is recommended"):
        export_plan(hopeless_plan(), "compose")


def test_openvino_gets_what_the_runtime_of_this_package_gets() -> None:
    stage = json.loads(export_plan(plan_with(person=OPENVINO), "openvino"))["person"]
    assert stage["compile_model"] == properties(OPENVINO, ("FP32",), profiling=False) == openvino_properties(OPENVINO)
    assert stage["compile_model"] == {
        "INFERENCE_PRECISION_HINT": "f32", "PERFORMANCE_HINT": "THROUGHPUT", "PERFORMANCE_HINT_NUM_REQUESTS": 4,
        "NUM_STREAMS": 2, "INFERENCE_NUM_THREADS": 4, "ENABLE_CPU_PINNING": False,
    }  # fmt: skip
    assert (stage["device"], stage["batch"], stage["infer_requests"]) == ("CPU", 1, 4)


def test_a_setting_of_another_runtime_is_refused() -> None:
    with pytest.raises(RuntimeRefusal, match="spinning"):
        openvino_properties(RunConfig(spinning=True))


def test_streams_on_graphics_are_text_which_its_plugin_takes() -> None:
    stage = json.loads(export_plan(plan_with(person=GRAPHICS), "openvino"))["person"]
    assert stage["device"] == "GPU"
    assert stage["compile_model"] == {"INFERENCE_PRECISION_HINT": "f16", "NUM_STREAMS": "2"}


@pytest.mark.runtime
@TWO_CORES
def test_openvino_compiles_with_the_export(tmp_path: Path) -> None:
    openvino = pytest.importorskip("openvino")
    stage = json.loads(export_plan(plan_with(person=SMALL), "openvino"))["person"]
    compiled = openvino.Core().compile_model(
        str(tiny_model(tmp_path / "m.onnx")), stage["device"], stage["compile_model"]
    )
    assert compiled.get_property("NUM_STREAMS") == 2
    assert compiled.get_property("INFERENCE_NUM_THREADS") == 2
    assert compiled.get_property("INFERENCE_PRECISION_HINT").get_type_name() == "f32"
    assert compiled.get_property("ENABLE_CPU_PINNING") is False


@pytest.mark.runtime
@TWO_CORES
def test_openvino_reads_the_texts_of_the_model_server(tmp_path: Path) -> None:
    openvino = pytest.importorskip("openvino")
    config = json.loads(export_plan(plan_with(person=SMALL), "ovms"))["model_config_list"][0]["config"]
    compiled = openvino.Core().compile_model(
        str(tiny_model(tmp_path / "m.onnx")), config["target_device"], config["plugin_config"]
    )
    assert compiled.get_property("NUM_STREAMS") == 2
    assert compiled.get_property("INFERENCE_NUM_THREADS") == 2
    assert compiled.get_property("ENABLE_CPU_PINNING") is False


def test_onnxruntime_leaves_out_what_is_left_to_it() -> None:
    assert session_options(RunConfig(runtime="onnxruntime")) == {
        "sessions": 1, "concurrent_callers": 1, "graph_optimization_level": "ORT_ENABLE_ALL",
        "session_config_entries": {},
    }  # fmt: skip
    one_thread = session_options(RunConfig(runtime="onnxruntime", streams=4, threads=4))
    assert (one_thread["sessions"], one_thread["concurrent_callers"], one_thread["intra_op_num_threads"]) == (1, 4, 1)


@pytest.mark.runtime
def test_onnxruntime_takes_the_export(tmp_path: Path) -> None:
    ort = pytest.importorskip("onnxruntime")
    stage = json.loads(export_plan(plan_with(person=ORT), "onnxruntime"))["person"]
    options = ort.SessionOptions()
    options.intra_op_num_threads = stage["intra_op_num_threads"]
    options.inter_op_num_threads = stage["inter_op_num_threads"]
    options.execution_mode = getattr(ort.ExecutionMode, stage["execution_mode"])
    options.graph_optimization_level = getattr(ort.GraphOptimizationLevel, stage["graph_optimization_level"])
    for name, value in stage["session_config_entries"].items():
        options.add_session_config_entry(name, value)
    session = ort.InferenceSession(str(tiny_model(tmp_path / "m.onnx")), options, providers=["CPUExecutionProvider"])
    used: Any = session.get_session_options()
    assert (used.intra_op_num_threads, used.inter_op_num_threads) == (2, 2)
    assert used.execution_mode == ort.ExecutionMode.ORT_PARALLEL
    assert used.get_session_config_entry("session.intra_op.allow_spinning") == "0"
    assert (stage["sessions"], stage["batch"], stage["precision_of_model_file"]) == (2, 8, "int8")


def test_a_stage_of_another_runtime_is_named_never_left_out() -> None:
    mixed = plan_with(person=OPENVINO, reid=ORT)
    assert json.loads(export_plan(mixed, "openvino"))["reid"] == {
        "runtime": "onnxruntime",
        "see": "--export onnxruntime",
    }
    assert json.loads(export_plan(mixed, "onnxruntime"))["person"]["see"] == "--export openvino"
    with pytest.raises(InputError, match=r"stage reid runs in onnxruntime .* use --export triton"):
        export_plan(mixed, "ovms")
    with pytest.raises(InputError, match="no stage of the plan runs in it; they run in openvino"):
        export_plan(plan_with(person=OPENVINO), "onnxruntime")


# Written from the model server's documentation of its configuration file: fields, types, and nothing else admitted.
OVMS_SCHEMA = {
    "type": "object",
    "required": ["model_config_list"],
    "additionalProperties": False,
    "properties": {
        "model_config_list": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["config"],
                "additionalProperties": False,
                "properties": {
                    "config": {
                        "type": "object",
                        "required": ["name", "base_path"],
                        "additionalProperties": False,
                        "properties": {
                            "name": {"type": "string"},
                            "base_path": {"type": "string"},
                            "batch_size": {"type": ["integer", "string"]},
                            "nireq": {"type": "integer", "minimum": 0},
                            "target_device": {"type": "string"},
                            "plugin_config": {
                                "type": "object",
                                "additionalProperties": {"type": ["string", "number"]},
                            },
                        },
                    }
                },
            },
        }
    },
}


def test_the_model_server_gets_its_structure() -> None:
    import jsonschema

    document = json.loads(export_plan(plan_with(person=OPENVINO, reid=RunConfig(batch=4)), "ovms"))
    jsonschema.validate(document, OVMS_SCHEMA)
    person, reid = (item["config"] for item in document["model_config_list"])
    assert (person["name"], person["nireq"], person["target_device"]) == ("person", 4, "CPU")
    assert person["plugin_config"]["ENABLE_CPU_PINNING"] == "NO"
    assert person["plugin_config"]["NUM_STREAMS"] == "2"
    assert reid["batch_size"] == "4"


def model_config_class() -> Any:
    """Triton's message, from the client's generated module alone: its package would ask for a gRPC stack."""
    pytest.importorskip("google.protobuf", reason="protobuf is not installed")
    package = importlib.util.find_spec("tritonclient")
    if package is None or not package.submodule_search_locations:
        pytest.skip("tritonclient is not installed: Triton's own configuration parser cannot be asked")
    file = Path(package.submodule_search_locations[0]) / "grpc" / "model_config_pb2.py"
    spec = importlib.util.spec_from_file_location("triton_model_config_pb2", file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.ModelConfig


def test_triton_parses_the_export() -> None:
    message = model_config_class()
    from google.protobuf import text_format

    files = pbtxt_parts(export_plan(plan_with(person=OPENVINO, reid=ORT), "triton"))
    assert list(files) == ["person/config.pbtxt", "reid/config.pbtxt"]
    person, reid = (text_format.Parse(text, message()) for text in files.values())
    assert (person.name, person.backend, person.max_batch_size) == ("person", "openvino", 0)
    assert [(group.count, group.kind) for group in person.instance_group] == [
        (4, message().instance_group.add().KIND_CPU)
    ]
    assert {key: value.string_value for key, value in person.parameters.items()} == {
        "INFERENCE_NUM_THREADS": "4", "NUM_STREAMS": "2", "PERFORMANCE_HINT": "THROUGHPUT",
    }  # fmt: skip
    assert (reid.backend, reid.max_batch_size) == ("onnxruntime", 8)
    assert list(reid.dynamic_batching.preferred_batch_size) == [8]
    assert {key: value.string_value for key, value in reid.parameters.items()} == {
        "intra_op_thread_count": "2", "inter_op_thread_count": "2", "execution_mode": "1",
    }  # fmt: skip


def test_triton_is_told_about_bf16_both_ways() -> None:
    text = export_plan(plan_with(a=RunConfig(precision="bf16"), b=RunConfig()), "triton")
    files = pbtxt_parts(text)
    assert 'key: "HINT_BF16" value: { string_value: "YES" }' in files["a/config.pbtxt"]
    assert "HINT_BF16" not in files["b/config.pbtxt"]
    assert "computes in bf16 unless" in files["b/config.pbtxt"]


def test_compose_limits_are_those_of_the_plan() -> None:
    plan = plan_with(person=OPENVINO)
    best = plan.recommended
    assert best is not None
    loads = {"person": Interval(p10=1.0, p50=2.0, p90=2.5), "decode": Interval(p10=0.5, p50=1.0, p90=1.25)}
    predicted = best.predicted.model_copy(
        update={
            "stage_load": loads,
            "utilisation": {"cpu": Interval(p10=0.25, p50=0.375, p90=0.5)},
            "memory_bytes": Interval(p10=1.0, p50=2.0, p90=3.0 * 2**30),
        }
    )
    best = best.model_copy(update={"predicted": predicted, "count": 2})
    text = export_plan(plan.model_copy(update={"recommended": best}), "compose")
    service = yaml.safe_load(text)["services"]["inference"]
    # 3 cores busy are 37.5 % of 8 cores; 3.75 at the pessimistic side.
    assert service["deploy"]["resources"] == {
        "limits": {"cpus": "8.0", "memory": "3072m"},
        "reservations": {"cpus": "3.8"},
    }
    assert re.fullmatch(r"\d+(b|k|m|g|kb|mb|gb)", service["deploy"]["resources"]["limits"]["memory"])
    assert service["environment"]["SIZER_PERSON_THREADS"] == "4"
    assert all(isinstance(value, str) for value in service["environment"].values())
    assert text.startswith("# one on each of 2 boxes middle\n")


GRAPHICS = RunConfig(device="GPU", precision="f16", streams=2, requests=2)
NPU = RunConfig(device="NPU", precision="int8", streams=1, requests=1)
HAILO = RunConfig(runtime="hailort", device="hailo-8l", precision="int8", streams=4, requests=4)
CORAL = RunConfig(runtime="edgetpu", device="coral-usb", precision="int8")
ROCKCHIP = RunConfig(runtime="rknn", device="NPU", precision="int8")
JETSON = RunConfig(runtime="tensorrt", device="GPU", precision="f16", streams=2, requests=2)
CUDA = RunConfig(runtime="onnxruntime", device="CUDA", streams=1)


def plan_on(decode: str = "software", **stages: RunConfig) -> Plan:
    """Eight cameras of the shop with these stages; where the plan decodes."""
    plan = plan_with(**stages)
    assert plan.recommended is not None
    config = plan.recommended.config
    config = config.model_copy(update={"decode": config.decode.model_copy(update={"device": decode})})
    best = plan.recommended.model_copy(update={"config": config})
    return plan.model_copy(update={"recommended": best, "asked": scenario()})


def service_of(plan: Plan) -> dict[str, Any]:
    service = yaml.safe_load(export_plan(plan, "compose"))["services"]["inference"]
    assert isinstance(service, dict)
    return service


def test_the_model_server_gets_the_device_and_no_settings_of_the_cpu() -> None:
    document = json.loads(export_plan(plan_with(person=GRAPHICS, reid=NPU), "ovms"))
    person, reid = (item["config"] for item in document["model_config_list"])
    assert (person["target_device"], reid["target_device"]) == ("GPU", "NPU")
    assert person["plugin_config"] == {"INFERENCE_PRECISION_HINT": "f16", "NUM_STREAMS": "2"}
    assert reid["plugin_config"]["INFERENCE_PRECISION_HINT"] == "f16"  # what an int8 file holds beside int8
    with pytest.raises(InputError, match=r"runs in hailort .* use --export compose"):
        export_plan(plan_with(person=HAILO), "ovms")


def test_triton_has_gpu_instances_on_nvidia_alone() -> None:
    message = model_config_class()
    from google.protobuf import text_format

    files = pbtxt_parts(export_plan(plan_with(person=JETSON, reid=CUDA), "triton"))
    person, reid = (text_format.Parse(text, message()) for text in files.values())
    gpu = message().instance_group.add().KIND_GPU
    assert (person.backend, [(group.count, group.kind) for group in person.instance_group]) == ("tensorrt", [(2, gpu)])
    assert (reid.backend, reid.instance_group[0].kind) == ("onnxruntime", gpu)
    with pytest.raises(InputError, match=r"stage person runs in openvino on GPU .* use --export ovms"):
        export_plan(plan_with(person=GRAPHICS), "triton")
    with pytest.raises(InputError, match=r"stage person runs in rknn on NPU .* use --export compose"):
        export_plan(plan_with(person=ROCKCHIP), "triton")


def test_compose_opens_what_the_plan_uses() -> None:
    on_cores = service_of(plan_on(person=OPENVINO))
    assert not {"devices", "group_add", "runtime"} & set(on_cores)
    decoding = service_of(plan_on("hardware", person=OPENVINO))
    assert decoding["devices"] == ["/dev/dri:/dev/dri"]
    assert decoding["group_add"] == ["video", "render"]
    both = service_of(plan_on(person=GRAPHICS, reid=NPU))
    assert both["devices"] == ["/dev/dri:/dev/dri", "/dev/accel:/dev/accel"]
    assert service_of(plan_on(person=HAILO))["devices"] == ["/dev/hailo0:/dev/hailo0"]
    assert service_of(plan_on(person=CORAL))["devices"] == ["/dev/bus/usb:/dev/bus/usb"]
    assert "systempaths=unconfined" in service_of(plan_on(person=ROCKCHIP))["security_opt"]
    assert service_of(plan_on(person=JETSON))["runtime"] == "nvidia"
    card = service_of(plan_on(person=CUDA))["deploy"]["resources"]["reservations"]["devices"]
    assert card == [{"driver": "nvidia", "count": "all", "capabilities": ["gpu"]}]


@pytest.mark.parametrize("config", [GRAPHICS, HAILO, ROCKCHIP, JETSON, CUDA])
def test_the_compose_specification_parses_devices(config: RunConfig) -> None:
    compose_spec = pytest.importorskip("compose_spec", reason="the Compose Specification's parser is not installed")
    text = export_plan(plan_on(person=config), "compose")
    compose_spec.PyCompose.from_yaml(text)


FRIGATE_SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["mqtt", "cameras", "detectors"],
    "additionalProperties": False,
    "properties": {
        "mqtt": {"type": "object", "required": ["enabled"]},
        "detectors": {
            "type": "object",
            "minProperties": 1,
            "additionalProperties": {
                "type": "object",
                "required": ["type"],
                "additionalProperties": False,
                "properties": {
                    "type": {"enum": ["cpu", "edgetpu", "hailo8l", "onnx", "openvino", "rknn", "tensorrt"]},
                    "device": {"type": ["string", "integer"]},
                    "num_cores": {"type": "integer", "minimum": 0, "maximum": 3},
                },
            },
        },
        "model": {"type": "object", "properties": {"path": {"type": "string"}}},
        "ffmpeg": {"type": "object", "properties": {"hwaccel_args": {"type": ["string", "array"]}}},
        "cameras": {
            "type": "object",
            "propertyNames": {"pattern": "^[a-zA-Z0-9_-]+$"},
            "additionalProperties": {
                "type": "object",
                "required": ["ffmpeg"],
                "additionalProperties": False,
                "properties": {
                    "ffmpeg": {
                        "type": "object",
                        "required": ["inputs"],
                        "properties": {
                            "inputs": {
                                "type": "array",
                                "minItems": 1,
                                "items": {
                                    "type": "object",
                                    "required": ["path", "roles"],
                                    "properties": {
                                        "path": {"type": "string"},
                                        "roles": {"type": "array", "items": {"enum": ["audio", "detect", "record"]}},
                                    },
                                },
                            }
                        },
                    },
                    "detect": {
                        "type": "object",
                        "additionalProperties": False,
                        "properties": {
                            "enabled": {"type": "boolean"},
                            "width": {"type": "integer"},
                            "height": {"type": "integer"},
                            "fps": {"type": "integer", "minimum": 1},
                        },
                    },
                },
            },
        },
    },
}
"""Written from Frigate's "Full Reference Config" and "Object Detectors"; its own models are in no package."""


@pytest.mark.parametrize(
    ("config", "detector"),
    [
        (OPENVINO, {"type": "openvino", "device": "CPU"}),
        (GRAPHICS, {"type": "openvino", "device": "GPU"}),
        (NPU, {"type": "openvino", "device": "NPU"}),
        (HAILO, {"type": "hailo8l", "device": "PCIe"}),
        (CORAL, {"type": "edgetpu", "device": "usb"}),
        (ROCKCHIP, {"type": "rknn", "num_cores": 1}),
        (JETSON, {"type": "tensorrt", "device": 0}),
    ],
)
def test_frigate_gets_its_detector_and_cameras(config: RunConfig, detector: dict[str, Any]) -> None:
    import jsonschema

    text = export_plan(plan_on(person=config, reid=SMALL), "frigate")
    document = yaml.safe_load(text)
    jsonschema.validate(document, FRIGATE_SCHEMA)
    assert list(document["detectors"].values()) == [detector]
    assert len(document["cameras"]) == 8
    assert document["cameras"]["aisle-1"]["detect"] == {"enabled": True, "width": 1920, "height": 1080, "fps": 5}
    assert document["ffmpeg"]["hwaccel_args"] == []
    assert "not for Frigate, to run next to it: reid" in text


def test_frigate_decodes_where_the_plan_does_and_refuses_what_it_has_not() -> None:
    decoding = yaml.safe_load(export_plan(plan_on("hardware", person=GRAPHICS), "frigate"))
    assert decoding["ffmpeg"]["hwaccel_args"] == "preset-vaapi"
    with pytest.raises(InputError, match="Frigate has no detector"):
        export_plan(plan_on(person=HAILO.model_copy(update={"device": "hailo-10h"})), "frigate")
    with pytest.raises(InputError, match="runs one model on one kind of detector, and the plan has here: none"):
        export_plan(plan_on(reid=OPENVINO), "frigate")
    with pytest.raises(InputError, match="does not hold the scenario that was asked"):
        export_plan(plan_with(person=OPENVINO), "frigate")


def parsed_by_gstreamer(text: str) -> list[dict[str, Any]]:
    """Elements as GStreamer's parser makes them, in the order of the text; its refusal is an error."""
    python = shutil.which("python3", path="/usr/bin") or sys.executable
    bindings = "import gi; gi.require_version('Gst', '1.0'); from gi.repository import Gst; import gi.overrides.Gst"
    if subprocess.run([python, "-c", bindings], capture_output=True, check=False).returncode:
        pytest.skip("GStreamer's bindings (python3-gst-1.0) are not installed")
    parser = Path(__file__).with_name("gst_parser.py")
    run = subprocess.run([python, str(parser)], input=text, capture_output=True, text=True, check=False)
    if run.returncode:
        raise ValueError(run.stderr)
    found = json.loads(run.stdout)
    assert isinstance(found, list)
    return found


def test_gstreamer_parses_a_pipeline_on_the_cores() -> None:
    text = export_plan(plan_on(person=OPENVINO, reid=SMALL), "dlstreamer")
    elements = parsed_by_gstreamer(text)
    names = [item["element"] for item in elements]
    assert names.count("rtspsrc") == names.count("avdec_h264") == names.count("gvadetect") == 8
    person = next(item["given"] for item in elements if item["element"] == "gvadetect")
    assert person == {
        "model": "/models/person.xml", "model-instance-id": "person", "device": "CPU", "inference-interval": 3,
        "batch-size": 1, "nireq": 4,
        "ie-config": "INFERENCE_PRECISION_HINT=f32,PERFORMANCE_HINT=THROUGHPUT,PERFORMANCE_HINT_NUM_REQUESTS=4,"
        "NUM_STREAMS=2,INFERENCE_NUM_THREADS=4,ENABLE_CPU_PINNING=NO",
    }  # fmt: skip
    reid = next(item["given"] for item in elements if item["element"] == "gvaclassify")
    assert (reid["inference-interval"], reid["model-instance-id"]) == (5, "reid")


def test_gstreamer_parses_a_pipeline_on_graphics() -> None:
    elements = parsed_by_gstreamer(export_plan(plan_on("hardware", person=GRAPHICS, reid=NPU), "dlstreamer"))
    names = [item["element"] for item in elements]
    assert names.count("vah264dec") == 8
    assert "avdec_h264" not in names
    assert [item["caps"] for item in elements if item["caps"]] == ["video/x-raw(memory:VAMemory)"] * 8
    person = next(item["given"] for item in elements if item["element"] == "gvadetect")
    assert (person["device"], person["pre-process-backend"]) == ("GPU", "va")
    assert next(item["given"] for item in elements if item["element"] == "gvaclassify")["device"] == "NPU"


def test_gstreamer_refuses_what_no_element_has() -> None:
    text = export_plan(plan_on(person=OPENVINO), "dlstreamer")
    with pytest.raises(ValueError, match="no property"):
        parsed_by_gstreamer(text.replace("inference-interval=", "interval="))
    with pytest.raises(ValueError, match="no element"):
        parsed_by_gstreamer(text.replace("gvadetect", "gvadetekt"))
    with pytest.raises(InputError, match="DL Streamer runs OpenVINO alone"):
        export_plan(plan_on(person=HAILO), "dlstreamer")


SERVER = HostSettings(cpu_limit=6.5, cpuset=(0, 1, 2, 3, 8), numa_nodes=(0, 1), omp_threads=2)


def plan_for(host: HostSettings, **stages: RunConfig) -> Plan:
    plan = plan_on(**stages)
    assert plan.recommended is not None
    config = plan.recommended.config.model_copy(update={"host": host})
    return plan.model_copy(update={"recommended": plan.recommended.model_copy(update={"config": config})})


def test_the_compose_specification_parses_the_host_settings() -> None:
    compose_spec = pytest.importorskip("compose_spec", reason="the Compose Specification's parser is not installed")
    text = export_plan(plan_for(SERVER, person=OPENVINO), "compose")
    service = compose_spec.PyCompose.from_yaml(text).to_dict()["services"]["inference"]
    assert service["cpuset"] == "0-3,8"
    assert service["cap_add"] == ["SYS_NICE"]
    assert service["deploy"]["resources"]["limits"]["cpus"] == 6.5
    assert service["environment"]["OMP_NUM_THREADS"] == "2"
    assert "# NUMA: let the image's command run under: numactl --cpunodebind=0-1 --membind=0-1\n" in text
    with pytest.raises(ValueError, match="cpusets"):
        compose_spec.PyCompose.from_yaml(text.replace("cpuset:", "cpusets:"))


def test_a_latency_sensitive_service_is_given_no_quota_that_stops_its_passes() -> None:
    plan = plan_on(person=OPENVINO)
    limits = service_of(plan)["deploy"]["resources"].get("limits", {})
    assert plan.asked is not None
    urgent = plan.model_copy(update={"asked": plan.asked.model_copy(update={"service_class": "latency"})})
    without = service_of(urgent)["deploy"]["resources"].get("limits", {})
    assert set(limits) - set(without) == {"cpus"}


def test_triton_deals_instances_out_over_the_nodes() -> None:
    message = model_config_class()
    from google.protobuf import text_format

    text = export_plan(plan_for(SERVER, person=OPENVINO.model_copy(update={"requests": 3})), "triton")
    (person,) = (text_format.Parse(part, message()) for part in pbtxt_parts(text).values())
    assert [(group.count, group.host_policy) for group in person.instance_group] == [(2, "node0"), (1, "node1")]
    first = text.splitlines()[0]
    assert first.startswith("# start the server: systemd-run --scope --property=CPUQuota=650% numactl ")
    assert first.endswith("tritonserver --model-repository=/models --host-policy=node0,numa-node=0 "
                          "--host-policy=node1,numa-node=1")  # fmt: skip
    one = export_plan(plan_for(HostSettings(cpuset=(2, 3)), person=OPENVINO), "triton")
    assert "--host-policy=planned,cpu-cores=2-3" in one
    (person,) = (text_format.Parse(part, message()) for part in pbtxt_parts(one).values())
    assert [(group.count, group.host_policy) for group in person.instance_group] == [(4, "planned")]
    # Two ranges fit into no policy: the launcher alone keeps to them.
    apart = export_plan(plan_for(HostSettings(cpuset=(0, 2)), person=OPENVINO), "triton")
    assert "host_policy" not in apart
    assert "taskset --cpu-list 0,2 tritonserver" in apart


@TWO_CORES
def test_the_launch_script_runs_a_program_with_its_settings(tmp_path: Path) -> None:
    """Run for real by the shell and taskset; numactl and systemd-run are stood for by programs that hand on."""
    cpu = min(os.sched_getaffinity(0))
    host = HostSettings(cpu_limit=0.5, cpuset=(cpu,), numa_nodes=(0,), omp_threads=3)
    script = tmp_path / "launch.sh"
    script.write_text(export_plan(plan_for(host, person=OPENVINO), "launch"))
    for name in ("numactl", "systemd-run"):
        stand_in = tmp_path / name
        stand_in.write_text(
            f'#!/bin/sh\necho {name} >> "{tmp_path}/called"\n'
            'while [ "${1#-}" != "$1" ]; do echo "$1" >> "' + str(tmp_path) + '/called"; shift; done\nexec "$@"\n'
        )
        stand_in.chmod(0o755)
    program = "import os; print(sorted(os.sched_getaffinity(0)), os.environ['OMP_NUM_THREADS'])"
    done = subprocess.run(
        ["sh", str(script), sys.executable, "-c", program], capture_output=True, text=True, check=True,
        env={**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"},
    )  # fmt: skip
    assert done.stdout.strip() == f"[{cpu}] 3"
    called = (tmp_path / "called").read_text().split()
    assert called == [
        "systemd-run", "--scope", "--property=CPUQuota=50%", "numactl", "--cpunodebind=0", "--membind=0",
    ]  # fmt: skip
    assert export_plan(plan_for(HostSettings(), person=OPENVINO), "launch").endswith('exec "$@"')


def test_gstreamer_is_started_by_the_launcher() -> None:
    text = export_plan(plan_for(HostSettings(cpuset=(0, 1), omp_threads=1), person=OPENVINO), "dlstreamer")
    assert "\ntaskset --cpu-list 0-1 env OMP_NUM_THREADS=1 gst-launch-1.0 \\\n" in text


def test_frigate_is_told_of_its_container() -> None:
    text = export_plan(plan_for(HostSettings(omp_threads=1), person=OPENVINO), "frigate")
    assert "# start its container with the settings of --export compose, or under: env OMP_NUM_THREADS=1\n" in text


def mixed_plan(**changes: Any) -> Plan:
    """Two small boxes and a large one, each with a configuration of its own."""
    plan = shop_plan()
    assert plan.recommended is not None
    stages = {"small": {"person": SMALL}, "large": {"person": OPENVINO}}
    shares = tuple(
        BoxShare(
            platform=name,
            name=name.upper(),
            count=count,
            cameras={"aisle": cameras},
            price_per_box=100.0,
            config=plan.recommended.config.model_copy(update={"stages": stages[name]}),
            predicted=plan.recommended.predicted,
        )
        for name, count, cameras in (("small", 2, 1), ("large", 1, 4))
    )
    mix = Mix(boxes=shares, price=300.0, currency="USD", saving=10.0, text="small ones and a large one")
    return plan.model_copy(update={"mix": mix, **changes})


def test_a_mix_is_exported_with_one_part_per_kind_of_box() -> None:
    both = json.loads(export_plan(mixed_plan(), "openvino", "mix"))
    assert {title: part["person"]["compile_model"]["INFERENCE_NUM_THREADS"] for title, part in both.items()} == {
        "each of 2 boxes small (cameras 1 aisle)": 2, "large (cameras 4 aisle)": 4,
    }  # fmt: skip
    services = list(yaml.safe_load_all(export_plan(mixed_plan(), "compose", "mix")))
    assert [service["services"]["inference"]["environment"]["SIZER_PERSON_THREADS"] for service in services] == [
        "2", "4",
    ]  # fmt: skip
    text = export_plan(mixed_plan(), "triton", "mix")
    first, second, *_ = text.splitlines()
    assert first == "# on each of 2 boxes small (cameras 1 aisle)"
    assert second.startswith("# start the server: env OMP_NUM_THREADS=1 tritonserver ")
    assert "\n# person/config.pbtxt\n" in text


def test_without_equal_boxes_the_mix_is_exported_and_a_missing_answer_is_refused() -> None:
    assert "person" in json.loads(export_plan(mixed_plan(), "openvino"))
    only = mixed_plan(recommended=None)
    assert list(json.loads(export_plan(only, "openvino"))) == list(json.loads(export_plan(only, "openvino", "mix")))
    with pytest.raises(InputError, match="--export-of split: the plan has none; it has equal, mix"):
        export_plan(mixed_plan(), "openvino", "split")


def test_boxes_that_look_alike_and_are_set_up_otherwise_are_both_exported() -> None:
    plan = mixed_plan()
    assert plan.mix is not None
    first, second = plan.mix.boxes
    alike = second.model_copy(update={"platform": first.platform, "count": first.count, "cameras": first.cameras})
    twins = plan.model_copy(update={"mix": plan.mix.model_copy(update={"boxes": (first, alike)})})
    threads = [part["person"]["compile_model"]["INFERENCE_NUM_THREADS"] for part in
               json.loads(export_plan(twins, "openvino", "mix")).values()]  # fmt: skip
    assert threads == [2, 4]


def test_a_mix_of_an_older_plan_has_no_configuration_to_export() -> None:
    plan = mixed_plan()
    assert plan.mix is not None
    bare = tuple(share.model_copy(update={"config": None}) for share in plan.mix.boxes)
    older = plan.model_copy(update={"mix": plan.mix.model_copy(update={"boxes": bare}), "recommended": None})
    with pytest.raises(InputError, match="nothing is recommended"):
        export_plan(older, "openvino")


def test_compose_without_figures_has_no_limits() -> None:
    plan = shop_plan()
    best = plan.recommended
    assert best is not None
    predicted = best.predicted.model_copy(update={"utilisation": {}, "memory_bytes": None})
    plan = plan.model_copy(update={"recommended": best.model_copy(update={"predicted": predicted})})
    service = yaml.safe_load(export_plan(plan, "compose"))["services"]["inference"]
    assert service["deploy"]["resources"] == {}


def test_the_compose_specification_parses_the_export() -> None:
    compose_spec = pytest.importorskip("compose_spec", reason="the Compose Specification's parser is not installed")
    text = export_plan(plan_with(person=OPENVINO, reid=ORT), "compose")
    service = compose_spec.PyCompose.from_yaml(text).to_dict()["services"]["inference"]
    assert service["deploy"]["resources"]["limits"]["cpus"] > 0
    assert service["environment"]["SIZER_REID_RUNTIME"] == "onnxruntime"
    with pytest.raises(ValueError, match="cpuss"):
        compose_spec.PyCompose.from_yaml(text.replace("cpus:", "cpuss:"))


@pytest.mark.runtime
@pytest.mark.parametrize("config", [SMALL, SMALL.model_copy(update={"streams": 1, "threads": 1, "requests": 1})])
def test_the_export_is_what_verify_tells_openvino(
    config: RunConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Verify compiles each stage of plan.json with the runtime's ``compile``: what OpenVINO gets then is the export."""
    openvino = pytest.importorskip("openvino")
    from advisor.runtimes import get_runtime

    told: list[tuple[str, dict[str, Any]]] = []
    original = openvino.Core.compile_model

    def listen(core: Any, model: Any, device: str, properties: dict[str, Any]) -> Any:
        told.append((device, dict(properties)))
        return original(core, model, device, properties)

    monkeypatch.setattr(openvino.Core, "compile_model", listen)
    plan = plan_with(person=config)
    stored = Plan.model_validate_json(plan.model_dump_json(by_alias=True))
    assert stored.recommended is not None
    compiled = get_runtime("openvino").compile(
        tiny_model(tmp_path / "m.onnx"), stored.recommended.config.stages["person"]
    )
    compiled.close()
    stage = json.loads(export_plan(plan, "openvino"))["person"]
    assert told == [(stage["device"], stage["compile_model"])]
    assert compiled.requests == stage["infer_requests"]


@pytest.mark.runtime
def test_the_export_is_what_verify_tells_onnxruntime(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ort = pytest.importorskip("onnxruntime")
    from advisor.runtimes import get_runtime

    config = ORT.model_copy(update={"precision": "f32", "batch": 1})
    sessions: list[Any] = []
    original = ort.InferenceSession

    def listen(*args: Any, **kwargs: Any) -> Any:
        sessions.append(original(*args, **kwargs))
        return sessions[-1]

    monkeypatch.setattr(ort, "InferenceSession", listen)
    compiled = get_runtime("onnxruntime").compile(tiny_model(tmp_path / "m.onnx"), config)
    compiled.close()
    stage = json.loads(export_plan(plan_with(person=config), "onnxruntime"))["person"]
    assert len(sessions) == stage["sessions"] == 2
    for session in sessions:
        used = session.get_session_options()
        assert (used.intra_op_num_threads, used.inter_op_num_threads) == (
            stage["intra_op_num_threads"], stage["inter_op_num_threads"]
        )  # fmt: skip
        assert used.execution_mode == getattr(ort.ExecutionMode, stage["execution_mode"])
        assert used.graph_optimization_level == getattr(ort.GraphOptimizationLevel, stage["graph_optimization_level"])
        for name, value in stage["session_config_entries"].items():
            assert used.get_session_config_entry(name) == value


def test_performance_cores_are_in_every_export_or_said_to_be_missing() -> None:
    plan = plan_with(person=SMALL.model_copy(update={"core_type": "performance"}))
    assert json.loads(export_plan(plan, "openvino"))["person"]["compile_model"]["SCHEDULING_CORE_TYPE"] == "PCORE_ONLY"
    server = json.loads(export_plan(plan, "ovms"))["model_config_list"][0]["config"]
    assert server["plugin_config"]["SCHEDULING_CORE_TYPE"] == "PCORE_ONLY"
    assert "cannot be limited to performance cores" in export_plan(plan, "triton")
    service = yaml.safe_load(export_plan(plan, "compose"))["services"]["inference"]
    assert service["environment"]["SIZER_PERSON_CORE_TYPE"] == "performance"
