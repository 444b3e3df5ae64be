"""What two ends of a farm compare before they exchange anything else: that they speak alike, and share a token."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping

from advisor import __version__

PROTOCOL = 1
"""Of the messages between desk, scheduler and boxes; raised with every change that an older end would misread."""
_NAMES = {"sizer": "sizer", "store": "store schema", "farm": "farm protocol", "distributed": "distributed"}


def own_versions() -> dict[str, str]:
    """Everything that must be equal at both ends."""
    import importlib.metadata

    from advisor.store.tables import CURRENT

    return {
        "sizer": __version__,
        "store": str(CURRENT),
        "farm": str(PROTOCOL),
        "distributed": importlib.metadata.version("distributed"),
    }


def difference(own: Mapping[str, str], other: Mapping[str, object]) -> str | None:
    """First version that differs, in words that name both; None where all are equal."""
    for key, name in _NAMES.items():
        theirs = str(other.get(key, "none"))[:40]
        if theirs != own[key]:
            return f"{name} {theirs} there, {own[key]} here: install the same version of sizer on every machine"
    return None


def proof(token: str | None, side: str, challenge: str, answer: str) -> str:
    """What only a holder of the token can say about two random numbers; the token itself never travels.

    ``side`` keeps one end from sending the other's own proof back to it. Without a token the key is empty, so that an
    end that has one and an end that has none refuse each other.
    """
    text = "\n".join(("sizer-farm", side, challenge, answer))
    return hmac.new((token or "").encode(), text.encode(), hashlib.sha256).hexdigest()


def holds(token: str | None, side: str, challenge: str, answer: str, given: object) -> bool:
    """Whether ``given`` is that proof, compared in constant time."""
    return isinstance(given, str) and hmac.compare_digest(proof(token, side, challenge, answer), given)
