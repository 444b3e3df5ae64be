"""int8 by PyTorch's own quantisation: static by FX graphs on its x86 engine, dynamic for layers of matrix products.

Static ranges come from the same inputs as those of the ONNX copy in its place: random ones, or the user's own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from advisor.errors import RuntimeRefusal
from advisor.graph.frontend import hash_file, one_line

from .protocol import TensorSpec
from .quantise import given_feeds, read_sidecar
from .torch_files import quiet, random_inputs

_SAMPLES = 2
_ENGINE = "x86"
_GONE = (
    "this PyTorch has no torch.ao.quantization, whose place torchao took; PyTorch 2.13 has it; or use runtime openvino "
    "or onnxruntime"
)


@dataclass(frozen=True)
class Copied:
    """What an int8 copy of another runtime was made from."""

    source: Path
    calibration: Path | None
    """Folder of the inputs that gave its ranges; None: random ones."""


def copied_from(copy: Path) -> Copied | None:
    """Return what an int8 copy that was made here for another runtime was made from; None if it is no copy.

    Raises
    ------
    RuntimeRefusal
        The source is gone or has changed.
    """
    known = read_sidecar(copy)
    if known is None:
        return None
    source = Path(known["source"])
    if not source.is_file() or hash_file(source) != known["source_sha256"]:
        raise RuntimeRefusal(f"model {copy}: its source {source} is gone or changed; quantise it again")
    return Copied(source, None if known.get("calibration") is None else Path(known["calibration"]))


def static_int8(module: Any, samples: Sequence[Sequence[Any]], path: Path) -> Any:
    """Quantise a module statically.

    Raises
    ------
    RuntimeRefusal
        FX cannot trace it, or the PyTorch at hand has no quantisation any more.
    """
    with quiet():
        try:
            from torch.ao.quantization import get_default_qconfig_mapping
            from torch.ao.quantization.fx.custom_config import PrepareCustomConfig
            from torch.ao.quantization.quantize_fx import convert_fx, prepare_fx
        except ImportError as error:
            raise RuntimeRefusal(f"precision int8: {_GONE}") from error
        try:
            torch.backends.quantized.engine = _ENGINE
            whole = PrepareCustomConfig().set_non_traceable_module_names(_untraceable(module))
            mapping = get_default_qconfig_mapping(_ENGINE)
            prepared = prepare_fx(module, mapping, tuple(samples[0]), prepare_custom_config=whole)
            with torch.no_grad():
                for sample in samples:
                    prepared(*sample)
            return convert_fx(prepared)
        except Exception as error:  # FX raises whatever the module's own code raises under tracing
            raise RuntimeRefusal(f"model {path}: PyTorch cannot quantise it ({one_line(error)}); use f32") from error


def _untraceable(module: Any) -> list[str]:
    """Names of the parts that FX cannot look into, as they ask for a type, size or value: left whole, in f32."""
    found = []
    for name, part in module.named_modules():
        if part is module or any(part.children()):
            continue
        try:
            torch.fx.symbolic_trace(part)
        except Exception:  # tracing raises whatever the part's own code raises
            found.append(name)
    return found


def dynamic_int8(module: Any) -> Any:
    """Make the weights of linear and recurrent layers int8; their activations become it in each pass.

    Raises
    ------
    RuntimeRefusal
        The PyTorch at hand has no quantisation any more.
    """
    with quiet():
        try:
            from torch.ao.quantization import quantize_dynamic
        except ImportError as error:
            raise RuntimeRefusal(f"precision int8: {_GONE}") from error
        torch.backends.quantized.engine = _ENGINE
        return quantize_dynamic(module, {torch.nn.Linear, torch.nn.LSTM, torch.nn.GRU}, dtype=torch.qint8)


def range_samples(inputs: Sequence[TensorSpec], calibration: Path | None) -> list[list[Any]]:
    """Inputs that ranges are taken from."""
    if calibration is None:
        return [random_inputs(inputs, seed) for seed in range(_SAMPLES)]
    return [[torch.from_numpy(feed[spec.name]) for spec in inputs] for feed in given_feeds(calibration)]
