"""The Python API behind the commands: one function per command, records in and out, nothing printed."""

from .bench import BenchRequest, bench_machine
from .calibrate import calibrate_model
from .catalogue import add_measured_box, check_catalogue, list_catalogue, show_catalogue_entry
from .host import probe
from .models import build_model, inspect_model, list_models
from .plan import PlanRequest, plan_scenario
from .predict import PredictRequest, predict_model
from .runs import list_runs, stored_measurements, stored_run
from .verify import VerifyRequest, verify_scenario

__all__ = [
    "BenchRequest", "PlanRequest", "PredictRequest", "VerifyRequest", "add_measured_box", "bench_machine",
    "build_model", "calibrate_model", "check_catalogue", "inspect_model", "list_catalogue", "list_models", "list_runs",
    "plan_scenario", "predict_model", "probe", "show_catalogue_entry", "stored_measurements", "stored_run",
    "verify_scenario",
]  # fmt: skip
