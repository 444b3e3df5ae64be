"""Words for devices, and what may not stand in for what."""

import pytest

from advisor.errors import RuntimeRefusal
from advisor.records.config import EffectiveConfig
from advisor.runtimes.devices import check_execution, first_family, is_software_rasteriser, kind_of, named_devices


@pytest.mark.parametrize(
    ("device", "named", "first"),
    [
        ("CPU", ("CPU",), "CPU"),
        ("GPU.1", ("GPU.1",), "GPU"),
        ("AUTO", (), "AUTO"),
        ("AUTO:GPU,CPU", ("GPU", "CPU"), "GPU"),
        ("AUTO:-GPU", (), "AUTO:-GPU"),
        ("BATCH:GPU(4)", ("GPU",), "GPU"),
        ("MULTI:NPU, CPU", ("NPU", "CPU"), "NPU"),
    ],
)
def test_what_a_request_names(device, named, first) -> None:
    assert named_devices(device) == named
    assert first_family(device) == first


def test_kinds() -> None:
    assert [kind_of(name) for name in ("CPU", "GPU.1", "NPU", "GNA")] == ["CPU", "GPU", "NPU", "other"]


@pytest.mark.parametrize(
    ("name", "vendor", "is_cpu"),
    [
        ("llvmpipe (LLVM 19.1.7, 256 bits) (iGPU)", None, False),
        ("SwiftShader Device (LLVM 16.0.0)", 0x1AE0, False),
        ("pocl-haswell-Intel(R) Core(TM) i7", None, False),
        ("anything", 0x0, False),
        ("anything", 0x10005, False),
        ("anything", 0x8086, True),
    ],
)
def test_a_processor_that_calls_itself_a_gpu_is_known(name, vendor, is_cpu) -> None:
    assert is_software_rasteriser(name, vendor, type_is_cpu=is_cpu)


@pytest.mark.parametrize(
    ("name", "vendor"),
    [("Intel(R) UHD Graphics 770 (iGPU)", 0x8086), ("NVIDIA GeForce RTX 4060", 0x10DE), (None, None)],
)
def test_hardware_is_not_taken_for_software(name, vendor) -> None:
    assert not is_software_rasteriser(name, vendor)


@pytest.mark.parametrize(
    ("device", "running"),
    [
        ("CPU", ("CPU",)), ("GPU", ("GPU.0",)), ("GPU.1", ("GPU.1",)), ("AUTO", ("CPU",)), ("AUTO:-GPU", ("CPU",)),
        ("AUTO:GPU,CPU", ("GPU",)), ("AUTO:CPU,GPU", ("(CPU)",)), ("BATCH:GPU(4)", ("GPU",)),
        ("MULTI:GPU,CPU", ("GPU", "CPU")),
    ],
)  # fmt: skip
def test_what_was_asked_for_passes(device, running) -> None:
    check_execution(device, running, "model n")


@pytest.mark.parametrize(
    ("device", "running"),
    [
        ("GPU", ("CPU",)), ("AUTO:GPU,CPU", ("CPU",)), ("AUTO:GPU,CPU", ("(CPU)",)), ("GPU.1", ("GPU.0",)),
        ("BATCH:GPU(4)", ("CPU",)), ("HETERO:GPU,CPU", ("CPU",)), ("GPU", ("GPU", "CPU")), ("GPU", ()),
    ],
)  # fmt: skip
def test_a_silent_fallback_is_refused_with_both_names(device, running) -> None:
    with pytest.raises(RuntimeRefusal, match="silently") as caught:
        check_execution(device, running, "model n")
    assert device in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("devices", "software", "on_cpu"),
    [
        (("CPU",), False, True), (("(CPU)",), False, True), (("CPUExecutionProvider",), False, True), ((), False, True),
        (("GPU.0",), False, False), (("WebGpuExecutionProvider", "CPUExecutionProvider"), False, False),
        (("CPU",), True, False),
    ],
)  # fmt: skip
def test_what_counts_as_a_figure_of_the_cpu(devices, software, on_cpu) -> None:
    effective = EffectiveConfig(
        device="d", execution_devices=devices, software_rasteriser=software, runtime_version="1"
    )
    assert effective.on_cpu == on_cpu
