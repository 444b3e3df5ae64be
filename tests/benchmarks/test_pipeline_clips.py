"""How many objects a clip shows is told by the other machines alone, and a row that cannot be pulls no harder."""

from __future__ import annotations

from dataclasses import replace

from benchmarks.pipeline_clips import GRID, clip_of, clip_section, likely_objects, scatter_section, told_by_others
from benchmarks.pipeline_rows import OBJECTS, Pipeline, published


def by_objects(at: float, *, wrong: float = 1.0) -> dict[float, float]:
    """Predicted over carried where the load is in proportion to the objects and ``at`` of them are right."""
    return {objects: wrong * at / objects for objects in GRID}


def classified() -> list[Pipeline]:
    return [item for part in published() for item in part if item.classifiers]


def test_the_objects_of_a_clip_are_those_of_which_all_predictions_come_nearest() -> None:
    assert likely_objects([by_objects(9.0)] * 6) == 9.0
    assert likely_objects([by_objects(1.0)] * 6) in {1.0, 1.5}  # the belief in three pulls a little
    assert likely_objects([]) == OBJECTS


def test_one_far_row_does_not_decide() -> None:
    assert likely_objects([*([by_objects(3.0)] * 4), by_objects(3.0, wrong=50.0)]) <= 4.5


def test_a_machine_has_no_part_in_the_objects_that_it_is_judged_with() -> None:
    rows = classified()
    own = next(item for item in rows if item.name == "va" and item.platform == "intel-core-i5-12400")
    others = {item: by_objects(2.0) for item in rows}
    for wrong in (0.01, 100.0):
        moved = {
            item: by_objects(2.0, wrong=wrong) if item.platform == own.platform else found
            for item, found in others.items()
        }
        assert told_by_others(own, moved) == told_by_others(own, others)


def test_clips_are_shared_where_the_same_file_is_stated() -> None:
    names = {item.name: clip_of(item) for part in published() for item in part}
    assert names["smart_nvr"] == names["ai_vsaas"] == names["headed_visual_ai"] == "road"
    assert len({names[name] for name in ("va", "va_medium", "lpr")}) == 3
    files = {
        (item.codec, item.size, item.bitrate_kbps) for part in published() for item in part if clip_of(item) == "road"
    }
    assert files == {("h264", (1920, 1080), 4000.0)}


def test_the_summary_holds_every_row_once_with_and_without() -> None:
    one = classified()[0]
    other = replace(one, platform="another")
    section = clip_section({one: by_objects(9.0), other: by_objects(9.0)})
    assert "| all, 3 objects | 3.00 | 3.00 to 3.00 | 0 % |" in section
    # Each is told by one row alone, and the belief in three holds against it: six of nine.
    assert "| all, objects as other machines tell | 1.50 | 1.50 to 1.50 | 100 % |" in section


def test_one_chip_carries_different_rates_of_one_detector() -> None:
    table = scatter_section([item for part in published() for item in part])
    (line,) = [row for row in table.splitlines() if "ultra-7-165h" in row and "yolo-medium" in row]
    assert line.endswith("| 2.7 |")
    assert sum("i5-12400" in row for row in table.splitlines()) == 1, "one detector there is in a single pipeline"
