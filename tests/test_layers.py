"""Imports point downwards and never in a circle, verification shares nothing with prediction, --help stays light."""

from __future__ import annotations

import ast
import os
import shutil
import subprocess
import sys
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
HEAVY = (
    "openvino", "onnxruntime", "onnx", "numpy", "pandas", "sklearn", "scipy", "numba", "llvmlite", "cv2", "av",
    "sqlalchemy", "rich", "jinja2", "pydantic", "yaml", "cpuinfo", "psutil", "cryptography", "distributed", "dask",
)  # fmt: skip


def test_layers_hold() -> None:
    result = _lint_imports(ROOT)
    assert result.returncode == 0, result.stdout + result.stderr


def test_the_architecture_page_names_every_folder() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    package = ROOT / "advisor"
    folders = {path.relative_to(ROOT).parent for path in package.glob("*/__init__.py")}
    folders |= {path.relative_to(ROOT).parent for name in ("measure", "perfmodel", "planner")
                for path in (package / name).glob("*/__init__.py")}  # fmt: skip
    modules = {path.relative_to(ROOT) for path in package.glob("*.py") if path.name != "__init__.py"}
    assert len(folders) > 20
    named = {f"{folder.as_posix()}/" for folder in folders} | {module.as_posix() for module in modules}
    assert not sorted(name for name in named if f"`{name}`" not in page)


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


@pytest.mark.parametrize(
    ("module", "imported", "contract"),
    [
        ("advisor.verification.checks", "advisor.planner.plan", "Verification shares nothing with prediction"),
        ("advisor.store.catalogue", "advisor.measure.campaign.campaign", "Layers from the bottom up"),
        ("advisor.planner.search.space", "advisor.planner.answer.options", "Planner: question, search, answer, plan"),
        ("advisor.simulate.spec", "rich", "Only the command line parses and prints"),
    ],
)
def test_a_forbidden_import_breaks_its_contract(tmp_path: Path, module: str, imported: str, contract: str) -> None:
    """Put one import into a copy of the package, inside a function, and see that contract and no other fail for it."""
    shutil.copytree(ROOT / "advisor", tmp_path / "advisor", ignore=shutil.ignore_patterns("__pycache__", "_data"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    file = tmp_path / Path(*module.split(".")).with_suffix(".py")
    file.write_text(file.read_text() + f"\n\ndef forbidden() -> None:\n    import {imported}\n")
    result = _lint_imports(tmp_path)
    assert result.returncode == 1, result.stdout + result.stderr
    assert f"{contract} BROKEN" in result.stdout
    assert f"{module} -> {imported}" in result.stdout.replace("\n", " ")


def test_no_circle_between_files() -> None:
    """Imports inside functions and for type checkers count as well."""
    circles = _circles(_imports(ROOT / "advisor"))
    assert circles == []


def test_a_circle_would_be_found(tmp_path: Path) -> None:
    package = tmp_path / "house"
    (package / "room").mkdir(parents=True)
    for name, text in {
        "__init__": "",
        "door": "from .room.window import view",
        "room/__init__": "",
        "room/window": "def view():\n    from ..wall import colour",
        "wall": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import house.door",
        "roof": "from . import door",
    }.items():
        (package / f"{name}.py").write_text(text)
    assert _circles(_imports(package)) == [("house.door", "house.room.window", "house.wall")]


NO_DEPENDENCY = {("advisor", "advisor.api")}
"""The package shows the names of its API to type checkers; whoever imports it for its version loads nothing of that."""


def _imports(package: Path) -> dict[str, set[str]]:
    """Module -> modules of the package that its file imports anywhere."""
    files = {_module_name(file, package.parent): file for file in package.rglob("*.py")}
    graph = {}
    for name, file in files.items():
        home = name if file.name == "__init__.py" else name.rpartition(".")[0]
        named = {target for node in ast.walk(ast.parse(file.read_text())) for target in _targets(node, home, files)}
        graph[name] = {target for target in named if target in files and (name, target) not in NO_DEPENDENCY}
    return graph


def _module_name(file: Path, root: Path) -> str:
    parts = file.relative_to(root).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _targets(node: ast.AST, home: str, modules: Collection[str]) -> Iterator[str]:
    """Modules that an import statement in the folder ``home`` names."""
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        folders = home.split(".")
        above = folders[: len(folders) - node.level + 1] if node.level else []
        base = ".".join([*above, *([node.module] if node.module else [])])
        for alias in node.names:
            yield f"{base}.{alias.name}" if f"{base}.{alias.name}" in modules else base


def _circles(graph: Mapping[str, Collection[str]]) -> list[tuple[str, ...]]:
    """Groups of modules that reach each other, each sorted: strongly connected components of more than one."""
    reached: dict[str, set[str]] = {}
    for start in graph:
        todo, seen = list(graph[start]), set(graph[start])
        while todo:
            fresh = set(graph[todo.pop()]) - seen
            seen |= fresh
            todo += fresh
        reached[start] = seen
    return sorted(
        {
            tuple(sorted(other for other in reached[name] if name in reached[other]))
            for name in graph
            if name in reached[name]
        }
    )


def _lint_imports(folder: Path) -> subprocess.CompletedProcess[str]:
    """Run import-linter on the package in ``folder``, whatever is installed."""
    surroundings = os.environ | {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "PYTHONPATH": str(folder),
        "COLUMNS": "1000",
    }
    return subprocess.run(
        ["lint-imports", "--no-cache"], capture_output=True, text=True, check=False, cwd=folder, env=surroundings
    )
