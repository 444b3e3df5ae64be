"""Answers of narrower precisions and of other runtimes against those in f32, on the user's own inputs."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from advisor.records.comparison import Agreement
from advisor.records.config import RunConfig
from advisor.records.model import image_size

from .context import Say

if TYPE_CHECKING:
    from advisor.records.measurement import PairedMeasurement
    from advisor.records.model import ModelFile
    from advisor.runtimes.protocol import TensorSpec
    from advisor.verification.boxes import Decoder, Outputs

    from .compare_results import Labelled

MOST = 400
"""Inputs that are looked at: answers of more would take longer than all timings."""


def judge(
    labelled: Sequence[Sequence[Labelled]],
    measured: Mapping[str, PairedMeasurement],
    host_fingerprint: str,
    files: Sequence[Path],
    say: Say,
) -> dict[str, Agreement | str]:
    """Compare the answers of all variants that were measured; by key the agreement, or why there is none.

    Every second file gives the ranges of int8 copies, and the others are judged: a copy is never judged on what it was
    made from. Threads, streams and SIMD caps of one runtime and precision share an answer.
    """
    if len(files) > MOST:
        say(f"accuracy: the first {MOST} of {len(files)} inputs are used")
    used = list(files[:MOST])
    found: dict[str, Agreement | str] = {}
    for variants in labelled:
        done = [
            row for row in variants if row.missing is None and _is_done(measured.get(row.variant.key(host_fingerprint)))
        ]
        plain = [row for row in done if row.variant.config.precision == "f32"]
        reference = next((row for row in plain if row.baseline), plain[0] if plain else None)
        if reference is None:
            found |= {row.variant.key(host_fingerprint): "not judged: no variant in f32 was measured" for row in done}
            continue
        with tempfile.TemporaryDirectory(prefix="sizer-answers-") as folder:
            answers = _Answers(reference, used[1::2], used[0::2], Path(folder))
            for row in done:
                say(f"accuracy of {row.variant.model.name} {row.label} on {len(used[1::2])} inputs")
                found[row.variant.key(host_fingerprint)] = answers.agreement(row)
    return found


def _is_done(row: PairedMeasurement | None) -> bool:
    return row is not None and row.status == "done"


class _Answers:
    """Answers of one model's variants, each made once."""

    def __init__(self, reference: Labelled, judged: Sequence[Path], ranges: Sequence[Path], folder: Path) -> None:
        self._reference, self._judged, self._ranges, self._folder = reference, judged, ranges, folder
        self._model: ModelFile = reference.variant.model
        self._calibration: Path | None = None
        self._specs: list[TensorSpec] = []
        """Inputs of the compiled model, known once the reference has answered."""
        self._made: dict[tuple[str, str], Path | str] = {}
        self._agreed: dict[tuple[str, str], Agreement | str] = {}

    def agreement(self, row: Labelled) -> Agreement | str:
        """Agreement of one variant with the reference, or why it cannot be told."""
        config = row.variant.config
        key = (str(config.runtime), str(config.precision))
        if key not in self._agreed:
            self._agreed[key] = self._compared(key)
        return self._agreed[key]

    def _compared(self, key: tuple[str, str]) -> Agreement | str:
        of_reference = self._answers((str(self._reference.variant.config.runtime), "f32"))
        if isinstance(of_reference, str):
            return of_reference
        ours = self._answers(key)
        if isinstance(ours, str):
            return ours
        from advisor.verification.agreement import agreement

        count = len(self._judged)
        mine, theirs = _read(ours, count), _read(of_reference, count)
        size = image_size(self._model.input_shape) or (0, 0)
        agreed = agreement(mine, theirs, self._decoder(theirs[0]), size)
        return Agreement(
            kind=agreed.kind, value=agreed.value, inputs=agreed.inputs, compared=agreed.compared,
            against=self._reference.label,
        )  # fmt: skip

    def _decoder(self, outputs: Outputs) -> Decoder | None:
        """What reads boxes from these outputs; None where the model is no detector, or of an unknown form."""
        from advisor.verification.boxes import decoder_for, layout_of

        own = self._model.output_layout
        layout = layout_of([item.shape for item in outputs], 1) if own is None else own
        return decoder_for(layout, (), self._model.score_columns)

    def _answers(self, key: tuple[str, str]) -> Path | str:
        """Folder of a runtime's answers in a precision, or why it gives none."""
        if key not in self._made:
            from advisor.measure.items.outputs import answers

            runtime, precision = key
            config = RunConfig(runtime=runtime, precision=precision, streams=1, requests=1)
            calibration = self._ranges_folder() if precision == "int8" else None
            folder = self._folder / f"{runtime}-{precision}"
            outcome = answers(self._model, config, self._judged, folder, calibration)
            self._made[key] = folder if outcome.value is not None else f"not judged: {outcome.failure}"
            if outcome.value is not None and not self._specs:
                from advisor.runtimes.protocol import TensorSpec

                self._specs = [TensorSpec(name, tuple(shape), kind) for name, shape, kind in outcome.value["inputs"]]
        return self._made[key]

    def _ranges_folder(self) -> Path:
        """Folder of the tensors that int8 copies take their ranges from, named after its contents: made once."""
        if self._calibration is None:
            from advisor.measure.items.outputs import write_calibration
            from advisor.runtimes.quantise import inputs_hash
            from advisor.store.paths import cache_dir

            aside = self._folder / "ranges"
            write_calibration(self._ranges, self._specs, aside)
            target = cache_dir() / "calibration" / inputs_hash(aside)
            if not target.is_dir():
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copytree(aside, target, dirs_exist_ok=True)
            self._calibration = target
        return self._calibration


def _read(folder: Path, count: int) -> list[Outputs]:
    import numpy as np

    found: list[Outputs] = []
    for number in range(count):
        with np.load(folder / f"{number}.npz") as arrays:
            found.append([arrays[name] for name in arrays.files])
    return found
