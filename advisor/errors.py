"""Every error that sizer raises on purpose, and the exit code of each.

    SizerError                 exit 4   never raised itself; an uncaught foreign exception is also 4
    +-- InputError             exit 2   the user's file, option or environment is at fault
    |   +-- ScenarioError      exit 2   scenario file: names file and path inside it
    |   +-- ModelError         exit 2   model file or reference: unreadable, refused, dynamic
    |   +-- CatalogueError     exit 2   profiles: unknown platform, number without source
    |   +-- StoreError         exit 2   measurement store: cannot be opened, written or is too new
    |   +-- HostError          exit 2   facts of a machine: the --sysroot tree is not a valid root
    +-- Infeasible             exit 1   the answer is no
    +-- Inconclusive           exit 3   noise, too few samples, no evidence, time ran out
    +-- RuntimeRefusal         exit 2   a runtime refused a model or a setting; names operator or property
    +-- ModelRangeError        exit 4   a formula was asked outside its range: a bug in the caller

Messages follow one form: what is wrong, where, and what to do about it, in one line.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from advisor.addresses import hidden


class SizerError(Exception):
    """Base of all errors raised on purpose; ``exit_code`` is what the command line returns.

    Secrets in the addresses of its message are hidden, whoever prints it.
    """

    exit_code = 4

    def __init__(self, *arguments: object) -> None:
        super().__init__(*(hidden(one) if isinstance(one, str) else one for one in arguments))


class InputError(SizerError):
    """Usage or input is at fault; the message names file, path and remedy."""

    exit_code = 2


class ScenarioError(InputError):
    """A scenario file is missing, unreadable or says something impossible."""


class ModelError(InputError):
    """A model reference cannot be resolved, read, or lacks a static input shape."""


class CatalogueError(InputError):
    """A platform is unknown or a profile breaks the catalogue's rules."""


class StoreError(InputError):
    """The measurement store cannot be opened, written, or was written by a newer sizer."""


class HostError(InputError):
    """Facts of a machine cannot be read from the tree that was given."""


class RuntimeRefusal(InputError):
    """A runtime refused a model or a setting; the message names the operator or property."""


class Infeasible(SizerError):
    """The question was understood and the answer is no."""

    exit_code = 1


class Inconclusive(SizerError):
    """There is not enough evidence to answer: noise, too few samples, or time ran out."""

    exit_code = 3


class ModelRangeError(SizerError):
    """A performance formula was called outside its range of validity."""


def nearest(word: str, known: Iterable[str], count: int = 1) -> str:
    """Say which of ``known`` is closest to ``word``: ``"; did you mean 'x'?"``, or an empty string."""
    found = difflib.get_close_matches(word, list(known), n=count, cutoff=0.5)
    if not found:
        return ""
    return "; did you mean " + " or ".join(repr(name) for name in found) + "?"
