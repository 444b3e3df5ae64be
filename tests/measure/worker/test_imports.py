"""What starts in every worker is light: campaigns start dozens of them, one after the other."""

import subprocess
import sys

WORKERS = (
    "decode",
    "devices",
    "footprint",
    "micro.worker",
    "model_kernels",
    "paired",
    "preparation",
    "profile",
    "tasks",
)
NOT_THERE = {"sqlalchemy", "yaml", "scipy", "pandas", "rich", "jinja2", "numba", "openvino", "onnxruntime"}
"""A database alone is a third of such a process's start; a runtime is loaded where a measurement names it."""


def loaded(code: str) -> set[str]:
    code += "; import sys; print(*(name for name in sys.modules if '.' not in name))"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(result.stdout.split())


def test_what_workers_run_loads_no_database_and_no_runtime_by_itself() -> None:
    found = loaded("; ".join(f"import advisor.measure.items.{name}" for name in WORKERS))
    assert "advisor" in found
    assert not found & NOT_THERE


def test_nor_does_the_process_of_a_real_run() -> None:
    assert not loaded("import advisor.verification.child") & NOT_THERE
