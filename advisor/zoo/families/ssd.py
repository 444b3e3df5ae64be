"""SSD (Liu et al. 2016) on MobileNet-v1, 300 x 300, as the TensorFlow object detection model has it."""

from __future__ import annotations

from advisor.zoo.builder import Net
from advisor.zoo.detect import ssd_output

from .mobilenet import mobilenet_v1_features


def ssd_mobilenet() -> Net:
    """SSD-MobileNet-v1 with 91 classes (background included), 1x1 box predictors on six maps, 1917 anchors."""
    net = Net("ssd-mobilenet", (1, 3, 300, 300))
    features = mobilenet_v1_features(net)
    maps = [features[11], features[13]]
    for width in (512, 256, 256, 128):
        y = net.conv(maps[-1], width // 2, 1, act="relu6")
        maps.append(net.conv(y, width, 3, 2, act="relu6"))
    ssd_output(net, maps, (3, 6, 6, 6, 6, 6), 91, kernel=1)
    return net
