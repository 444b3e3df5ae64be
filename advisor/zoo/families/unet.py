"""U-Net (Ronneberger et al. 2015) with padded convolutions, at the size of Open Model Zoo's unet-camvid."""

from __future__ import annotations

from advisor.zoo.builder import Net, Tensor


def unet() -> Net:
    """U-Net 64 to 1024 channels, transposed convolutions, 12 classes, 368 x 480."""
    net = Net("unet", (1, 3, 368, 480))

    def twice(x: Tensor, width: int) -> Tensor:
        return net.conv(net.conv(x, width, act="relu"), width, act="relu")

    x = twice(net.input, 64)
    kept = []
    for width in (128, 256, 512, 1024):
        kept.append(x)
        x = twice(net.pool(x, "max", 2, 2), width)
    for skip in reversed(kept):
        x = twice(net.concat([skip, net.deconv(x, skip.shape[1])]), skip.shape[1])
    net.output(net.conv(x, 12, 1))
    return net
