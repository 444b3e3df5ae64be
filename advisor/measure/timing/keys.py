"""Identity of a measurement: what was asked, of which file, of which runtime version, on which machine."""

from __future__ import annotations

import functools
import hashlib
import importlib.metadata
import json

from advisor.errors import InputError
from advisor.records.config import LoadMode, RunConfig
from advisor.records.model import ModelFile

from .harness import MeasureSpec

KEY_VERSION = 1


@functools.lru_cache(maxsize=8)
def runtime_version(name: str) -> str:
    """Version of an installed runtime's package, without loading it; InputError where it is not installed."""
    if name == "fake":
        return "fake"
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError as error:
        raise InputError(f"runtime {name} is not installed; run: pip install {name}") from error


def key(model: ModelFile, config: RunConfig, mode: LoadMode, spec: MeasureSpec, host_fingerprint: str) -> str:
    """Hash of everything that was requested.

    Notes
    -----
    Fields at their default are left out, so that a field added to a record later keeps the keys of old measurements.
    How long was measured belongs to the request: a quick look does not stand for a long one.
    """
    text = json.dumps(
        {
            "version": KEY_VERSION,
            "model": model.sha256,
            "input_shape": list(model.input_shape),
            "config": config.model_dump(mode="json", exclude_defaults=True),
            "mode": mode.model_dump(mode="json", exclude_defaults=True),
            "spec": spec.model_dump(mode="json", exclude_defaults=True),
            "runtime": [config.runtime, runtime_version(config.runtime)],
            "host": host_fingerprint,
        },
        sort_keys=True,
    )
    return hashlib.sha256(text.encode()).hexdigest()
