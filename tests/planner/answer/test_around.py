from __future__ import annotations

from advisor.planner.answer.around import application_words, assumes_usual
from tests.planner.fakes import scenario


def words(application: object, **changes: object) -> str:
    return application_words(scenario(application=application, **changes))


def test_what_is_usual_is_said_with_its_spread_and_source() -> None:
    text = words({})
    assert text.startswith("around the models an application takes core time of a performance core of 2023 at 4 GHz: ")
    assert " ms per frame as usual and " in text
    assert " ms per object as usual; usual: " in text
    assert "docs/methods/application.md" in text
    assert text.endswith("measure yours on one box and state it with `application:` before buying more")


def test_what_is_stated_in_part_leaves_the_rest_as_usual() -> None:
    text = words({"overhead_ms_per_frame": 2.5})
    assert "2.5 ms per frame as stated and " in text
    assert "ms per object as usual" in text
    assert assumes_usual(scenario(application={"overhead_ms_per_frame": 2.5}))


def test_what_is_stated_whole_names_no_source() -> None:
    stated = {"overhead_ms_per_frame": 2.5, "overhead_ms_per_object": 0.0}
    assert words(stated).endswith("2.5 ms per frame as stated and 0 ms per object as stated")
    assert not assumes_usual(scenario(application=stated))


def test_nothing_around_the_models_is_said_as_such() -> None:
    assert words("none").startswith("nothing is counted around decoding, preparation and the models")


def test_a_cascade_without_objects_has_no_amount_per_object() -> None:
    stages = [{"id": "person", "model": "like:person"}]
    assert "per object" not in words({}, stages=stages)
    assert not assumes_usual(scenario(stages=stages, application={"overhead_ms_per_frame": 1.0}))
