"""Devices of the candidates that a scenario permits, and what is known of its models on them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from advisor.records.base import OfferKind, Precision, PriceBasis, Sourced
from advisor.records.config import RunConfig
from advisor.records.device import RUNTIME_DEVICES, Device, DeviceSpec
from advisor.records.model import ModelFile, ModelWork
from advisor.records.offer import ProductForm
from advisor.records.scenario import Scenario

from .devices_here import DevicesHere

if TYPE_CHECKING:
    from advisor.market.added_price import AddedPrice, AddedPrices
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
    scenario: Scenario,
    candidates: Sequence[Candidate],
    catalogue: Catalogue,
    here: DevicesHere | None = None,
    prices: AddedPrices | None = None,
) -> tuple[Candidate, ...]:
    """Candidates with those of their devices that the scenario permits, and once more with each device to be added.

    Boxes with Arm cores get these, which no permission is needed for. ``here``: what was measured on devices of this
    machine; a permitted one of which that says nothing is named in its notes with the reason. ``prices``: of devices
    to be added, on the day of the plan; what has none is taken at the catalogue's list price.
    """
    from advisor.store.data_sheets import device_spec

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
                _bought_with(
                    scenario, candidate, device, of_chip if device.id in pinned else (), catalogue, prices or {}
                )
                for device in added
            ]
    return tuple(found)


def _with_devices_here(candidate: Candidate, names: Sequence[str], here: DevicesHere) -> Candidate:
    devices = tuple(spec for spec in here.specs if RUNTIME_DEVICES[spec.kind] in names)
    reasons = tuple(reason for name in names if (reason := here.why_not(name)) is not None)
    return replace(candidate, devices=devices, notes=(*candidate.notes, *reasons))


def _with_arm_cores(candidate: Candidate, catalogue: Catalogue) -> Candidate:
    from advisor.store.data_sheets import device_spec

    if candidate.machine.architecture != "aarch64" or candidate.machine.id == "this":
        return candidate
    own = (device for device in catalogue.devices_of(candidate.platform.processor) if device.kind == "cpu")
    cores = next((device_spec(device, candidate.machine, candidate.platform.processor) for device in own), None)
    return replace(candidate, arm_cores=cores)


def _bought_with(
    scenario: Scenario,
    candidate: Candidate,
    entry: Device,
    of_chip: tuple[DeviceSpec, ...],
    catalogue: Catalogue,
    prices: AddedPrices,
) -> Candidate:
    """Box with an added device: the sum of both prices, and of what both draw.

    ``of_chip``: devices of its own that stages are pinned to beside the added one.
    """
    from advisor.store.data_sheets import device_spec
    from advisor.store.slots import form_wanted, slot_fit

    platform = candidate.platform
    device = device_spec(entry, candidate.machine, platform.processor)
    names = tuple(name for name in (platform.product, platform.id, platform.processor) if name is not None)
    added = _price_of_added(entry, form_wanted(names, entry.id), catalogue, prices)
    price, basis, of_box = _price_of_box(scenario, candidate)
    with_it = platform.model_copy(
        update={
            "id": f"{platform.id}-with-{device.id}",
            "name": f"{platform.name} with {entry.name}",
            "price_usd": None if added is None or price is None else _sum_of_prices(price, added.price, entry.name),
            "price_basis": basis,
            "offer_kind": None if added is None else _vaguer(of_box, added.kind),
            "max_power_w": power_with(platform.max_power_w, device, entry.name),
            "price_breakdown": (),
        }
    )
    fit, words = slot_fit(names, entry.id, device.host_link)
    costs = "unknown" if added is None else _cited(added.price)
    note = f"{with_it.id}: {entry.name} is bought in addition ({costs}); {words}"
    return replace(
        candidate,
        platform=with_it,
        notes=(*candidate.notes, note),
        devices=(device, *of_chip),
        bought_with=device.id,
        lacks=words if fit == "lacks" else None,
        slot_doubt=words if fit in {"taken", "unknown"} else None,
        # A price that the scenario states for the box alone is in the sum, which then stands for each.
        at_hand=None if platform.id in scenario.candidates.prices else candidate.at_hand,
    )


def _price_of_added(entry: Device, form: ProductForm, catalogue: Catalogue, prices: AddedPrices) -> AddedPrice | None:
    """Price of the part in the form that fits the box, else in another form, else its list price; None: unknown."""
    from advisor.market.added_price import AddedPrice

    if entry.accelerator is None:
        return None
    offered = prices.get((entry.accelerator, form)) or min(
        (price for (name, _), price in prices.items() if name == entry.accelerator),
        key=lambda price: price.price.value,
        default=None,
    )
    if offered is not None:
        return offered
    listed = next((item.list_price_usd for item in catalogue.accelerators() if item.id == entry.accelerator), None)
    return None if listed is None else AddedPrice(listed, "assumed" if listed.kind == "assumed" else "list")


def _price_of_box(
    scenario: Scenario, candidate: Candidate
) -> tuple[Sourced | None, PriceBasis | None, OfferKind | None]:
    """Price of the box alone [USD], its basis and the kind of offer that it rests on; the scenario's own goes first."""
    platform, override = candidate.platform, scenario.candidates.prices.get(candidate.platform.id)
    if override is None:
        return platform.price_usd, platform.price_basis, platform.offer_kind
    money = scenario.money
    rate = money.usd_rate or 1.0
    in_usd = override.value if override.currency not in {None, money.currency} else override.value / rate
    value, basis = money.brought(in_usd, override.basis)
    quoted = Sourced(
        value=value, low=value, high=value, kind="published", source=f"{override.source} (candidates.prices)",
        date=override.date,
    )  # fmt: skip
    return quoted, basis, "offer"


def _sum_of_prices(box: Sourced, added: Sourced, name: str) -> Sourced:
    """Sum of the prices of a box and of what is added: as vague as the vaguer and as old as the older of them."""
    from advisor.planner.question.money import PRICE_SPREAD

    def ends(price: Sourced) -> tuple[float, float]:
        spread = PRICE_SPREAD[price.kind]
        low = price.value * (1.0 - spread) if price.low is None else price.low
        return low, price.value * (1.0 + spread) if price.high is None else price.high

    (low, high), (more_low, more_high) = ends(box), ends(added)
    return Sourced(
        value=box.value + added.value,
        low=low + more_low,
        high=high + more_high,
        kind=max(box.kind, added.kind, key=lambda kind: PRICE_SPREAD[kind]),
        source=f"{box.value:g} USD ({box.source}); with {name}, {_cited(added)}",
        date=min(box.date, added.date),
    )


def _cited(price: Sourced) -> str:
    return f"{price.value:g} USD [{price.kind}; {price.source}, {price.date}]"


def _vaguer(first: OfferKind | None, second: OfferKind) -> OfferKind | None:
    """Kind that tells least of what is paid; None where the first rests on no offer, or the second is assumed."""
    from advisor.market.box_price import KIND_SPREAD

    if first is None or second == "assumed":
        return None
    return max(first, second, key=lambda kind: KIND_SPREAD[kind])


def power_with(box: Sourced | None, device: DeviceSpec, name: str) -> Sourced | None:
    """Wall power of box and device; None where either is unknown, so that no site's limit is taken for kept."""
    if box is None or device.power_w is None:
        return None
    more_w = device.power_w
    ends: dict[str, float | None] = {"low": None, "high": None}
    if box.low is not None and box.high is not None:
        ends = {"low": box.low + more_w, "high": box.high + more_w}
    source = f"{box.source}; with {name}"
    return box.model_copy(update={"value": box.value + more_w, **ends, "kind": "assumed", "source": source})


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
        # What is known of a device is known in whatever box it sits, as far as its facts are the same there.
        asked = (device.facts, key, config)
        if asked not in self._known:
            from advisor.perfmodel.devices.question import first_answer
            from advisor.perfmodel.devices.registry import shipped_sources

            from .predict_device import device_question

            table, names = self._work(key)
            question = device_question(self._models[key], table, config, device, names)
            self._known[asked] = first_answer(shipped_sources(), question)
        return self._known[asked]

    def _work(self, key: str) -> tuple[WorkTable | None, tuple[str, ...]]:
        """Work of a model and the names under which publications may know it, worked out once."""
        if key not in self._works:
            from advisor.perfmodel.analytic.work_table import table_of

            from .predict_device import known_names

            model = self._models[key]
            work = self._counted.get(model.sha256)
            table = None if work is None else table_of(work)
            self._works[key] = table, known_names(model, table)
        return self._works[key]
