"""Objects on the clips of published pipelines, as what *other* machines carry tells them; and how far sources scatter.

No source says how many objects its clips show, and all machines of a pipeline read the same clip. So what the other
machines carry says how many there are, and a machine is judged with what it had no part in (leave one machine out).
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence

from .common import table
from .pipeline_rows import CLOSE, OBJECTS, Pipeline, summary
from .pipelines_devices import peak_share

GRID = (1.0, 1.5, 2.0, 3.0, 4.5, 6.0, 9.0, 13.0, 20.0)
"""Objects per frame that are tried."""
_BELIEF = math.log(2.0)
"""Standard deviation (log) of the objects around :data:`OBJECTS`: half to twice as many, as the page takes besides."""
_USUAL_ERROR = math.log(CLOSE)
"""Error (log) of a pipeline's prediction beyond which its pull on the objects grows no faster than it."""
_ROAD = ("smart_nvr", "ai_vsaas", "headed_visual_ai")
"""Pipelines that state the same file: 1080p in H.264 of 4 Mbit/s. Assumed: one clip; the others name none in common."""

Ratios = Mapping[Pipeline, Mapping[float, float]]
"""Predicted over carried of each pipeline, for each number of objects per frame."""


def clip_of(pipeline: Pipeline) -> str:
    """Name of the clip that a pipeline reads."""
    return "road" if pipeline.name in _ROAD else pipeline.name


def likely_objects(ratios: Sequence[Mapping[float, float]]) -> float:
    """Objects per frame of which a clip's predictions come nearest to what was carried, with :data:`OBJECTS` as belief.

    Soft-L1 of the logarithms, so that a row that cannot be as described pulls as a far one and no harder.
    """

    def loss(objects: float) -> float:
        missed = (math.log(found[objects]) / _USUAL_ERROR for found in ratios)
        return 0.5 * (math.log(objects / OBJECTS) / _BELIEF) ** 2 + sum(math.sqrt(1.0 + z * z) - 1.0 for z in missed)

    return min(GRID, key=loss)


def told_by_others(pipeline: Pipeline, ratios: Ratios) -> float:
    """Objects per frame on a pipeline's clip, by the rows of all machines but its own."""
    others = [
        found
        for other, found in ratios.items()
        if other.classifiers and clip_of(other) == clip_of(pipeline) and other.platform != pipeline.platform
    ]
    return likely_objects(others)


def clip_section(ratios: Ratios) -> str:
    """Ratios with the objects that other machines tell, line by line, and their summary beside the usual objects."""
    with_objects = {pipeline: told_by_others(pipeline, ratios) for pipeline in ratios if pipeline.classifiers}
    lines = [
        [
            pipeline.name, pipeline.platform, "/".join(dict.fromkeys(pipeline.devices)), str(pipeline.streams),
            f"{objects:g}", f"{ratios[pipeline][OBJECTS]:.2f}", f"{ratios[pipeline][objects]:.2f}",
        ]
        for pipeline, objects in with_objects.items()
    ]  # fmt: skip
    parts = {
        "on CPUs": [item for item in ratios if item.on_cpu],
        "on devices": [item for item in ratios if not item.on_cpu],
        "on devices, possible by the peak": [
            item for item in ratios if not item.on_cpu and (peak_share(item) or 0.0) <= 1.0
        ],
        "all": list(ratios),
    }
    found: dict[str, list[float]] = {}
    for name, items in parts.items():
        if items:
            told = [ratios[item][with_objects.get(item, OBJECTS)] for item in items]
            found[f"{name}, {OBJECTS:g} objects"] = [ratios[item][OBJECTS] for item in items]
            found[f"{name}, objects as other machines tell"] = told
    head = ["pipeline", "machine", "detect/classify on", "carried", "objects by the other machines"]
    return "\n\n".join(
        [
            table([*head, f"predicted over carried: {OBJECTS:g} objects", "with these objects"], lines),
            table(["pipelines, parts stated", "median", "range", f"within x{CLOSE:g}"], summary(found)),
        ]
    )


def scatter_section(pipelines: Sequence[Pipeline]) -> str:
    """Inferences per second of one detector on one chip, in different pipelines without a classifier."""
    groups: dict[tuple[str, str, str], list[Pipeline]] = defaultdict(list)
    for pipeline in pipelines:
        if not pipeline.classifiers:
            groups[pipeline.platform, pipeline.devices[0], pipeline.detector].append(pipeline)
    lines = []
    for (platform, device, detector), same in groups.items():
        rates = {item.name: item.streams * item.fps / item.every_frames for item in same}
        if len(rates) > 1:
            each = ", ".join(f"{name} {rate:.0f}" for name, rate in rates.items())
            lines.append([platform, device, detector, each, f"{max(rates.values()) / min(rates.values()):.1f}"])
    return table(["machine", "device", "detector", "inferences per second", "largest over smallest"], lines)
