"""Vision transformers: ViT-small (Dosovitskiy et al. 2021; Touvron et al. 2021) and Swin-tiny (Liu et al. 2021)."""

from __future__ import annotations

from advisor.zoo.blocks import encoder_layer, feed_forward, self_attention, tokens_of
from advisor.zoo.builder import Net, Tensor


def vit_small() -> Net:
    """ViT-small/16 at 224 x 224: 12 layers, width 384, 6 heads, class token.

    The class token is row 0 of the position table, added to a row of zeros: the same sum as a token that is put in
    front, and free of the batch size.
    """
    net = Net("vit-small", (1, 3, 224, 224))
    x = tokens_of(net, net.conv(net.input, 384, 16, 16, pad=0))
    tokens = x.shape[1] + 1
    x = net.node("Pad", [x.name, net.integers((0, 1, 0, 0, 0, 0))], (1, tokens, 384), mode="constant")
    x = net.add_weight(x, (1, tokens, 384))
    for _ in range(12):
        x = encoder_layer(net, x, 6, 1536)
    x = net.reshape(net.slice(net.layer_norm(x), 1, 0, 1), (0, 384))
    net.output(net.dense(x, 1000))
    return net


def window_attention(net: Net, x: Tensor, size: tuple[int, int], heads: int, window: int, shift: int) -> Tensor:
    """Attention inside windows of [batch, positions, width]; ``shift`` moves them, as every second Swin block does."""
    (height, width), channels = size, x.shape[2]
    rows, columns = height // window, width // window
    if shift:
        x = _roll(net, x, size, shift)
    y = net.reshape(x, (0, rows, window, columns, window * channels))
    y = net.reshape(net.transpose(y, (0, 1, 3, 2, 4)), (-1, window * window, channels))
    y = self_attention(net, y, heads, bias=(1, heads, window * window, window * window))
    y = net.reshape(y, (-1, rows, columns, window, window * channels))
    y = net.reshape(net.transpose(y, (0, 1, 3, 2, 4)), (-1, height * width, channels))
    return _roll(net, y, size, -shift) if shift else y


def _roll(net: Net, x: Tensor, size: tuple[int, int], shift: int) -> Tensor:
    """Move the picture by ``shift`` rows and columns, around the edges."""
    y = net.reshape(x, (0, *size, x.shape[2]))
    for axis, length in ((1, size[0]), (2, size[1])):
        cut = shift % length
        y = net.concat([net.slice(y, axis, cut, length), net.slice(y, axis, 0, cut)], axis)
    return net.reshape(y, (0, size[0] * size[1], x.shape[2]))


def swin_tiny() -> Net:
    """Swin-tiny at 224 x 224, window 7.

    The relative position bias is stored expanded, as inference graphs have it after constant folding: that adds 0.7
    million numbers to the 28.3 of the paper, which Open Model Zoo's figure (28.8) counts too. The mask of shifted
    windows is left out (one addition per score).
    """
    net = Net("swin-tiny", (1, 3, 224, 224))
    side, width = 56, 96
    x = net.layer_norm(tokens_of(net, net.conv(net.input, width, 4, 4, pad=0)))
    for stage, depth in enumerate((2, 2, 6, 2)):
        for block in range(depth):
            shift = 3 if block % 2 and side > 7 else 0
            y = window_attention(net, net.layer_norm(x), (side, side), width // 32, 7, shift)
            x = net.add(x, y)
            x = net.add(x, feed_forward(net, net.layer_norm(x), 4 * width))
        if stage < 3:
            x = merge_patches(net, x, side)
            side, width = side // 2, width * 2
    x = net.node("ReduceMean", [net.layer_norm(x)], (1, width), axes=(1,), keepdims=0)
    net.output(net.dense(x, 1000))
    return net


def merge_patches(net: Net, x: Tensor, side: int) -> Tensor:
    """Join 2 x 2 neighbours and halve their joint width."""
    width, half = x.shape[2], side // 2
    y = net.reshape(x, (0, half, 2, half, 2 * width))
    y = net.reshape(net.transpose(y, (0, 1, 3, 2, 4)), (-1, half * half, 4 * width))
    return net.dense(net.layer_norm(y), 2 * width, bias=False)


def heads_for(width: int) -> int:
    """Number of heads: about 64 wide each, a divisor of the width."""
    return max(heads for heads in range(1, max(1, width // 64) + 1) if width % heads == 0)
