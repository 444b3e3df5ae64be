"""The Python API behind the commands: one function per command, records in and out, nothing printed.

Importing this package loads nothing; each entry point comes with the module named next to it below, so that a
plan does not wait for what only a benchmark needs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .bench import BenchRequest, bench_machine
    from .calibrate import calibrate_model
    from .catalogue import (
        add_measured_box,
        check_catalogue,
        devices_of_entry,
        list_catalogue,
        remove_measured_box,
        show_catalogue_entry,
    )
    from .compare import CompareRequest, compare_models
    from .host import probe
    from .models import build_model, inspect_model, list_models
    from .plan import plan_scenario
    from .plan_inputs import PlanRequest
    from .predict import PredictRequest, predict_model
    from .runs import count_runs, list_runs, prune_runs, stored_measurements, stored_run
    from .verify import verify_scenario
    from .verify_setting import VerifyRequest

__all__ = [
    "BenchRequest", "CompareRequest", "PlanRequest", "PredictRequest", "VerifyRequest", "add_measured_box",
    "bench_machine",
    "build_model", "calibrate_model", "check_catalogue", "compare_models", "count_runs", "devices_of_entry",
    "inspect_model",
    "list_catalogue",
    "list_models", "list_runs", "plan_scenario", "predict_model", "probe", "prune_runs", "remove_measured_box",
    "show_catalogue_entry", "stored_measurements", "stored_run", "verify_scenario",
]  # fmt: skip

_HOMES = {
    "BenchRequest": "bench",
    "CompareRequest": "compare",
    "PlanRequest": "plan_inputs",
    "PredictRequest": "predict",
    "VerifyRequest": "verify_setting",
    "add_measured_box": "catalogue",
    "prune_runs": "runs",
    "remove_measured_box": "catalogue",
    "bench_machine": "bench",
    "build_model": "models",
    "calibrate_model": "calibrate",
    "compare_models": "compare",
    "check_catalogue": "catalogue",
    "devices_of_entry": "catalogue",
    "count_runs": "runs",
    "inspect_model": "models",
    "list_catalogue": "catalogue",
    "list_models": "models",
    "list_runs": "runs",
    "plan_scenario": "plan",
    "predict_model": "predict",
    "probe": "host",
    "show_catalogue_entry": "catalogue",
    "stored_measurements": "runs",
    "stored_run": "runs",
    "verify_scenario": "verify",
}


def __getattr__(name: str) -> object:
    """Import an entry point on first use."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
