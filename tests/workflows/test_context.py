"""What several workflows need: words now and then, and rare collections of garbage."""

import gc

from advisor.clock import FakeClock
from advisor.workflows.context import SHOWN_EVERY_S, few_collections, seldom


def test_words_that_come_too_soon_are_dropped() -> None:
    clock, said = FakeClock(), list[str]()
    say = seldom(said.append, clock)
    for text in ("a", "b"):
        say(text)
    clock.advance(SHOWN_EVERY_S)
    for text in ("c", "d"):
        say(text)
    clock.advance(SHOWN_EVERY_S)
    say("e")
    assert said == ["c", "e"]


def test_collections_are_rare_inside_and_as_before_afterwards() -> None:
    before = gc.get_threshold()
    with few_collections():
        assert gc.get_threshold()[0] > 10 * before[0]
    assert gc.get_threshold() == before
