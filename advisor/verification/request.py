"""What is to be run and judged: one record for the whole way from the command to the child process."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from advisor.records.host_settings import NOTHING_ASKED, HostSettings

if TYPE_CHECKING:
    from advisor.records.config import RunConfig
    from advisor.records.host import HostFacts
    from advisor.records.model import ModelFile
    from advisor.records.scenario import Scenario
    from advisor.records.trace import Trace
    from advisor.records.verdict import Objects, Phases

DecodeDevice = Literal["software", "hardware"]


@dataclass(frozen=True)
class Order:
    """One run of a scenario."""

    scenario: Scenario
    """What to run and what is required."""
    models: Mapping[str, ModelFile]
    configs: Mapping[str, RunConfig]
    """Per stage id: the model's file and how it is run."""
    decode_threads: int
    """Workers of the decode pool."""
    duration_s: float
    """Measured time [s]; a tenth of it, at most 3 s, is spent on warm-up before."""
    facts: HostFacts
    """Of this machine; ``warnings`` are those of the preflight."""
    work_dir: Path
    """Folder for synthesised clips; they are kept for the next run."""
    application_s: tuple[float, float] = (0.0, 0.0)
    """Core time of this machine that stands for the application around the models: per frame of a camera, and per
    object given to a stage [s]."""
    host: HostSettings = NOTHING_ASKED
    """Cores, memory nodes and OpenMP threads that the run's process is given."""
    decode_device: DecodeDevice = "software"
    """``hardware`` is refused where no device decodes what the cameras send: nothing falls back in silence."""
    seed: int = 0
    """Of phases, objects, arrivals and clips."""
    phases: Phases = "random"
    """How cameras' phases are arranged (see :func:`advisor.verification.setup.feeds_of`)."""
    objects: Objects = "auto"
    """``auto``: a detector's own where ``labels`` (or a layout of the user's) say which of them are the scenario's
    class, or where the scenario counts none; else as many as the scenario says."""
    other_box: str | None = None
    """Why this machine is not the box of the plan that is run; None: it is, or that is not to be held against it."""
    predicted: Mapping[str, Any] | None = None
    """``predicted`` of a plan's option; shown next to the result, no check looks at it."""
    traced: Callable[[Trace], None] | None = None
    """Given what happened to each request of the whole run, once it is judged; None: that is not kept."""
    strict: bool = False
    """Refuse to run while there are warnings."""
    warnings: tuple[str, ...] = ()
    """Beside those of the preflight, such as other versions than the plan's."""
    cameras: Mapping[str, int] | None = None
    """Cameras per group instead of the scenario's."""
