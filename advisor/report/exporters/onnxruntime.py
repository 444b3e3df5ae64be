"""ONNX Runtime: the fields of ``SessionOptions``."""

from __future__ import annotations

from typing import Any

from advisor.records.config import RunConfig

from .boxes import Boxes, ExportFormat
from .stages import of_runtime


def session_options(config: RunConfig) -> dict[str, Any]:
    """Fields of ONNX Runtime's ``SessionOptions`` that the runtime of this package sets.

    A thread pool belongs to a session: each stream of several threads is a session, streams of one thread are callers
    of one session.
    """
    streams = config.streams or 1
    threads = None if config.threads is None else max(1, config.threads // streams)
    fields: dict[str, Any] = {
        "intra_op_num_threads": threads,
        "inter_op_num_threads": config.inter_op_threads,
        "execution_mode": None if config.execution_mode is None else f"ORT_{config.execution_mode.upper()}",
        "graph_optimization_level": "ORT_ENABLE_ALL",
    }
    spinning = None if config.spinning is None else str(int(config.spinning))
    entries = {
        "session.intra_op.allow_spinning": spinning,
        "session.intra_op_thread_affinities": config.intra_op_affinities,
    }
    return {
        "sessions": streams if threads is not None and threads > 1 else 1,
        "concurrent_callers": streams,
        **{name: value for name, value in fields.items() if value is not None},
        "session_config_entries": {name: value for name, value in entries.items() if value is not None},
    }


def _translate(config: RunConfig) -> dict[str, Any]:
    return {"precision_of_model_file": config.precision, "batch": config.batch, **session_options(config)}


def _render(boxes: Boxes) -> str:
    return of_runtime(boxes, "onnxruntime", _translate)


FORMAT = ExportFormat("onnxruntime", _render)
