"""Every family of stand-ins: its graph, the counts that the search begins at, its arrangements of layers."""

from __future__ import annotations

from advisor.zoo.families import Layout
from advisor.zoo.templates import Template, Variant, network, template

from . import crops, dense, detectors, efficient, inception, maps, mobile, pva, sequences

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
MOBILE = template("mobilenet", *_CLASSES, mobile.classifier, (16.0,) * 6, _THOUSAND, *_MOBILE_DEPTHS, growth=1.6)
MOBILE_WIDE = template(
    "mobilenet", *_CLASSES, mobile.wide_classifier, (16.0,) * 5 + (256.0,), _THOUSAND, *_MOBILE_DEPTHS,
    exponents=(0, 1, 2, 3, 4, 2), growth=1.6,
)  # fmt: skip
MOBILE_THIN = template(
    "mobilenet", *_CLASSES, mobile.thin_wide_classifier, (16.0,) * 5 + (64.0,), _THOUSAND, *_MOBILE_DEPTHS, growth=1.6
)
MOBILE_FEW = template("mobilenet", *_CLASSES, mobile.classifier, (16.0,) * 6, (10,), *_MOBILE_DEPTHS, growth=1.6)
RESNET = template("resnet", *_CLASSES, dense.residual_classifier, (64.0,) * 4, _THOUSAND, *_RESIDUAL_DEPTHS)
BOTTLENECK_FEW = template("resnet", *_CLASSES, dense.bottleneck_classifier, (64.0,) * 4, (10,), *_BOTTLENECK_DEPTHS)
RESNET_FEW = template("resnet", *_CLASSES, dense.residual_classifier, (64.0,) * 4, (10,), *_RESIDUAL_DEPTHS)
BOTTLENECK = template("resnet", *_CLASSES, dense.bottleneck_classifier, (64.0,) * 4, _THOUSAND, *_BOTTLENECK_DEPTHS)
REGNET = template("regnet", *_CLASSES, dense.grouped_classifier, (96.0,) * 4, _THOUSAND, (2, 6, 15, 2), (1, 2, 4, 1))
PLAIN = template("vgg", *_CLASSES, dense.plain_classifier, (48.0,) * 5, _THOUSAND, (1, 2, 4, 14, 1), (1, 2, 3, 3, 1))
CONVNEXT = template("convnext", *_CLASSES, dense.convnext_classifier, (96.0,) * 4, _THOUSAND, (3, 3, 9, 3))
SMALL = template(
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
VGG = template(
    "vgg", "place recognition", "embedding", mobile.small_plain, (32.0,) * 6, (256,), (2, 2, 3, 3, 3), (1, 1, 1, 1, 1)
)
REID = template(
    "osnet", "re-identification", "embedding", mobile.omni_scale_embedding, (32.0,) * 5, (2, 1),
    (2, 2, 2), (1, 1, 1), (3, 3, 2), growth=1.4,
)  # fmt: skip
FACE_ID = template(
    "resnet", "face recognition", "embedding", dense.residual_embedding, (64.0,) * 4, (512,), (3, 13, 30, 3),
    *_RESIDUAL_DEPTHS,
)  # fmt: skip
SSD_FEW = template("ssd", *_BOXES, mobile.ssd, _FIVE, (1,), *_SSD_DEPTHS, *_EARLY_DEPTHS, growth=1.6)
SSD_COCO = template("ssd", *_BOXES, mobile.ssd, _FIVE, (90,), *_SSD_DEPTHS, *_EARLY_DEPTHS, growth=1.6)
SSD_RESNET = template(
    "ssd", *_BOXES, dense.residual_ssd, (64.0,) * 4, (1, 2), (3, 4, 6, 3), (2, 2, 2, 2), (3, 4, 23, 3)
)
PYRAMID = Template(
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
TINY_DARKNET = template(
    "yolo", "detection", "yolo", dense.tiny_darknet, (16.0,) * 7, (80,), (1,) * 7, (1, 1, 1, 1, 1, 1, 2)
)
DARKNET_19 = template(
    "yolo", "detection", "yolo", dense.tiny_darknet, (16.0,) * 7, (80,), (1, 1, 2, 2, 3, 3, 2), (1, 1, 1, 1, 3, 3, 3)
)
SEGMENT = template(
    "encoder-decoder", "segmentation", "mask", maps.encoder_decoder, (32.0,) * 5, (2, 1, 4),
    (1, 2, 2, 2, 2), (1, 1, 1, 1, 1), (3, 4, 6, 3, 1),
)  # fmt: skip
MOBILE_SEGMENT = template(
    "encoder-decoder", "segmentation", "mask", maps.mobile_encoder_decoder, _FIVE, (1, 2, 4), *_SSD_DEPTHS
)
TEXT_MAP = template("encoder-decoder", "text detection", "mask", maps.mobile_encoder_decoder, _FIVE, (0,), *_SSD_DEPTHS)
IMAGE = template(
    "image-to-image", "image processing", "image", maps.image_to_image, (32.0,) * 4, (1, 2), (2, 2, 2, 2),
    (4, 4, 4, 4), (1, 1, 1, 1),
)  # fmt: skip
POSE = template(
    "pose", "pose estimation", "heatmap", maps.heatmaps, (32.0,) * 4, (4, 2), (2, 2, 2, 2), (3, 4, 6, 3), (1, 1, 1, 1)
)
SUPER_RESOLUTION = Template(
    "super-resolution", "super-resolution", "image", maps.super_resolution,
    (
        Variant((32.0, 8.0, 8.0), (2, 1), 2), Variant((32.0, 16.0), (2, 1), 1), Variant((16.0, 16.0), (1, 0), 0),
        Variant((16.0, 16.0), (0, 0), 0), Variant((16.0, 8.0, 8.0), (1, 1), 2),
    ),
    growth=1.0,
)  # fmt: skip
VOLUME = template(
    "unet-3d", "volume segmentation", "mask", maps.volume_encoder_decoder, (16.0,) * 4, (4,), (1, 2, 2, 2),
    (1, 1, 1, 1), (2, 2, 2, 2),
)  # fmt: skip
_LINE_DEPTHS = ((1, 1, 2, 2), (1, 1, 1, 1), (2, 2, 2, 2), (1, 2, 3, 3), (1, 1, 2, 2, 1), (1, 1, 1, 1, 1, 1))
TEXT_LINE = template(
    "text-line", "text recognition", "tokens", sequences.text_line, (64.0,) * 4, (100,), *_LINE_DEPTHS, growth=1.5
)
TEXT_LINE_CJK = template(
    "text-line", "text recognition", "tokens", sequences.text_line, (64.0,) * 4, (4000,), *_LINE_DEPTHS, growth=1.5
)
TEXT_RESNET = template(
    "text-line", "text recognition", "tokens", sequences.residual_text_line, (64.0,) * 5, (40,), (1, 3, 4, 6, 3),
    (1, 1, 3, 4, 6, 3), (1, 1, 1, 3, 4, 6, 3),
    (1, 1, 2, 2, 2), (1, 2, 5, 5, 2),
)  # fmt: skip
SOUND = template("audio", "sound classification", "classes", sequences.sound, (32.0,) * 6, (3, 2, 4),
                   (0, 1, 1, 1, 1, 1), (1, 2, 2, 2, 2, 2))  # fmt: skip
SEPARABLE_SOUND = template(
    "audio", "speech recognition", "tokens", sequences.separable_sound, (256.0,) * 5, (33,), (15,) * 5, growth=1.15
)
WAVE = template(
    "transformer",
    "speech recognition",
    "tokens",
    sequences.wave_transformer,
    (512.0, 768.0, 3072.0),
    (32,),
    (12,),
    growth=1.0,
)
TOKENS = Template(
    "transformer", "speech synthesis", "other", sequences.token_transformer,
    tuple(Variant((512.0, 1024.0), (layers,), 80) for layers in (6, 4, 8, 12)), growth=1.0, token_limit=256,
)  # fmt: skip
PATCHES = template(
    "vit", *_CLASSES, sequences.patch_transformer, (384.0, 1536.0), (16, 32), (12,), (14,), (8,), (6,), growth=1.0
)
PATCHES_TEXT = template(
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
VIDEO_MOBILE = template("video", "action recognition", "classes", sequences.video, (24.0,) * 5, (1,), *_SSD_DEPTHS)
VIDEO = template(
    "video", "action recognition", "classes", sequences.video, (32.0,) * 5, (0,), (1, 1, 2, 2, 1), (1, 1, 1, 1, 1)
)

# Families whose description names a real network: counts are that network's.
_V2 = (16.0, 24.0, 32.0, 64.0, 96.0, 160.0, 320.0)
_V2_DEPTHS = (1, 2, 3, 4, 3, 3, 1)
_V2_HALVED = (1, 1, 2, 2, 2, 2, 1)
_V1 = (64.0, 128.0, 256.0, 512.0, 1024.0)
_V1_DEPTHS = (1, 2, 2, 6, 2)
_RMNET = (32.0, 64.0, 128.0, 256.0)
_RMNET_DEPTHS = ((4, 9, 11, 12), (2, 5, 6, 6))
_EFFICIENT = (16.0, 24.0, 40.0, 80.0, 112.0, 192.0, 320.0)
_EFFICIENT_DEPTHS = (1, 2, 2, 3, 3, 4, 1)

V2_CLASSIFIER = network("mobilenet", *_CLASSES, mobile.v2_classifier, (*_V2, 1280.0), _THOUSAND, _V2_DEPTHS)
V2_EMBEDDING = network(
    "mobilenet", "image retrieval", "embedding", mobile.v2_classifier, (*_V2, 1280.0), (256,), _V2_DEPTHS
)
V1_CLASSIFIER = network("mobilenet", *_CLASSES, mobile.separable_classifier, _V1, _THOUSAND, _V1_DEPTHS)
EFFICIENT = network(
    "efficientnet", *_CLASSES, efficient.efficient_classifier, (*_EFFICIENT, 1280.0), _THOUSAND, _EFFICIENT_DEPTHS,
)  # fmt: skip
FUSED = network(
    "efficientnet", *_CLASSES, efficient.fused_classifier, (24.0, 48.0, 64.0, 128.0, 160.0, 256.0, 1280.0), _THOUSAND,
    (2, 4, 4, 6, 9, 15), (1, 2, 2, 3, 5, 8),
)  # fmt: skip
MIXED = network(
    "mixnet", *_CLASSES, efficient.mixed_classifier, (32.0, 40.0, 56.0, 120.0, 264.0, 384.0), _THOUSAND,
    (1, 2, 4, 8, 3),
)  # fmt: skip
INCEPTION = network(
    "inception", *_CLASSES, inception.inception_classifier, (64.0, 192.0, 320.0, 576.0, 1024.0), _THOUSAND, (2, 5, 2),
)  # fmt: skip
INCEPTION_V4 = network("inception", *_CLASSES, inception.inception_v4, (32.0, 96.0, 192.0, 256.0), _THOUSAND, (4, 7, 3))
INCEPTION_RESIDUAL = network(
    "inception", *_CLASSES, inception.inception_residual, (32.0, 32.0, 128.0, 192.0), _THOUSAND, (5, 10, 5),
    (10, 20, 10),
)  # fmt: skip
INCEPTION_FACE = network(
    "inception", "face recognition", "embedding", inception.inception_residual, (32.0, 32.0, 128.0, 192.0), (512,),
    (5, 10, 6),
)  # fmt: skip
CROP_TWO = network(
    "plain", "attributes", "classes", crops.crop_convolutions, (48.0, 64.0, 96.0, 192.0, 256.0, 256.0, 512.0), (2,),
    (0, 0, 0, 0, 0),
)  # fmt: skip
CROP_ONE = network(
    "plain", "attributes", "classes", crops.crop_convolutions, (48.0, 64.0, 96.0, 192.0, 256.0, 256.0, 512.0), (1,),
    (0, 0, 0, 0, 0), (0, 0, 1, 1, 0),
)  # fmt: skip
CROP_THREE = network(
    "plain", "attributes", "classes", crops.crop_convolutions, (48.0, 64.0, 96.0, 192.0, 256.0, 256.0, 256.0), (3,),
    (0, 0, 0, 0, 0), (0, 0, 1, 0, 0),
)  # fmt: skip
LANDMARKS = network(
    "plain", "landmarks", "other", crops.crop_landmarks, (16.0, 32.0, 64.0, 64.0, 128.0, 256.0, 64.0), (10,),
    (1, 1, 1, 1, 0),
)  # fmt: skip
FACE_EMBEDDING = network(
    "mobilefacenet", "re-identification", "embedding", crops.face_embedding, (64.0, 64.0, 128.0, 128.0, 512.0), (256,),
    (4, 6, 2),
)  # fmt: skip
PVA = network("pvanet", *_BOXES, pva.pva_detector, (32.0, 64.0, 128.0, 256.0, 384.0), (1,), (3, 4, 4, 4), (2, 2, 2, 2))
PVA_FEW = network(
    "pvanet", "attributes", "classes", pva.pva_classifier, (32.0, 64.0, 128.0, 256.0, 384.0), (12,), (3, 4, 4, 4),
    (2, 2, 2, 2),
)  # fmt: skip
FIRE_SSD = network(
    "squeezenet-ssd", *_BOXES, detectors.fire_ssd, (32.0, 8.0, 16.0, 24.0, 32.0, 48.0), (1,), (2, 2, 2, 2, 2)
)
RMNET_SSD = network("rmnet-ssd", *_BOXES, detectors.rmnet_ssd, _RMNET, (1,), *_RMNET_DEPTHS)
RMNET_PAIR = network("rmnet-ssd", *_BOXES, detectors.rmnet_pair_ssd, (*_RMNET, 128.0), (1,), *_RMNET_DEPTHS)
RMNET_REDUCED = network("rmnet-ssd", *_BOXES, detectors.rmnet_reduced_ssd, (*_RMNET, 384.0), (3,), (4, 9, 11, 12, 4))
V1_SSD = network("ssd", *_BOXES, detectors.separable_ssd, tuple(0.5 * n for n in _V1), (1,), _V1_DEPTHS,
                  (1, 2, 2, 4, 1))  # fmt: skip
V1_PYRAMID = network("pyramid-detector", *_BOXES, detectors.separable_pyramid, (*_V1, 256.0), (90,), _V1_DEPTHS)
V2_PAIR_SSD = network("ssd", *_BOXES, detectors.mobile_pair_ssd, _V2, (1,), _V2_DEPTHS, _V2_HALVED)
V2_SINGLE_SSD = network("ssd", *_BOXES, detectors.mobile_single_ssd, (*_V2[:5], 288.0), (1,), _V2_DEPTHS[:5])
SSDLITE = network("ssd", *_BOXES, detectors.ssdlite, (*_V2, 1280.0), (90,), _V2_DEPTHS)
SSDLITE_FEW = network(
    "ssd", *_BOXES, detectors.ssdlite, (*(0.35 * n for n in _V2), 448.0), (2,), _V2_DEPTHS, _V2_HALVED
)
V2_ANCHOR_FREE = network(
    "pyramid-detector", *_BOXES, detectors.mobile_anchor_free, (*_V2, 64.0), (1,), _V2_DEPTHS, _V2_HALVED
)
SHUFFLE_DETECTOR = network(
    "shufflenet-detector", *_BOXES, detectors.shuffle_detector, (176.0, 352.0, 704.0, 256.0), (80,), (4, 8, 4),
)  # fmt: skip
FACEBOXES = network("faceboxes", *_BOXES, detectors.faceboxes, (24.0, 64.0, 32.0, 64.0), (1,), (3,))
EFFICIENT_DETECTOR = network(
    "efficientdet", *_BOXES, efficient.efficient_detector, (*_EFFICIENT, 64.0), (3,), (*_EFFICIENT_DEPTHS, 3)
)
EFFICIENT_DETECTOR_1 = network(
    "efficientdet", *_BOXES, efficient.efficient_detector, (*_EFFICIENT, 88.0), (4,), (2, 3, 3, 4, 4, 5, 2, 3)
)
_DARKNET = (32.0, 64.0, 128.0, 256.0, 512.0, 1024.0)
DARKNET = network("yolo", "detection", "yolo", dense.darknet_detector, _DARKNET, (80,), (1, 2, 8, 8, 4))
CSP_DARKNET = network("yolo", "detection", "yolo", dense.csp_darknet_detector, _DARKNET, (80,), (1, 2, 8, 8, 4))
TINY_PYRAMID = network(
    "yolo", "detection", "yolo", dense.tiny_pyramid_detector, (16.0, 32.0, 64.0, 128.0, 256.0, 512.0, 1024.0), (80,),
    (1,) * 7,
)  # fmt: skip
YOLOX = network(
    "yolo", "detection", "yolo", dense.decoupled_detector, (24.0, 48.0, 96.0, 192.0, 384.0), (80,), (1, 3, 3, 1),
)  # fmt: skip
YOLOX_NANO = network(
    "yolo", "detection", "yolo", dense.light_decoupled_detector, (16.0, 32.0, 64.0, 128.0, 256.0), (10,), (1, 3, 3, 1),
)  # fmt: skip
DILATED = network(
    "dilated-resnet", "segmentation", "mask", dense.dilated_residual, (64.0, 128.0, 256.0, 512.0, 512.0), (0,),
    (3, 4, 6, 3),
)  # fmt: skip
DILATED_BOTTLENECK = network(
    "dilated-resnet", "segmentation", "mask", dense.dilated_residual, (64.0, 128.0, 256.0, 512.0, 512.0), (1,),
    (3, 4, 6, 3),
)  # fmt: skip
ATROUS = network("deeplab", "segmentation", "mask", maps.atrous_segmentation, (*_V2, 256.0), (6,), _V2_DEPTHS)
OPENPOSE = network(
    "pose", "pose estimation", "heatmap", maps.separable_heatmaps, (64.0, 128.0, 256.0, 512.0, 128.0), (1, 2),
    (1, 2, 2, 6),
)  # fmt: skip
TEXT_RECURRENT = network(
    "text-line", "text recognition", "tokens", sequences.recurrent_text_line, (64.0, 128.0, 256.0, 512.0, 256.0), (37,),
    (1, 1, 2, 2), (1, 1, 2, 1), (1, 1, 1, 1),
)  # fmt: skip
TEXT_GROUPED = network(
    "text-line", "text recognition", "tokens", sequences.grouped_text_line, (128.0, 256.0, 64.0), (37,), (3, 4), (2, 3),
)  # fmt: skip
PLATE_LINE = network(
    "text-line", "text recognition", "tokens", sequences.plate_line, (64.0, 128.0, 256.0, 128.0, 128.0), (71,), (1, 2),
)  # fmt: skip
