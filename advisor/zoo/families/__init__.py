"""Reference architectures, one file per family; ``ARCHITECTURES`` names them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Literal

from advisor.zoo.builder import Net

from . import (
    bert,
    densenet,
    efficientnet,
    inception,
    mobilenet,
    plain,
    resnet,
    rt_detr,
    shufflenet,
    squeezenet,
    ssd,
    unet,
    vit,
    yolo,
    yolo_v8,
)

Layout = Literal["ssd", "yolo", "classes", "mask", "embedding", "tokens", "heatmap", "image", "other"]


@dataclass(frozen=True)
class Architecture:
    """How an architecture is described, and the published figures that its count is held against."""

    describe: Callable[[], Net]
    family: str
    task: str
    output_layout: Layout
    gflops: float
    """Published operations in 1e9, two per multiply-add."""
    mparams: float
    """Published parameters in 1e6."""
    source: str
    token_limit: int | None = None
    """Not None: the input holds int64 token ids below this number."""


_OMZ = "Open Model Zoo 7ef5b91, models/public/{}/README.md"
_TORCHVISION = "torchvision model documentation (GFLOPS there are multiply-adds)"


def _classifier(describe: Callable[[], Net], family: str, gflops: float, mparams: float, source: str) -> Architecture:
    return Architecture(describe, family, "classification", "classes", gflops, mparams, source)


_YOLO_5 = "YOLOv5 6.0 release table, YOLOv5{}"
_YOLO_8 = "YOLOv8 documentation, table of detection models at 640 pixels"
_YOLO_11 = "YOLO11 documentation, table of detection models at 640 pixels"
_RT_DETR = "Zhao et al. 2024, table of HGNetv2 models (L: 32 M parameters, 110 GFLOPs; X: 67 M, 234)"


def _detector(describe: Callable[[], Net], gflops: float, mparams: float, source: str) -> Architecture:
    return Architecture(describe, "yolo", "detection", "yolo", gflops, mparams, source)


ARCHITECTURES: dict[str, Architecture] = {
    "alexnet": _classifier(plain.alexnet, "alexnet", 1.43, 61.1, _TORCHVISION),
    "vgg-16": _classifier(plain.vgg_16, "vgg", 30.94, 138.36, _TORCHVISION),
    "resnet-18": _classifier(partial(resnet.resnet, 18), "resnet", 3.637, 11.68, _OMZ.format("resnet-18-pytorch")),
    "resnet-34": _classifier(partial(resnet.resnet, 34), "resnet", 7.3409, 21.7892, _OMZ.format("resnet-34-pytorch")),
    "resnet-50": _classifier(partial(resnet.resnet, 50), "resnet", 8.216, 25.53, _OMZ.format("resnet-50-pytorch")),
    "resnet-101": _classifier(partial(resnet.resnet, 101), "resnet", 15.6, 44.55, _TORCHVISION),
    "googlenet": _classifier(inception.googlenet, "inception", 3.016, 6.619, _OMZ.format("googlenet-v1-tf")),
    "inception-v3": _classifier(
        inception.inception_v3, "inception", 11.469, 23.817, _OMZ.format("googlenet-v3-pytorch")
    ),
    "densenet-121": _classifier(densenet.densenet_121, "densenet", 5.7287, 7.9714, _OMZ.format("densenet-121-tf")),
    "squeezenet-1.0": _classifier(partial(squeezenet.squeezenet, "1.0"), "squeezenet", 1.64, 1.248, _TORCHVISION),
    "squeezenet-1.1": _classifier(partial(squeezenet.squeezenet, "1.1"), "squeezenet", 0.70, 1.235, _TORCHVISION),
    "mobilenet-v1": _classifier(
        mobilenet.mobilenet_v1, "mobilenet", 1.148, 4.222, _OMZ.format("mobilenet-v1-1.0-224-tf")
    ),
    "mobilenet-v2": _classifier(
        mobilenet.mobilenet_v2, "mobilenet", 0.615, 3.489, _OMZ.format("mobilenet-v2-pytorch")
    ),
    "mobilenet-v3": _classifier(
        partial(mobilenet.mobilenet_v3, "large"), "mobilenet", 0.44506, 5.471,
        _OMZ.format("mobilenet-v3-large-1.0-224-tf"),
    ),
    "mobilenet-v3-small": _classifier(
        partial(mobilenet.mobilenet_v3, "small"), "mobilenet", 0.112, 2.5,
        "Howard et al. 2019, table 3 (56 M multiply-adds, 2.5 M parameters)",
    ),
    "efficientnet-b0": _classifier(
        efficientnet.efficientnet_b0, "efficientnet", 0.78, 5.3,
        "Tan and Le 2019, table 2 (0.39 G multiply-adds, 5.3 M parameters)",
    ),
    "shufflenet-v2": _classifier(
        shufflenet.shufflenet_v2, "shufflenet", 0.2957, 2.2705, _OMZ.format("shufflenet-v2-x1.0")
    ),
    "ssd-mobilenet": Architecture(
        ssd.ssd_mobilenet, "ssd", "detection", "ssd", 2.494, 6.807, _OMZ.format("ssd_mobilenet_v1_coco")
    ),
    "yolo-tiny": _detector(partial(yolo.yolo, "yolo-tiny"), 4.5, 1.87, _YOLO_5.format("n")),
    "yolo-small": _detector(partial(yolo.yolo, "yolo-small"), 16.5, 7.2, _YOLO_5.format("s")),
    "yolo-medium": _detector(partial(yolo.yolo, "yolo-medium"), 49.0, 21.2, _YOLO_5.format("m")),
    "yolov5l": _detector(partial(yolo.yolo, "yolov5l"), 109.1, 46.5, _YOLO_5.format("l")),
    "yolov5x": _detector(partial(yolo.yolo, "yolov5x"), 205.7, 86.7, _YOLO_5.format("x")),
    "yolov8n": _detector(partial(yolo_v8.yolo_v8, "n"), 8.7, 3.2, _YOLO_8),
    "yolov8s": _detector(partial(yolo_v8.yolo_v8, "s"), 28.6, 11.2, _YOLO_8),
    "yolov8m": _detector(partial(yolo_v8.yolo_v8, "m"), 78.9, 25.9, _YOLO_8),
    "yolov8l": _detector(partial(yolo_v8.yolo_v8, "l"), 165.2, 43.7, _YOLO_8),
    "yolov8x": _detector(partial(yolo_v8.yolo_v8, "x"), 257.8, 68.2, _YOLO_8),
    "yolo11n": _detector(partial(yolo_v8.yolo_11, "n"), 6.5, 2.6, _YOLO_11),
    "yolo11s": _detector(partial(yolo_v8.yolo_11, "s"), 21.5, 9.4, _YOLO_11),
    "yolo11m": _detector(partial(yolo_v8.yolo_11, "m"), 68.0, 20.1, _YOLO_11),
    "yolo11l": _detector(partial(yolo_v8.yolo_11, "l"), 86.9, 25.3, _YOLO_11),
    "yolo11x": _detector(partial(yolo_v8.yolo_11, "x"), 194.9, 56.9, _YOLO_11),
    "rt-detr-l": Architecture(partial(rt_detr.rt_detr, "l"), "detr", "detection", "other", 110.0, 32.0, _RT_DETR),
    "rt-detr-x": Architecture(partial(rt_detr.rt_detr, "x"), "detr", "detection", "other", 234.0, 67.0, _RT_DETR),
    "unet": Architecture(
        unet.unet, "unet", "segmentation", "mask", 260.1, 31.03,
        "Open Model Zoo 7ef5b91, models/intel/unet-camvid-onnx-0001/README.md",
    ),
    "vit-small": _classifier(
        vit.vit_small, "vit", 9.2, 22.05, "Touvron et al. 2021, table 1 (4.6 G multiply-adds, 22 M); timm model table"
    ),
    "swin-tiny": _classifier(
        vit.swin_tiny, "swin", 9.028, 28.8173, _OMZ.format("swin-tiny-patch4-window7-224")
    ),
    "bert-mini": Architecture(
        partial(bert.bert, "mini"), "bert", "language", "embedding", 0.874, 11.17,
        "Turc et al. 2019 (11.17 M parameters); operations in closed form for 128 tokens",
        token_limit=bert.VOCABULARY,
    ),
    "bert-base": Architecture(
        partial(bert.bert, "base"), "bert", "language", "embedding", 22.35, 109.48,
        "Devlin et al. 2019 (110 M parameters); operations in closed form for 128 tokens",
        token_limit=bert.VOCABULARY,
    ),
    "bert-large": Architecture(
        bert.bert_large, "bert", "language", "tokens", 246.43, 333.96,
        "Open Model Zoo 7ef5b91, models/intel/bert-large-uncased-whole-word-masking-squad-0001/README.md (parameters); "
        "operations in closed form for 384 tokens",
        token_limit=bert.VOCABULARY,
    ),
}  # fmt: skip

ALIASES = {
    "yolov5n": "yolo-tiny", "yolov5s": "yolo-small", "yolov5m": "yolo-medium", "bert-large-384": "bert-large",
    "rtdetr-l": "rt-detr-l", "rtdetr-x": "rt-detr-x",
}  # fmt: skip
"""Other names of architectures, as their authors write them."""
