"""Work of a plan's models: counted in their files, or listed by a runtime that compiles them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from advisor.records.base import Precision, RuntimeName
from advisor.records.model import ModelFile, ModelWork, known_as
from advisor.runtimes.registry import INSTALLED

from .stage_models import naming

if TYPE_CHECKING:
    from advisor.store.measurements import MeasurementStore

WORKERS = 2
"""Processes that compile models side by side."""


class Works:
    """Work of the scenario's models: as counted in their files, or as a runtime fuses them.

    Machines that were measured are predicted from the kernels that a runtime fuses: these are compiled in a worker once
    and kept in the store. All others are predicted from the counts, so that nothing is compiled where none of the
    candidates was measured and the files tell their work.

    Kernels are those of batch 1: the performance model scales them with the batch. bf16 has the kernels of f32 at half
    the bytes: runtimes refuse to compile it where the chip lacks it, and plans look at other chips.
    """

    def __init__(
        self,
        models: Mapping[str, ModelFile],
        store: MeasurementStore,
        smaller: Mapping[str, ModelFile] | None = None,
        places: Mapping[str, str] | None = None,
        counted: Mapping[str, ModelWork] | None = None,
    ) -> None:
        """Take the models by stage.

        Parameters
        ----------
        places
            By SHA-256 where a model is named, for errors.
        counted
            Works by SHA-256 that serve in place of OpenVINO's kernels.
        """
        self._models = models
        self._counted = counted or {}
        self._places = places or {}
        self._smaller = {file.reference: file for file in (smaller or {}).values()}
        self._store = store
        # int8 also where it is not permitted: the plan says what permitting it would save.
        self._compiled = ("f32", "int8")
        self._works_by_key: dict[tuple[str, str, str], ModelWork | None] = {}

    def prepare(self, runtime: RuntimeName) -> None:
        """Compile what is missing, in two workers at a time."""
        from advisor.child_process.parent import map_in_threads

        map_in_threads(lambda share: self._compile(share, runtime), _halves(self.missing(runtime)), WORKERS)

    def missing(self, runtime: RuntimeName) -> list[ModelFile]:
        """Models that are to be compiled for a runtime."""
        files = {file.sha256: file for file in self._models.values()}
        if runtime == "openvino":
            files |= {file.sha256: file for file in self._smaller.values()}
        return [
            file
            for file in files.values()
            if (file.sha256, runtime, "f32") not in self._works_by_key and not self._told(file, runtime)
        ]

    def _told(self, model: ModelFile, runtime: str) -> bool:
        """Whether OpenVINO need not be asked: the counts serve, or it cannot read the file."""
        return runtime == "openvino" and (model.sha256 in self._counted or model.reader != "openvino")

    def _from_file(self, model: ModelFile, precision: str) -> ModelWork | None:
        """Counts in place of OpenVINO's kernels; None where it cannot read the file, or nothing in it can be int8."""
        work = self._counted.get(model.sha256)
        if work is None or model.reader != "openvino":
            return None
        if precision == "int8" and not (work.live is not None and work.live.quantisable):
            return None
        return work.model_copy(update={"runtime": "openvino", "precision": precision})

    def of_stage(self, stage: str, runtime: RuntimeName, precision: Precision, batch: int) -> ModelWork | None:  # noqa: ARG002 - kernels of batch 1 serve all batches
        """Kernels of a stage's model, or of a smaller one by its reference; None if the runtime cannot run it so."""
        return self._of(self._models.get(stage) or self._smaller[stage], runtime, precision)

    def compiled(self, stage: str) -> list[ModelWork]:
        """Kernels of a stage's model under OpenVINO at each precision that they were listed for."""
        works = [self._of(self._models[stage], "openvino", name) for name in self._compiled]
        return [work for work in works if work is not None]

    def work(self, model: str, runtime: str, precision: str) -> ModelWork | None:
        """Kernels of a model by its name, as the performance model asks for its anchors."""
        for file in self._models.values():
            if known_as(file.name, file.kind, file.sha256) == model:
                return self._of(file, runtime, precision)
        return None

    def _of(self, model: ModelFile, runtime: str, precision: str) -> ModelWork | None:
        key = (model.sha256, runtime, precision)
        if key not in self._works_by_key:
            if self._told(model, runtime):
                self._works_by_key[key] = self._from_file(model, precision)
            elif precision == "bf16":
                plain = self._of(model, runtime, "f32")
                self._works_by_key[key] = None if plain is None else plain.at_bf16()
            else:
                self._compile([model], runtime)
        return self._works_by_key.get(key)

    def _compile(self, models: Sequence[ModelFile], runtime: str) -> None:
        from advisor.measure.items.model_kernels import works_of

        wanted: list[tuple[ModelFile, tuple[str, str, int, str | None]]] = [
            (model, (runtime, name, 1, None)) for model in models for name in self._compiled
        ]
        with naming(self._places.get(models[0].sha256) if len(models) == 1 else None):
            works = works_of(wanted, self._store)
        for (model, request), work in zip(wanted, works, strict=True):
            known = work
            if work is None and runtime not in INSTALLED:
                # Not installed here: what it computes is what OpenVINO computes, and only ratios tell its times.
                own = self._of(model, "openvino", request[1])
                known = None if own is None else own.model_copy(update={"runtime": runtime})
            self._works_by_key[model.sha256, runtime, request[1]] = known


def _halves(files: Sequence[ModelFile]) -> list[list[ModelFile]]:
    """Deal models out to :data:`WORKERS`, the largest first: what one takes grows with its file."""
    shares: list[list[ModelFile]] = [[] for _ in range(WORKERS)]
    sizes = {file.sha256: path.stat().st_size if (path := Path(file.path)).is_file() else 0 for file in files}
    loads = [0] * WORKERS
    for file in sorted(files, key=lambda file: -sizes[file.sha256]):
        least = loads.index(min(loads))
        shares[least].append(file)
        loads[least] += sizes[file.sha256]
    return [share for share in shares if share]
