"""BERT (Devlin et al. 2019): token ids in, the last layer's pooled token out.

One input, int64 token ids of a stated length; all tokens take part (no padding mask) and belong to one segment.
"""

from __future__ import annotations

from advisor.zoo.blocks import encoder_layer
from advisor.zoo.builder import Net, Tensor

VOCABULARY = 30522
"""WordPiece vocabulary of the English uncased models."""
POSITIONS = 512


def embed_tokens(net: Net, width: int, vocabulary: int) -> Tensor:
    """Sum of token, position and segment embedding, normalised."""
    x = net.embedding(net.input, vocabulary, width)
    table = net.weight((POSITIONS, width), 0.5)
    length = x.shape[1]
    place = net.node("Slice", [table, *(net.integers([v]) for v in (0, length, 0, 1))], (length, width))
    x = net.add(x, place)
    segment = net.weight((2, width), 0.5)
    row = net.node("Slice", [segment, *(net.integers([v]) for v in (0, 1, 0, 1))], (1, width))
    return net.layer_norm(net.add(x, row))


def bert(size: str) -> Net:
    """BERT "mini" (4 layers, width 256; Turc et al. 2019) or "base" (12 layers, width 768), 128 tokens."""
    layers, width = {"mini": (4, 256), "base": (12, 768)}[size]
    net = Net(f"bert-{size}", (1, 128), integer_below=VOCABULARY)
    x = _encoded(net, layers, width)
    first = net.reshape(net.slice(x, 1, 0, 1), (0, width))
    net.output(net.dense(first, width, act="tanh"))
    return net


def bert_large() -> Net:
    """BERT "large" (24 layers, width 1024) at 384 tokens, with the head that finds an answer's first and last token."""
    net = Net("bert-large", (1, 384), integer_below=VOCABULARY)
    net.output(net.dense(_encoded(net, 24, 1024), 2))
    return net


def _encoded(net: Net, layers: int, width: int) -> Tensor:
    x = embed_tokens(net, width, VOCABULARY)
    for _ in range(layers):
        x = encoder_layer(net, x, width // 64, 4 * width, norm_first=False)
    return x
