"""Price lists that were sent: looked at first, imported when the difference was seen."""

from __future__ import annotations

import secrets
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

from flask import Request

from advisor.errors import InputError

if TYPE_CHECKING:
    from advisor.records.offer_reports import OfferImport

MOST_BYTES = 5 * 1024 * 1024
MOST_WAITING = 8
"""Lists that wait for their import at most; the oldest goes first."""
FIELDS = ("currency", "observed_at", "source")


@dataclass(frozen=True)
class Upload:
    """A price list and the name of its file."""

    name: str
    content: bytes


@dataclass
class Uploads:
    """Lists whose difference was shown and that wait for their import."""

    _waiting: dict[str, tuple[Upload, dict[str, str]]] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)

    def keep(self, upload: Upload, fields: dict[str, str]) -> str:
        """Keep a list with its fields; returns the name under which it waits."""
        name = secrets.token_urlsafe(16)
        with self._lock:
            self._waiting[name] = upload, fields
            while len(self._waiting) > MOST_WAITING:
                self._waiting.pop(next(iter(self._waiting)))
        return name

    def take(self, name: str) -> tuple[Upload, dict[str, str]]:
        """Take a waiting list off. InputError where it waits no longer."""
        with self._lock:
            found = self._waiting.pop(name, None)
        if found is None:
            raise InputError("this list waits no longer; send it again")
        return found


def uploaded(request: Request) -> Upload:
    """Price list of a request. InputError where it is missing, empty or too long."""
    sent = request.files.get("file")
    if sent is None or not sent.filename:
        raise InputError("file: no price list was sent; choose a CSV file")
    content = sent.stream.read(MOST_BYTES + 1)
    if not content:
        raise InputError(f"file: {sent.filename[:100]!r} is empty")
    if len(content) > MOST_BYTES:
        raise InputError(
            f"file: longer than {MOST_BYTES // 1024 // 1024} MiB; import it with `sizer catalog offers import`"
        )
    return Upload(Path(sent.filename).name[:100], content)


def import_upload(upload: Upload, fields: Mapping[str, str], store_url: str | None, *, dry_run: bool) -> OfferImport:
    """Import a price list as ``sizer catalog offers import`` does."""
    from advisor.workflows.offers import ImportRequest, import_offers

    given = {name: fields.get(name, "").strip() or None for name in FIELDS}
    with tempfile.TemporaryDirectory(prefix="sizer-") as folder:
        path = Path(folder) / "list.csv"
        path.write_bytes(upload.content)
        request = ImportRequest(
            path, currency=given["currency"], observed=given["observed_at"], source=given["source"] or upload.name,
            dry_run=dry_run,
        )  # fmt: skip
        try:
            result = import_offers(request, store_url=store_url)
        except InputError as error:
            raise InputError(str(error).replace(str(path), upload.name)) from error
    return result.model_copy(update={"file": upload.name})
