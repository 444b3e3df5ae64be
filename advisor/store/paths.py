"""Where data that ships and data that grows are found: the only place that knows about folders."""

from __future__ import annotations

import os
from pathlib import Path

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


def data_dir() -> Path:
    """User's own data (store, added platforms): ``SIZER_HOME``, else the platform's folder for user data.

    The folder need not exist; whoever writes makes it.
    """
    home = os.environ.get("SIZER_HOME")
    if home:
        return Path(home).expanduser()
    from platformdirs import user_data_path

    return user_data_path("sizer", appauthor=False)


def cache_dir() -> Path:
    """Built models and other files that can be made again: ``SIZER_CACHE``, else ``SIZER_HOME/cache``, else the
    platform's folder for caches.
    """
    cache = os.environ.get("SIZER_CACHE")
    if cache:
        return Path(cache).expanduser()
    home = os.environ.get("SIZER_HOME")
    if home:
        return Path(home).expanduser() / "cache"
    from platformdirs import user_cache_path

    return user_cache_path("sizer", appauthor=False)


def default_store_url() -> str:
    """URL of the measurement store where none is given: ``SIZER_STORE``, else a SQLite file among the user's data."""
    given = os.environ.get("SIZER_STORE")
    return given if given else f"sqlite:///{data_dir() / 'store.sqlite3'}"
