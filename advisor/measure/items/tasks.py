"""What a worker does with models: compile, measure in turns, report memory and versions."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

from advisor.clock import RealClock, utc_now
from advisor.graph.torch_archive import ENDINGS
from advisor.measure.timing.harness import MeasureSpec, Session, measure_in_turns
from advisor.measure.timing.meter import make_meter
from advisor.measure.timing.reference import Reference, ReferencePool
from advisor.measure.worker.job import JobItem, Reporter, describe
from advisor.records.config import LoadMode, RunConfig
from advisor.records.model import ModelFile
from advisor.runtimes import get_runtime
from advisor.runtimes.protocol import CompiledModel, options_for

TOGETHER = 6
"""Most compiled models that take turns."""
_KIB = 1024


def measure_job(items: list[JobItem], report: Reporter) -> None:
    """Measure all items, a few at a time in turns.

    Payload: ``model``, ``config``, ``mode``, ``spec``, ``reference_s``; ``traced``: also tell of each pass.
    Result: ``timing`` (arguments of
    :func:`~advisor.measure.timing.statistics.build_timing`), ``effective``, ``interference``, ``started``,
    ``versions``, ``reference_s`` (least times of the reference work by threads).
    """
    references = ReferencePool()
    for first in range(0, len(items), TOGETHER):
        _measure_together(items[first : first + TOGETHER], report, references)


def _measure_together(items: list[JobItem], report: Reporter, references: ReferencePool) -> None:
    opened: dict[str, _Opened] = {}
    for item in items:
        report.on(item.id)
        try:
            opened[item.id] = _Opened(item.payload, references)
        except Exception as error:  # a refusal is this item's result; the others go on
            report.failed(item.id, describe(error))

    def ended(name: str, error: BaseException | None) -> None:
        try:
            if error is not None:
                report.failed(name, describe(error))
            else:
                report.done(name, opened[name].result())
        finally:
            opened[name].compiled.close()

    measure_in_turns({name: entry.session for name, entry in opened.items()}, report.on, ended)


_OWN_INT8 = frozenset({".tflite", *ENDINGS})
"""Files that are quantised when they are made, if at all: whether they are, their runtime tells."""


def model_path(model: ModelFile, config: RunConfig, calibration: Path | None = None) -> Path:
    """File that a configuration runs: the model itself, or its int8 copy, made once.

    Dynamic quantisation is the runtime's own: it begins with the model itself. ``calibration``: folder of the inputs
    that the copy's ranges are taken from; None: random ones, for speed only.
    """
    path = Path(model.path)
    if config.precision != "int8" or config.quantisation == "dynamic" or path.suffix.lower() in _OWN_INT8:
        return path
    from advisor.runtimes.quantise import int8_model
    from advisor.store.paths import cache_dir

    # Files of the user may leave dimensions open; ours never do.
    shape = model.input_shape if model.kind == "file" else None
    return int8_model(
        path,
        cache_dir() / "int8",
        input_shape=shape,
        further_shapes=model.further_shapes,
        calibration=calibration,
    )


class _Opened:
    """A compiled model with its measurement and what compiling cost."""

    def __init__(self, payload: dict[str, Any], references: ReferencePool) -> None:
        config = RunConfig.model_validate(payload["config"])
        model = ModelFile.model_validate(payload["model"])
        path = model_path(model, config)
        runtime = get_runtime(config.runtime)
        runtime.devices()  # loads what the runtime loads for its first model, which is not that model's memory
        self._started = utc_now()
        before_bytes = reset_peak_memory()
        self.compiled: CompiledModel = runtime.compile(path, config, options_for(model))
        known = {int(threads): float(best_s) for threads, best_s in payload["reference_s"].items()}
        self._reference: Reference = references.reference(self.compiled.effective.threads, known)
        self.session = Session(
            self.compiled,
            LoadMode.model_validate(payload["mode"]),
            MeasureSpec.model_validate(payload["spec"]),
            RealClock(),
            make_meter(),
            check=self._reference,
        )
        peak_bytes = peak_memory_bytes()
        self._memory_bytes = (
            max(0, peak_bytes - before_bytes) if peak_bytes is not None and before_bytes is not None else None
        )
        self._versions = {config.runtime: runtime.version()}
        self._traced = bool(payload.get("traced"))

    def result(self) -> dict[str, Any]:
        """Everything about the finished measurement, as JSON."""
        best_s = self._reference.best_s
        return {
            "timing": {
                **self.session.raw(),
                "read_s": self.compiled.read_s,
                "compile_s": self.compiled.compile_s,
                "peak_memory_bytes": self._memory_bytes,
            },
            "effective": self.compiled.effective.model_dump(mode="json"),
            "interference": self.session.interference().model_dump(mode="json"),
            "started": self._started,
            "versions": self._versions,
            "reference_s": {} if best_s is None else {self._reference.threads: best_s},
            **({"passes_s": self.session.passes_s()} if self._traced else {}),
        }


def reset_peak_memory() -> float | None:
    """Set the process' peak resident size back to the present one and return that [B]; None without /proc."""
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")  # proc(5): resets VmHWM
    return _status_bytes("VmRSS")


def peak_memory_bytes() -> float | None:
    """Largest resident size since :func:`reset_peak_memory` [B]; None without /proc."""
    return _status_bytes("VmHWM")


def resident_bytes() -> float | None:
    """Resident size now [B]; None without /proc."""
    return _status_bytes("VmRSS")


def _status_bytes(name: str) -> float | None:
    try:
        text = Path("/proc/self/status").read_text(encoding="ascii")
    except OSError:
        return None
    for line in text.splitlines():
        if line.startswith(name + ":"):
            return float(line.split()[1]) * _KIB
    return None
