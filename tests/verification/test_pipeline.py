"""Decoded pictures are bounded: a box that cannot keep up drops frames, it does not fill its memory."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from advisor.verification import pipeline
from advisor.verification.frames import Frame, Ledger, Log
from advisor.verification.objects import Scene
from advisor.verification.pipeline import Pipeline, most_inside
from advisor.verification.setup import feeds_of

from .support import scenario

FEW = {"latency_p95_ms": 200.0}
"""2 x 0.2 s x 15/s + 4 = 10 frames of a camera."""


class Stuck:
    """A stage that takes whatever comes and never answers."""

    def __init__(self, name: str, waiting: int) -> None:
        self.stage = SimpleNamespace(id=name)
        self.waiting = waiting
        self.works: list[Any] = []

    def offer_frame(self, work: Any) -> None:
        self.works.append(work)

    def depth(self) -> int:
        return self.waiting


def overloaded(monkeypatch: pytest.MonkeyPatch) -> tuple[Pipeline, Ledger, Log, Stuck]:
    monkeypatch.setattr(pipeline, "PICTURES_BYTES", 1)
    monkeypatch.setattr(pipeline.StageRunner, "depth", lambda stage: stage.depth())
    shop = scenario(stages=[{"id": "person", "model": "m"}, {"id": "reid", "model": "m", "on": "person"}], slo=FEW)
    feeds = feeds_of(shop)
    log = Log()
    ledger = Ledger(log, lambda: 1.0)
    scene = Scene(shop.activity, "mean", len(feeds), 60.0, 0)
    found = Pipeline(shop, feeds, {}, scene, ledger, log, lambda: 1.0)
    person = Stuck("person", 0)
    found.stages = {"person": person, "reid": Stuck("reid", 500)}  # type: ignore[dict-item]
    for number in range(100):
        frame = Frame(feeds[0], number, number / 15.0, picture=object())
        ledger.release(frame, 0.0)
        found.route(frame)
    return found, ledger, log, person


def test_pictures_are_bounded_and_the_drop_names_the_stage_that_is_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    _, ledger, log, person = overloaded(monkeypatch)
    assert ledger.in_flight == 10
    assert ledger.dropped == 90
    assert len(person.works) == 10
    assert {row[5] for row in log.take() if row[0] == "e"} == {"reid"}


def test_frames_that_wait_for_the_application_are_bounded_too(monkeypatch: pytest.MonkeyPatch) -> None:
    found, ledger, log, _ = overloaded(monkeypatch)
    waiting: list[Frame] = []
    found.application = SimpleNamespace(offer=waiting.append, depth=lambda: len(waiting))  # type: ignore[assignment]
    log.take()
    feeds = feeds_of(scenario(slo=FEW))
    for number in range(100, 400):
        frame = Frame(feeds[0], number, number / 15.0, picture=object())
        ledger.release(frame, 0.0)
        found.decoded(frame)
    assert len(waiting) < 300
    assert {row[5] for row in log.take() if row[0] == "e"} == {"application"}


def test_a_camera_is_let_in_again_once_frames_are_done(monkeypatch: pytest.MonkeyPatch) -> None:
    found, ledger, _, person = overloaded(monkeypatch)
    for work in person.works[:4]:
        ledger.answer(work.frame, "person")
        ledger.close(work.frame)
    for number in range(100, 110):
        frame = Frame(person.works[0].frame.feed, number, number / 15.0, picture=object())
        ledger.release(frame, 0.0)
        found.route(frame)
    assert (ledger.done, ledger.in_flight, ledger.dropped) == (4, 10, 96)


def test_no_frame_is_refused_that_could_be_in_time() -> None:
    large = scenario(cameras=[{"group": "c", "count": 64, "resolution": "3840x2160", "fps": 30.0}])
    feed = feeds_of(large)[0]
    assert most_inside(feed, 0.3, 64) == 2 * 9 + 4
    assert most_inside(feed, 0.3, 1) == 2**29 // (3840 * 2160 * 3 // 2)
