"""How long-running work reports its progress; only the command line draws anything."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """Receiver of progress; every call must return quickly."""

    def start(self, total: int, estimate_s: float | None, unit: str = "items") -> None:
        """Announce ``total`` steps (items, or ``unit``) and, where known, how long all of them will take [s]."""
        ...

    def activity(self, what: str) -> None:
        """Name what is done from now, where no steps are announced."""
        ...

    def begin(self, what: str) -> None:
        """Name the item that is being worked on from now."""
        ...

    def advance(self, done: int, what: str, remaining_s: float | None) -> None:
        """Say that ``done`` steps are finished, what came last and how long the others will take [s]."""
        ...

    def message(self, text: str) -> None:
        """Pass on one line that the user should see."""
        ...

    def finish(self, summary: str) -> None:
        """Say that no further call will come."""
        ...


class NullProgress:
    """Ignores all progress."""

    def start(self, total: int, estimate_s: float | None, unit: str = "items") -> None:
        pass

    def activity(self, what: str) -> None:
        pass

    def begin(self, what: str) -> None:
        pass

    def advance(self, done: int, what: str, remaining_s: float | None) -> None:
        pass

    def message(self, text: str) -> None:
        pass

    def finish(self, summary: str) -> None:
        pass
