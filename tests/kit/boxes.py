"""The box's program with fakes for what takes minutes: installing, and the sizer that it would start."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, TextIO

import pytest

from advisor.kit.onsite import box
from advisor.records.box import BoxExport
from advisor.store.files import write_document
from tests.report.samples import facts, verdict
from tests.store.samples import measurement

VERDICT_OF = {0: "PASS", 1: "FAIL", 3: "INCONCLUSIVE"}


class FakeBox:
    """Answers as the installed sizer would, and counts what it was asked."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, folder: Path, code: int = 0) -> None:
        self.asked: list[str] = []
        self.code = code
        self.before: Callable[[str], None] = lambda command: None
        """Called with the command before it is answered; may raise."""
        self.verdict_changes: dict[str, Any] = {}
        self._folder = folder
        monkeypatch.setattr(box, "kit_folder", lambda: folder)
        monkeypatch.setattr(box, "_install", self._install)
        monkeypatch.setattr(box, "_python", self._python)

    def start(self, *arguments: str) -> int:
        return box.main(arguments)

    def _install(self, kit: box.Kit, log: TextIO) -> None:
        self.asked.append("install")
        self.before("install")

    def _python(self, kit: box.Kit, words: list[str], log: TextIO) -> int:
        if words[0] == "-m":
            from advisor.kit.sign import main

            self.asked.append("sign")
            return main(words[2:])
        command = words[len(box._SIZER)]
        self.asked.append(command)
        self.before(command)
        log.write(f"{command} ran\n")
        if command == "verify":
            hashes = {
                name: hashlib.sha256((self._folder / file).read_bytes()).hexdigest()
                for name, file in (("scenario", "scenario.yaml"), ("plan", "plan.json"))
            }
            host = facts().model_dump(mode="json", by_alias=True)
            made = verdict(VERDICT_OF[self.code], **{"hashes": hashes, "host": host, **self.verdict_changes})
            write_document(Path(words[words.index("-o") + 1]), made)
            Path(words[words.index("--html") + 1]).write_text("<html></html>", encoding="utf-8")
            return self.code
        own = facts()
        item = measurement("k1", host_fingerprint=own.fingerprint)
        export = BoxExport(sizer_version="0", created=own.created, host=own, measurements=(item,))
        write_document(Path(words[words.index("--export") + 1]), export)
        return 0
