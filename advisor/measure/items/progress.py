"""How long work tells the outside how far it is; only the command line draws anything."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """Receiver of progress; every call must return quickly."""

    def start(self, total: int, estimate_s: float | None) -> None:
        """Announce ``total`` steps and, where known, how long all of them will take."""
        ...

    def advance(self, done: int, what: str, remaining_s: float | None) -> None:
        """Say that ``done`` steps are finished, what came last and what is left."""
        ...

    def message(self, text: str) -> None:
        """Pass on one line that the user should see."""
        ...

    def finish(self, summary: str) -> None:
        """Say that no further call will come."""
        ...


class NullProgress:
    """Listens to nothing."""

    def start(self, total: int, estimate_s: float | None) -> None:
        pass

    def advance(self, done: int, what: str, remaining_s: float | None) -> None:
        pass

    def message(self, text: str) -> None:
        pass

    def finish(self, summary: str) -> None:
        pass
