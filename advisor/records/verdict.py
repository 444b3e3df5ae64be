"""What a real run showed, and whether it passed (schema sizer.verdict/1)."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from .base import Record
from .config import EffectiveConfig, RunConfig
from .host_settings import EffectiveHost, HostSettings
from .model import ModelFile
from .scenario import Scenario
from .trace import Timeline

Objects = Literal["auto", "real", "scenario"]
"""Whose objects stages on objects run on: those that the detector finds, or as many as the scenario says."""
Phases = Literal["random", "spread", "worst"]
"""Which moments within their period cameras release at."""


class Check(Record):
    """One named condition; ``ok`` None means that too little was seen to say."""

    name: str
    required: str
    measured: str
    ok: bool | None
    bound: str | None = None
    advice: str = ""
    counts: bool = True
    """False: informs only and cannot stop a PASS."""
    met: bool | None = None
    """Whether the figure itself meets the requirement, without regard to how much a sample of this size proves."""
    need_s: float | None = None
    """Further seconds after which a figure like this one would be proof; None if time alone does not help."""


class CameraTail(Record):
    """Latency of a camera in milliseconds; None if no frame was done."""

    p50: float | None
    p95: float | None
    p99: float | None
    max: float | None


class CameraResult(Record):
    """One camera."""

    name: str
    fps: float
    drops_pct: float
    longest_gap_ms: float
    latency_ms: CameraTail
    released: int = 0
    done: int = 0
    dropped: int = 0
    lost: int = 0
    """Frames that the source did not deliver whole."""
    in_flight: int = 0
    """Frames that had not ended when the run did: they count as late."""
    windows_fps: tuple[float, ...] = ()
    phase_ms: float | None = None
    """When within its period the first frame was released; None: of callers, or if nothing was released."""
    status: str = "ok"


class StageResult(Record):
    """One stage of the cascade, decode included."""

    id: str
    rate_per_s: float
    service_ms: CameraTail
    waiting_ms: CameraTail
    batch_mean: float | None
    cpu_cores: float | None
    dropped: int = 0
    objects: Literal["real", "drawn", "none"] = "none"


class ConfigPair(Record):
    """Requested and effective settings, per stage and of the operating system."""

    requested: dict[str, RunConfig]
    effective: dict[str, EffectiveConfig]
    requested_host: HostSettings = HostSettings()
    effective_host: EffectiveHost | None = None
    """None: the run's process ended before it told, or in verdicts of sizer before 0.2."""


class CapacityResult(Record):
    """Result of ``--find-capacity``."""

    cameras: int | None
    predicted: dict[str, float] | None
    binding: str | None = None
    probes: tuple[dict[str, Any], ...] = ()
    broken_promise: bool | None = None


class Change(Record):
    """The one change that would make most room, by what the run itself measured."""

    resource: str
    """What it relieves."""
    load_factor: float
    """Multiple of the run's load that would fit, at most."""
    text: str


class Verdict(Record):
    """The answer of `sizer verify`: what a real run showed, and whether it passed."""

    schema_: Annotated[Literal["sizer.verdict/1"], Field(alias="schema")] = "sizer.verdict/1"
    sizer_version: str
    created: str
    scenario: str
    verdict: Literal["PASS", "FAIL", "INCONCLUSIVE"]
    reason: str
    checks: tuple[Check, ...]
    cameras: tuple[CameraResult, ...]
    stages: tuple[StageResult, ...]
    host: dict[str, Any]
    config: ConfigPair
    predicted: dict[str, Any] | None
    capacity: CapacityResult | None
    binding: str | None = None
    change: Change | None = None
    """What would help most; None where a requirement was missed for no lack of room, or none was."""
    duration_s: float = 0.0
    utilisation: dict[str, float] = {}
    harness: dict[str, float] = {}
    interference: dict[str, Any] = {}
    timeline: dict[str, Any] = {}
    requests: Timeline | None = None
    """What happened to each request in a window in the middle of the run; None where the run ended before it."""
    trend: dict[str, Any] = {}
    """First against last tenth of the run, and slopes; what a soak is run for."""
    models: dict[str, ModelFile] = {}
    """Per stage the file that ran, with its hash."""
    hashes: dict[str, str] = {}
    """SHA-256 of the scenario and the plan that were read."""
    seed: int | None = None
    application_ms: dict[str, float] = {}
    """Core time of this machine that was burnt in place of the application around the models: per ``frame`` of a
    camera, per ``object`` given to a stage [ms]; empty in verdicts of version 0.1."""
    phases: Phases | None = None
    """As requested; each camera's own is its ``phase_ms``."""
    asked: Scenario | None = None
    """The scenario that ran, without the addresses of its cameras; None in verdicts of sizer before 0.2."""
    operator: str | None = None
    """Who ran it, as given on the command line."""
    site: str | None = None
    """Where the box stands, as given to `sizer kit read`; None: run on this desk, or filed under none."""
    kit: str | None = None
    """SHA-256 of the manifest of the kit with which the box was checked."""
    signer: str | None = None
    """Fingerprint (SHA-256) of the key with which the report was to be signed; only the signature proves it."""
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
