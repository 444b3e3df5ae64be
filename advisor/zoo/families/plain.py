"""AlexNet and VGG: plain stacks of convolutions with large dense layers."""

from __future__ import annotations

from advisor.zoo.builder import Net, Tensor


def _dense_tail(net: Net, x: Tensor) -> Net:
    y = net.reshape(x, (0, -1))
    y = net.dense(net.dense(y, 4096, act="relu"), 4096, act="relu")
    net.output(net.dense(y, 1000))
    return net


def alexnet() -> Net:
    """AlexNet as Krizhevsky (2014), "One weird trick", has it: one column, no groups, 224 x 224."""
    net = Net("alexnet", (1, 3, 224, 224))
    x = net.pool(net.conv(net.input, 64, 11, 4, pad=2, act="relu"), "max", 3, 2)
    x = net.pool(net.conv(x, 192, 5, act="relu"), "max", 3, 2)
    x = net.conv(x, 384, act="relu")
    x = net.conv(x, 256, act="relu")
    x = net.pool(net.conv(x, 256, act="relu"), "max", 3, 2)
    return _dense_tail(net, x)


def vgg_16() -> Net:
    """VGG-16 (Simonyan and Zisserman 2015, configuration D)."""
    net = Net("vgg-16", (1, 3, 224, 224))
    x = net.input
    for width, depth in ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3)):
        for _ in range(depth):
            x = net.conv(x, width, act="relu")
        x = net.pool(x, "max", 2, 2)
    return _dense_tail(net, x)
