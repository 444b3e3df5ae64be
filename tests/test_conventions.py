"""Rules of CONTRIBUTING.md that no linter knows."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

TESTS = Path(__file__).parent


def test_every_test_states_that_it_returns_nothing() -> None:
    """So that type checkers look into it; helpers and fixtures may leave types out."""
    functions = [
        (path.relative_to(TESTS), node)
        for path in sorted(TESTS.rglob("test_*.py"))
        for node in _statements(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    ]
    assert len(functions) > 1000
    untyped = [
        f"{path}:{node.lineno} {node.name}"
        for path, node in functions
        if not (isinstance(node.returns, ast.Constant) and node.returns.value is None)
    ]
    assert not untyped, "write `-> None`: " + ", ".join(untyped)


def _statements(tree: ast.Module) -> Iterator[ast.stmt]:
    """Those of a module and of its classes, where pytest looks for tests."""
    for node in tree.body:
        yield node
        if isinstance(node, ast.ClassDef):
            yield from node.body
