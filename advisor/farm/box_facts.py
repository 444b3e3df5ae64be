"""What a box tells of itself, and the name under which its measurements are kept."""

from __future__ import annotations

import hashlib
import json
import re

import advisor
from advisor.clock import utc_now
from advisor.errors import InputError
from advisor.records.farm import FarmBox
from advisor.records.host import HostFacts

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")


def checked_name(name: str) -> str:
    """Return a name of a box. InputError where it is none: it stands in keys, files and tables."""
    if _NAME.fullmatch(name) is None:
        raise InputError(f"box name {name!r}: write letters, digits, '-', '_' and '.', at most 63; see --name")
    return name


def named(facts: HostFacts, name: str) -> HostFacts:
    """Facts of a machine as a box of a farm: its name enters the fingerprint.

    The fingerprint of a machine is equal for two boxes of one kind, on purpose; in a farm a measurement belongs to one
    box, and two units of one kind are compared.
    """
    text = json.dumps([facts.fingerprint, name])
    return facts.model_copy(update={"box": name, "fingerprint": hashlib.sha256(text.encode()).hexdigest()[:16]})


def introduction(facts: HostFacts) -> FarmBox:
    """What the worker of a box tells the scheduler when it registers."""
    assert facts.box is not None
    return FarmBox(
        name=facts.box,
        fingerprint=facts.fingerprint,
        hostname=facts.hostname,
        processor=facts.cpu.brand,
        cores=facts.cpu.cores,
        memory_bytes=facts.memory.total_bytes,
        sizer_version=advisor.__version__,
        since=utc_now(),
    )
