"""``sizer farm plan``: many sites planned by all boxes, one plan at a time on each; a plan belongs to no box."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from advisor import __version__
from advisor.clock import utc_now
from advisor.errors import InputError, SizerError
from advisor.records.farm import FarmBox, SiteRow, SitesReport
from advisor.store.files import reason, write_document

from .connection import Call, Farm, Outcome
from .desk import Campaign, Tally, chosen_boxes
from .files import SentFile, SentModel, parts, sent_model

MOST_TRIES = 2
"""Boxes that may go while they plan one site, before the site is left."""
_ENDINGS = (".yaml", ".yml")


@dataclass
class Site:
    """A scenario with the files that it needs."""

    name: str
    path: Path
    files: tuple[SentFile, ...]
    tries: int = 0

    @property
    def sha256(self) -> str:
        """Hash of the scenario file, which its plan repeats."""
        return hashlib.sha256(self.path.read_bytes()).hexdigest()


def read_sites(folder: Path) -> tuple[list[Site], list[SiteRow]]:
    """Scenario files of a folder in order of name, and those that cannot be read.

    Raises
    ------
    InputError
        There is no such folder, or no scenario file in it.
    """
    try:
        paths = sorted(path for path in folder.iterdir() if path.suffix in _ENDINGS and path.is_file())
    except OSError as error:
        raise InputError(f"{folder}: cannot be read: {reason(error)}") from error
    if not paths:
        raise InputError(f"{folder}: holds no scenario file (*.yaml); write one with `sizer init`")
    sites, refused = [], []
    for path in paths:
        try:
            sites.append(Site(path.stem, path, _files(path)))
        except SizerError as error:
            refused.append(SiteRow(site=path.stem, status="failed", reason=str(error)))
    return sites, refused


def _files(path: Path) -> tuple[SentFile, ...]:
    """The scenario itself and the models in its folder that it names, under their names relative to it."""
    from advisor.store.scenario import load_scenario
    from advisor.workflows.models import looks_like_file

    scenario = load_scenario(str(path))
    found: dict[str, SentFile] = {}
    models: list[tuple[Path, SentModel]] = []
    for stage in scenario.stages:
        model = path.parent / stage.model if stage.model is not None else None
        if model is None or not (model.is_file() or looks_like_file(str(stage.model))):
            continue
        if Path(str(stage.model)).is_absolute() or ".." in Path(str(stage.model)).parts:
            raise InputError(
                f"{path}: stage {stage.id}: model {stage.model} lies outside of the scenario's folder, and boxes get"
                " what is in it; copy the model there"
            )
        models.append((Path(str(stage.model)).parent, sent_model(model)))
    for place, sent in models:
        for file in sent.files:
            name = (place / file.name).as_posix()
            found[name] = SentFile(name, file.path, file.sha256, file.size_bytes)
    data = path.read_bytes()
    found[path.name] = SentFile(path.name, path, hashlib.sha256(data).hexdigest(), len(data))
    return tuple(found.values())


@dataclass
class _BoxState:
    """What a box is at: the site whose files it is given, and how far it is."""

    box: FarmBox
    tally: Tally = field(default_factory=Tally)
    alike: bool = False
    """Whether it is known to plan with the catalogue that ships and nothing else."""
    site: Site | None = None
    asked: bool = False
    pending: deque[Call] = field(default_factory=deque)
    closed: bool = False


class SitesTask:
    """Sites over boxes; see :class:`advisor.farm.desk.Task`."""

    kind: Literal["bench", "plan"] = "plan"

    def __init__(
        self, sites: list[Site], title: str, boxes: Mapping[str, FarmBox], output: Path, as_of: dt.date, seed: int,
        say: Callable[[str], None],
    ) -> None:  # fmt: skip
        self.title = title
        self._output, self._as_of, self._seed, self._say = output, as_of, seed, say
        self.rows: dict[str, SiteRow] = {}
        self._waiting = deque(site for site in sites if not self._known(site))
        self._boxes = {name: _BoxState(box) for name, box in boxes.items()}

    def _known(self, site: Site) -> bool:
        """Whether the folder has a plan of this very file for this day; a damaged one is made again."""
        try:
            document = json.loads(_plan_path(self._output, site).read_text(encoding="utf-8"))
            found = (document["scenario_sha256"], document["sizer_version"], document["inputs"]["as_of"])
            if found != (site.sha256, __version__, self._as_of.isoformat()):
                return False
            self.rows[site.name] = _row(site.name, document, None)
        except (OSError, ValueError, KeyError, TypeError):
            return False
        return True

    def next_call(self, box: str) -> Call | None:
        state = self._boxes[box]
        if state.closed:
            return None
        if not state.alike and self._waiting:
            return Call("own_entries", "says whether its catalogue is the one that ships", {})
        if state.site is None:
            if not self._waiting:
                return None
            state.site, state.asked = self._waiting.popleft(), False
        site = state.site
        if not state.asked:
            return Call("lacking", f"asks for files of {site.name}", {"files": [file.sha256 for file in site.files]})
        if state.pending:
            return state.pending.popleft()
        files = {file.name: file.sha256 for file in site.files}
        payload: dict[str, Any] = {
            "name": box, "scenario": site.path.name, "files": files, "as_of": self._as_of.isoformat(),
            "seed": self._seed,
        }  # fmt: skip
        return Call("plan_site", f"plans {site.name}", payload, tag=site.name)

    def arrived(self, outcome: Outcome) -> None:
        state = self._boxes[outcome.box]
        if outcome.call.function == "own_entries":
            self._alike(outcome, state)
            return
        site = state.site
        assert site is not None
        if outcome.lost:
            self._lost(state, site)
        elif outcome.error is not None:
            # A box answers so for a site that cannot be planned; the next one may be another matter.
            self._finish(state, SiteRow(site=site.name, status="failed", reason=outcome.error, box=outcome.box))
        elif outcome.call.function == "lacking":
            state.asked = True
            lacking = set(outcome.value)
            state.pending = deque(call for file in site.files if file.sha256 in lacking for call in parts(file))
        elif outcome.call.function == "store_part":
            state.asked = state.asked and bool(outcome.value)
        else:
            text = outcome.value["plan"]
            write_document(_plan_path(self._output, site), text, follow_links=False)
            self._finish(state, _row(site.name, json.loads(text), outcome.box))

    def _alike(self, outcome: Outcome, state: _BoxState) -> None:
        """Leave a box out whose plans would differ from those of the others."""
        state.alike = not outcome.lost and outcome.error is None and not outcome.value
        if outcome.error is not None and not outcome.lost:
            state.closed, state.tally.note = True, outcome.error
        elif outcome.value:
            entries = ", ".join(outcome.value[:3])
            state.closed = True
            state.tally.note = f"plans with catalogue entries of its own ({entries}); see `sizer catalog remove` there"
        if state.closed:
            self._say(f"box {outcome.box}: {state.tally.note}")

    def _lost(self, state: _BoxState, site: Site) -> None:
        """Give the site to another box, as plans are the same everywhere; but not for ever."""
        site.tries += 1
        state.tally.lost += 1
        if site.tries >= MOST_TRIES:
            reason_ = f"{site.tries} boxes went while they planned it"
            self.rows[site.name] = SiteRow(site=site.name, status="left", reason=reason_)
        else:
            self._waiting.appendleft(site)
        state.site = None

    def _finish(self, state: _BoxState, row: SiteRow) -> None:
        self.rows[row.site] = row
        if row.status == "failed":
            state.tally.failed += 1
            self._say(f"{row.site}: {row.reason}")
        else:
            state.tally.done += 1
        state.site = None

    def put_back(self, box: str, call: Call) -> None:  # noqa: ARG002 - the whole site goes back
        state = self._boxes[box]
        if state.site is not None:
            self._waiting.appendleft(state.site)
            state.site = None

    def complete(self, box: str) -> bool:
        state = self._boxes[box]
        # A site that another box loses comes back into the queue: a box is free to go only when none is out.
        return state.closed or (not self._waiting and all(one.site is None for one in self._boxes.values()))

    def tally(self, box: str) -> Tally:
        tally = self._boxes[box].tally
        if not self._waiting:
            tally.total = tally.done + tally.failed + tally.lost + (self._boxes[box].site is not None)
        return tally

    def gave_up(self, box: str, reason: str) -> None:
        state = self._boxes[box]
        state.closed, state.tally.note = True, reason
        self._say(f"box {box}: {reason}")
        self.put_back(box, Call("", "", {}))

    def left(self) -> list[SiteRow]:
        """Rows of sites that were not reached."""
        out = [state.site for state in self._boxes.values() if state.site is not None]
        return [SiteRow(site=site.name, status="left", reason="not reached") for site in (*self._waiting, *out)]


def _plan_path(folder: Path, site: Site) -> Path:
    return folder / f"{site.name}.plan.json"


def _row(site: str, document: dict[str, Any], box: str | None) -> SiteRow:
    best = document["recommended"]
    if best is None:
        return SiteRow(site=site, status="infeasible", reason="no platform suffices; see its plan", box=box)
    return SiteRow(
        site=site, status="planned", box=box, platform=best["platform"], count=best["count"],
        price=best["price"]["value"], currency=best["price"]["currency"], probability=best["probability"],
    )  # fmt: skip


@dataclass(frozen=True)
class SitesRequest:
    """Options of ``sizer farm plan``."""

    folder: Path
    output: Path
    boxes: str
    wait_s: float
    as_of: dt.date
    seed: int = 0


def run_sites(request: SitesRequest, farm: Farm, say: Callable[[str], None]) -> SitesReport:
    """Plan every scenario file of a folder; plans that the output folder has already are not made again.

    Raises
    ------
    InputError
        The folder holds no scenario, or a box is not there.
    """
    sites, refused = read_sites(request.folder)
    boxes = chosen_boxes(farm.status(), request.boxes)
    try:
        request.output.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{request.output}: cannot be made: {reason(error)}") from error
    task = SitesTask(sites, request.folder.name, boxes, request.output, request.as_of, request.seed, say)
    fingerprints = {name: box.fingerprint for name, box in boxes.items()}
    campaign = Campaign(farm, task, fingerprints, request.wait_s, say)
    interrupted, took_s = campaign.run_to_end()
    rows = sorted([*task.rows.values(), *task.left(), *refused], key=lambda row: row.site)
    return SitesReport(
        sizer_version=__version__, created=utc_now(), boxes=campaign.final(), rows=tuple(rows),
        took_s=took_s, interrupted=interrupted,
    )  # fmt: skip
