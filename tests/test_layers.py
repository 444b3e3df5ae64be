"""The house: layers point downwards, verification shares nothing with prediction, the command line starts light."""

from __future__ import annotations

import subprocess
import sys

HEAVY = (
    "openvino", "onnxruntime", "onnx", "numpy", "pandas", "sklearn", "scipy", "numba", "cv2", "av", "sqlalchemy",
    "rich", "jinja2", "pydantic", "yaml", "cpuinfo", "psutil", "cryptography",
)  # fmt: skip


def test_layers_hold() -> None:
    result = subprocess.run(["lint-imports", "--no-cache"], capture_output=True, text=True, check=False, env=_path())
    assert result.returncode == 0, result.stdout + result.stderr


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys\n"
        "from advisor.cli.main import run\n"
        "assert run(['--help']) == 0\n"
        f"loaded = [name for name in {HEAVY!r} if name in sys.modules]\n"
        "print('LOADED', loaded)\n"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.splitlines()[-1] == "LOADED []"


def test_a_forbidden_import_would_be_found() -> None:
    """The contract on verify/ is not empty: planner modules exist that it could import."""
    import tomllib
    from pathlib import Path

    root = Path(__file__).parents[1]
    contracts = tomllib.loads((root / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    forbidden = next(
        item
        for item in contracts
        if item["source_modules" if "source_modules" in item else "name"] == ["advisor.verify"]
    )
    for module in forbidden["forbidden_modules"]:
        assert (root / module.replace(".", "/")).is_dir()


def _path() -> dict[str, str]:
    import os
    from pathlib import Path

    return {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
