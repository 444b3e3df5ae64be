"""How the compiled loop is kept on disk."""

from __future__ import annotations

import ast
import pkgutil
from pathlib import Path

from advisor.simulate import compiled, engine

FOLDER = Path(compiled.__file__).parent


def test_a_change_of_any_part_is_another_version(monkeypatch) -> None:
    version, read = compiled.code_version(), pkgutil.get_data
    versions = set()
    for part in compiled.PARTS:

        def changed(package: str, name: str, part: str = part) -> bytes:
            data = read(package, name) or b""
            return data + b"#" if name == f"{part}.py" else data

        monkeypatch.setattr(compiled.pkgutil, "get_data", changed)
        versions.add(compiled.code_version())
    assert len(versions) == len(compiled.PARTS)
    assert version not in versions


def test_every_module_that_is_compiled_counts() -> None:
    """Whatever declares a part, or is imported by one, is among the parts."""
    for name in compiled.PARTS:
        tree = ast.parse((FOLDER / f"{name}.py").read_text(encoding="utf-8"))
        imported = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.level == 1}
        assert imported <= set(compiled.PARTS), name
    declaring = {path.stem for path in FOLDER.glob("*.py") if "@part" in path.read_text(encoding="utf-8")}
    assert declaring <= set(compiled.PARTS)


def test_numba_compares_the_version() -> None:
    """It is among the values that the kept function encloses, which are part of the key on disk."""
    enclosed = [cell.cell_contents for cell in engine.run_loop.py_func.__closure__]
    assert enclosed == [compiled.code_version()]
