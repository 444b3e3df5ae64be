"""Started on a box, with the key of whoever is there: looks whether the key may be used, or signs a file with it."""

from __future__ import annotations

import sys
from pathlib import Path

from advisor.errors import InputError
from advisor.verification.signature import sign_report, signing_key


def main(arguments: list[str]) -> int:
    """``KEY``, or ``KEY FILE``; the exit code, 2 with one line where the key or the file is at fault."""
    key, *files = map(Path, arguments)
    try:
        signing_key(key)
        for file in files:
            sign_report(file, key)
    except InputError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
