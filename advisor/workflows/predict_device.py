"""Latency and throughput of one model on a device of a platform: graphics, neural processor, added board, Arm cores."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from math import exp
from pathlib import Path
from typing import TYPE_CHECKING

from advisor.errors import ModelError, nearest
from advisor.records.base import Evidence, Interval, Precision
from advisor.records.config import RunConfig
from advisor.records.device import DeviceSpec, runtime_of
from advisor.records.machine import MachineSpec
from advisor.records.model import ModelFile, image_size
from advisor.records.prediction import Prediction

if TYPE_CHECKING:
    from advisor.perfmodel.analytic.work_table import WorkTable
    from advisor.perfmodel.devices.question import DeviceAnswer, DeviceQuestion
    from advisor.store.catalogue import Catalogue


def asks_of_device(device: str, machine: MachineSpec, catalogue: Catalogue) -> bool:
    """Whether a question is answered from the evidence on devices: all but x86 cores and what ends on them."""
    from advisor.perfmodel.sources.registry import predicts
    from advisor.runtimes.devices import first_family

    is_arm = device.upper() == "CPU" and machine.architecture == "aarch64" and machine.id != "this"
    if is_arm or not predicts(device):
        return True
    if device.upper().partition(":")[0] == "AUTO":
        return chosen_by_auto(device, machine, catalogue) is not None
    return first_family(device) != "CPU"  # predicts() goes by beginnings: CPUX is no processor


def chosen_by_auto(device: str, machine: MachineSpec, catalogue: Catalogue) -> str | None:
    """Device that OpenVINO's AUTO prefers to the cores of a catalogued machine; None: it ends on the cores.

    The first that it names and the chip has; of a list without names, the graphics, which AUTO ranks above the cores.
    Devices of this machine are read back when they run, not guessed.
    """
    from advisor.runtimes.devices import family, named_devices

    if machine.id == "this":
        return None
    own = {item.runtime_name for item in catalogue.devices_of(machine.id)} | {"CPU"}
    excluded = {family(name.strip()[1:]) for name in device.partition(":")[2].split(",") if name.strip()[:1] == "-"}
    names = [family(name) for name in named_devices(device)] or [name for name in ("GPU",) if name not in excluded]
    first = next((name for name in names if name in own), "CPU")
    return None if first == "CPU" else first


def predict_on_device(
    model: ModelFile, work: WorkTable | None, machine: MachineSpec, config: RunConfig, catalogue: Catalogue
) -> Prediction:
    """Answer from the first source of evidence that knows; without one, a row without figures and with the reason.

    Parameters
    ----------
    model, work
        The model, and its work as counted in its file; None: it could not be counted.
    machine, config
        Platform and configuration; ``config.device`` as ``--device`` spells it.

    Raises
    ------
    CatalogueError
        Published figures or the calibration cannot be read.
    """
    from advisor.perfmodel.devices.question import first_answer
    from advisor.perfmodel.devices.registry import shipped_sources
    from advisor.store.slots import slot_fit

    if machine.id == "this":
        reason = f"device {config.device} of this machine is not read: name its processor, or use `sizer bench`"
        return _unknown(model, machine, config, reason)
    if config.device.upper().partition(":")[0] == "AUTO":
        chosen = chosen_by_auto(config.device, machine, catalogue)
        reason = (
            f"device {config.device}: AUTO begins on the cores and goes over to {chosen}, and nothing tells when; ask "
            f"for --device {chosen} or CPU"
        )
        return _unknown(model, machine, config, reason)
    device = catalogue.device(machine.id, config.device)
    if device is None:
        own = ", ".join(item.runtime_name for item in catalogue.devices_of(machine.id)) or "none"
        added = [item.id for item in catalogue.devices() if item.kind == "accelerator"]
        reason = (
            f"device {config.device}: {machine.id} has none in the catalogue, which lists of it: {own}"
            f"{nearest(config.device, added)}"
        )
        return _unknown(model, machine, config, reason)
    if device.kind == "accelerator":
        fit, words = slot_fit(catalogue.names_of(machine.id), device.id, device.host_link)
        if fit == "lacks":
            return _unknown(model, machine, config, f"device {device.id}: {words}")
    own_runtime = config.runtime if device.kind == "cpu" else runtime_of(device.family)
    if config.runtime not in (own_runtime, "openvino"):  # OpenVINO is what stands there where nothing was asked for
        reason = (
            f"device {config.device} ({device.id}): its published figures are of {own_runtime}, and say nothing of"
            f" {config.runtime}"
        )
        return _unknown(model, machine, config, reason)
    config = config.model_copy(update={"runtime": own_runtime})
    question = device_question(model, work, config, device)
    answer = first_answer(shipped_sources(), question)
    if answer is None:
        batch = "" if config.batch == 1 else f" and batch {config.batch}"
        reason = (
            f"device {config.device} ({device.id}): no published figure of {model.name} at {config.precision}{batch}, "
            "and none from which it could be inferred; "
            + (_known_otherwise(question) or "measure it there with `sizer bench`")
        )
        return _unknown(model, machine, config, reason)
    return _known(model, machine, config, _with_doubt(answer, model, work))


def _with_doubt(answer: DeviceAnswer, model: ModelFile, work: WorkTable | None) -> DeviceAnswer:
    """Say of a file that it was taken for a published network by its name alone, where no work could be compared."""
    from advisor.perfmodel.devices.question import squashed

    is_file = model.kind == "file" and bool(model.path)
    compared = work is not None and any(squashed(name) in _published_flop() for name in known_names(model, work))
    if not is_file or compared or answer.evidence is Evidence.SPEC or answer.extrapolated:
        return answer
    note = f"taken for the published {model.name} by its name alone: its work is not known, so nothing was compared"
    return replace(answer, notes=(*answer.notes, note))


def _known_otherwise(question: DeviceQuestion) -> str | None:
    """How to ask for what is known of the model on the device, one input at a time; None: nothing is."""
    from advisor.perfmodel.devices.question import first_answer
    from advisor.perfmodel.devices.registry import shipped_sources

    on_arm = question.device.kind == "cpu"
    ways: list[tuple[Precision, str]] = (
        [("f16", "ncnn"), ("f32", "openvino")]
        if on_arm
        else [(precision, question.runtime) for precision in ("f16", "int8")]
    )
    ways.sort(key=lambda way: way[0] != question.precision)  # what was asked for first: another batch may be all
    for precision, runtime in ways:
        asked = replace(question, precision=precision, runtime=runtime, batch=1)
        if first_answer(shipped_sources(), asked) is not None:
            how = f"--runtime {runtime} --precision {precision}" if on_arm else f"--precision {precision}"
            return f"it is known with {how}{' --batch 1' if question.batch != 1 else ''}"
    return None


@lru_cache(maxsize=1)
def _published_works() -> Mapping[str, WorkTable]:
    """Work of the models that ship, read once."""
    from advisor.perfmodel.analytic.work_table import load_works
    from advisor.store.paths import profiles_dir

    return load_works(profiles_dir() / "calibration" / "works.json")


_SAME_WORK = 0.1
"""Relative difference of operations up to which a network may be the published one of its name. Source: project
assumption, as for the deviation of a published model on Intel graphics."""


@lru_cache(maxsize=1)
def _published_flop() -> Mapping[str, float]:
    """Operations of the models that ship, by the name without case and separators [FLOP]."""
    from advisor.perfmodel.devices.question import squashed

    return {squashed(name): table.flop for name, table in _published_works().items()}


def known_names(model: ModelFile, work: WorkTable | None) -> tuple[str, ...]:
    """Names under which publications may know a model: its own, and those of models that are the same network.

    Not its own where the published network of that name has another number of operations: a file may be called
    anything, and an architecture at another input size is another network. A stand-in at its own size is the published
    one however it is counted, at another size it is not.
    """
    from advisor.perfmodel.analytic.work_table import canonical_name, same_network
    from advisor.perfmodel.devices.question import squashed

    is_stand_in = model.kind == "stand-in" and canonical_name(model.name) == canonical_name(model.reference)

    def may_be(name: str) -> bool:
        published = _published_flop().get(squashed(name))
        if published is None or work is None or is_stand_in:
            return True
        return abs(published - work.flop) <= _SAME_WORK * published

    names = [name for name in (canonical_name(model.reference), model.name) if may_be(name)]
    if work is not None:
        names += [name for name, table in _published_works().items() if same_network(table, work)]
    return tuple(dict.fromkeys(names))


def device_question(
    model: ModelFile,
    work: WorkTable | None,
    config: RunConfig,
    device: DeviceSpec,
    names: tuple[str, ...] | None = None,
) -> DeviceQuestion:
    """What the sources of evidence are asked of a model on a device.

    ``work``: as counted in its file; None: it could not be counted, and is known by name alone. ``names``: of
    :func:`known_names`, for whoever asks often.
    """
    from advisor.perfmodel.devices.question import DeviceQuestion

    return DeviceQuestion(
        device=device,
        models=known_names(model, work) if names is None else names,
        table=work,
        input_size=image_size(model.input_shape) if model.path else None,
        precision=config.precision,
        runtime=config.runtime,
        batch=config.batch,
        threads=config.threads,
    )


def _known(model: ModelFile, machine: MachineSpec, config: RunConfig, answer: DeviceAnswer) -> Prediction:
    return Prediction(
        platform=machine.id,
        model=model.name,
        config=config,
        throughput_fps=_interval(answer.log_throughput, answer.throughput_band, 1.0),
        latency_ms=_interval(answer.log_latency_s, answer.latency_band, 1000.0),
        evidence=answer.evidence,
        nearest_measured=answer.source,
        bottleneck="unknown",
        extrapolated=answer.extrapolated,
        stand_in=model.stand_in,
        notes=answer.notes,
    )


def _interval(middle: float | None, band: tuple[float, float], factor: float) -> Interval | None:
    if middle is None:
        return None
    low, high = band
    return Interval(p10=factor * exp(middle + low), p50=factor * exp(middle), p90=factor * exp(middle + high))


def _unknown(model: ModelFile, machine: MachineSpec, config: RunConfig, reason: str) -> Prediction:
    return Prediction(
        platform=machine.id,
        model=model.name,
        config=config,
        throughput_fps=None,
        latency_ms=None,
        evidence=Evidence.UNKNOWN,
        nearest_measured=None,
        bottleneck="unknown",
        extrapolated=True,
        stand_in=model.stand_in,
        notes=(reason,),
    )


def published_name(reference: str) -> ModelFile | None:
    """A model that is known by its published name alone, where it is no architecture of the zoo and no file."""
    from advisor.perfmodel.devices.figures import load_figures
    from advisor.perfmodel.devices.question import squashed

    name = squashed(reference)
    if not any(name in models for models in load_figures().by_device.values()):
        return None
    return ModelFile(
        reference=reference, name=reference, family="unknown", kind="file", path="", sha256="", input_shape=(1, 3, 1, 1)
    )


def resolve_for_device(reference: str, input_shape: str | None) -> ModelFile:
    """Model file; for a name that only a published table knows, one without a file.

    Raises
    ------
    ModelError
        No file, no architecture, and no published name.
    """
    from .models import looks_like_file, resolve_model

    try:
        return resolve_model(reference, input_shape)
    except ModelError:
        found = None if looks_like_file(reference) and Path(reference).suffix else published_name(reference)
        if found is None:
            raise
        return found
