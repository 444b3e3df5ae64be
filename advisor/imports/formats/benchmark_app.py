"""Report of OpenVINO's benchmark_app: ``benchmark_report.json`` or ``benchmark_report.csv`` (``-report_type``).

Source: openvino.tools.benchmark.utils.statistics_report of the Python tool, and its C++ sibling, whose JSON names the
same figures in words with underscores. Times are in milliseconds, throughput in inputs per second.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from advisor.errors import InputError
from advisor.store.files import read_text

from .base import Imported, ImportOptions
from .cells import count, figure, number, precision_of, scaled

_SECTIONS = {
    "command line parameters": "cmd_options", "configuration setup": "configuration_setup",
    "execution results": "execution_results",
}  # fmt: skip
_LATENCY = re.compile(r"latency \((\d+) percentile\) \(ms\)")

Sections = dict[str, dict[str, str]]


class BenchmarkAppFormat:
    """One figure for each report."""

    name = "benchmark-app"
    title = "benchmark_app report (JSON or CSV)"

    def read(self, path: Path, options: ImportOptions) -> Imported:
        """Read the report."""
        text = read_text(path, InputError)
        sections = _of_json(text, path) if text.lstrip().startswith(("{", "[")) else _of_csv(text)
        results = sections.get("execution_results", {})
        setup = sections.get("configuration_setup", {})
        if "throughput" not in results:
            raise InputError(
                f"{path}: holds no execution results with a throughput; is it benchmark_report.json or .csv, of a"
                " run that ended?"
            )
        machine = options.measured_machine(path)
        try:
            values = _values(results, setup, sections.get("cmd_options", {}))
        except InputError as error:
            raise InputError(f"{path}: {error}") from error
        model = _first(setup, "topology") or options.model
        if not model:
            raise InputError(f"{path}: names no topology; say --model NAME")
        return Imported(
            figures=(
                figure(
                    machine,
                    {
                        **values,
                        "model": model,
                        "runtime": "openvino",
                        "observed": options.observed,
                        "source": f"benchmark_app, {path.name}",
                    },
                ),
            )
        )


def _values(results: Mapping[str, str], setup: Mapping[str, str], command: Mapping[str, str]) -> dict[str, Any]:
    latencies = {
        f"latency_{name}_s": scaled(number(_first(results, *keys), keys[0]), 1e-3)
        for name, keys in {
            "p50": ("latency (ms)",), "avg": ("avg latency", "latency_avg", "Average latency (ms)"),
            "min": ("min latency", "latency_min", "Minimum latency (ms)"),
            "max": ("max latency", "latency_max", "Maximum latency (ms)"),
        }.items()
    }  # fmt: skip
    boundary = count(_first(results, "percentile_boundary", "Percentile boundary"), "percentile boundary") or 50
    points = {boundary: _first(results, "latency_median")}
    points |= {int(found[1]): value for key, value in results.items() if (found := _LATENCY.fullmatch(key))}
    for point, value in points.items():
        if value and point in {50, 90, 95, 99}:
            latencies[f"latency_p{point}_s"] = scaled(number(value, f"latency ({point} percentile)"), 1e-3)
    mode = _first(setup, "API", "api").lower()
    device = _first(setup, "target device", "target_device") or None
    streams = [value for key, value in setup.items() if re.fullmatch(r"number of .*streams|num_streams", key)]
    return {
        **latencies,
        "device": device,
        "precision": precision_of(_first(command, "-infer_precision", "--infer_precision", "infer_precision"))
        or precision_of(_first(setup, "precision")),
        "batch": count(_first(setup, "batch size", "batch_size"), "batch size"),
        "mode": mode if mode in {"sync", "async"} else None,
        "requests": count(_first(setup, "number of parallel infer requests", "nireq"), "number of requests"),
        "streams": count(streams[0], "number of streams") if len(streams) == 1 else None,
        "threads": count(_first(command, "-nthreads", "--number_threads", "nthreads"), "threads"),
        "throughput_per_s": _needed(results["throughput"]),
        "passes": count(_first(results, "total number of iterations", "iterations_num"), "number of iterations"),
        "duration_s": scaled(
            number(_first(results, "total execution time (ms)", "execution_time"), "total execution time"), 1e-3
        ),
    }


def _needed(text: str) -> float:
    value = number(text, "throughput")
    if value is None:
        raise InputError(f"throughput {text[:40]!r} is not a number")
    return value


def _first(section: Mapping[str, str], *keys: str) -> str:
    return next((section[key] for key in keys if section.get(key)), "")


def _of_json(text: str, path: Path) -> Sections:
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path}: is not valid JSON ({error}); was it written completely?") from error
    if not isinstance(data, dict):
        raise InputError(f"{path}: holds no JSON object; is it benchmark_report.json?")
    return {
        name: {str(key): str(value) for key, value in section.items()}
        for name, section in data.items()
        if isinstance(section, dict)
    }


def _of_csv(text: str) -> Sections:
    found: Sections = {}
    section: dict[str, str] | None = None
    for line in text.splitlines():
        heading = _SECTIONS.get(line.strip().rstrip(";").casefold())
        if heading is not None:
            section = found.setdefault(heading, {})
        elif section is not None and ";" in line:
            key, _, value = line.partition(";")
            section.setdefault(key.strip(), value.strip())
    return found
