"""The cascade in simulated time: cameras, decode, stages, fan-out and shared cores in a compiled event loop."""

from .result import SimResult, StageResult
from .run import simulate
from .spec import ObjectClass, ObjectsSpec, Seeds, SimCamera, SimSpec, SimStage, StartupFallback

__all__ = [
    "ObjectClass", "ObjectsSpec", "Seeds", "SimCamera", "SimResult", "SimSpec", "SimStage", "StageResult",
    "StartupFallback", "simulate",
]  # fmt: skip
