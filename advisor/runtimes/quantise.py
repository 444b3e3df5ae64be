"""Static int8 copies of models: for speed only with ranges from random inputs, for answers with the user's own inputs.

Format: QDQ with unsigned 8-bit activations and signed 8-bit weights, one scale per output channel; with signed
activations both runtimes mix the two kinds and convert between layers. The runtimes want the pairs in other places:

* OpenVINO quantises inputs of products and leaves their outputs alone, so that the activation behind a product (a
  swish, say) is fused into it and rounding comes last. It carries int8 through pooling, concatenation and shuffles
  itself; explicit pairs there cost kernels, and around concatenations crash its compiler (2026.4, DenseNet).
* ONNX Runtime makes a QLinear operation only of an operation with pairs on all sides, and computes in f32 otherwise.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from advisor.errors import RuntimeRefusal
from advisor.graph.frontend import batched, hash_file, one_line
from advisor.graph.inputs import GivenShapes, static_inputs
from advisor.graph.onnx_parts import check_weights, declared_inputs, read_onnx
from advisor.graph.quantised import PRODUCTS, computes_int8, quantised

from .onnx_files import real_inputs

_FORMAT = 7
"""Part of the cache key: raised whenever this file would quantise differently."""
SCHEMA = "sizer.int8-copy/1"
"""Of the sidecar: any other JSON file beside a model says nothing of it."""
_SAMPLES = 1
_INTEGER_TOKENS = 100
"""Random integers stay below this: smaller than any vocabulary, and masks are ones."""


def int8_model(
    model: Path,
    directory: Path,
    seed: int = 0,
    *,
    input_shape: tuple[int, ...] | None = None,
    further_shapes: Sequence[tuple[str, tuple[int, ...]]] = (),
    runtime: Literal["openvino", "onnxruntime"] = "openvino",
    calibration: Path | None = None,
) -> Path:
    """Quantise an ONNX model; the copy is made once per file, inputs that give the ranges, and format.

    Parameters
    ----------
    model
        ONNX file in f32; its open batch stays open.
    directory
        Where copies are kept. Beside each lies a sidecar ``.json`` that says ``speed only`` and counts what was
        quantised (:func:`read_sidecar`).
    seed
        Of the random inputs.
    input_shape
        Static shape of the main input at batch 1, where the file leaves more than the batch open.
    further_shapes
        Name and shape at batch 1 of other inputs that the file leaves open.
    runtime
        Who is to run it. ONNX Runtime finds its own variant when it is given OpenVINO's (:func:`variant_for`).
    calibration
        Folder of ``.npz`` files, each with one tensor per input by name at the file's batch: their ranges are taken
        instead of those of random inputs.

    Returns
    -------
    Path
        The quantised file. A file that is quantised already is returned as it is.

    Raises
    ------
    ModelError
        Missing, damaged, or with open dimensions.
    RuntimeRefusal
        No ONNX file, or nothing in it can be quantised.
    """
    if model.suffix.lower() != ".onnx":
        raise RuntimeRefusal(f"model {model}: only .onnx files can be quantised here; quantise it with its own tools")
    word = f"s{seed}" if calibration is None else f"c{inputs_hash(calibration)}"
    name = f"{model.stem}-{hash_file(model)[:16]}-{word}-{runtime}{_FORMAT}{_shape_word(input_shape)}.onnx"
    target = directory / name
    if target.is_file() and (kept := read_sidecar(target)) is not None:
        _keep_place(target, kept, model, calibration)
        return target
    start_s = time.perf_counter()
    graph = read_onnx(model)
    check_weights(graph, model)
    if computes_int8(graph):
        return model
    found = static_inputs(declared_inputs(graph), model, GivenShapes(input_shape, named=dict(further_shapes)))
    shapes = [batched(shape, found.file_batch) for shape in found.shapes]
    if calibration is None:
        samples = [_random_feed(real_inputs(graph), shapes, seed + index) for index in range(_SAMPLES)]
        purpose = "speed only: ranges come from random inputs, answers mean nothing"
    else:
        samples = given_feeds(calibration)
        purpose = f"ranges come from {len(samples)} inputs of the user"
    directory.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".int8-", dir=directory) as folder:
        aside = Path(folder) / name
        _quantise(model, aside, samples, graph, runtime)
        sidecar = {
            "schema": SCHEMA,
            "purpose": purpose,
            "calibration": None if calibration is None else str(calibration),
            "source": str(model.absolute()),
            "source_sha256": hash_file(model),
            "runtime": runtime,
            "seed": seed,
            "input_shape": input_shape,
            "further_shapes": list(further_shapes),
            **_counts(read_onnx(aside)),
            "took_s": round(time.perf_counter() - start_s, 3),
        }
        if sidecar["quantised_products"] == 0:
            raise RuntimeRefusal(f"model {model}: no convolution or matrix product could be quantised; use f32")
        note = Path(folder) / "note.json"
        note.write_text(json.dumps(sidecar, indent=1), encoding="utf-8")
        note.replace(target.with_suffix(".json"))
        aside.replace(target)
    return target


def dynamic_int8_model(model: Path, directory: Path) -> Path:
    """Make the weights of matrix products int8, whose activations become it in each pass; made once per file.

    Convolutions stay in f32: ONNX Runtime's integer convolution is slower than that. Weights have 7 bits: sums of two
    products with 8 saturate in 16 bits on chips without VNNI, and answers were up to 37 % off (AVX2, 2026-11).

    Raises
    ------
    ModelError
        Missing or damaged.
    RuntimeRefusal
        The model has no matrix product with constant weights.
    """
    from onnxruntime.quantization import QuantType, quantize_dynamic

    target = directory / f"{model.stem}-{hash_file(model)[:16]}-dynamic{_FORMAT}.onnx"
    if target.is_file():
        return target
    graph = read_onnx(model)
    check_weights(graph, model)
    if computes_int8(graph):
        raise RuntimeRefusal(f"model {model}: quantised already; leave quantisation out")
    directory.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".int8-", dir=directory) as folder, _quiet():
        aside = Path(folder) / target.name
        try:
            quantize_dynamic(
                str(model), str(aside), op_types_to_quantize=["MatMul", "Gemm", "LSTM"], per_channel=True,
                weight_type=QuantType.QInt8, reduce_range=True,
            )  # fmt: skip
        except Exception as error:  # the quantiser raises whatever its parts raise
            raise RuntimeRefusal(f"model {model}: cannot be quantised ({one_line(error)}); use f32") from error
        if not computes_int8(read_onnx(aside)):
            raise RuntimeRefusal(
                f"model {model}: no matrix product has constant weights, so none is made int8; use f32"
            )
        aside.replace(target)
    return target


def read_sidecar(quantised: Path) -> dict[str, Any] | None:
    """Return what is known of a quantised copy: ``quantised_products`` of ``products``, operators, seed, time.

    None if the file is no copy that was made here: there is no JSON file of its name, or one of somebody else.
    """
    try:
        found = json.loads(quantised.with_suffix(".json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) and found.get("schema") == SCHEMA else None


def _keep_place(copy: Path, known: Mapping[str, Any], model: Path, calibration: Path | None) -> None:
    """Note where the same file lies now, if the one that the copy was made from is no longer there.

    Variants for other runtimes are made from it.
    """
    source = Path(known["source"])
    if source.is_file() and hash_file(source) == known["source_sha256"]:
        return
    now = {**known, "source": str(model.absolute()), "calibration": None if calibration is None else str(calibration)}
    # Where nothing can be written, no variant could be made either, and the copy itself runs without the note.
    with contextlib.suppress(OSError), tempfile.TemporaryDirectory(prefix=".int8-", dir=copy.parent) as folder:
        note = Path(folder) / "note.json"
        note.write_text(json.dumps(now, indent=1), encoding="utf-8")
        note.replace(copy.with_suffix(".json"))


def variant_for(model: Path, runtime: Literal["openvino", "onnxruntime"]) -> Path:
    """Return the int8 copy for ``runtime`` of the model that ``model`` is a copy of, made when it is missing.

    A file that was not made here is returned as it is.

    Raises
    ------
    RuntimeRefusal
        The copy was made for the other runtime and its source is gone or has changed.
    """
    known = read_sidecar(model)
    if known is None or known["runtime"] == runtime:
        return model
    source = Path(known["source"])
    if not source.is_file() or hash_file(source) != known["source_sha256"]:
        raise RuntimeRefusal(
            f"model {model}: made for {known['runtime']}, and its source {source} is gone or changed; quantise it again"
        )
    shape = known["input_shape"]
    further = [(name, tuple(lengths)) for name, lengths in known["further_shapes"]]
    return int8_model(
        source, model.parent, known["seed"], input_shape=None if shape is None else tuple(shape),
        further_shapes=further, runtime=runtime,
        calibration=None if known.get("calibration") is None else Path(known["calibration"]),
    )  # fmt: skip


def inputs_hash(folder: Path) -> str:
    """First digits of the hash over the files that ranges are taken from."""
    digest = hashlib.sha256()
    for file in sorted(folder.glob("*.npz")):
        digest.update(file.read_bytes())
    return digest.hexdigest()[:12]


def given_feeds(folder: Path) -> list[dict[str, Any]]:
    """Tensors by name of each ``.npz`` file of a folder, at the file's batch.

    Raises
    ------
    RuntimeRefusal
        There is none.
    """
    import numpy as np

    feeds = []
    for file in sorted(folder.glob("*.npz")):
        with np.load(file) as arrays:
            feeds.append(dict(arrays))
    if not feeds:
        raise RuntimeRefusal(f"{folder}: no .npz file to take ranges from")
    return feeds


def _shape_word(shape: tuple[int, ...] | None) -> str:
    return "" if shape is None else "-" + "x".join(str(length) for length in shape)


def _random_feed(inputs: list[Any], shapes: list[tuple[int, ...]], seed: int) -> dict[str, Any]:
    """Uniform numbers in [0, 1) for real inputs, small integers for tokens, ones for masks."""
    import numpy as np
    import onnx

    rng = np.random.default_rng(seed)
    feed: dict[str, Any] = {}
    for value, shape in zip(inputs, shapes, strict=True):
        dtype = onnx.helper.tensor_dtype_to_np_dtype(value.type.tensor_type.elem_type)
        if np.issubdtype(dtype, np.floating):
            feed[value.name] = rng.random(shape).astype(dtype)
        elif "mask" in value.name.lower() or dtype == np.bool_:
            feed[value.name] = np.ones(shape, dtype)
        elif "type" in value.name.lower() or "segment" in value.name.lower():
            feed[value.name] = np.zeros(shape, dtype)
        else:
            feed[value.name] = rng.integers(0, _INTEGER_TOKENS, shape).astype(dtype)
    return feed


def _quantise(
    model: Path, target: Path, samples: list[dict[str, Any]], graph: Any, runtime: Literal["openvino", "onnxruntime"]
) -> None:
    from onnxruntime.quantization import CalibrationMethod, QuantFormat, QuantType, quantize_static

    class Reader:
        """The samples, once through."""

        def __init__(self) -> None:
            self._left = iter(samples)

        def get_next(self) -> dict[str, Any] | None:
            return next(self._left, None)

    rule = quantised(graph, runtime)
    with _quiet():
        try:
            quantize_static(
                str(model),
                str(target),
                Reader(),
                quant_format=QuantFormat.QDQ,
                op_types_to_quantize=list(rule.types),
                nodes_to_exclude=[node.name for node in graph.graph.node if node.output[0] in rule.left],
                per_channel=True,
                activation_type=QuantType.QUInt8,
                weight_type=QuantType.QInt8,
                calibrate_method=CalibrationMethod.MinMax,
                extra_options={"OpTypesToExcludeOutputQuantization": sorted(PRODUCTS) if runtime == "openvino" else []},
            )
        except Exception as error:  # the quantiser raises whatever its parts raise
            raise RuntimeRefusal(f"model {model}: cannot be quantised ({one_line(error)}); use f32") from error


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Hold back the quantiser's advice on the root logger."""
    logger = logging.getLogger()
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)


def _counts(model: Any) -> dict[str, Any]:
    """Count what was quantised: products with pairs on both factors, and every operation fed by a pair."""
    produced = {output: node.op_type for node in model.graph.node for output in node.output}
    quantised: dict[str, int] = {}
    products = quantised_products = 0
    for node in model.graph.node:
        fed = [produced.get(name) == "DequantizeLinear" for name in node.input[:2]]
        if node.op_type in PRODUCTS:
            products += 1
            quantised_products += bool(fed) and all(fed)
        if node.op_type not in {"QuantizeLinear", "DequantizeLinear"} and fed and fed[0]:
            quantised[node.op_type] = quantised.get(node.op_type, 0) + 1
    return {
        "products": products,
        "quantised_products": quantised_products,
        "quantised": dict(sorted(quantised.items())),
    }
