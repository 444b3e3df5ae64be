"""Count the work of every published model in kernels: ``python profiles/compile_works.py``.

The model is the reference architecture or the stand-in of that name, built by sizer's zoo; its ONNX graph is counted
with the fusions that CPU runtimes make (a convolution or matrix product takes the element-wise operators behind it).
Models that the zoo does not have are scaled from a relative with the same kind of blocks; ``RELATIVES`` says which.
Where a published model has a stand-in but its own table is scaled from a relative, since published operations are
wrong, ``stand_ins`` keeps the stand-in's table beside it.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from advisor import zoo
from advisor.graph.counted import counted_kernels
from advisor.perfmodel.analytic.work_table import CLASSES, COLUMNS, kernel_class, kernel_row
from advisor.zoo.onnx_file import outline

PROFILES = Path(__file__).parent
# Published name -> (relative in the zoo, factor on operations and traffic, factor on weights). Factors come from the
# networks' own papers (operations and parameters at the stated input) over the relative's counted figures.
RELATIVES: dict[str, tuple[str, float, float]] = {
    "3d-unet": ("like:brain-tumor-segmentation-0002", 6.3, 4.2),
    "action-recognition-0001-decoder": ("bert-base", 0.006, 0.04),
    "action-recognition-0001-encoder": ("resnet-34", 1.0, 1.0),
    "alexnetonnx": ("alexnet", 1.0, 1.0),
    "bert-base-cased": ("bert-base", 1.0, 1.0),
    "bert-base-cased-2022": ("bert-base", 3.4, 1.0),
    "bert-large-uncased-whole-word-masking-squad-0001": ("bert-base", 10.5, 3.55),
    # 41.1 million parameters (15.6 million of them the table of words) at sequence 384: bert-small-uncased-...-0002.
    "bert-small": ("bert-base", 1.05, 0.375),
    "brain-tumor-segmentation-0001": ("like:brain-tumor-segmentation-0002", 1.36, 8.5),
    "braintumorseg0002": ("like:brain-tumor-segmentation-0002", 1.0, 1.0),
    "caffenet": ("alexnet", 1.0, 1.0),
    "deeplab-v3": ("like:deeplabv3", 1.0, 1.0),
    "densenet-161": ("densenet-121", 2.7, 3.6),
    "densenet-169": ("densenet-121", 1.19, 1.77),
    "densenet-201": ("densenet-121", 1.52, 2.5),
    "driver-action-recognition-adas-0002-decoder": ("bert-base", 0.006, 0.04),
    "driver-action-recognition-adas-0002-encoder": ("mobilenet-v2", 1.1, 0.85),
    "efficientnet-b5": ("efficientnet-b0", 25.6, 5.7),
    "efficientnet-b7": ("efficientnet-b0", 94.0, 12.5),
    "efficientnet-b7_auto_aug": ("efficientnet-b0", 94.0, 12.5),
    # Operations by hand, since the documentation leaves the second stage out: ResNet-50 to its fourth stage and the
    # proposals' convolution (52 and 248 G multiply-adds at these inputs), then the fifth stage on 100 regions of 7 x 7
    # (0.73 G each), for Mask R-CNN of 17 x 17 (4.3 G each) and once more for the masks.
    "faster_rcnn_resnet50_coco": ("resnet-50", 30.5, 1.14),
    "fastseg-large": ("mobilenet-v3", 315.0, 0.6),
    "fastseg-small": ("mobilenet-v3-small", 590.0, 0.44),
    "forward-tacotron-duration-prediction": ("bert-mini", 1.0, 1.0),
    "googlenet-v3": ("inception-v3", 1.0, 1.0),
    "mask_rcnn_resnet50_atrous_coco": ("resnet-50", 272.0, 1.97),
    "mobilenet-ssd": ("ssd-mobilenet", 1.0, 1.0),
    "mobilenet-v1-0.50-160": ("mobilenet-v1", 0.135, 0.31),
    "mobilenet-v1-0.50-224": ("mobilenet-v1", 0.26, 0.31),
    "mobilenet3-large": ("mobilenet-v3", 1.0, 1.0),
    "octave-densenet-121-0.125": ("densenet-121", 0.86, 1.0),
    "octave-resnet-26-0.25": ("resnet-50", 0.48, 0.63),
    "octave-resnet-50-0.125": ("resnet-50", 0.88, 1.0),
    "octave-resnet-101-0.125": ("resnet-101", 0.88, 1.0),
    "octave-resnet-200-0.125": ("resnet-101", 1.65, 1.45),
    "octave-resnext-50-0.25": ("like:regnetx-3.2gf", 1.0, 1.64),
    "octave-resnext-101-0.25": ("like:regnetx-3.2gf", 1.8, 2.9),
    "octave-se-resnet-50-0.125": ("resnet-50", 0.88, 1.1),
    "pedestrian-and-vehicle-detector-adas-0001": ("like:pedestrian-detection-adas-0002", 1.4, 1.42),
    "pelee-coco": ("like:ssdlite_mobilenet_v2", 1.7, 1.34),
    "person-vehicle-bike-detection-crossroad-1016": ("like:ssdlite_mobilenet_v2", 2.3, 0.65),
    "pp-ocr-rec": ("mobilenet-v3", 2.3, 0.46),
    "pp-yolo": ("like:yolo-v3-tf", 1.4, 0.73),
    "resnet-152": ("resnet-101", 1.48, 1.35),
    "resnet18-xnor-binary-onnx-0001": ("resnet-18", 1.0, 1.0),
    "se-inception": ("inception-v3", 0.36, 0.5),
    "se-resnet-50": ("resnet-50", 1.0, 1.1),
    "se-resnet-101": ("resnet-101", 1.0, 1.11),
    "se-resnet-152": ("resnet-101", 1.48, 1.5),
    "se-resnext-50": ("like:regnetx-3.2gf", 1.33, 1.8),
    "se-resnext-101": ("like:regnetx-3.2gf", 2.5, 3.2),
    "shufflenet-v2-x0.5": ("shufflenet-v2", 0.28, 0.6),
    "squeezenet1.0": ("squeezenet-1.0", 1.0, 1.0),
    "squeezenet1.1": ("squeezenet-1.1", 1.0, 1.0),
    "ssd-resnet34-1200": ("like:ssd-resnet34-1200-onnx", 1.0, 1.0),
    "ssd300": ("vgg-16", 2.0, 0.19),
    "ssd512": ("vgg-16", 5.8, 0.195),
    "ssd_mobilenet_v2_coco": ("like:ssdlite_mobilenet_v2", 2.5, 3.7),
    "ssd_resnet50_v1_fpn_coco": ("resnet-50", 21.7, 2.2),
    "vgg16": ("vgg-16", 1.0, 1.0),
    "vgg19": ("vgg-16", 1.27, 1.04),
    "yolo-v5s": ("yolo-small", 0.6, 0.64),
    "yolo_v8n": ("yolov8n", 1.0, 1.0),
    "yolo_v8s": ("yolov8s", 1.0, 1.0),
}
# Published under a name that no architecture here stands for: guessed operations or input size (3d-unet), binary
# arithmetic, recurrent parts, deformable convolutions (pp-yolo), or operations that the documentation copied from
# another model (yolo-v3).
# Their figures tell machines apart, and say nothing of alike models.
NOT_ALIKE = {
    "3d-unet",
    "action-recognition-0001-decoder",
    "driver-action-recognition-adas-0002-decoder",
    "forward-tacotron-duration-prediction",
    "mobilenet-yolo-v4-syg",
    "pp-yolo",
    "resnet18-xnor-binary-onnx-0001",
}


def zoo_name(model: str, known: set[str]) -> str | None:
    """Name under which the zoo builds a published model."""
    dashed = model.replace("_", "-")
    tried = [
        dashed,
        model,
        *(f"like:{model}{tail}" for tail in ("", "-tf", "-pytorch", "-onnx", "-caffe2")),
        f"like:{dashed}",
    ]
    return next((name for name in tried if name in known), None)


def entry(name: str) -> dict[str, Any]:
    """Work table of one zoo model."""
    kernels, peak = counted_kernels(outline(zoo.describe(name)))
    table = np.zeros((len(CLASSES), len(COLUMNS)))
    for kernel in kernels:
        table[kernel_class(kernel)] += kernel_row(kernel, 1)
    return {"family": zoo.info(name).family, "peak_activation_bytes": peak, "table": table}


def scaled(base: dict[str, Any], work: float, weights: float, model: str, relative: str) -> dict[str, Any]:
    """A relative's table, scaled; 1.45 = 0.8 of the traffic and 0.65 = 0.8 - 0.15 of that of a kernel."""
    table = base["table"] * np.array([work, work**0.8, weights, max(1.0, work**0.15), work**1.45])
    return {
        "family": model,
        "peak_activation_bytes": base["peak_activation_bytes"] * work**0.6,
        "table": table,
        "relative": relative,
    }


def written(found: dict[str, Any]) -> dict[str, Any]:
    """A table as JSON, without empty classes."""
    classes = {
        kind: [float(f"{x:.5g}") for x in row] for kind, row in zip(CLASSES, found["table"], strict=True) if row.any()
    }
    return {"peak_activation_bytes": float(f"{found['peak_activation_bytes']:.5g}"), "classes": classes}


def main() -> None:
    """Write ``profiles/calibration/works.json``."""
    models = sorted(set(pd.read_csv(PROFILES / "published" / "openvino.csv.gz")["model"]))
    known = set(zoo.known_names())
    built: dict[str, dict[str, Any]] = {}
    result: dict[str, Any] = {}
    stand_ins: dict[str, Any] = {}

    def table_of(name: str) -> dict[str, Any]:
        if name not in built:
            built[name] = entry(name)
        return built[name]

    for model in models:
        own = zoo_name(model, known)
        name, factors = own, (1.0, 1.0)
        if model in RELATIVES:
            name, *numbers = RELATIVES[model]
            factors = (numbers[0], numbers[1])
        if name is None:
            sys.stderr.write(f"no table for {model}\n")
            continue
        found = scaled(table_of(name), *factors, model, name) if model in RELATIVES else table_of(name)
        result[model] = {
            "family": found["family"],
            "made_from": name,
            "scaled_by": list(factors),
            **({"alike": False} if model in NOT_ALIKE else {}),
            **written(found),
        }
        if own is not None and own.startswith("like:") and factors != (1.0, 1.0):
            stand_ins[model] = {"family": zoo.info(own).family, "made_from": own, **written(table_of(own))}
    target = PROFILES / "calibration" / "works.json"
    document = {"schema": "sizer.works/2", "models": result, "stand_ins": stand_ins}
    target.write_text(json.dumps(document, indent=0) + "\n", encoding="utf-8")
    sys.stdout.write(f"{target}: {len(result)} models\n")


if __name__ == "__main__":
    main()
