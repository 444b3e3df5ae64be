"""All sections by name, and the rule that only one of them measures at a time."""

from __future__ import annotations

import fcntl
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

from advisor.errors import InputError, nearest


@dataclass(frozen=True)
class Section:
    """One section of the page."""

    name: str
    module: str
    shows: str
    paired: bool = False
    """A speed comparison, which ``python -m benchmarks`` prints."""
    measures: bool = True
    """Whether timings of this machine go in, so that it must be quiet."""
    dated: bool = True
    """Whether the module's own text says when and where it was made."""

    def make(self, quick: bool) -> str:
        """Run the section and return its Markdown."""
        module = import_module(f"benchmarks.{self.module}")
        if self.dated:
            return str(module.run(quick))
        from .common import header

        return f"{header()}\n\n{module.run()}"


SECTIONS = (
    Section("harness", "harness", "the harness compared with benchmark_app", paired=True),
    Section(
        "repeatability", "repeatability", "the same measurement in ten processes, quiet and disturbed", paired=True
    ),
    Section("overhead", "overhead", "what the harness itself costs per request", paired=True),
    Section("devices", "devices", "AUTO, hints and automatic batching compared with the plain CPU", paired=True),
    Section("batching", "batching", "automatic batching, simulated and measured", paired=True),
    Section("bottleneck", "bottleneck", "a decode-bound cascade, relieved as proposed", paired=True),
    Section("quick", "quick", "what the two-minute look takes and covers"),
    Section("local", "local", "unseen models on this machine"),
    Section("transfer", "transfer", "machines that are not at hand", measures=False, dated=False),
    Section("reliability", "reliability", "whether stated probabilities hold", measures=False, dated=False),
    Section(
        "transfer-parts",
        "transfer_parts",
        "what errors of machines that are not at hand are made of",
        measures=False,
        dated=False,
    ),
    Section(
        "devices-published",
        "devices_published",
        "graphics, neural processors and Arm cores, left out",
        measures=False,
        dated=False,
    ),
    Section(
        "runtime-ratios",
        "runtime_ratios",
        "other runtimes over OpenVINO, machines left out",
        measures=False,
        dated=False,
    ),
    Section("memory", "memory", "peak memory, model families left out", measures=False),
    Section("power", "power", "predicted wall power compared with published meters", measures=False, dated=False),
    Section("decode", "decode", "published software decoding, machines left out", measures=False, dated=False),
    Section(
        "pipelines",
        "pipelines",
        "published whole pipelines, cameras carried and predicted",
        measures=False,
        dated=False,
    ),
    Section("host-spec", "host_spec", "this machine from its data sheet alone"),
    Section("simulator", "simulator", "the simulator's speed", paired=True, dated=False),
    Section("planner", "planner", "the planner's time by number of platforms and sites", paired=True, dated=False),
    Section("what-if", "what_if", "what-if on a plan's page against plans at the same settings", measures=False),
    Section("farm", "farm", "sites planned by two workers of a farm and by one", paired=True),
    Section("verification", "verification", "pacing, cost and repeatability of verification", paired=True),
    Section("cascade", "cascade", "predicted against measured cascades on this machine"),
)


def chosen(only: Sequence[str], among: Sequence[Section] = SECTIONS) -> tuple[Section, ...]:
    """Sections of these names in their order; all where none is named.

    Raises
    ------
    InputError
        A name is unknown; the message has the nearest.
    """
    known = [section.name for section in among]
    for name in only:
        if name not in known:
            raise InputError(f"--only {name}: no such section{nearest(name, known)}; known: {', '.join(known)}")
    return tuple(section for section in among if not only or section.name in only)


@contextmanager
def alone(path: Path | None = None) -> Iterator[None]:
    """Hold the right to measure; the kernel takes it back when the process ends, however it ends.

    Raises
    ------
    InputError
        Another process holds it.
    """
    lock = Path(tempfile.gettempdir()) / "sizer-benchmarks.lock" if path is None else path
    with lock.open("w", encoding="ascii") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise InputError(
                f"{lock}: another benchmark is measuring on this machine; wait until it has ended"
            ) from error
        yield
