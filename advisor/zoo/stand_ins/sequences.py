"""Stand-ins on lines of text, sound, tokens, patches and video."""

from __future__ import annotations

from advisor.zoo.blocks import BRANCH_GAIN, basic_residual, bottleneck, encoder_layer, tokens_of
from advisor.zoo.builder import Net, Tensor
from advisor.zoo.families.vit import heads_for

Numbers = tuple[int, ...]


def text_line(net: Net, channels: Numbers, depths: Numbers, option: int) -> None:
    """Convolutions that halve the height faster than the width, mean over the height, ``option`` symbols per column."""
    x = net.input
    for place, (width, depth) in enumerate(zip(channels, depths, strict=True)):
        for _ in range(depth):
            x = net.conv(x, width, 3, act="relu")
        if x.shape[2] > 2:
            x = net.pool(x, "max", 2, (2, 2 if place < 2 else 1))
    _columns(net, x, option)


def recurrent_text_line(net: Net, channels: Numbers, depths: Numbers, option: int) -> None:
    """VGG-like encoder, then two bidirectional LSTM layers over the columns; ``option`` symbols per column.

    The last count is the number of hidden units of one direction.
    """
    x = net.input
    for place, (width, depth) in enumerate(zip(channels[:-1], depths, strict=True)):
        for _ in range(depth):
            x = net.conv(x, width, 3, act="relu")
        if x.shape[2] > 2:
            x = net.pool(x, "max", 2, (2, 2 if place < 2 else 1))
    _recurrent_columns(net, x, channels[-1], option)


def grouped_text_line(net: Net, channels: Numbers, depths: Numbers, option: int) -> None:
    """First two stages of a ResNeXt, then two bidirectional LSTM layers over the columns; ``option`` symbols.

    Counts: width inside each stage's bottlenecks, whose convolutions have 32 groups at 128 and 256 channels; hidden
    units of one direction.
    """
    x = net.pool(net.conv(net.input, max(8, channels[0] // 2), 7, 2, act="relu"), "max", 3, 2, 1)
    for place, (width, depth) in enumerate(zip(channels[:-1], depths, strict=True)):
        for block in range(depth):
            stride = 2 if place > 0 and block == 0 else 1
            x = bottleneck(net, x, 2 * width, stride, width, width // (4 if place == 0 else 8))
    _recurrent_columns(net, x, channels[-1], option)


def plate_line(net: Net, channels: Numbers, depths: Numbers, option: int) -> None:
    """LPRNet (Zherzdev and Gruzdev 2018): blocks of 3x1 and 1x3 convolutions, ``option`` symbols per column.

    Counts: the stem, one for each stage of blocks, the convolution over the remaining height, a dense layer over the
    whole line whose output is joined to every column. Pooling is not padded and halves the height alone.
    """
    x = net.pool(net.conv(net.input, channels[0], 3, act="relu"), "max", 3, 1)
    for width, depth in zip(channels[1:-2], depths, strict=True):
        for _ in range(depth):
            x = _plate_block(net, x, width)
        x = net.pool(x, "max", 3, (2, 1), ceil=True)
    x = net.conv(x, channels[-2], (x.shape[2], 1), pad=0, act="relu")
    x = net.conv(x, option, (1, 13), act="relu")
    columns = x.shape[3]
    pattern = net.reshape(net.dense(net.reshape(x, (0, -1)), channels[-1]), (0, channels[-1], 1, 1))
    x = net.conv(net.concat([x, net.resize(pattern, (1, columns))]), option, 1)
    net.output(net.transpose(net.reshape(x, (0, option, columns)), (0, 2, 1)))


def _plate_block(net: Net, x: Tensor, out: int) -> Tensor:
    quarter = max(1, out // 4)
    y = net.conv(x, quarter, 1, act="relu")
    y = net.conv(net.conv(y, quarter, (3, 1), act="relu"), quarter, (1, 3), act="relu")
    return net.conv(y, out, 1, act="relu")


def residual_text_line(net: Net, channels: Numbers, depths: Numbers, option: int) -> None:
    """ResNet-like encoder of a line of text; ``option`` symbols per column."""
    x = net.conv(net.input, channels[0], 3, 1, act="relu")
    for place, (width, depth) in enumerate(zip(channels, depths, strict=True)):
        for block in range(depth):
            x = basic_residual(net, x, width, 2 if place > 0 and block == 0 else 1)
    _columns(net, x, option)


def _columns(net: Net, x: Tensor, symbols: int) -> None:
    """[batch, channels, height, width] to [batch, width, symbols]."""
    net.output(net.dense(_row(net, x), symbols))


def _recurrent_columns(net: Net, x: Tensor, hidden: int, symbols: int) -> None:
    net.output(net.dense(net.recurrent(net.recurrent(_row(net, x), hidden), hidden), symbols))


def _row(net: Net, x: Tensor) -> Tensor:
    """Mean over the height: [batch, channels, height, width] to [batch, width, channels]."""
    y = net.node("ReduceMean", [x], (x.shape[0], x.shape[1], x.shape[3]), axes=(2,), keepdims=0)
    return net.transpose(y, (0, 2, 1))


def sound(net: Net, channels: Numbers, depths: Numbers, option: int) -> None:
    """1-D convolutions over a waveform, each stage dividing its rate by ``option``; 50 classes."""
    samples = net.input_shape[-1]
    x = net.reshape(net.input, (0, 1, samples))
    for place, (width, depth) in enumerate(zip(channels, depths, strict=True)):
        x = net.conv(x, width, 9 if place == 0 else 3, option, act="relu")
        for _ in range(depth):
            x = net.conv(x, width, 3, act="relu")
    net.output(net.dense(net.global_pool(x), 50))


def separable_sound(net: Net, channels: Numbers, depths: Numbers, option: int) -> None:
    """QuartzNet-like: residual chains of 1-D separable convolutions of ``option`` taps over spectral frames."""
    x = net.conv(net.depthwise(net.input, option, 2), channels[0], 1, act="relu")
    for width, depth in zip(channels, depths, strict=True):
        shortcut = net.conv(x, width, 1)
        for _ in range(depth):
            x = net.conv(net.depthwise(x, option), width, 1, act="relu", gain=BRANCH_GAIN)
        x = net.act(net.add(x, shortcut), "relu")
    net.output(net.transpose(net.conv(x, 29, 1), (0, 2, 1)))


def wave_transformer(net: Net, channels: Numbers, depths: Numbers, option: int) -> None:
    """wav2vec-like: strided 1-D convolutions (320 samples a step), then ``depths`` transformer layers.

    Counts: convolutions, model width, hidden width; ``option`` symbols.
    """
    x = net.reshape(net.input, (0, 1, net.input_shape[-1]))
    for kernel, stride in ((10, 5), (3, 2), (3, 2), (3, 2), (3, 2), (2, 2), (2, 2)):
        x = net.conv(x, channels[0], kernel, stride, pad=0, act="gelu")
    x = net.dense(net.transpose(x, (0, 2, 1)), channels[1])
    for _ in range(depths[0]):
        x = encoder_layer(net, x, heads_for(channels[1]), channels[2], norm_first=False)
    net.output(net.dense(x, option))


def token_transformer(net: Net, channels: Numbers, depths: Numbers, option: int) -> None:
    """Transformer over token ids, ``option`` numbers per token out (a mel spectrum).

    Counts: model width, hidden width; ``depths`` one number of layers.
    """
    assert net.integer_below is not None
    width, hidden = channels
    x = net.embedding(net.input, net.integer_below, width)
    x = net.add_weight(x, (1, *x.shape[1:]))
    for _ in range(depths[0]):
        x = encoder_layer(net, x, heads_for(width), hidden, norm_first=False)
    net.output(net.dense(x, option))


def patch_transformer(net: Net, channels: Numbers, depths: Numbers, option: int) -> None:
    """ViT-like: patches of ``option`` pixels; counts: width, hidden; ``depths`` one number of layers."""
    width, hidden = channels
    x = tokens_of(net, net.conv(net.input, width, option, option, pad=0))
    x = net.add_weight(x, (1, *x.shape[1:]))
    for _ in range(depths[0]):
        x = encoder_layer(net, x, heads_for(width), hidden)
    x = net.node("ReduceMean", [net.layer_norm(x)], (1, width), axes=(1,), keepdims=0)
    net.output(net.dense(x, 1000))


def video(net: Net, channels: Numbers, depths: Numbers, option: int) -> None:
    """Clips: 3-D inverted residuals as in mobile action nets where ``option`` is 1, else full 3x3x3 convolutions."""
    x = net.conv(net.input, channels[0], 3, (1, 2, 2), act="relu")
    for place, (width, depth) in enumerate(zip(channels, depths, strict=True)):
        for block in range(depth):
            # Time is halved less often than space: clips are shorter than pictures are wide.
            step = 2 if place > 0 and block == 0 else 1
            stride = (step if place in (1, 3) else 1, step, step)
            if option == 1:
                y = net.conv(x, 6 * x.shape[1] if place > 0 else x.shape[1], 1, act="relu6")
                y = net.depthwise(y, 3, stride, act="relu6")
                same = step == 1 and x.shape[1] == width
                y = net.conv(y, width, 1, gain=BRANCH_GAIN if same else 1.0)
                x = net.add(x, y) if same else y
            else:
                x = net.conv(x, width, 3, stride, act="relu")
    net.output(net.dense(net.global_pool(x), 100))
