"""What a box does for a desk: take files, list and take measurements, plan sites. Called by name, with plain data.

Every function returns plain data too, so that nothing but these names ties the two ends together.
"""

from __future__ import annotations

import datetime as dt
import functools
import hashlib
import os
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Any

from advisor.addresses import hidden
from advisor.errors import InputError, SizerError
from advisor.records.farm import FarmBox
from advisor.records.host import HostFacts
from advisor.store.paths import cache_dir

from .box_facts import introduction, named

_tell: Callable[[dict[str, Any]], None] | None = None
_stopped = False


def on_change(tell: Callable[[dict[str, Any]], None]) -> None:
    """Whom this box's process tells what it is doing."""
    global _tell
    _tell = tell


@functools.cache
def own_facts(name: str) -> HostFacts:
    """Facts of this machine as the box of that name, read once per process."""
    from advisor.workflows.host import probe

    return named(probe(), name)


def introduction_of(facts: HostFacts) -> FarmBox:
    """What the scheduler is told of this box."""
    return introduction(facts)


def run(function: str, label: str, payload: dict[str, Any]) -> dict[str, Any]:
    """Do one thing and return ``{"value": ...}``, or ``{"error": ...}`` where it is no fault of the connection.

    This is what Dask calls. Results are never exceptions: those would have to be unpickled at the desk.
    """
    global _stopped
    _stopped = False
    if _tell is not None:
        _tell({"doing": label})
    try:
        value = _FUNCTIONS[function](**payload)
    except SizerError as error:
        return {"error": str(error)}
    except Exception as error:  # a bug or a full disk on the box must not end the campaign of all
        return {"error": hidden(f"{type(error).__name__}: {' '.join(str(error).split())}")[:500]}
    finally:
        if _tell is not None:
            _tell({"doing": None})
    return {"stopped": True} if _stopped else {"value": value, "clock_s": time.time()}


def stop(**_: Any) -> None:
    """End what is being measured: the desk that asked for it has gone."""
    global _stopped
    from advisor.child_process.parent import kill_children

    _stopped = True
    kill_children()


def _blob(sha256: str) -> Path:
    return cache_dir() / "farm" / "files" / sha256


def lacking(files: list[str]) -> list[str]:
    """Which of these files, by hash, this box does not have."""
    return [sha256 for sha256 in files if not _blob(sha256).is_file()]


def store_part(sha256: str, offset: int, data: bytes, last: bool) -> bool:
    """Append a part of a file; the last one checks the whole. False: begin again, parts before it are missing."""
    target = _blob(sha256)
    if target.is_file():
        return True
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f"{sha256}.part")
    if offset == 0:
        part.write_bytes(b"")
    if not part.is_file() or part.stat().st_size != offset:
        return False
    with part.open("ab") as stream:
        stream.write(data)
        stream.flush()
        os.fsync(stream.fileno())
    if last:
        with part.open("rb") as stream:
            found = hashlib.file_digest(stream, "sha256").hexdigest()
        if found != sha256:
            part.unlink()
            raise InputError(f"a file arrived damaged (SHA-256 {found[:12]}, {sha256[:12]} was sent); run again")
        part.replace(target)
    return True


def _lay_out(files: Mapping[str, str], folder: Path) -> None:
    """Put files that were sent under their relative names into a folder."""
    for name, sha256 in files.items():
        relative = PurePosixPath(name)
        if relative.is_absolute() or ".." in relative.parts or not relative.parts:
            raise InputError(f"file name {name!r}: leads out of its folder")
        place = folder.joinpath(*relative.parts)
        if place.exists():
            continue
        place.parent.mkdir(parents=True, exist_ok=True)
        try:
            place.hardlink_to(_blob(sha256))
        except OSError:
            place.symlink_to(_blob(sha256))


def list_cells(name: str, matrix: dict[str, Any], models: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """What a matrix asks of this box: its keys, which depend on its facts and its runtimes' versions.

    ``models`` tells of each reference that is a file of the desk which files belong to it and which is to be opened.
    """
    from advisor.measure.campaign.matrix import Matrix, matrix_items

    from .cells import to_data

    facts = own_facts(name)
    places: dict[str, str] = {}
    for reference, sent in models.items():
        text = "\n".join(f"{place} {sha256}" for place, sha256 in sorted(sent["files"].items()))
        folder = cache_dir() / "farm" / "models" / hashlib.sha256(text.encode()).hexdigest()[:24]
        _lay_out(sent["files"], folder)
        places[reference] = str(folder.joinpath(*PurePosixPath(sent["open"]).parts))

    def resolve(reference: str) -> Any:
        from advisor.workflows.models import resolve_model

        found = resolve_model(places.get(reference, reference))
        return found.model_copy(update={"reference": reference})

    campaign = matrix_items(Matrix.model_validate(matrix), facts, resolve)
    return {"facts": facts.model_dump_json(by_alias=True), **to_data(campaign, facts.fingerprint)}


def measure(name: str, item: dict[str, Any]) -> list[str]:
    """Take one measurement, in a process of its own; what comes of it, a failure included, as JSON."""
    from advisor.measure.items.footprint import FootprintItem
    from advisor.measure.items.item import MeasureContext
    from advisor.measure.items.throughput import TimingItem
    from advisor.records.measurement import StoredResult

    from .cells import from_data

    wanted = from_data(item)
    if not Path(wanted.model.path).is_file():
        raise InputError(f"{wanted.model.name}: its file has gone from this box; run the command again")
    found: list[StoredResult] = []
    facts = own_facts(name)
    with _reference_times(facts.fingerprint) as best_s:
        context = MeasureContext(facts.fingerprint, found.append, best_s=best_s)
        if isinstance(wanted, TimingItem):
            TimingItem.measure([wanted], context)
        else:
            FootprintItem.measure([wanted], context)
    return [result.model_dump_json(by_alias=True) for result in found]


@contextmanager
def _reference_times(fingerprint: str) -> Iterator[dict[int, float]]:
    """Least times of the reference work that this box remembers: what tells a disturbed measurement."""
    from advisor.measure.timing.reference import load_best, save_best
    from advisor.workflows.context import open_store

    with open_store(_own_store()) as store:
        before = load_best(store, fingerprint)
        now = dict(before)
        yield now
        save_best(store, fingerprint, before, now)


def _own_store() -> str:
    """Store of the box itself: reference times and kernels, which can be made again; never a measurement."""
    folder = cache_dir() / "farm"
    folder.mkdir(parents=True, exist_ok=True)
    return f"sqlite:///{folder / 'box.sqlite3'}"


def own_entries() -> list[str]:
    """Catalogue entries that were added on this box: with them its plans would differ from those of others."""
    from advisor.store.catalogue import user_catalogue_dir

    folder = user_catalogue_dir()
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*.yaml")) if folder.is_dir() else []


def plan_site(name: str, scenario: str, files: dict[str, str], as_of: str, seed: int) -> dict[str, Any]:
    """Plan one site as ``sizer plan --no-measure --offers shipped`` does, by the desk's date and with its files."""
    from advisor.planner.plan import plan
    from advisor.simulate.warm import warm
    from advisor.workflows.context import open_store
    from advisor.workflows.plan_inputs import PlanRequest, prepare

    with tempfile.TemporaryDirectory(prefix="sizer-site-") as folder, open_store(_own_store()) as store:
        _lay_out(files, Path(folder))
        request = PlanRequest(
            str(Path(folder) / scenario), measure=False, seed=seed, offers="shipped", as_of=dt.date.fromisoformat(as_of)
        )
        inputs = prepare(request, store, lambda: own_facts(name), None, _silent)
        warm()
        result = plan(inputs).model_copy(update={"asked": inputs.scenario.without_addresses()})
    from advisor.store.files import document_text

    return {"plan": document_text(result)}


def _silent(_: str) -> None:
    """Notes of a plan stand in its assumptions."""


_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "lacking": lacking,
    "store_part": store_part,
    "list_cells": list_cells,
    "measure": measure,
    "own_entries": own_entries,
    "plan_site": plan_site,
}
