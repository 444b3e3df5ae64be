"""Devices of the candidates that a scenario permits, and what is known of its models on them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from advisor.records.base import Precision
from advisor.records.config import RunConfig
from advisor.records.device import DeviceSpec
from advisor.records.model import ModelFile, ModelWork
from advisor.records.scenario import Scenario

if TYPE_CHECKING:
    from advisor.perfmodel.devices.question import DeviceAnswer
    from advisor.planner.question.inputs import Candidate
    from advisor.store.catalogue import Catalogue

CPU = "CPU"


def permitted_devices(scenario: Scenario) -> tuple[str, ...]:
    """Devices beside the cores that any stage may run on, as runtimes spell them."""
    named = (*scenario.candidates.devices, *(stage.device for stage in scenario.stages if stage.device is not None))
    return tuple(name for name in dict.fromkeys(named) if name != CPU)


def with_devices(scenario: Scenario, candidates: Sequence[Candidate], catalogue: Catalogue) -> tuple[Candidate, ...]:
    """Candidates with those of their devices that the scenario permits; this machine's are not read."""
    names = permitted_devices(scenario)
    if not names:
        return tuple(candidates)
    found = []
    for candidate in candidates:
        if candidate.machine.id == "this":
            found.append(candidate)
            continue
        asked = candidate.machine.id if candidate.platform.id == candidate.machine.id else candidate.platform.processor
        own = {device.runtime_name for device in catalogue.devices_of(asked)}
        devices = [catalogue.device(asked, name) for name in names if name in own]
        found.append(replace(candidate, devices=tuple(device for device in devices if device is not None)))
    return tuple(found)


def device_answers(
    models: Mapping[str, ModelFile], counted: Mapping[str, ModelWork]
) -> Callable[[DeviceSpec, str, Precision], DeviceAnswer | None]:
    """Ask the shipped evidence on devices of these models, by the names under which the planner knows their work.

    ``counted``: work as counted in the models' files, by hash.
    """
    from advisor.perfmodel.analytic.work_table import table_of
    from advisor.perfmodel.devices.question import first_answer
    from advisor.perfmodel.devices.registry import shipped_sources

    from .predict_device import device_question

    known: dict[tuple[DeviceSpec, str, Precision], DeviceAnswer | None] = {}

    def answer(device: DeviceSpec, key: str, precision: Precision) -> DeviceAnswer | None:
        asked = (device, key, precision)
        if asked not in known:
            work = counted.get(models[key].sha256)
            config = RunConfig(device="GPU", precision=precision)
            question = device_question(models[key], None if work is None else table_of(work), config, device)
            known[asked] = first_answer(shipped_sources(), question)
        return known[asked]

    return answer
