"""A stream that may break while hours of work go on."""

from __future__ import annotations

import contextlib
import os
from typing import IO


def flush_or_discard(stream: IO[str] | None) -> None:
    """Flush a stream; what it cannot write is dropped, and later text may be written again.

    Text that is left in the buffer would be tried once more when the interpreter ends, which then exits with 120
    instead of our code (seen with CPython 3.13.5 and stderr on a full disk; 3.13.0 dropped it by itself).
    """
    if stream is None:  # closed before the interpreter started
        return
    with contextlib.suppress(OSError, ValueError):
        stream.flush()
        return
    with contextlib.suppress(OSError, ValueError):  # a stream without a descriptor, or closed since
        descriptor = stream.fileno()
        kept, nowhere = os.dup(descriptor), os.open(os.devnull, os.O_WRONLY)
        try:
            os.dup2(nowhere, descriptor)
            stream.flush()
        finally:
            os.dup2(kept, descriptor)
            os.close(kept)
            os.close(nowhere)


class Tolerant:
    """A text stream of which a failure is ignored: a closed terminal or a full disk must not end hours of work."""

    def __init__(self, stream: IO[str]) -> None:
        self._stream = stream
        self.encoding = getattr(stream, "encoding", None) or "utf-8"

    def write(self, text: str) -> int:
        """Write what the stream takes."""
        with contextlib.suppress(OSError, ValueError):
            self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        """Flush, where the stream still can."""
        flush_or_discard(self._stream)

    def isatty(self) -> bool:
        """Whether the stream is a terminal."""
        return self._stream.isatty()
