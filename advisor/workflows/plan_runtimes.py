"""Runtimes that a plan considers, and what it says of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from advisor.records.base import RuntimeName

if TYPE_CHECKING:
    from advisor.planner.question.inputs import Candidate
    from advisor.records.model import ModelFile
    from advisor.records.scenario import Scenario

    from .measured_machines import MeasuredMachines
    from .works import Works


def named_runtimes(scenario: Scenario) -> tuple[RuntimeName, ...]:
    """Runtimes beside OpenVINO that the scenario permits."""
    return tuple(dict.fromkeys(name for name in scenario.candidates.runtimes if name not in ("openvino", "fake")))


def measured_runtimes(
    models: Mapping[str, ModelFile], measured: MeasuredMachines, candidates: Sequence[Candidate]
) -> dict[str, tuple[RuntimeName, ...]]:
    """Per candidate the runtimes beside OpenVINO in which every model of the scenario was measured there.

    ONNX Runtime's time elsewhere would be OpenVINO's times an assumed factor, which can never be the better choice for
    a known reason: a runtime without evidence is not considered, and the plan says so.
    """
    prints = measured.fingerprints
    wanted = {model.sha256 for model in models.values()}
    runtimes: dict[str, tuple[RuntimeName, ...]] = {}
    for platform in [item.platform.id for item in candidates if item.platform.id in prints]:
        rows = measured.store.find(host_fingerprint=prints[platform], status="done")
        here = {row.model_sha256 for row in rows if row.config.runtime == "onnxruntime"}
        if wanted <= here:
            runtimes[platform] = ("onnxruntime",)
    return runtimes


def for_onnxruntime(models: Mapping[str, ModelFile], works: Works) -> list[str]:
    """Say which files OpenVINO cannot run and ONNX Runtime can, where the scenario names no runtime beside OpenVINO."""
    return [
        f"stage {stage}: OpenVINO cannot run {model.reference}, ONNX Runtime can; permit it with "
        "candidates: {runtimes: [onnxruntime]}"
        for stage, model in models.items()
        if not works.compiled(stage) and works.of_stage(stage, "onnxruntime", "f32", 1) is not None
    ]


def runtimes_text(measured: Mapping[str, tuple[RuntimeName, ...]], named: Sequence[RuntimeName]) -> str:
    """Say which runtimes were considered where: ``named`` everywhere, and those of :func:`measured_runtimes`."""
    if named:
        return (
            f"runtimes: OpenVINO and {', '.join(named)} (candidates.runtimes) wherever measurements or published "
            "ratios to OpenVINO tell their times, with intervals as wide as these are"
        )
    if not measured:
        return (
            "runtimes: OpenVINO only; ONNX Runtime was not measured with these models on any platform, and without "
            "that its time is OpenVINO's times a published ratio with a wide interval (candidates.runtimes permits it; "
            "`sizer compare` measures it)"
        )
    return (
        f"runtimes: OpenVINO everywhere; ONNX Runtime where it was measured with these models: "
        f"{', '.join(sorted(measured))}"
    )
