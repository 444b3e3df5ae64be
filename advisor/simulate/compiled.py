"""How the event loop is compiled: parts that are woven into it, and the loop itself, as object code."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar, cast

from numba import int32, int64, njit, typeof
from numba.core.types.misc import unliteral

_Function = TypeVar("_Function", bound=Callable[..., Any])
# Reference counting is off: nothing is allocated in the loop, and its atomic operations cost 15 times the loop itself.
# Nor has anything a wrapper: Python calls the loop alone, and by its address.
_OPTIONS = {"_nrt": False, "error_model": "numpy", "no_cpython_wrapper": True, "no_cfunc_wrapper": True}


def part(function: _Function) -> _Function:
    """Compile as a part of the loop, once for 64-bit numbers.

    numba would compile it anew for each constant that it is called with, and for numbers of 32 bits: half as many
    functions again, a fifth of the time that compiling takes.
    """
    compiled: Any = njit(forceinline=True, **_OPTIONS)(function)
    template = compiled.get_call_template

    def of_wide_numbers(arguments: Sequence[Any], named: Mapping[str, Any]) -> Any:
        return template(tuple(map(_wide, arguments)), named)

    compiled.get_call_template = of_wide_numbers
    return cast(_Function, compiled)


def _wide(kind: Any) -> Any:
    """Type of a number as the parts take it; unsigned ones stay, which index without a look at their sign."""
    kind = unliteral(kind)
    return int64 if kind == int32 else kind


def whole(function: _Function) -> _Function:
    """Compile as the loop; :func:`object_code` does so."""
    return cast(_Function, njit(**_OPTIONS)(function))


def object_code(loop: Any, state: Any) -> tuple[str, bytes]:
    """Name of the compiled ``loop`` for arrays such as those of ``state``, and the relocatable object that holds it.

    It calls nothing but ``exp``, ``log`` and ``pow`` of the C library. Its arguments are those of numba's calling
    convention (``numba/core/callconv.py``): where the result goes, where an exception goes, and the members of each
    array in turn.
    """
    signature = (typeof(state),)
    loop.compile(signature)
    compiled = loop.overloads[signature]
    _, _, (code, _) = compiled.library.serialize_using_object_code()
    return str(compiled.fndesc.llvm_func_name), bytes(code)
