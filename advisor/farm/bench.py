"""``sizer farm bench``: a matrix on every box, each result in the desk's store as soon as it is there."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import TypeAdapter, ValidationError

from advisor import __version__
from advisor.clock import utc_now
from advisor.errors import InputError
from advisor.records.config import LoadMode, RunConfig
from advisor.records.farm import CampaignBox, FarmBox, FarmCell, FarmReport, FarmRun, LostCell
from advisor.records.host import HostFacts
from advisor.records.measurement import Measurement

from .connection import Call, Farm, Outcome
from .desk import Campaign, Tally, chosen_boxes
from .files import SentModel, parts, sent_models

if TYPE_CHECKING:
    from advisor.measure.campaign.matrix import Matrix
    from advisor.store.measurements import MeasurementStore

RUN_KIND = "farm"
"""Of a campaign among the stored runs."""
_RESENT = 2
"""How often a file is begun again whose parts went with a box's disk or process."""


@dataclass
class _BoxState:
    """What is still to be done on a box before and while it measures."""

    box: FarmBox
    tally: Tally = field(default_factory=Tally)
    asked: bool = False
    to_send: deque[str] = field(default_factory=deque)
    sending: Iterator[Call] | None = None
    resent: int = 0
    listed: bool = False
    items: deque[tuple[str, str, dict[str, Any]]] = field(default_factory=deque)
    """Key, label and data of each measurement that the store lacks."""
    closed: bool = False
    clock_ahead_s: float | None = None


class BenchTask:
    """A matrix over boxes; see :class:`advisor.farm.desk.Task`."""

    kind: Literal["bench", "plan"] = "bench"

    def __init__(
        self,
        matrix: Matrix,
        title: str,
        boxes: Mapping[str, FarmBox],
        store: MeasurementStore,
        *,
        retry_failed: bool = False,
        models: Mapping[str, SentModel] | None = None,
        say: Callable[[str], None],
    ) -> None:
        self.title = title
        self._matrix, self._store, self._retry_failed, self._say = matrix, store, retry_failed, say
        self._models = dict(models or {})
        self._files = {file.sha256: file for model in self._models.values() for file in model.files}
        self._boxes = {name: _BoxState(box) for name, box in boxes.items()}
        self._cells: list[FarmCell] = []
        self._lost: list[LostCell] = []
        self._created = utc_now()
        self.run_id = store.put_run(RUN_KIND, self._document())

    def next_call(self, box: str) -> Call | None:
        state = self._boxes[box]
        if state.closed:
            return None
        if self._files and not state.asked:
            return Call("lacking", "says which files it has", {"files": list(self._files)})
        call = self._next_part(state)
        if call is not None:
            return call
        if not state.listed:
            models = {reference: model.data() for reference, model in self._models.items()}
            matrix = self._matrix.model_dump(mode="json", exclude_unset=True)
            return Call("list_cells", "lists what is to be measured", {"name": box, "matrix": matrix, "models": models})
        if not state.items:
            return None
        key, label, data = state.items.popleft()
        return Call("measure", label, {"name": box, "item": data}, tag=key)

    def _next_part(self, state: _BoxState) -> Call | None:
        while state.sending is not None or state.to_send:
            if state.sending is None:
                state.sending = parts(self._files[state.to_send[0]])
            call = next(state.sending, None)
            if call is not None:
                return call
            state.sending = None
            state.to_send.popleft()
        return None

    def arrived(self, outcome: Outcome) -> None:
        state = self._boxes[outcome.box]
        if outcome.call.function == "measure":
            self._measured(state, outcome)
        elif outcome.lost:
            self._from_the_beginning(state)
        elif outcome.error is not None:
            state.closed, state.tally.note = True, outcome.error
            self._say(f"box {outcome.box}: {outcome.error}")
        elif outcome.call.function == "lacking":
            state.asked, state.to_send = True, deque(outcome.value)
        elif outcome.call.function == "store_part" and not outcome.value:
            state.resent += 1
            if state.resent > _RESENT:
                state.closed, state.tally.note = True, "files do not stay on it; is its disk full?"
            self._from_the_beginning(state)
        elif outcome.call.function == "list_cells":
            self._take_list(state, outcome)

    def _from_the_beginning(self, state: _BoxState) -> None:
        """Ask a box again what it has: after a reboot its cache may be another."""
        state.asked, state.sending = False, None
        state.to_send.clear()

    def _take_list(self, state: _BoxState, outcome: Outcome) -> None:
        name, value = outcome.box, outcome.value
        facts = HostFacts.model_validate_json(value["facts"])
        if facts.fingerprint != state.box.fingerprint:
            state.closed = True
            state.tally.note = "is another machine than when it registered; end its worker and start it again"
            return
        self._store.put_host(facts)
        if outcome.clock_s is not None:
            state.clock_ahead_s = round(outcome.clock_s - time.time(), 1)
        wanted = {}
        for cell in value["cells"]:
            model = value["models"][cell["model"]]
            wanted[cell["key"]] = (cell["key"], cell["label"], {**cell, "model": model})
            self._cells.append(_cell(cell, model, name, facts.fingerprint))
        known = self._store.known_keys(facts.fingerprint, "done" if self._retry_failed else None)
        state.items.extend(item for key, item in wanted.items() if key not in known)
        state.listed = True
        state.tally.total, state.tally.known = len(wanted), len(wanted) - len(state.items)
        self._say(f"box {name}: {len(state.items)} measurements, {state.tally.known} known before")
        self._save()

    def _measured(self, state: _BoxState, outcome: Outcome) -> None:
        reason = outcome.error
        if reason is None:
            try:
                results = [_measurement.validate_json(text) for text in outcome.value]
            except ValidationError as error:
                results, reason = [], f"the box's answer cannot be read ({error.error_count()} faults)"
            if reason is None and [(item.key, item.host_fingerprint) for item in results] != [
                (outcome.call.tag, state.box.fingerprint)
            ]:
                reason = "the box answered another question than was asked"
        if reason is not None:
            state.tally.lost += 1
            self._lost.append(LostCell(key=outcome.call.tag, at=utc_now(), reason=reason))
            if not outcome.lost:
                self._say(f"box {outcome.box}: {outcome.call.label}: {reason}")
            self._save()
            return
        (result,) = results
        keep_once(self._store, result)
        if result.status == "done":
            state.tally.done += 1
        else:
            state.tally.failed += 1
            self._say(f"box {outcome.box}: {outcome.call.label} failed: {result.failure}")

    def put_back(self, box: str, call: Call) -> None:
        state = self._boxes[box]
        if call.function == "measure":
            state.items.appendleft((call.tag, call.label, call.payload["item"]))
        else:
            self._from_the_beginning(state)

    def complete(self, box: str) -> bool:
        state = self._boxes[box]
        return state.closed or (state.listed and not state.items)

    def tally(self, box: str) -> Tally:
        return self._boxes[box].tally

    def gave_up(self, box: str, reason: str) -> None:
        state = self._boxes[box]
        state.closed, state.tally.note = True, reason
        self._say(f"box {box}: {reason}; {state.tally.left} measurements are left for another time")
        self._save()

    def _document(self, ended: str | None = None, took_s: float | None = None) -> FarmRun:
        boxes = tuple(
            CampaignBox(
                name=name, fingerprint=state.box.fingerprint, hostname=state.box.hostname,
                processor=state.box.processor, clock_ahead_s=state.clock_ahead_s, note=state.tally.note,
            )
            for name, state in self._boxes.items()
        )  # fmt: skip
        return FarmRun(
            sizer_version=__version__, created=self._created, title=self.title,
            boxes=boxes, cells=tuple(self._cells), lost=tuple(self._lost), ended=ended, took_s=took_s,
        )  # fmt: skip

    def _save(self) -> None:
        self._store.renew_run(self.run_id, self._document())

    def end(self, took_s: float) -> None:
        """Note in the store that the campaign has come to its end."""
        self._store.renew_run(self.run_id, self._document(utc_now(), took_s))


_measurement: TypeAdapter[Measurement] = TypeAdapter(Measurement)


def keep_once(store: MeasurementStore, result: Measurement) -> bool:
    """Keep a result that arrived; False where its key has a successful one already, which stays.

    An answer may come twice, after a lost connection or from two desks with one store. A failure gives way.
    """
    if store.add(result):
        return True
    if store.has(result.key, "done"):
        return False
    store.replace(result)
    return True


def _cell(cell: dict[str, Any], model: dict[str, Any], box: str, fingerprint: str) -> FarmCell:
    return FarmCell(
        key=cell["key"],
        kind=cell["kind"],
        box=box,
        host_fingerprint=fingerprint,
        label=cell["label"],
        model=model["name"],
        model_sha256=model["sha256"],
        config=RunConfig.model_validate(cell["config"]),
        mode=LoadMode.model_validate(cell.get("mode", {})),
    )


@dataclass(frozen=True)
class FarmBenchRequest:
    """Options of ``sizer farm bench``."""

    matrix: Path
    boxes: str
    wait_s: float
    retry_failed: bool = False


def run_bench(request: FarmBenchRequest, farm: Farm, store: MeasurementStore, say: Callable[[str], None]) -> FarmReport:
    """Measure what the matrix asks of each box and the store lacks.

    Returns
    -------
    FarmReport
        Also after Ctrl-C, or where the scheduler did not come back: then ``interrupted`` is set.

    Raises
    ------
    InputError
        The matrix, one of its files or a name of a box is wrong; nothing has been begun then.
    """
    from advisor.measure.campaign.matrix import load_matrix

    matrix = load_matrix(request.matrix)
    references = [cell.model for cell in matrix.measurements]
    references += [model for product in matrix.products for model in product.models]
    try:
        models = sent_models(dict.fromkeys(references))
    except InputError as error:
        raise type(error)(f"{request.matrix}: {error}") from error
    boxes = chosen_boxes(farm.status(), request.boxes)
    task = BenchTask(
        matrix, request.matrix.name, boxes, store, retry_failed=request.retry_failed, models=models, say=say
    )
    fingerprints = {name: box.fingerprint for name, box in boxes.items()}
    campaign = Campaign(farm, task, fingerprints, request.wait_s, say)
    interrupted, took_s = campaign.run_to_end()
    task.end(took_s)
    return FarmReport(
        sizer_version=__version__, created=utc_now(), run=task.run_id, boxes=campaign.final(), took_s=took_s,
        interrupted=interrupted,
    )  # fmt: skip
