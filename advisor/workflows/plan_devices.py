"""Devices of the candidates that a scenario permits, and what is known of its models on them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from advisor.records.base import Precision, Sourced
from advisor.records.config import RunConfig
from advisor.records.device import RUNTIME_DEVICES, Device, DeviceSpec
from advisor.records.model import ModelFile, ModelWork
from advisor.records.scenario import Scenario

from .devices_here import DevicesHere

if TYPE_CHECKING:
    from advisor.perfmodel.analytic.work_table import WorkTable
    from advisor.perfmodel.devices.question import DeviceAnswer
    from advisor.planner.question.inputs import Candidate
    from advisor.store.catalogue import Catalogue

CPU = "CPU"


def permitted_devices(scenario: Scenario) -> tuple[str, ...]:
    """Devices beside the cores that any stage may run on, as runtimes spell them."""
    named = (*scenario.candidates.devices, *(stage.device for stage in scenario.stages if stage.device is not None))
    return tuple(name for name in dict.fromkeys(named) if name != CPU)


def with_devices(
    scenario: Scenario, candidates: Sequence[Candidate], catalogue: Catalogue, here: DevicesHere | None = None
) -> tuple[Candidate, ...]:
    """Candidates with those of their devices that the scenario permits, and once more with each device to be added.

    Boxes with Arm cores get these, which no permission is needed for. ``here``: what was measured on devices of this
    machine; a permitted one of which that says nothing is named in its notes with the reason.
    """
    from advisor.store.catalogue import device_spec

    names = permitted_devices(scenario)
    candidates = [_with_arm_cores(candidate, catalogue) for candidate in candidates]
    if not names:
        return tuple(candidates)
    found = []
    added = [device for device in catalogue.devices() if device.kind == "accelerator" and device.id in names]
    for candidate in candidates:
        if candidate.machine.id == "this":
            found.append(_with_devices_here(candidate, names, here or DevicesHere()))
            continue
        # By its chip: boxes that price lists make are no files of the catalogue.
        own = {device.runtime_name: device for device in catalogue.devices_of(candidate.platform.processor)}
        devices = tuple(
            device_spec(own[name], candidate.machine, candidate.platform.processor) for name in names if name in own
        )
        found.append(replace(candidate, devices=devices))
        if scenario.candidates.add_accelerators and not candidate.platform.accelerators:
            pinned = {stage.device for stage in scenario.stages}
            of_chip = tuple(device for device in devices if RUNTIME_DEVICES[device.kind] in pinned)
            found += [
                _bought_with(candidate, device, of_chip if device.id in pinned else (), catalogue) for device in added
            ]
    return tuple(found)


def _with_devices_here(candidate: Candidate, names: Sequence[str], here: DevicesHere) -> Candidate:
    devices = tuple(spec for spec in here.specs if RUNTIME_DEVICES[spec.kind] in names)
    reasons = tuple(reason for name in names if (reason := here.why_not(name)) is not None)
    return replace(candidate, devices=devices, notes=(*candidate.notes, *reasons))


def _with_arm_cores(candidate: Candidate, catalogue: Catalogue) -> Candidate:
    from advisor.store.catalogue import device_spec

    if candidate.machine.architecture != "aarch64" or candidate.machine.id == "this":
        return candidate
    own = (device for device in catalogue.devices_of(candidate.platform.processor) if device.kind == "cpu")
    cores = next((device_spec(device, candidate.machine, candidate.platform.processor) for device in own), None)
    return replace(candidate, arm_cores=cores)


def _bought_with(
    candidate: Candidate, entry: Device, of_chip: tuple[DeviceSpec, ...], catalogue: Catalogue
) -> Candidate:
    """Box with an added device: the sum of both prices, and of what both draw.

    ``of_chip``: devices of its own that stages are pinned to beside the added one.
    """
    from advisor.planner.question.money import PRICE_SPREAD
    from advisor.store.catalogue import device_spec
    from advisor.store.slots import slot_fit

    platform = candidate.platform
    device = device_spec(entry, candidate.machine, platform.processor)
    prices = {item.id: item.list_price_usd for item in catalogue.accelerators()}
    added = None if entry.accelerator is None else prices.get(entry.accelerator)
    power_w = platform.max_power_w
    if power_w is not None and device.power_w is not None:
        power_w = _sum_of(power_w, device.power_w, device.power_w, device.power_w, entry.name)
    price = platform.price_usd
    if price is not None and added is not None:
        spread = PRICE_SPREAD[added.kind]
        price = _sum_of(price, added.value * (1.0 - spread), added.value, added.value * (1.0 + spread), entry.name)
    with_it = platform.model_copy(
        update={
            "id": f"{platform.id}-with-{device.id}",
            "name": f"{platform.name} with {entry.name}",
            "price_usd": None if added is None else price,
            "max_power_w": power_w,
            "price_breakdown": (),
        }
    )
    fit, words = slot_fit((platform.id, platform.processor), entry.id, device.host_link)
    costs = "unknown" if added is None else f"{added.value:g} USD [{added.kind}; {added.source}, {added.date}]"
    note = f"{with_it.id}: {entry.name} is bought in addition ({costs}); {words}"
    return replace(
        candidate,
        platform=with_it,
        notes=(*candidate.notes, note),
        devices=(device, *of_chip),
        bought_with=device.id,
        lacks=words if fit == "lacks" else None,
    )


def _sum_of(first: Sourced, low: float, value: float, high: float, of: str) -> Sourced:
    """Sum of a fact of a box and one of what is added to it; of unknown width where the box's is."""
    ends: dict[str, float | None] = {"low": None, "high": None}
    if first.low is not None and first.high is not None:
        ends = {"low": first.low + low, "high": first.high + high}
    return first.model_copy(
        update={"value": first.value + value, **ends, "kind": "assumed", "source": f"{first.source}; with {of}"}
    )


class DeviceAnswers:
    """The shipped evidence on devices, asked of a plan's models by the names under which it knows their work.

    ``counted``: work as counted in the models' files, by hash.
    """

    def __init__(
        self, models: Mapping[str, ModelFile], counted: Mapping[str, ModelWork], here: DevicesHere | None = None
    ) -> None:
        self._models, self._counted, self._here = models, counted, here or DevicesHere()
        self._known: dict[tuple[DeviceSpec, str, RunConfig], DeviceAnswer | None] = {}
        self._works: dict[str, tuple[WorkTable | None, tuple[str, ...]]] = {}

    def on_device(self, device: DeviceSpec, key: str, precision: Precision) -> DeviceAnswer | None:
        """What is known of one input at a time."""
        if device.machine == "this":
            return self._here.answer(device, self._models[key].sha256, precision)
        return self._answer(device, key, RunConfig(device="GPU", precision=precision))

    def on_arm(self, cores: DeviceSpec, key: str, precision: Precision, threads: int) -> DeviceAnswer | None:
        """What ncnn's tables tell of one pass on so many cores."""
        return self._answer(cores, key, RunConfig(runtime="ncnn", precision=precision, threads=threads))

    def _answer(self, device: DeviceSpec, key: str, config: RunConfig) -> DeviceAnswer | None:
        from advisor.perfmodel.devices.question import first_answer
        from advisor.perfmodel.devices.registry import shipped_sources

        from .predict_device import device_question

        # What is known of a device is known in whatever box it sits, as far as its facts are the same there.
        asked = (device.facts, key, config)
        if asked not in self._known:
            table, names = self._work(key)
            question = device_question(self._models[key], table, config, device, names)
            self._known[asked] = first_answer(shipped_sources(), question)
        return self._known[asked]

    def _work(self, key: str) -> tuple[WorkTable | None, tuple[str, ...]]:
        """Work of a model and the names under which publications may know it, worked out once."""
        from advisor.perfmodel.analytic.work_table import table_of

        from .predict_device import known_names

        if key not in self._works:
            model = self._models[key]
            work = self._counted.get(model.sha256)
            table = None if work is None else table_of(work)
            self._works[key] = table, known_names(model, table)
        return self._works[key]
