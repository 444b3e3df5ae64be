"""What a record refuses, in our own words: pydantic's change from release to release, its types of error do not."""

from __future__ import annotations

from typing import Any

# Type of error -> key of its context that holds the bound, and what is owed. https://docs.pydantic.dev/latest/errors/
_BOUNDS = {
    "greater_than": ("gt", "greater than"),
    "greater_than_equal": ("ge", "greater than or equal to"),
    "less_than": ("lt", "less than"),
    "less_than_equal": ("le", "less than or equal to"),
}


def fault_words(fault: Any) -> str:
    """Say what is wrong with one value.

    Parameters
    ----------
    fault : dict
        One of ``ValidationError.errors()`` of pydantic. A rule of ours (``value_error``) speaks for itself; a type of
        error that is not known here keeps pydantic's words.
    """
    kind = fault["type"]
    if kind == "missing":
        return "is missing and has no default"
    if kind in _BOUNDS:
        key, words = _BOUNDS[kind]
        bound = fault["ctx"][key]
        return f"must be {words} {int(bound) if float(bound).is_integer() else bound}"
    if kind == "too_short":
        least = fault["ctx"]["min_length"]
        return f"must have at least {least} {'item' if least == 1 else 'items'}"
    return str(fault["msg"]).removeprefix("Value error, ").replace("Input should be", "must be")
