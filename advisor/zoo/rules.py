"""Which family a published model's stand-in belongs to, and what says so."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from advisor.errors import ModelError

from .published import Published
from .stand_ins import catalogue as c
from .templates import Template


@dataclass(frozen=True)
class Rule:
    """A family for all names that a pattern meets."""

    pattern: str
    template: Template
    evidence: str
    """What the choice rests on: ``layers`` (the layer list of the published file was read), ``described`` (the model's
    description names the architecture), ``named`` (its name does), ``assumed`` (nothing says; sums and task fit)."""
    blocks: str
    """The blocks in words."""


_LAYERS, _DESCRIBED, _NAMED, _ASSUMED = "layers", "described", "named", "assumed"

RULES: tuple[Rule, ...] = (
    # Sequences, volumes and sound first: their names also hold words of pictures.
    Rule(r"^(asl-recognition|common-sign-language)", c.VIDEO_MOBILE, _DESCRIBED, "S3D on MobileNet-v3"),
    Rule(r"^i3d-", c.VIDEO, _NAMED, "full 3-D convolutions"),
    Rule(r"^brain-tumor", c.VOLUME, _DESCRIBED, "3-D U-Net of residual blocks"),
    Rule(r"^aclnet", c.SOUND, _DESCRIBED, "1-D convolutions"),
    Rule(r"^quartznet", c.SEPARABLE_SOUND, _NAMED, "1-D separable convolutions"),
    Rule(r"^wav2vec", c.WAVE, _NAMED, "strided 1-D convolutions, transformer"),
    Rule(r"^text-to-speech", c.TOKENS, _ASSUMED, "transformer over tokens"),
    Rule(r"super-resolution", c.SUPER_RESOLUTION, _DESCRIBED, "convolutions at full size"),
    Rule(r"^vitstr", c.PATCHES_TEXT, _NAMED, "vision transformer"),
    Rule(r"^t2t-vit", c.PATCHES, _NAMED, "vision transformer"),
    Rule(r"^handwritten-(japanese|simplified)", c.TEXT_LINE_CJK, _DESCRIBED, "VGG-like, dense layer"),
    Rule(r"^text-recognition-(0015|0016|resnet)", c.TEXT_RESNET, _DESCRIBED, "ResNet encoder"),
    Rule(r"^text-recognition-0014", c.TEXT_GROUPED, _DESCRIBED, "ResNeXt stages 1 and 2, bidirectional LSTM"),
    Rule(r"^(text-recognition-0012|handwritten-score)", c.TEXT_RECURRENT, _DESCRIBED, "VGG-like, bidirectional LSTM"),
    Rule(r"^license-plate-recognition-barrier-0001", c.PLATE_LINE, _LAYERS, "LPRNet: 3x1 and 1x3 convolutions"),
    Rule(r"^license-plate-recognition", c.PLATE_LINE, _ASSUMED, "LPRNet: 3x1 and 1x3 convolutions"),
    Rule(r"^(handwritten|formula)", c.TEXT_LINE, _ASSUMED, "VGG-like encoder"),
    # Crops.
    Rule(r"^face-reidentification-retail-0095", c.FACE_EMBEDDING, _DESCRIBED, "MobileNet-v2, attention, PReLU"),
    Rule(r"^(person|vehicle|face)-reid", c.REID, _DESCRIBED, "OmniScaleNet"),
    Rule(r"arcface", c.FACE_ID, _NAMED, "ResNet-100"),
    Rule(r"^age-gender", c.CROP_TWO, _LAYERS, "unpadded 3x3 convolutions, two heads of convolutions"),
    Rule(r"^emotions", c.CROP_ONE, _DESCRIBED, "fully convolutional"),
    Rule(r"^head-pose", c.CROP_THREE, _DESCRIBED, "convolutions, three heads"),
    Rule(r"^landmarks-regression", c.LANDMARKS, _LAYERS, "3x3 convolutions with PReLU, pooling, scaling"),
    Rule(r"^gaze", c.SMALL, _DESCRIBED, "VGG-like"),
    Rule(r"landmarks|^open-closed|attributes-recognition-barrier-0039", c.SMALL, _ASSUMED, "convolutions, dense"),
    Rule(r"^person-attributes-recognition-crossroad-0230", c.PVA_FEW, _LAYERS, "PVANet"),
    Rule(r"^person-attributes", c.BOTTLENECK_FEW, _ASSUMED, "ResNet-50"),
    Rule(r"attributes-recognition|^weld-", c.RESNET_FEW, _DESCRIBED, "ResNet-18"),
    # Maps.
    Rule(r"^text-detection", c.TEXT_MAP, _DESCRIBED, "PixelLink on MobileNet-v2"),
    Rule(r"^human-pose-estimation-(0001|3d)", c.OPENPOSE, _DESCRIBED, "OpenPose on MobileNet-v1"),
    Rule(r"pose-estimation", c.POSE, _ASSUMED, "residual encoder and decoder"),
    Rule(r"semantic-segmentation-adas|road-segmentation|matting", c.MOBILE_SEGMENT, _ASSUMED, "mobile encoder"),
    Rule(r"^drn", c.DILATED, _NAMED, "dilated residual net"),
    Rule(r"^pspnet", c.DILATED_BOTTLENECK, _DESCRIBED, "dilated ResNet-50"),
    Rule(r"^deeplabv3", c.ATROUS, _DESCRIBED, "MobileNet-v2, dilated"),
    Rule(
        r"segmentation(?!-person|-security)|^(icnet|unet|erfnet|hrnet|f3net|midas|fcrn)", c.SEGMENT, _ASSUMED,
        "residual encoder and decoder",
    ),
    Rule(r"^(colorization|hybrid-cs|fbcnn|cocosnet|fast-neural)", c.IMAGE, _ASSUMED, "residual encoder and decoder"),
    # Detectors.
    Rule(r"^yolo-v3-tiny", c.TINY_PYRAMID, _NAMED, "YOLOv3-tiny"),
    Rule(r"yolo-v\d-tiny|^yolo-v1", c.TINY_DARKNET, _NAMED, "3x3 convolutions and pooling"),
    Rule(r"^smartlab-object-detection", c.YOLOX_NANO, _DESCRIBED, "YOLOX-Nano"),
    Rule(r"^yolox", c.YOLOX, _NAMED, "YOLOX"),
    Rule(r"^yolo-v4", c.CSP_DARKNET, _DESCRIBED, "YOLOv4 on CSPDarknet53"),
    Rule(r"^yolo-v2", c.DARKNET_19, _NAMED, "Darknet-19"),
    Rule(r"yolo-v|yolov3", c.DARKNET, _NAMED, "Darknet-53"),
    Rule(r"^ssd-resnet34|^ctdet|^ctpn", c.SSD_RESNET, _NAMED, "residual blocks"),
    Rule(r"^instance-segmentation-(person-0007|security-10)", c.SSD_COCO, _DESCRIBED, "MobileNet and EfficientNet"),
    Rule(r"^ssd_mobilenet_v1_fpn", c.V1_PYRAMID, _NAMED, "MobileNet-v1, feature pyramid"),
    Rule(
        r"rcnn|^rfcn|^retina|^detr|^yolof|^yolact|instance-seg|text-spotting", c.PYRAMID, _DESCRIBED,
        "ResNet, feature pyramid",
    ),
    Rule(r"^(face-detection-0206|person-detection-0106|person-detection-030[12])", c.PYRAMID, _DESCRIBED,
         "ResNet, feature pyramid"),
    Rule(r"^efficientdet-d1", c.EFFICIENT_DETECTOR_1, _NAMED, "EfficientNet, weighted pyramids"),
    Rule(r"^efficientdet", c.EFFICIENT_DETECTOR, _NAMED, "EfficientNet, weighted pyramids"),
    Rule(r"^nanodet", c.SHUFFLE_DETECTOR, _DESCRIBED, "ShuffleNet-v2, path aggregation"),
    Rule(r"^ssdlite", c.SSDLITE, _NAMED, "MobileNet-v2, SSDLite"),
    Rule(r"^face-detection-retail-0004", c.FIRE_SSD, _LAYERS, "SqueezeNet light, one SSD head"),
    Rule(r"^face-detection-retail-0005", c.V2_SINGLE_SSD, _DESCRIBED, "MobileNet-v2, one SSD head"),
    Rule(r"^faceboxes", c.FACEBOXES, _NAMED, "strided convolutions, inception modules"),
    Rule(r"^(face|pedestrian|vehicle)-detection-adas", c.V1_SSD, _DESCRIBED, "MobileNet-v1, SSD"),
    Rule(r"^ultra-lightweight-face", c.V1_SSD, _DESCRIBED, "separable convolutions, SSD"),
    Rule(r"^person-detection-retail-0002", c.PVA, _LAYERS, "PVANet, R-FCN"),
    Rule(r"^person-detection-retail-0013", c.RMNET_SSD, _LAYERS, "RMNet, one SSD head"),
    Rule(r"^person-detection-(action|raisinghand)", c.RMNET_PAIR, _DESCRIBED, "RMNet, SSD heads at strides 8 and 16"),
    Rule(r"^person-vehicle-bike-detection-crossroad-0078", c.RMNET_REDUCED, _DESCRIBED, "RMNet, learned scaling"),
    Rule(
        r"^(horizontal-text|face-detection-0205|person-detection-0(203|303)|person-vehicle-bike-detection-200[34])",
        c.V2_ANCHOR_FREE, _DESCRIBED, "MobileNet-v2, feature pyramid, towers",
    ),
    Rule(
        r"^((face|person|vehicle)-detection-020|person-vehicle-bike-detection-200|product-detection)", c.V2_PAIR_SSD,
        _DESCRIBED, "MobileNet-v2, two SSD heads",
    ),
    Rule(r"^vehicle-license-plate-detection", c.SSDLITE_FEW, _DESCRIBED, "MobileNet-v2, SSD"),
    Rule(r"detect", c.SSD_FEW, _ASSUMED, "MobileNet-v2, SSD"),
    # Classifiers.
    Rule(r"^convnext", c.CONVNEXT, _NAMED, "7x7 depthwise, fourfold expansion"),
    Rule(r"^regnet", c.REGNET, _NAMED, "bottlenecks with grouped convolutions"),
    Rule(r"^netvlad", c.VGG, _DESCRIBED, "VGG-16"),
    Rule(r"^repvgg", c.PLAIN, _NAMED, "3x3 convolutions"),
    Rule(r"^image-retrieval", c.V2_EMBEDDING, _DESCRIBED, "MobileNet-v2"),
    Rule(r"^mobilenet-v1", c.V1_CLASSIFIER, _NAMED, "separable convolutions"),
    Rule(r"^mobilenet-v2", c.V2_CLASSIFIER, _NAMED, "inverted residuals"),
    Rule(r"^efficientnet-v2", c.FUSED, _NAMED, "fused and attentive inverted residuals"),
    Rule(r"^(efficientnet|rexnet)", c.EFFICIENT, _NAMED, "inverted residuals with attention"),
    Rule(r"^mixnet", c.MIXED, _NAMED, "mixed depthwise kernels with attention"),
    Rule(r"^smartlab-action|-mn3$", c.MOBILE, _DESCRIBED, "inverted residuals"),
    Rule(r"^hbonet-0", c.MOBILE_THIN, _NAMED, "inverted residuals"),
    Rule(r"^(hbonet|levit)", c.MOBILE_WIDE, _ASSUMED, "inverted residuals"),
    Rule(r"^driver-action", c.MOBILE_FEW, _DESCRIBED, "inverted residuals"),
    Rule(r"^facenet", c.INCEPTION_FACE, _DESCRIBED, "Inception-ResNet-v1"),
    Rule(r"^inception-resnet", c.INCEPTION_RESIDUAL, _NAMED, "Inception-ResNet"),
    Rule(r"^googlenet-v4", c.INCEPTION_V4, _NAMED, "Inception-v4"),
    Rule(r"^googlenet", c.INCEPTION, _NAMED, "inception modules"),
    Rule(r"^(resnest|nfnet)", c.BOTTLENECK, _NAMED, "bottlenecks"),
    Rule(r"^dla-", c.RESNET, _NAMED, "residual blocks"),
)  # fmt: skip

_SAME_GRAPH = {
    "action-recognition-0001": "resnet-34",
    "densenet-121-tf": "densenet-121",
    "googlenet-v1-tf": "googlenet",
    "googlenet-v3": "inception-v3",
    "googlenet-v3-pytorch": "inception-v3",
    "mobilenet-v1-1.0-224-tf": "mobilenet-v1",
    "mobilenet-v2-1.0-224": "mobilenet-v2",
    "mobilenet-v2-pytorch": "mobilenet-v2",
    "mobilenet-v3-large-1.0-224-tf": "mobilenet-v3",
    "mobilenet-v3-small-1.0-224-tf": "mobilenet-v3-small",
    "resnet-18-pytorch": "resnet-18",
    "resnet-34-pytorch": "resnet-34",
    "resnet-50-pytorch": "resnet-50",
    "resnet-50-tf": "resnet-50",
    "shufflenet-v2-x1.0": "shufflenet-v2",
    "ssd_mobilenet_v1_coco": "ssd-mobilenet",
    "swin-tiny-patch4-window7-224": "swin-tiny",
    "unet-camvid-onnx-0001": "unet",
}
"""Published models whose graph is one of the reference architectures: the stand-in is that graph."""


def same_graph(row: Published) -> str | None:
    """Architecture that a published model is, or None."""
    return _SAME_GRAPH.get(row.name)


@lru_cache(maxsize=512)
def rule_for(row: Published) -> Rule:
    """Choose the family for a published model: the first rule that its name meets.

    Raises
    ------
    ModelError
        No rule fits, which a new row of the table can bring about.
    """
    for rule in RULES:
        if re.search(rule.pattern, row.name):
            return rule
    raise ModelError(f"like:{row.name}: no family of stand-ins is known for it; add a rule in advisor/zoo/rules.py")


def template_for(row: Published) -> Template:
    """Family of a published model; see :func:`rule_for`."""
    return rule_for(row).template
