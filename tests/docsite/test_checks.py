from pathlib import Path

import pytest

from docsite import checks

GOOD = """# Page

## Speed
### Formula
x
### Source
Derived here.
### Valid for
All.
### Evidence
2026-11: seen.
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "advisor").mkdir()
    (tmp_path / "advisor" / "errors.py").write_text("class InputError(Exception): ...\n", encoding="utf-8")
    return tmp_path


@pytest.mark.parametrize(
    ("text", "faults"),
    [
        ("`advisor/errors.py` `InputError`, `advisor/`, `errors.py`, `profiles/*.yaml`", []),
        ("`advisor/error.py`", ["`advisor/error.py` does not exist"]),
        ("`advisor/errors.py` `Input`", ["`advisor/errors.py` does not contain `Input`"]),
    ],
)
def test_paths_and_names_of_the_repository(root: Path, text: str, faults: list[str]) -> None:
    assert list(checks.broken_paths(text, root)) == faults


def test_command_lines_are_found_in_shell_blocks_and_in_running_text() -> None:
    text = "Type `sizer host` or\n\n```sh\n$ sizer plan a.yaml \\\n  --json\nls\n```\n\n```text\nsizer no\n```\n"
    assert [line.split() for line in checks.command_lines(text)] == [
        ["sizer", "plan", "a.yaml", "--json"],
        ["sizer", "host"],
    ]


def test_a_quantity_with_its_four_sections_passes() -> None:
    assert list(checks.method_faults(GOOD)) == []


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ("### Source\nDerived here.\n", "", "expected Formula, Source, Valid for, Evidence"),
        ("Derived here.", "", "Source is empty"),
        ("2026-11: seen.", "It was seen.", "evidence without a date"),
    ],
)
def test_a_quantity_that_lacks_something_is_named(old: str, new: str, fault: str) -> None:
    (found,) = checks.method_faults(GOOD.replace(old, new))
    assert found.startswith("'Speed'")
    assert fault in found


def test_a_term_that_is_defined_twice_is_named() -> None:
    row = "| pass | meaning | s | t | where |\n"
    assert list(checks.repeated_terms(row + "| old | new |\n" * 2)) == []
    assert list(checks.repeated_terms(row * 2)) == ["'pass' is defined twice"]
