"""Decoding by the engines of a chip's graphics: what a frame takes of them, and what stays on the cores.

All engines of a chip are one resource. Its capacity is in pixels per second and, where a driver was seen to bind, in
streams. Source of both: :mod:`advisor.perfmodel.resources.engines`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from advisor.perfmodel.resources.engines import HOST_SHARE, Engine, HostPath, decode_engine
from advisor.records.base import Interval, weakest
from advisor.records.device import DeviceSpec
from advisor.records.scenario import CameraGroup, Scenario

from .devices import times
from .stage_option import CoreCost


@dataclass(frozen=True)
class EngineUse:
    """Engines of a box that decode every coded camera of a scenario."""

    device: str
    path: HostPath
    """Whether pictures stay on the device, where all that need them infer there, or are copied back."""
    engines: Mapping[str, Engine]
    """By codec."""

    @property
    def key(self) -> HostPath:
        """What tells it apart from the other uses of the engines of one box."""
        return self.path

    def frame_s(self, camera: CameraGroup) -> Interval:
        """Time that a frame takes of all engines together [s]."""
        width, height = camera.size
        return self.engines[camera.codec].pixels_per_s.reciprocal(width * height)

    def sessions_share(self, codec: str) -> Interval:
        """Share of the engine that one stream takes where the driver bounds them; 0: nothing is known to."""
        sessions = self.engines[codec].sessions
        return Interval.exact(0.0) if sessions is None else sessions.reciprocal()


def engines_of(devices: tuple[DeviceSpec, ...], scenario: Scenario, path: HostPath) -> EngineUse | None:
    """Engines of a chip's graphics, where they decode every coded camera; None where they do not, or nothing tells.

    ``GPU`` among ``candidates.devices`` permits them; a stage's own ``device`` permits that stage alone.
    """
    codecs: dict[str, None] = dict.fromkeys(camera.codec for camera in scenario.cameras if camera.codec != "raw")
    graphics = next((device for device in devices if device.kind == "igpu"), None)
    if graphics is None or not codecs or "GPU" not in scenario.candidates.devices:
        return None
    found = {codec: decode_engine(graphics.id, codec, graphics.family, graphics.execution_units) for codec in codecs}
    engines = {codec: engine for codec, engine in found.items() if engine is not None}
    return EngineUse(graphics.id, path, engines) if len(engines) == len(codecs) else None


def left_on_host(cost: CoreCost, engines: EngineUse, codec: str) -> CoreCost:
    """Core time of software decoding -> what stays on the host while engines decode."""
    engine, share = engines.engines[codec], HOST_SHARE[engines.path]
    return CoreCost(
        times(cost.core_s, share), times(cost.alone_s, share), weakest([cost.evidence, engine.evidence]),
        (*cost.notes, f"engines of {engine.device}: {engine.source}", *engine.notes),
    )  # fmt: skip
