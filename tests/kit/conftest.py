from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def built_models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Cache of models and clips that all tests of a worker share."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(autouse=True)
def own_folders(tmp_path_factory: pytest.TempPathFactory, built_models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIZER_HOME", str(tmp_path_factory.mktemp("home")))
    monkeypatch.setenv("SIZER_CACHE", str(built_models))
    monkeypatch.delenv("SIZER_STORE", raising=False)
