"""The cascade: released frames through decode, stages and their objects, until the last answer is in."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from advisor.errors import InputError
from advisor.measure.items.preprocess import crop, to_model_input
from advisor.records.model import ModelFile
from advisor.records.scenario import Scenario, Stage
from advisor.records.verdict import Objects

from .application import Application, burn
from .boxes import Box, Decoder, decoder_for, layout_of
from .decode import DecodePool
from .frames import Frame, Ledger, Log
from .objects import Scene
from .setup import Due, Feed
from .stages import StageRunner, Work

if TYPE_CHECKING:
    from numpy.typing import NDArray

PICTURES_BYTES = 2**29
"""Memory that decoded pictures of all cameras may take while stages work on them, unless the SLO needs more."""
LATE = 2
"""More frames than come in so many times the permitted latency: by Little's law their mean latency is beyond it."""
SAMPLE_OUTPUTS = 16
"""Every such pass of a stage is looked at for empty, constant or broken outputs."""


class Pipeline:
    """Wires sources, decode pool and stages; threads call into it, it keeps no time of its own."""

    def __init__(
        self,
        scenario: Scenario,
        feeds: Sequence[Feed],
        models: Mapping[str, ModelFile],
        scene: Scene,
        ledger: Ledger,
        log: Log,
        now_s: Callable[[], float],
        object_s: float = 0.0,
    ) -> None:
        self._object_s = object_s
        self._scenario, self._scene, self._ledger, self._log, self._now_s = scenario, scene, ledger, log, now_s
        self._due = {feed.index: Due(scenario, feed) for feed in feeds}
        cameras = sum(feed.is_camera for feed in feeds)
        self._most = {
            feed.index: most_inside(feed, scenario.slo.latency_p95_ms / 1e3, cameras)
            for feed in feeds
            if feed.is_camera
        }
        self._children = {
            stage.id: tuple(other for other in scenario.stages if other.on == stage.id) for stage in scenario.stages
        }
        self._models = models
        self.objects = {stage.id: "drawn" if self._children[stage.id] else "none" for stage in scenario.stages}
        """Where the objects of a stage come from: ``real`` boxes, ``drawn`` ones, ``none`` where nobody needs any."""
        self._decoders: dict[str, Decoder] = {}
        self.stages: dict[str, StageRunner] = {}
        self.pool: DecodePool | None = None
        self.application: Application | None = None
        self.raw: dict[int, Any] = {}
        self._looked = dict.fromkeys(self.objects, 0)
        self._look_lock = threading.Lock()

    def recognise(self, stage: Stage, shapes: Sequence[tuple[int, ...]], batch: int, objects: Objects = "auto") -> None:
        """Read real boxes from a stage's outputs, where stages run on them and they are the scenario's objects.

        Only a model file of the user's finds anything: reference architectures have random weights and stand-ins are
        not the model at all. Of a detector of many classes, ``labels`` say which of them is the scenario's; without
        them it may find ten times as many objects as the scenario counts, which would be another load.

        Raises
        ------
        InputError
            ``objects`` asks for real ones where none can be read.
        """
        model = self._models[stage.id]
        if not self._children[stage.id] or objects == "scenario":
            return
        decoder = None
        if model.kind == "file":
            decoder = decoder_for(model.output_layout or layout_of(shapes, batch), stage.labels, model.score_columns)
        if decoder is None:
            if objects == "real":
                raise InputError(
                    f"--objects real: the outputs of stage {stage.id} ({model.name}) are no boxes that can be read; "
                    "use --objects scenario, or a decoder of your own (SIZER_BOX_DECODERS)"
                )
            return
        counted = self._scenario.object_class(stage) in self._scenario.activity.objects_per_frame
        if objects == "real" or stage.labels or model.output_layout is not None or not counted:
            self.objects[stage.id], self._decoders[stage.id] = "real", decoder

    def release(self, feed: Feed, sequence: int, due_s: float, error_s: float, packet: Any = None) -> None:
        """Let a frame in: to the decoders, or at once to the stages where there is nothing to decode."""
        frame = Frame(feed, sequence, due_s, packet=packet)
        self._ledger.release(frame, error_s)
        if feed.index in self.raw:
            frame.picture = self.raw[feed.index].next()
            self.decoded(frame)
        elif feed.is_camera and self.pool is not None:
            self.pool.offer(frame)
        else:
            self.route(frame)

    def decoded(self, frame: Frame) -> None:
        """Take a frame of a camera whose picture is there: through the application, then to the stages."""
        if self.application is None:
            self.route(frame)
        elif self.application.depth() < sum(self._most.values()):
            self.application.offer(frame)
        else:  # pictures that wait take memory, and frames that wait so long are late in any case
            frame.picture = None
            self._ledger.drop(frame, "application")

    def route(self, frame: Frame) -> None:
        """Hand a decoded frame to every stage on frames that is due; a frame that is due nowhere is done."""
        due = self._due[frame.feed.index]
        motion = self._scene.motion(frame.feed.index, frame.released_s)
        stages = [stage for stage in due.roots if due.is_due(stage, frame.sequence, motion)]
        most = self._most.get(frame.feed.index)
        if stages and most is not None and not self._ledger.admit(frame, most):
            # Objects never drop by themselves: on a box that cannot keep up they would take memory until it is gone.
            frame.picture = None
            self._ledger.drop(frame, max(self.stages.values(), key=StageRunner.depth).stage.id)
            return
        frame.pending = 1  # the routing itself, so that an early answer cannot end the frame
        for stage in stages:
            self._ledger.expect(frame, stage.id, 1)
        now_s = self._now_s()
        for stage in stages:
            self.stages[stage.id].offer_frame(Work(frame, (None,), now_s))
        self._ledger.close(frame)

    def fill(self, size: tuple[int, int], channels: int) -> Callable[..., None]:
        """Make the function that writes a picture, or a box of it, into one row of a stage's input."""
        width, height = size

        def write(work: Work, number: int, row: NDArray[np.generic]) -> None:
            box = work.boxes[number]
            picture = work.frame.picture
            if box is None:
                image = to_model_input(picture, width, height)
            else:
                wide, high = _size_of(picture)
                image = crop(picture, (box[0] * wide, box[1] * high, box[2] * wide, box[3] * high), width, height)
                if self._object_s > 0:
                    burn(self._object_s)
            row[...] = image if channels == 3 else image[..., 1:2]  # green approximates brightness

        return write

    def answer(self, stage: Stage, size: tuple[int, int], batch: int) -> Callable[..., None]:
        """Make the function that takes a stage's outputs and starts what follows from them."""
        children = self._children[stage.id]
        decoder = self._decoders.get(stage.id)

        def take(works: Sequence[Work], outputs: list[NDArray[np.generic]]) -> None:
            self._look(stage.id, outputs)
            boxes = decoder(outputs, size, batch) if decoder is not None else []
            row = 0
            for work in works:
                for own in work.boxes:
                    if decoder is not None:
                        work.frame.found.setdefault(stage.id, []).extend(_within(found, own) for found in boxes[row])
                    row += 1
                if self._ledger.answer(work.frame, stage.id) and children:
                    self._follow(stage, children, work.frame)
                self._ledger.close(work.frame)

        return take

    def _follow(self, stage: Stage, children: Sequence[Stage], frame: Frame) -> None:
        """Start the stages on the objects that ``stage`` found in a frame."""
        due = self._due[frame.feed.index]
        motion = self._scene.motion(frame.feed.index, frame.released_s)
        wanted = [
            child
            for child in children
            if frame.feed.group in self._scenario.groups_of(child) and due.is_due(child, frame.sequence, motion)
        ]
        if self.objects[stage.id] == "real":
            boxes: Sequence[Box] = frame.found.pop(stage.id, [])
        else:
            name = self._scenario.object_class(stage)
            count = self._scene.count(name, frame.feed.index, frame.released_s)
            boxes = self._scene.boxes(count, frame.feed.index, frame.sequence)
        self._log.add("o", stage.id, frame.released_s, len(boxes))
        if not boxes:
            return
        now_s = self._now_s()
        for child in wanted:
            self.stages[child.id].offer_objects(frame, boxes, now_s)

    def _look(self, stage: str, outputs: Sequence[NDArray[np.generic]]) -> None:
        """Report now and then whether the outputs say anything: present, finite, not all the same."""
        with self._look_lock:
            number = self._looked[stage]
            self._looked[stage] += 1
        if number % SAMPLE_OUTPUTS:
            return
        fault = ""
        if not outputs or all(item.size == 0 for item in outputs):
            fault = "empty"
        elif not all(bool(np.isfinite(item).all()) for item in outputs if item.dtype.kind == "f"):
            fault = "not finite"
        self._log.add("n", stage, fault)


def most_inside(feed: Feed, latency_s: float, cameras: int) -> int:
    """Decoded frames of one camera that stages may work on at once; one more is dropped, as the box cannot keep up.

    As many as fit into the camera's share of :data:`PICTURES_BYTES` (4:2:0, 1.5 bytes per pixel), and never so few that
    a frame could be refused that would still have been in time.
    """
    width, height = feed.size
    fits = PICTURES_BYTES / (max(cameras, 1) * 1.5 * width * height)
    return max(int(fits), math.ceil(LATE * latency_s * feed.rate_per_s) + 4)


def _size_of(picture: Any) -> tuple[int, int]:
    if isinstance(picture, np.ndarray):
        return int(picture.shape[1]), int(picture.shape[0])
    return int(picture.width), int(picture.height)


def _within(box: Box, outer: Box | None) -> Box:
    """Express a box found inside ``outer`` as fractions of the whole picture."""
    if outer is None:
        return box
    wide, high = outer[2] - outer[0], outer[3] - outer[1]
    return (
        outer[0] + box[0] * wide, outer[1] + box[1] * high, outer[0] + box[2] * wide, outer[1] + box[3] * high,
    )  # fmt: skip
