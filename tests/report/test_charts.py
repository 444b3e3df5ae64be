from __future__ import annotations

import itertools
import re
import xml.etree.ElementTree as ET

import pytest

from advisor.report.charts import HEIGHT, LEFT, LETTER, LINE, WIDTH, Mark, bars, lines, price_against_capacity


def labels(svg: str, names: list[str]) -> list[tuple[float, float, float, float]]:
    """Boxes of the labels, measured from the picture itself."""
    found = []
    for text in ET.fromstring(svg).iter("text"):
        if text.text in names:
            x, y = float(text.attrib["x"]), float(text.attrib["y"])
            found.append((x, y - LINE + 3, x + len(text.text) * LETTER, y + 3))
    return found


def crowd(count: int) -> list[Mark]:
    kinds = ["recommended", "alternative", "alternative", "alternative", "just fails", *["other"] * count]
    return [
        Mark(f"desktop-processor-{index:02d}-32-gb", 300.0 + index, 8.0, 10.0 + index / 50, 13.0, kind)
        for index, kind in enumerate(kinds[:count])
    ]


@pytest.mark.parametrize("count", [5, 20, 83])
def test_labels_do_not_overlap_and_stay_inside(count: int) -> None:
    marks = crowd(count)
    svg = price_against_capacity(marks, 10.0, "USD", "cameras")
    boxes = labels(svg, [mark.label for mark in marks])
    assert len(boxes) == 5
    for one, other in itertools.combinations(boxes, 2):
        apart = one[2] <= other[0] or other[2] <= one[0] or one[3] <= other[1] or other[3] <= one[1]
        assert apart, (one, other)
    for left, top, right, bottom in boxes:
        assert left >= LEFT
        assert right <= WIDTH
        assert top >= 0
        assert bottom <= HEIGHT


def test_only_what_a_buyer_looks_for_is_labelled() -> None:
    marks = crowd(30)
    texts = [text.text for text in ET.fromstring(price_against_capacity(marks, 10.0, "USD", "cameras")).iter("text")]
    shown = {mark.label for mark in marks if mark.label in texts}
    assert shown == {mark.label for mark in marks if mark.kind != "other"}


def test_every_platform_is_a_mark_with_its_name_to_be_pointed_at() -> None:
    svg = price_against_capacity(crowd(83), 10.0, "USD", "cameras")
    titles = [title.text or "" for title in ET.fromstring(svg).iter("title")]
    assert len(titles) == 83
    assert titles.count("desktop-processor-00-32-gb: 10 (8 - 13), 300") == 1


def test_positions_follow_the_logarithm() -> None:
    marks = [
        Mark(str(index), price, c, c, c, "other") for index, (price, c) in enumerate([(100, 1), (1000, 10), (1e4, 100)])
    ]
    circles = list(ET.fromstring(price_against_capacity(marks, None, "USD", "cameras")).iter("circle"))
    x = [float(circle.attrib["cx"]) for circle in circles]
    y = [float(circle.attrib["cy"]) for circle in circles]
    assert x[1] - x[0] == pytest.approx(x[2] - x[1], abs=0.2)
    assert y[0] - y[1] == pytest.approx(y[1] - y[2], abs=0.2)
    assert x[0] < x[1]
    assert y[0] > y[1]


def test_needed_is_drawn_where_it_is_known() -> None:
    marks = crowd(5)
    assert "needed: 12<" in price_against_capacity(marks, 12.0, "USD", "cameras")
    assert "needed" not in price_against_capacity(marks, None, "USD", "requests/s")
    assert "capacity [requests/s]" in price_against_capacity(marks, None, "USD", "requests/s")


def test_no_capacity_stands_at_the_left_edge_and_no_price_is_left_out() -> None:
    marks = [Mark("none", 100.0, 0.0, 0.0, 1.0, "just fails"), Mark("free", 0.0, 1.0, 2.0, 3.0, "other")]
    svg = price_against_capacity(marks, 8.0, "USD", "cameras")
    assert len(list(ET.fromstring(svg).iter("circle"))) == 1
    assert "0.5 or less" in svg
    assert price_against_capacity(marks[1:], 8.0, "USD", "cameras").startswith("<p>No platform")


def test_long_names_are_shortened_and_markup_is_text() -> None:
    svg = price_against_capacity([Mark("<b>&" + "x" * 80, 10.0, 1.0, 2.0, 3.0, "recommended")], None, "<U>", "cameras")
    (label,) = [text.text for text in ET.fromstring(svg).iter("text") if (text.text or "").startswith("<b>&")]
    assert label.endswith("x…")
    assert len(label) == 40
    assert "price [<U>]" in [text.text for text in ET.fromstring(svg).iter("text")]


def test_bars_are_as_long_as_their_values() -> None:
    svg = bars([("a", 1.0, 2.0, 3.0), ("b<", 4.0, 4.0, 4.0)], "cores", "Cores busy", 8.0)
    rects = [float(rect.attrib["width"]) for rect in ET.fromstring(svg).iter("rect")]
    assert rects[1] == pytest.approx(2 * rects[0], abs=0.2)
    texts = [text.text for text in ET.fromstring(svg).iter("text")]
    assert texts == ["a", "2 (1 - 3) cores", "b<", "4 cores"]
    assert bars([], "cores", "Cores busy") == ""
    assert 'stroke-dasharray="5 4"' in svg
    assert ET.fromstring(bars([("idle", 0.0, 0.0, 0.0)], "cores", "Cores busy")) is not None


def test_lines_name_the_worst_and_count_the_rest() -> None:
    series = [(f"camera-{index}", [0.0, 1.0], [15.0, 15.0 - index]) for index in range(8)]
    svg = lines(series, "window", "FPS")
    texts = [text.text for text in ET.fromstring(svg).iter("text")]
    assert [text for text in texts if text and text.startswith("camera")] == [f"camera-{i}" for i in (7, 6, 5, 4, 3)]
    assert "grey: 3 others" in texts
    assert len(re.findall("<polyline", svg)) == 8


def test_lines_of_nothing_and_of_one_point() -> None:
    assert lines([], "window", "FPS") == lines([("a", [], [])], "window", "FPS") == "<p>Nothing was seen.</p>"
    assert "<circle" in lines([("a", [0.0], [0.0])], "window", "FPS")


def test_lines_carry_round_numbers_on_both_axes() -> None:
    texts = [text.text for text in ET.fromstring(lines([("a", [0.0, 130.0], [0.0, 2056.0])], "s", "ms")).iter("text")]
    assert {"0", "1,000", "2,000"} <= set(texts)
    assert {"20", "100", "120"} <= set(texts)
    assert not any("e+" in (text or "") for text in texts)


def test_the_limit_lies_under_the_labels() -> None:
    svg = bars([("a", 99.0, 99.0, 99.0)], "%", "Utilisation", 100.0)
    assert svg.index("stroke-dasharray") < svg.index(">99 %<")
