"""RunConfig to OpenVINO properties, the SIMD cap's environment, and back from a compiled model."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from advisor.errors import ModelRangeError, RuntimeRefusal
from advisor.records.config import EffectiveConfig, RunConfig

from .devices import collected_requests, first_family, kind_of, named_devices

# Spellings tried on OpenVINO 2026.4.1: both variables take the same words, oneDNN knows SSE41 but not SSE42.
_ISA_WORDS = {
    "sse42": "SSE41",
    "avx2": "AVX2",
    "avx2_vnni": "AVX2_VNNI",
    "avx512": "AVX512_CORE",
    "avx512_vnni": "AVX512_CORE_VNNI",
    "avx512_bf16": "AVX512_CORE_BF16",
}
_ISA_VARIABLES = ("ONEDNN_MAX_CPU_ISA", "OV_CPU_MAX_ISA")
# PyTorch's own kernels, and MKL's matrix products. Sources: PyTorch, aten/src/ATen/native/cpu/README.md; Intel oneMKL
# developer guide, "Instruction Set-Specific Dispatch in Math Kernel Library".
_TORCH_WORDS = {
    "sse42": "default", "avx2": "avx2", "avx2_vnni": "avx2", "avx512": "avx512", "avx512_vnni": "avx512",
    "avx512_bf16": "avx512",
}  # fmt: skip
_MKL_WORDS = {
    "sse42": "SSE4_2", "avx2": "AVX2", "avx2_vnni": "AVX2", "avx512": "AVX512", "avx512_vnni": "AVX512",
    "avx512_bf16": "AVX512",
}  # fmt: skip
_TORCH_VARIABLE, _MKL_VARIABLE = "ATEN_CPU_CAPABILITY", "MKL_ENABLE_INSTRUCTIONS"
# What else oneDNN reads, also under its former name, and changes kernels by: instructions and the arithmetic of f32.
# Source: oneDNN developer guide, "CPU Dispatcher Control" and "Primitive Attributes: floating-point math mode".
_FURTHER_VARIABLES = (
    "DNNL_MAX_CPU_ISA",
    "ONEDNN_CPU_ISA_HINTS",
    "DNNL_CPU_ISA_HINTS",
    "ONEDNN_DEFAULT_FPMATH_MODE",
    "DNNL_DEFAULT_FPMATH_MODE",
)
_CORE_TYPES = {"any": "ANY_CORE", "performance": "PCORE_ONLY", "efficiency": "ECORE_ONLY"}
_HINTS = {"latency": "LATENCY", "throughput": "THROUGHPUT", "cumulative_throughput": "CUMULATIVE_THROUGHPUT"}
# int8 files keep their unquantised rest in floating point, of which alone the hint speaks: f32 on cores.
_PRECISION_HINTS = {"f32": "f32", "int8": "f32", "bf16": "bf16", "f16": "f16"}
_CAPABILITY = {"f32": "FP32", "bf16": "BF16", "int8": "INT8", "f16": "FP16"}
_OF_OTHERS = {
    **dict.fromkeys(("inter_op_threads", "intra_op_affinities", "spinning", "execution_mode", "arena"), "onnxruntime"),
    "quantisation": "onnxruntime or torch", "torch_mode": "torch",
}  # fmt: skip
_OF_THE_CPU = {
    "threads": "INFERENCE_NUM_THREADS", "pinning": "ENABLE_CPU_PINNING", "core_type": "SCHEDULING_CORE_TYPE",
}  # fmt: skip
_WITH_THREADS = frozenset({"CPU", "AUTO"})
"""Devices that take settings of the CPU, by the first one that a request names; AUTO hands them on."""


def simd_environment(cap: str | None) -> dict[str, str]:
    """Return the environment variables that cap the instruction set of OpenVINO and PyTorch in a *fresh* process.

    Libraries read one each, once: oneDNN ``ONEDNN_MAX_CPU_ISA``, OpenVINO's own kernels ``OV_CPU_MAX_ISA``, PyTorch's
    own ``ATEN_CPU_CAPABILITY``, and its MKL ``MKL_ENABLE_INSTRUCTIONS``. Not capped: OpenVINO's matrix products through
    MLAS (``gemm_mlas_f32``), and MKL's on processors of other makers than Intel. ``None`` gives an empty mapping: start
    the process without these variables.

    Raises
    ------
    ModelRangeError
        ``cap`` is not one of the records' words.
    """
    if cap is None:
        return {}
    if cap not in _ISA_WORDS:
        raise ModelRangeError(f"simd_cap {cap!r} is unknown; known: {', '.join(_ISA_WORDS)}")
    return {
        **dict.fromkeys(_ISA_VARIABLES, _ISA_WORDS[cap]),
        _TORCH_VARIABLE: _TORCH_WORDS[cap],
        _MKL_VARIABLE: _MKL_WORDS[cap],
    }


def simd_variables() -> tuple[str, ...]:
    """Return the names of all variables that change kernels: a worker's environment must not inherit them by chance."""
    return (*_ISA_VARIABLES, _TORCH_VARIABLE, _MKL_VARIABLE, *_FURTHER_VARIABLES)


def worker_environment(cap: str | None) -> dict[str, str | None]:
    """Variables of the cap; all others that change kernels are removed (None), whatever the user's shell has."""
    unset: dict[str, str | None] = dict.fromkeys(simd_variables())
    return {**unset, **simd_environment(cap)}


def ignored_variables() -> tuple[str, ...]:
    """``NAME=value`` of the variables in this process's environment that workers are not given."""
    return tuple(f"{name}={value}" for name in simd_variables() if (value := os.environ.get(name)))


# Read when this module is first imported, which is when OpenVINO is about to be: later changes have no effect on it.
_AT_START = {name: os.environ.get(name) for name in simd_variables()}


def check_simd(cap: str | None, environment: Mapping[str, str | None] | None = None) -> None:
    """Refuse to measure under another cap than the configuration says.

    Raises
    ------
    ModelRangeError
        The process was started with other variables than ``simd_environment(cap)``.
    """
    found = _AT_START if environment is None else environment
    wanted = simd_environment(cap)
    for name in simd_variables():
        if (found.get(name) or None) != wanted.get(name):
            raise ModelRangeError(
                f"simd_cap {cap} needs {name}={wanted.get(name, '(unset)')} before OpenVINO is loaded, "
                f"but this process has {found.get(name) or '(unset)'}; start it with simd_environment()"
            )


def properties(config: RunConfig, capabilities: tuple[str, ...], *, profiling: bool) -> dict[str, Any]:
    """Translate a configuration; what is None is left out, precision never is.

    Raises
    ------
    RuntimeRefusal
        The device does not compute in this precision, or the setting belongs to another runtime.
    """
    word = _CAPABILITY[config.precision]
    if word not in capabilities:
        raise RuntimeRefusal(
            f"precision {config.precision}: device {config.device} has no {word} (OPTIMIZATION_CAPABILITIES: "
            f"{', '.join(capabilities)}); permit another precision"
        )
    for name, owner in _OF_OTHERS.items():
        if getattr(config, name) is not None:
            raise RuntimeRefusal(f"{name}: OpenVINO has no such setting; it belongs to runtime {owner}")
    hinted = _PRECISION_HINTS[config.precision]
    if config.precision == "int8" and kind_of(first_family(config.device)) in {"GPU", "NPU"} and "FP16" in capabilities:
        hinted = "f16"  # what these compute in by default, and did where int8 figures were published
    requested: dict[str, Any] = {"INFERENCE_PRECISION_HINT": hinted}
    if config.hint != "none":
        requested["PERFORMANCE_HINT"] = _HINTS[config.hint]
    optional = {
        "PERFORMANCE_HINT_NUM_REQUESTS": config.hint_requests,
        "NUM_STREAMS": config.streams,
        "INFERENCE_NUM_THREADS": config.threads,
        "ENABLE_CPU_PINNING": config.pinning,
        "SCHEDULING_CORE_TYPE": None if config.core_type is None else _CORE_TYPES[config.core_type],
    }
    requested |= {key: value for key, value in optional.items() if value is not None}
    for name, key in _OF_THE_CPU.items():
        if key in requested and first_family(config.device) not in _WITH_THREADS:
            raise RuntimeRefusal(
                f"{name} {getattr(config, name)}: device {config.device} has no such setting, it is the CPU's; "
                "leave it out"
            )
    if config.device.upper().startswith("AUTO") and named_devices(config.device) != ("CPU",):
        # Else AUTO begins on the CPU, and goes back to it when a pass fails, without a word.
        requested |= {"ENABLE_STARTUP_FALLBACK": False, "ENABLE_RUNTIME_FALLBACK": False}
    if config.auto_batch_timeout_s is not None:
        if not config.device.startswith("BATCH"):
            raise RuntimeRefusal(
                f"auto_batch_timeout_s: device {config.device} does not batch; use BATCH:{config.device}"
            )
        requested["AUTO_BATCH_TIMEOUT"] = round(config.auto_batch_timeout_s * 1e3)
    if profiling:
        requested["PERF_COUNT"] = True
    return requested


def effective(
    compiled: Any, config: RunConfig, version: str, precision: str | None, batch: int | None
) -> EffectiveConfig:
    """Read back every property that the compiled model reports; None if it does not."""
    found: dict[str, Any] = {}
    for key in compiled.get_property("SUPPORTED_PROPERTIES"):
        if key == "SUPPORTED_PROPERTIES":
            continue
        try:
            found[key] = compiled.get_property(key)
        except RuntimeError as error:
            found[key] = f"unreadable: {str(error).strip().splitlines()[-1]}"
    # AUTO, MULTI and HETERO answer for the CPU under DEVICE_PROPERTIES.
    if config.device.upper().startswith("BATCH"):  # which does not list these two, and tells them all the same
        found |= {key: compiled.get_property(key) for key in ("MULTI_DEVICE_PRIORITIES", "DEVICE_PROPERTIES")}
    for nested in (found.pop("DEVICE_PROPERTIES", None) or {}).values():
        for key, value in nested.items():
            found.setdefault(key, value)
    text = {key: _text(value) for key, value in found.items()}
    text.pop("NETWORK_NAME", None)
    timeout_ms = _integer(text.get("AUTO_BATCH_TIMEOUT"))
    return EffectiveConfig(
        device=config.device,
        execution_devices=_devices(found.get("EXECUTION_DEVICES")),
        precision=precision,
        streams=_integer(text.get("NUM_STREAMS")),
        threads=_integer(text.get("INFERENCE_NUM_THREADS")),
        optimal_requests=_integer(text.get("OPTIMAL_NUMBER_OF_INFER_REQUESTS")),
        hint=text["PERFORMANCE_HINT"].lower() if "PERFORMANCE_HINT" in text else None,
        pinning=_truth(text.get("ENABLE_CPU_PINNING")),
        batch=batch,
        auto_batch=collected_requests(f"BATCH:{text.get('MULTI_DEVICE_PRIORITIES', '')}") if timeout_ms else None,
        auto_batch_timeout_s=None if timeout_ms is None else timeout_ms / 1e3,
        runtime_version=version,
        properties=dict(sorted(text.items())),
    )


def _devices(value: Any) -> tuple[str, ...]:
    if value is None:
        return ()
    return tuple(value.split()) if isinstance(value, str) else tuple(str(item) for item in value)


def _text(value: Any) -> str:
    """Spell a property as OpenVINO does: enum members by their name, types by their short name."""
    if hasattr(value, "get_type_name"):
        return str(value.get_type_name())
    if type(value).__module__.startswith("openvino") and hasattr(value, "name"):
        return str(value.name)
    if isinstance(value, list | tuple | set):
        return ", ".join(_text(item) for item in value)
    return str(value)


def _integer(text: str | None) -> int | None:
    return int(text) if text is not None and text.isdigit() else None


def _truth(text: str | None) -> bool | None:
    return None if text is None else text.upper() in {"TRUE", "YES"}
