"""Families of stand-ins: for each a graph over a list of channel counts, and the rules that choose a family by name."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

from advisor.errors import ModelError

from .builder import Net
from .families import Layout
from .published import Published
from .stand_ins import dense, maps, mobile, sequences


@dataclass(frozen=True)
class Variant:
    """One arrangement of a family's layers."""

    base: tuple[float, ...]
    """Channels of each stage at width 1 and growth 1."""
    depths: tuple[int, ...]
    """Blocks per stage."""
    option: int
    """What the family's graph calls its third degree of freedom: classes, stem stride, layers."""
    exponents: tuple[float, ...] = ()
    """Power of growth in each count; empty: 0, 1, 2 and so on."""

    def width_at(self, place: int, width: float, growth: float) -> float:
        """Channel count, not yet rounded, for the two knobs."""
        return self.base[place] * width * growth ** (self.exponents[place] if self.exponents else place)


@dataclass(frozen=True)
class Template:
    """A family of stand-ins; variants stand in order of preference, each tried first at the natural growth."""

    family: str
    task: str
    output_layout: Layout
    body: Callable[[Net, tuple[int, ...], tuple[int, ...], int], None]
    variants: tuple[Variant, ...]
    growth: float = 1.8
    """Factor from stage to stage that real nets of this family have."""
    token_limit: int | None = None
    """Not None: the input holds int64 token ids below this number."""

    def describe(self, name: str, shape: tuple[int, ...], variant: Variant, channels: tuple[int, ...]) -> Net:
        """Describe the graph for these channel counts."""
        net = Net(name, shape, self.token_limit)
        self.body(net, channels, variant.depths, variant.option)
        return net


_Body = Callable[[Net, tuple[int, ...], tuple[int, ...], int], None]


def _template(
    family: str, task: str, layout: Layout, body: _Body, base: tuple[float, ...], options: tuple[int, ...],
    *depths: tuple[int, ...], exponents: tuple[float, ...] = (), growth: float = 1.8,
) -> Template:  # fmt: skip
    # A depth list with more stages than ``base`` has extends it at the coarse end.
    short = min(len(each) for each in depths)
    variants = tuple(
        Variant(base + base[-1:] * (len(each) - short), each, option, exponents)
        for option in options
        for each in depths
    )
    return Template(family, task, layout, body, variants, growth)


_THOUSAND = (1000,)
_MOBILE_DEPTHS = ((1, 2, 3, 4, 3), (1, 2, 2, 3, 1), (1, 3, 4, 6, 3), (1, 1, 1, 1, 1))
_RESIDUAL_DEPTHS = ((2, 2, 2, 2), (3, 4, 6, 3), (1, 1, 1, 1), (3, 4, 23, 3))
_BOTTLENECK_DEPTHS = ((3, 4, 6, 3), (2, 2, 2, 2), (3, 4, 23, 3), (1, 1, 1, 1))
_CLASSES: tuple[str, Layout] = ("classification", "classes")
_BOXES: tuple[str, Layout] = ("detection", "ssd")
_FIVE = (16.0,) * 5

_SSD_DEPTHS = ((1, 2, 3, 4, 3), (1, 2, 4, 6, 2), (1, 1, 2, 2, 1), (2, 4, 6, 6, 2))
_EARLY_DEPTHS = ((1, 1, 2, 3, 3, 2), (1, 1, 1, 1, 2, 2, 2))
"""Down to stride 64 or 128, for nets on large pictures that shrink them at once."""
_MOBILE = _template("mobilenet", *_CLASSES, mobile.classifier, (16.0,) * 6, _THOUSAND, *_MOBILE_DEPTHS, growth=1.6)
_MOBILE_WIDE = _template(
    "mobilenet", *_CLASSES, mobile.wide_classifier, (16.0,) * 5 + (256.0,), _THOUSAND, *_MOBILE_DEPTHS,
    exponents=(0, 1, 2, 3, 4, 2), growth=1.6,
)  # fmt: skip
_MOBILE_THIN = _template(
    "mobilenet", *_CLASSES, mobile.thin_wide_classifier, (16.0,) * 5 + (64.0,), _THOUSAND, *_MOBILE_DEPTHS, growth=1.6
)
_MOBILE_FEW = _template("mobilenet", *_CLASSES, mobile.classifier, (16.0,) * 6, (10,), *_MOBILE_DEPTHS, growth=1.6)
_RESNET = _template("resnet", *_CLASSES, dense.residual_classifier, (64.0,) * 4, _THOUSAND, *_RESIDUAL_DEPTHS)
_BOTTLENECK_FEW = _template("resnet", *_CLASSES, dense.bottleneck_classifier, (64.0,) * 4, (10,), *_BOTTLENECK_DEPTHS)
_RESNET_FEW = _template("resnet", *_CLASSES, dense.residual_classifier, (64.0,) * 4, (10,), *_RESIDUAL_DEPTHS)
_BOTTLENECK = _template("resnet", *_CLASSES, dense.bottleneck_classifier, (64.0,) * 4, _THOUSAND, *_BOTTLENECK_DEPTHS)
_REGNET = _template("regnet", *_CLASSES, dense.grouped_classifier, (96.0,) * 4, _THOUSAND, (2, 6, 15, 2), (1, 2, 4, 1))
_PLAIN = _template("vgg", *_CLASSES, dense.plain_classifier, (48.0,) * 5, _THOUSAND, (1, 2, 4, 14, 1), (1, 2, 3, 3, 1))
_CONVNEXT = _template("convnext", *_CLASSES, dense.convnext_classifier, (96.0,) * 4, _THOUSAND, (3, 3, 9, 3))
_SMALL = _template(
    "plain",
    "attributes",
    "classes",
    mobile.small_plain,
    (24.0,) * 5,
    (8,),
    (1, 1, 1, 1),
    (1, 1, 2, 2),
    (2, 2, 2, 2),
)
_VGG = _template(
    "vgg", "place recognition", "embedding", mobile.small_plain, (32.0,) * 6, (256,), (2, 2, 3, 3, 3), (1, 1, 1, 1, 1)
)
_REID = _template(
    "osnet", "re-identification", "embedding", mobile.omni_scale_embedding, (32.0,) * 5, (2, 1),
    (2, 2, 2), (1, 1, 1), (3, 3, 2), growth=1.4,
)  # fmt: skip
_FACE_ID = _template(
    "resnet", "face recognition", "embedding", dense.residual_embedding, (64.0,) * 4, (512,), (3, 13, 30, 3),
    *_RESIDUAL_DEPTHS,
)  # fmt: skip
_SSD_FEW = _template("ssd", *_BOXES, mobile.ssd, _FIVE, (1,), *_SSD_DEPTHS, *_EARLY_DEPTHS, growth=1.6)
_SSD_COCO = _template("ssd", *_BOXES, mobile.ssd, _FIVE, (90,), *_SSD_DEPTHS, *_EARLY_DEPTHS, growth=1.6)
_SSD_RESNET = _template(
    "ssd", *_BOXES, dense.residual_ssd, (64.0,) * 4, (1, 2), (3, 4, 6, 3), (2, 2, 2, 2), (3, 4, 23, 3)
)
_PYRAMID = Template(
    "pyramid-detector", *_BOXES, dense.pyramid_detector,
    (
        *(
            Variant((64.0, 64.0, 64.0, 64.0, 128.0), depths, head, (0, 1, 2, 3, 1))
            for head in (1, 4, 0) for depths in _BOTTLENECK_DEPTHS
        ),
        *(
            Variant((64.0, 64.0, 64.0, 64.0, 64.0, 128.0), depths, 0, (0, 1, 2, 3, 4, 1))
            for depths in ((3, 4, 6, 3, 1), (1, 1, 1, 1, 1))
        ),
    ),
)  # fmt: skip
_DARKNET = _template(
    "yolo", "detection", "yolo", dense.darknet_detector, (32.0,) * 6, (80,), (1, 2, 8, 8, 4), (1, 1, 2, 2, 1),
    (2, 4, 8, 4, 2),
)  # fmt: skip
_TINY_DARKNET = _template(
    "yolo", "detection", "yolo", dense.tiny_darknet, (16.0,) * 7, (80,), (1,) * 7, (1, 1, 1, 1, 1, 1, 2)
)
_DARKNET_19 = _template(
    "yolo", "detection", "yolo", dense.tiny_darknet, (16.0,) * 7, (80,), (1, 1, 2, 2, 3, 3, 2), (1, 1, 1, 1, 3, 3, 3)
)
_CSP = _template(
    "yolo", "detection", "yolo", dense.csp_detector, (32.0,) * 5, (80,), (1, 2, 3, 1), (2, 4, 6, 2), (1, 1, 1, 1),
    (3, 6, 9, 3),
)  # fmt: skip
_SEGMENT = _template(
    "encoder-decoder", "segmentation", "mask", maps.encoder_decoder, (32.0,) * 5, (2, 1, 4),
    (1, 2, 2, 2, 2), (1, 1, 1, 1, 1), (3, 4, 6, 3, 1),
)  # fmt: skip
_MOBILE_SEGMENT = _template(
    "encoder-decoder", "segmentation", "mask", maps.mobile_encoder_decoder, _FIVE, (1, 2, 4), *_SSD_DEPTHS
)
_TEXT_MAP = _template(
    "encoder-decoder", "text detection", "mask", maps.mobile_encoder_decoder, _FIVE, (0,), *_SSD_DEPTHS
)
_IMAGE = _template(
    "image-to-image", "image processing", "image", maps.image_to_image, (32.0,) * 4, (1, 2), (2, 2, 2, 2),
    (4, 4, 4, 4), (1, 1, 1, 1),
)  # fmt: skip
_POSE = _template(
    "pose", "pose estimation", "heatmap", maps.heatmaps, (32.0,) * 4, (4, 2), (2, 2, 2, 2), (3, 4, 6, 3), (1, 1, 1, 1)
)
_SUPER_RESOLUTION = Template(
    "super-resolution", "super-resolution", "image", maps.super_resolution,
    (
        Variant((32.0, 8.0, 8.0), (2, 1), 2), Variant((32.0, 16.0), (2, 1), 1), Variant((16.0, 16.0), (1, 0), 0),
        Variant((16.0, 16.0), (0, 0), 0), Variant((16.0, 8.0, 8.0), (1, 1), 2),
    ),
    growth=1.0,
)  # fmt: skip
_VOLUME = _template(
    "unet-3d", "volume segmentation", "mask", maps.volume_encoder_decoder, (16.0,) * 4, (4,), (1, 2, 2, 2),
    (1, 1, 1, 1), (2, 2, 2, 2),
)  # fmt: skip
_LINE_DEPTHS = ((1, 1, 2, 2), (1, 1, 1, 1), (2, 2, 2, 2), (1, 2, 3, 3), (1, 1, 2, 2, 1), (1, 1, 1, 1, 1, 1))
_TEXT_LINE = _template(
    "text-line", "text recognition", "tokens", sequences.text_line, (64.0,) * 4, (100,), *_LINE_DEPTHS, growth=1.5
)
_TEXT_LINE_CJK = _template(
    "text-line", "text recognition", "tokens", sequences.text_line, (64.0,) * 4, (4000,), *_LINE_DEPTHS, growth=1.5
)
_TEXT_RESNET = _template(
    "text-line", "text recognition", "tokens", sequences.residual_text_line, (64.0,) * 5, (40,), (1, 3, 4, 6, 3),
    (1, 1, 3, 4, 6, 3), (1, 1, 1, 3, 4, 6, 3),
    (1, 1, 2, 2, 2), (1, 2, 5, 5, 2),
)  # fmt: skip
_SOUND = _template("audio", "sound classification", "classes", sequences.sound, (32.0,) * 6, (3, 2, 4),
                   (0, 1, 1, 1, 1, 1), (1, 2, 2, 2, 2, 2))  # fmt: skip
_SEPARABLE_SOUND = _template(
    "audio", "speech recognition", "tokens", sequences.separable_sound, (256.0,) * 5, (33,), (15,) * 5, growth=1.15
)
_WAVE = _template(
    "transformer",
    "speech recognition",
    "tokens",
    sequences.wave_transformer,
    (512.0, 768.0, 3072.0),
    (32,),
    (12,),
    growth=1.0,
)
_TOKENS = Template(
    "transformer", "speech synthesis", "other", sequences.token_transformer,
    tuple(Variant((512.0, 1024.0), (layers,), 80) for layers in (6, 4, 8, 12)), growth=1.0, token_limit=256,
)  # fmt: skip
_PATCHES = _template(
    "vit", *_CLASSES, sequences.patch_transformer, (384.0, 1536.0), (16, 32), (12,), (14,), (8,), (6,), growth=1.0
)
_PATCHES_TEXT = _template(
    "vit",
    "text recognition",
    "tokens",
    sequences.patch_transformer,
    (384.0, 1536.0),
    (16,),
    (12,),
    (13,),
    (14,),
    growth=1.0,
)
_VIDEO_MOBILE = _template("video", "action recognition", "classes", sequences.video, (24.0,) * 5, (1,), *_SSD_DEPTHS)
_VIDEO = _template(
    "video", "action recognition", "classes", sequences.video, (32.0,) * 5, (0,), (1, 1, 2, 2, 1), (1, 1, 1, 1, 1)
)

_RULES: tuple[tuple[str, Template], ...] = (
    # Sequences, volumes and sound first: their names also hold words of pictures.
    (r"^(asl-recognition|common-sign-language)", _VIDEO_MOBILE),
    (r"^i3d-", _VIDEO),
    (r"^brain-tumor", _VOLUME),
    (r"^aclnet", _SOUND),
    (r"^quartznet", _SEPARABLE_SOUND),
    (r"^wav2vec", _WAVE),
    (r"^text-to-speech", _TOKENS),
    (r"super-resolution", _SUPER_RESOLUTION),
    (r"^vitstr", _PATCHES_TEXT),
    (r"^t2t-vit", _PATCHES),
    (r"^handwritten-(japanese|simplified)", _TEXT_LINE_CJK),
    (r"^text-recognition-(0015|0016|resnet)", _TEXT_RESNET),
    (r"^(text-recognition|handwritten|formula|license-plate-recognition)", _TEXT_LINE),
    # Crops.
    (r"^(person|vehicle|face)-reid", _REID),
    (r"arcface", _FACE_ID),
    (r"^(age-gender|emotions|head-pose|gaze)|landmarks|^open-closed|attributes-recognition-barrier-0039", _SMALL),
    (r"^person-attributes-recognition-crossroad-0230", _MOBILE_FEW),
    (r"^person-attributes", _BOTTLENECK_FEW),
    (r"attributes-recognition|^weld-", _RESNET_FEW),
    # Maps.
    (r"^text-detection", _TEXT_MAP),
    (r"pose-estimation", _POSE),
    (r"semantic-segmentation-adas|road-segmentation|matting", _MOBILE_SEGMENT),
    (r"segmentation(?!-person|-security)|^(icnet|unet|erfnet|deeplab|drn|hrnet|pspnet|f3net|midas|fcrn)", _SEGMENT),
    (r"^(colorization|hybrid-cs|fbcnn|cocosnet|fast-neural)", _IMAGE),
    # Detectors.
    (r"yolo-v\d-tiny|^yolo-v1", _TINY_DARKNET),
    (r"^yolo-v4|^yolox", _CSP),
    (r"^yolo-v2", _DARKNET_19),
    (r"yolo-v|yolov3", _DARKNET),
    (r"^ssd-resnet34|^ctdet|^ctpn", _SSD_RESNET),
    (r"^instance-segmentation-(person-0007|security-10)", _SSD_COCO),
    (r"rcnn|^rfcn|^retina|^detr|^yolof|^yolact|instance-seg|text-spotting|mobilenet_v1_fpn", _PYRAMID),
    (r"^(face-detection-0206|person-detection-0106|person-detection-030[12])", _PYRAMID),
    (r"_coco|^ssdlite|^efficientdet|^nanodet", _SSD_COCO),
    (r"detect|^faceboxes", _SSD_FEW),
    # Classifiers.
    (r"^convnext", _CONVNEXT),
    (r"^regnet", _REGNET),
    (r"^netvlad", _VGG),
    (r"^repvgg", _PLAIN),
    (r"^(mobilenet|efficientnet|rexnet|image-retrieval|smartlab-action)|-mn3$", _MOBILE),
    (r"^hbonet-0", _MOBILE_THIN),
    (r"^(hbonet|mixnet|levit)", _MOBILE_WIDE),
    (r"^driver-action", _MOBILE_FEW),
    (r"^(facenet|resnest|nfnet|googlenet|inception)", _BOTTLENECK),
    (r"^dla-", _RESNET),
)

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
def template_for(row: Published) -> Template:
    """Choose the family for a published model: the first rule that its name meets.

    Raises
    ------
    ModelError
        No rule fits, which a new row of the table can bring about.
    """
    for pattern, template in _RULES:
        if re.search(pattern, row.name):
            return template
    raise ModelError(f"like:{row.name}: no family of stand-ins is known for it; add a rule in advisor/zoo/templates.py")
