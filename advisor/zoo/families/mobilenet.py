"""MobileNet-v1 (Howard et al. 2017), v2 (Sandler et al. 2018), v3 (Howard et al. 2019)."""

from __future__ import annotations

from advisor.zoo.blocks import inverted_residual, round8, separable
from advisor.zoo.builder import Net, Tensor

V1_LAYERS = ((64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2), *((512, 1),) * 5, (1024, 2), (1024, 1))
"""Output channels and stride of the separable convolutions after the stem (table 1 of the paper)."""
_V2_STAGES = ((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1))
_V3_LARGE = (
    (3, 16, 16, False, "relu", 1), (3, 64, 24, False, "relu", 2), (3, 72, 24, False, "relu", 1),
    (5, 72, 40, True, "relu", 2), (5, 120, 40, True, "relu", 1), (5, 120, 40, True, "relu", 1),
    (3, 240, 80, False, "hswish", 2), (3, 200, 80, False, "hswish", 1), (3, 184, 80, False, "hswish", 1),
    (3, 184, 80, False, "hswish", 1), (3, 480, 112, True, "hswish", 1), (3, 672, 112, True, "hswish", 1),
    (5, 672, 160, True, "hswish", 2), (5, 960, 160, True, "hswish", 1), (5, 960, 160, True, "hswish", 1),
)  # fmt: skip
_V3_SMALL = (
    (3, 16, 16, True, "relu", 2), (3, 72, 24, False, "relu", 2), (3, 88, 24, False, "relu", 1),
    (5, 96, 40, True, "hswish", 2), (5, 240, 40, True, "hswish", 1), (5, 240, 40, True, "hswish", 1),
    (5, 120, 48, True, "hswish", 1), (5, 144, 48, True, "hswish", 1), (5, 288, 96, True, "hswish", 2),
    (5, 576, 96, True, "hswish", 1), (5, 576, 96, True, "hswish", 1),
)  # fmt: skip


def mobilenet_v1_features(net: Net) -> list[Tensor]:
    """Outputs of the stem and of each separable convolution."""
    outputs = [net.conv(net.input, 32, 3, 2, act="relu6")]
    for width, stride in V1_LAYERS:
        outputs.append(separable(net, outputs[-1], width, stride, act="relu6"))
    return outputs


def mobilenet_v1() -> Net:
    """MobileNet-v1 1.0 at 224 x 224."""
    net = Net("mobilenet-v1", (1, 3, 224, 224))
    x = mobilenet_v1_features(net)[-1]
    net.output(net.dense(net.global_pool(x), 1000))
    return net


def mobilenet_v2() -> Net:
    """MobileNet-v2 1.0 at 224 x 224."""
    net = Net("mobilenet-v2", (1, 3, 224, 224))
    x = net.conv(net.input, 32, 3, 2, act="relu6")
    for expansion, width, depth, stride in _V2_STAGES:
        for block in range(depth):
            x = inverted_residual(net, x, x.shape[1] * expansion, width, 3, stride if block == 0 else 1)
    x = net.conv(x, 1280, 1, act="relu6")
    net.output(net.dense(net.global_pool(x), 1000))
    return net


def mobilenet_v3(size: str) -> Net:
    """MobileNet-v3 "large" or "small" at 224 x 224."""
    net = Net("mobilenet-v3" if size == "large" else "mobilenet-v3-small", (1, 3, 224, 224))
    x = net.conv(net.input, 16, 3, 2, act="hswish")
    for kernel, expanded, width, excite, act, stride in _V3_LARGE if size == "large" else _V3_SMALL:
        x = inverted_residual(net, x, expanded, width, kernel, stride, act=act,
                              squeezed=round8(expanded / 4) if excite else None, se_gate="hsigmoid")  # fmt: skip
    x = net.conv(x, 960 if size == "large" else 576, 1, act="hswish")
    x = net.dense(net.global_pool(x), 1280 if size == "large" else 1024, act="hswish")
    net.output(net.dense(x, 1000))
    return net
