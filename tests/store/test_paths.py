from __future__ import annotations

from pathlib import Path

import pytest

from advisor.errors import StoreError
from advisor.store import paths


def test_shipped_folders_hold_what_they_should() -> None:
    assert (paths.profiles_dir() / "processors").is_dir()
    assert (paths.scenarios_dir() / "store-analytics.yaml").is_file()


def test_an_installation_finds_them_inside_the_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paths, "_PACKAGE", tmp_path / "advisor")
    assert paths.profiles_dir() == tmp_path / "profiles"
    (tmp_path / "advisor" / "_data" / "profiles").mkdir(parents=True)
    assert paths.profiles_dir() == tmp_path / "advisor" / "_data" / "profiles"


def test_the_environment_decides(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SIZER_HOME", "SIZER_CACHE", "SIZER_STORE"):
        monkeypatch.delenv(name, raising=False)
    assert paths.data_dir().is_absolute()
    assert paths.cache_dir() != paths.data_dir()
    monkeypatch.setenv("SIZER_HOME", str(tmp_path))
    assert paths.data_dir() == tmp_path
    assert paths.cache_dir() == tmp_path / "cache"
    assert paths.default_store_url() == f"sqlite:///{tmp_path / 'store.sqlite3'}"
    monkeypatch.setenv("SIZER_CACHE", str(tmp_path / "built"))
    assert paths.cache_dir() == tmp_path / "built"
    monkeypatch.setenv("SIZER_STORE", "postgresql+psycopg://host/db")
    assert paths.default_store_url() == "postgresql+psycopg://host/db"


def test_a_user_without_home_is_told_what_to_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """OpenShift and ``docker run --user 54321``: no HOME, and no entry in the list of users."""
    for name in ("SIZER_HOME", "SIZER_CACHE", "SIZER_STORE", "HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("os.path.expanduser", lambda path: path)
    for folder in (paths.data_dir, paths.cache_dir, paths.default_store_url):
        with pytest.raises(StoreError, match="set SIZER_HOME to a folder") as caught:
            folder()
        assert caught.value.exit_code == 2
    monkeypatch.setenv("SIZER_HOME", "~nobody-of-that-name/sizer")
    with pytest.raises(StoreError, match=r"SIZER_HOME=~nobody-of-that-name/sizer: there is no such home folder"):
        paths.data_dir()
    monkeypatch.setenv("SIZER_HOME", str(tmp_path))
    assert paths.cache_dir() == tmp_path / "cache"
