"""Where data that ships and data that grows are found: the only place that knows about folders."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from advisor.errors import StoreError

_PACKAGE = Path(__file__).resolve().parent.parent


def _shipped(name: str) -> Path:
    """Folder that ships with sizer: next to ``advisor/`` in a checkout, inside it in an installation."""
    installed = _PACKAGE / "_data" / name
    return installed if installed.is_dir() else _PACKAGE.parent / name


def profiles_dir() -> Path:
    """Folder of the shipped catalogue, published figures and calibration."""
    return _shipped("profiles")


def scenarios_dir() -> Path:
    """Folder of the shipped scenarios."""
    return _shipped("scenarios")


def locks_dir() -> Path:
    """Folder of the locks: the packages that sizer was tested with, with their hashes."""
    return _shipped("requirements")


def checkout_dir() -> Path | None:
    """Root of the checkout that runs; None where sizer was installed as a package."""
    root = _PACKAGE.parent
    return root if not (_PACKAGE / "_data").is_dir() and (root / "pyproject.toml").is_file() else None


def data_dir() -> Path:
    """User's own data (store, added platforms): ``SIZER_HOME``, else the platform's folder for user data.

    The folder need not exist; whoever writes makes it. StoreError if there is neither.
    """
    home = os.environ.get("SIZER_HOME")
    if home:
        return _expanded("SIZER_HOME", home)
    from platformdirs import user_data_path

    return _own(user_data_path)


def cache_dir() -> Path:
    """Built models and other files that can be made again: ``SIZER_CACHE``, else ``SIZER_HOME/cache``, else the
    platform's folder for caches. StoreError if there is none of them.
    """
    cache = os.environ.get("SIZER_CACHE")
    if cache:
        return _expanded("SIZER_CACHE", cache)
    home = os.environ.get("SIZER_HOME")
    if home:
        return _expanded("SIZER_HOME", home) / "cache"
    from platformdirs import user_cache_path

    return _own(user_cache_path)


def _expanded(variable: str, folder: str) -> Path:
    try:
        return Path(folder).expanduser()
    except RuntimeError as error:
        raise StoreError(f"{variable}={folder}: there is no such home folder; write the whole path") from error


def _own(finder: Callable[..., Path]) -> Path:
    """Folder of the user by a function of platformdirs.

    A container that runs under a number without name has no home: platformdirs fails then, or leaves the ~ as it is.
    """
    try:
        path = finder("sizer", appauthor=False)
    except RuntimeError:
        path = Path()
    if not path.is_absolute():
        raise StoreError(
            "no folder for sizer's data: this user has no home and HOME is not set; set SIZER_HOME to a folder"
        )
    return path


def default_store_url() -> str:
    """URL of the measurement store where none is given: ``SIZER_STORE``, else a SQLite file among the user's data."""
    given = os.environ.get("SIZER_STORE")
    return given if given else f"sqlite:///{data_dir() / 'store.sqlite3'}"
