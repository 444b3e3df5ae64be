from pathlib import Path

import pytest
from click.testing import CliRunner

from advisor.errors import InputError
from benchmarks import accuracy, sections, summary
from benchmarks.page import body, names, replaced, write_section

PAGE = (
    "# Title\n\nintro\n<!-- begin one -->\nold\n<!-- end one -->\nbetween\n\n"
    "<!-- begin two -->\n<!-- end two -->\ntail, no newline"
)


def test_only_the_text_between_the_markers_changes() -> None:
    assert replaced(PAGE, "one", "new\ntext") == PAGE.replace("\nold\n", "\nnew\ntext\n")
    empty = "<!-- begin two -->\n<!-- end two -->"
    assert replaced(PAGE, "two", "x") == PAGE.replace(empty, "<!-- begin two -->\nx\n<!-- end two -->")


@pytest.mark.parametrize("new", ["a", "\n\n| a |\n| --- |\n\n", "", "back\\slash \\1 \\g<0>", "$1 ü"])
def test_replacing_twice_is_replacing_once_and_every_section_survives(new) -> None:
    once = replaced(PAGE, "one", new)
    assert replaced(once, "one", new) == once
    assert body(once, "one") == new.strip("\n")
    assert names(once) == ["one", "two"]
    assert replaced(once, "one", "old") == PAGE


def test_a_section_can_be_shifted_by_others_without_loss() -> None:
    page = PAGE
    for name, text in (("two", "2"), ("one", "1"), ("two", "22"), ("one", "11")):
        page = replaced(page, name, text)
    assert (body(page, "one"), body(page, "two")) == ("11", "22")
    outside = ("# Title\n\nintro\n", "\nbetween\n\n", "\ntail, no newline")
    assert [part in page for part in outside] == [True, True, True]


@pytest.mark.parametrize(
    ("page", "word"),
    [
        ("<!-- begin a -->\n", "no end"),
        ("<!-- end a -->\n", "without having begun"),
        ("<!-- begin a -->\n<!-- begin b -->\n<!-- end b -->\n<!-- end a -->\n", "inside"),
        ("<!-- begin a -->\n<!-- end a -->\n<!-- begin a -->\n<!-- end a -->\n", "twice"),
    ],
)
def test_a_broken_page_is_refused(page, word) -> None:
    with pytest.raises(InputError, match=word):
        names(page)


def test_unknown_section_and_markers_in_new_text_are_refused() -> None:
    with pytest.raises(InputError, match="one, two"):
        replaced(PAGE, "three", "x")
    with pytest.raises(InputError, match="holds a marker"):
        replaced(PAGE, "one", "x\n<!-- end one -->\ny")


def test_writing_keeps_what_another_process_wrote_and_leaves_no_other_file(tmp_path: Path) -> None:
    path = tmp_path / "page.md"
    path.write_text(PAGE, encoding="utf-8")
    write_section(path, "one", "mine")
    path.write_text(path.read_text(encoding="utf-8").replace("intro", "intro, edited"), encoding="utf-8")
    write_section(path, "two", "other")
    expected = replaced(replaced(PAGE, "one", "mine"), "two", "other").replace("intro", "intro, edited")
    assert path.read_text(encoding="utf-8") == expected
    assert [item.name for item in tmp_path.iterdir()] == ["page.md"]


def test_the_real_page_has_every_section_and_no_other() -> None:
    text = accuracy.PAGE.read_text(encoding="utf-8")
    assert sorted(names(text)) == sorted([*(section.name for section in sections.SECTIONS), summary.NAME])


def test_every_table_outside_of_the_markers_is_marked_as_kept_by_hand() -> None:
    text = accuracy.PAGE.read_text(encoding="utf-8")
    for name in names(text):
        text = replaced(text, name, "")
    with_tables = [part for part in text.split("\n#") if "\n| " in part]
    assert [part.splitlines()[0].endswith("(kept by hand)") for part in with_tables] == [True] * 4


@pytest.mark.parametrize("error", [InputError("broken"), ValueError("broken")])
def test_a_failed_section_leaves_its_old_text_and_the_others_go_on(tmp_path: Path, monkeypatch, error) -> None:
    def make(section: sections.Section, quick: bool) -> str:
        if section.name == "one":
            raise error
        return f"made {section.name} {quick}"

    monkeypatch.setattr(sections.Section, "make", make)
    path = tmp_path / "page.md"
    path.write_text(PAGE, encoding="utf-8")
    todo = (sections.Section("one", "none", ""), sections.Section("two", "none", ""))
    assert accuracy.remake(path, todo, quick=True) == ["one: broken"]
    assert path.read_text(encoding="utf-8") == replaced(PAGE, "two", "made two True")


def test_nothing_is_measured_for_a_page_without_the_markers(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(sections.Section, "make", lambda *_: pytest.fail("measured"))
    path = tmp_path / "page.md"
    path.write_text(PAGE, encoding="utf-8")
    with pytest.raises(InputError, match="three"):
        accuracy.remake(path, (sections.Section("one", "none", ""), sections.Section("three", "none", "")), quick=True)


def test_only_one_process_measures(tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    with sections.alone(lock), pytest.raises(InputError, match="another benchmark"), sections.alone(lock):
        pass
    with sections.alone(lock):
        pass


def test_a_misspelt_section_names_its_neighbour() -> None:
    result = CliRunner().invoke(accuracy.main, ["--only", "harnes"])
    assert result.exit_code == 2
    assert "did you mean 'harness'" in result.output
