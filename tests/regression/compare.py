"""Where two documents differ: numbers by more than 1e-9, words at all, sentences never."""

from __future__ import annotations

from collections.abc import Iterator
from math import isclose
from typing import Any

RELATIVE, ABSOLUTE = 1e-9, 1e-15
"""The absolute part is for what is zero but for rounding: all quantities are in SI units, percent or money."""
_WORK = ("simulations", "configurations", "configurations_simulated", "configurations_left_out", "share_simulated",
         "judged", "judged_by_simulation", "discarded_by_bounds")  # fmt: skip
NOT_COMPARED = frozenset({"created", "sizer_version", "versions", *_WORK})
"""Keys that tell when, by which version and with how much work a document was made."""
_ABSENT = object()


def differences(before: Any, after: Any, path: str = "$", *, relative: float = RELATIVE) -> Iterator[str]:
    """Each difference in one line, in the order of ``before``: path, what it was, what it became."""
    if isinstance(before, dict) and isinstance(after, dict):
        for key in {**before, **after}:
            if key not in NOT_COMPARED:
                yield from differences(
                    before.get(key, _ABSENT), after.get(key, _ABSENT), f"{path}.{key}", relative=relative
                )
    elif isinstance(before, list | tuple) and isinstance(after, list | tuple):
        ours, theirs = ([item for item in items if not _is_sentence(item)] for items in (before, after))
        if len(ours) != len(theirs):
            yield f"{path}: {len(ours)} entries became {len(theirs)}: {ours} became {theirs}"[:400]
        for index, (one, other) in enumerate(zip(ours, theirs, strict=False)):
            yield from differences(one, other, f"{path}[{index}]", relative=relative)
    elif before is _ABSENT and after is None:
        return  # a field that the records got later, and that says nothing
    elif not _equal(before, after, relative):
        yield f"{path}: {_shown(before)} became {_shown(after)}"


def _is_sentence(value: Any) -> bool:
    """Texts for people hold spaces; identifiers, evidence classes and settings do not."""
    return isinstance(value, str) and (" " in value or not value)


def _equal(before: Any, after: Any, relative: float) -> bool:
    if _is_number(before) and _is_number(after):
        return isclose(before, after, rel_tol=relative, abs_tol=ABSOLUTE)
    if _is_sentence(before) and isinstance(after, str):
        return True
    return type(before) is type(after) and bool(before == after)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _shown(value: Any) -> str:
    return "nothing" if value is _ABSENT else repr(value)[:200]
