"""What a plan takes the application around the models to cost, in words."""

from __future__ import annotations

from math import exp

from advisor.perfmodel.resources.application import ApplicationUnit, UsualWork, load_application
from advisor.records.base import Z90
from advisor.records.scenario import Scenario

REFERENCE_CORE = "a performance core of 2023 at 4 GHz"
NOTHING = (
    "nothing is counted around decoding, preparation and the models (`application: none`): tracking, drawing, "
    "encoding and whatever else your application does per frame or object comes on top"
)


def application_words(scenario: Scenario) -> str:
    """What is assumed of the application, each part with its spread and source or as the scenario states it."""
    parts = _parts(scenario)
    if all(stated_ms == 0 for _, stated_ms in parts):
        return NOTHING
    words = " and ".join(_part_words(unit, stated_ms) for unit, stated_ms in parts)
    text = f"around the models an application takes core time of {REFERENCE_CORE}: {words}"
    if not assumes_usual(scenario):
        return text
    sources = "; ".join(dict.fromkeys(load_application().of(unit).source for unit, stated in parts if stated is None))
    return f"{text}; usual: {sources}; measure yours on one box and state it with `application:` before buying more"


def assumes_usual(scenario: Scenario) -> bool:
    """Whether any part of the application is taken as usual, since the scenario does not state it."""
    return any(stated_ms is None for _, stated_ms in _parts(scenario))


def _parts(scenario: Scenario) -> list[tuple[ApplicationUnit, float | None]]:
    """Units that the scenario has, with what it states of each [ms]."""
    parts: list[tuple[ApplicationUnit, float | None]] = []
    if scenario.cameras:
        parts.append(("frame", scenario.application.overhead_ms_per_frame))
    if any(stage.on is not None for stage in scenario.stages):
        parts.append(("object", scenario.application.overhead_ms_per_object))
    return parts


def _part_words(unit: ApplicationUnit, stated_ms: float | None) -> str:
    if stated_ms is not None:
        return f"{stated_ms:.3g} ms per {unit} as stated"
    usual = load_application().of(unit)
    low_ms, high_ms = between_applications(usual)
    return f"{usual.core_ms:.2g} ({low_ms:.2g} to {high_ms:.2g}) ms per {unit} as usual"


def between_applications(usual: UsualWork) -> tuple[float, float]:
    """P10 and P90 of what applications take for one unit, of the reference core [ms]."""
    return usual.core_ms * exp(-Z90 * usual.sd), usual.core_ms * exp(Z90 * usual.sd)
