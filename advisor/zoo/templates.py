"""Families of stand-ins: for each a graph over a list of channel counts, and the rules that choose a family by name."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from . import bodies
from .builder import Net
from .published import Published


@dataclass(frozen=True)
class Variant:
    """One arrangement of a family's layers: relative widths at equal growth and blocks per stage."""

    base: tuple[float, ...]
    """Channels of each stage at width 1 and growth 1."""
    depths: tuple[int, ...]
    option: int = 0
    """What a family calls its third degree of freedom: stride of the stem, upscaling factor, number of maps."""


@dataclass(frozen=True)
class Template:
    """A family of stand-ins."""

    family: str
    task: str
    output_layout: str
    body: Callable[[Net, tuple[int, ...], tuple[int, ...], int], None]
    variants: tuple[Variant, ...]
    grain: int = 8

    def describe(self, name: str, shape: tuple[int, ...], variant: Variant, channels: tuple[int, ...]) -> Net:
        """Describe the graph for these channel counts."""
        net = Net(name, shape)
        self.body(net, channels, variant.depths, variant.option)
        return net


def _variants(stages: int, base: float, *arrangements: tuple[tuple[int, ...], int]) -> tuple[Variant, ...]:
    return tuple(Variant((base,) * stages, depths, option) for depths, option in arrangements)


_MOBILE = _variants(6, 16.0, ((1, 2, 3, 4, 3), 0), ((1, 2, 2, 3, 1), 0), ((1, 3, 4, 6, 3), 0), ((1, 1, 1, 1, 1), 0))
_RESIDUAL = _variants(4, 64.0, ((2, 2, 2, 2), 0), ((3, 4, 6, 3), 0), ((1, 1, 1, 1), 0), ((3, 4, 23, 3), 0))
_SMALL_PLAIN = _variants(5, 24.0, ((1, 1, 1, 1), 0), ((1, 1, 2, 2), 0), ((2, 2, 2, 2), 0), ((1, 1, 1, 1), 1))

MOBILE_CLASSIFIER = Template("mobile", "classification", "classes", bodies.mobile_classifier, _MOBILE)
RESIDUAL_CLASSIFIER = Template("resnet", "classification", "classes", bodies.residual_classifier, _RESIDUAL)
SMALL_PLAIN = Template("plain", "attributes", "classes", bodies.small_plain, _SMALL_PLAIN)
SSD_MOBILE = Template(
    "ssd", "detection", "ssd", bodies.ssd_mobile,
    _variants(5, 16.0, ((1, 2, 3, 4, 3), 0), ((1, 2, 4, 6, 2), 0), ((1, 1, 2, 2, 1), 0), ((2, 4, 6, 6, 2), 0)),
)  # fmt: skip
REID = Template(
    "osnet", "re-identification", "embedding", bodies.omni_scale_embedding,
    _variants(5, 32.0, ((2, 2, 2), 0), ((1, 1, 1), 0), ((3, 3, 2), 0)),
)  # fmt: skip

_RULES: tuple[tuple[str, Template], ...] = (
    (r"^person-reidentification-|^vehicle-reid-|^face-reidentification-", REID),
    (r"^age-gender-|^emotions-|^head-pose-|^gaze-|landmarks", SMALL_PLAIN),
    (r"detection|detector", SSD_MOBILE),
    (r"mobilenet|efficientnet|image-retrieval|driver-action|mixnet|rexnet|hbonet|shufflenet|mn3", MOBILE_CLASSIFIER),
)


def template_for(row: Published) -> Template:
    """Choose the family for a published model: the first rule that its name meets."""
    for pattern, template in _RULES:
        if re.search(pattern, row.name):
            return template
    return RESIDUAL_CLASSIFIER
