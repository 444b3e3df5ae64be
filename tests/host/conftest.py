from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from advisor.host import host_facts, lscpu
from advisor.records.host import HostFacts

from .make_trees import files_of, write_tree


@pytest.fixture(scope="session")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Directory of a named machine, written once."""

    @cache
    def at(name: str) -> Path:
        return write_tree(files_of(name), tmp_path_factory.mktemp(name))

    return at


@pytest.fixture(scope="session")
def facts_of(tree: Callable[[str], Path]) -> Callable[[str], HostFacts]:
    """Facts of a named machine, read once."""

    @cache
    def read(name: str) -> HostFacts:
        return host_facts(tree(name))

    return read


@pytest.fixture
def no_lscpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine without util-linux."""
    monkeypatch.setattr(lscpu.shutil, "which", lambda name: None)
