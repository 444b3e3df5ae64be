"""Keys of measurements: what was requested, of which file, with which runtime version, on which machine."""

from __future__ import annotations

import functools
import hashlib
import importlib.metadata
import json
from typing import Literal

from advisor.errors import InputError
from advisor.records.config import LoadMode, RunConfig
from advisor.records.model import ModelFile
from advisor.runtimes import package_of, remedy_for

from .harness import MeasureSpec

KEY_VERSION = 1


@functools.lru_cache(maxsize=8)
def runtime_version(name: str) -> str:
    """Version of an installed runtime's package, without loading it; InputError if it is not installed."""
    if name == "fake":
        return "fake"
    try:
        return importlib.metadata.version(package_of(name))
    except importlib.metadata.PackageNotFoundError as error:
        raise InputError(f"runtime {name} is not installed; run: {remedy_for(name)}") from error


def timing_key(model: ModelFile, config: RunConfig, mode: LoadMode, spec: MeasureSpec, host_fingerprint: str) -> str:
    """Hash of a requested timing.

    Notes
    -----
    Fields at their default are left out, so that a field added to a record later keeps the keys of old measurements.
    How long was measured belongs to the request: a quick look does not stand for a long one.
    """
    return _hash(
        model, config, host_fingerprint, mode=mode.model_dump(mode="json", exclude_defaults=True),
        spec=spec.model_dump(mode="json", exclude_defaults=True),
    )  # fmt: skip


def kind_key(kind: Literal["profile", "footprint"], model: ModelFile, config: RunConfig, host_fingerprint: str) -> str:
    """Hash of a request that does not depend on how requests arrive or how long is measured."""
    return _hash(model, config, host_fingerprint, kind=kind)


def paired_key(model: ModelFile, config: RunConfig, mode: LoadMode, spec: MeasureSpec, host_fingerprint: str) -> str:
    """Hash of a variant that is measured in turns with others; with whom is not part of it."""
    return _hash(
        model, config, host_fingerprint, kind="paired", mode=mode.model_dump(mode="json", exclude_defaults=True),
        spec=spec.model_dump(mode="json", exclude_defaults=True),
    )  # fmt: skip


# Version 0.1 told profiles and footprints from timings by a length that no timing has.
_FORMER_SPECS = {
    "profile": {"min_duration_s": 1e-6, "min_samples": 2},
    "footprint": {"min_duration_s": 2e-6, "min_samples": 1},
}


def former_kind_key(
    kind: Literal["profile", "footprint"], model: ModelFile, config: RunConfig, host_fingerprint: str
) -> str:
    """Hash under which sizer 0.1 stored the request of :func:`kind_key`."""
    return _hash(model, config, host_fingerprint, mode={}, spec=_FORMER_SPECS[kind])


def _hash(model: ModelFile, config: RunConfig, host_fingerprint: str, **request: object) -> str:
    text = json.dumps(
        {
            "version": KEY_VERSION,
            "model": model.sha256,
            "input_shape": list(model.input_shape),
            **({"further_shapes": model.further_shapes} if model.further_shapes else {}),
            "config": config.model_dump(mode="json", exclude_defaults=True),
            "runtime": [config.runtime, runtime_version(config.runtime)],
            "host": host_fingerprint,
            **request,
        },
        sort_keys=True,
    )
    return hashlib.sha256(text.encode()).hexdigest()
