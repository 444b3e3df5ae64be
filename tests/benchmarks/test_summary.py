import re

import pytest

from benchmarks import summary
from benchmarks.page import PAGE, body, replaced

TEXT = PAGE.read_text(encoding="utf-8")


def test_the_summary_of_the_page_is_that_of_its_tables() -> None:
    assert body(TEXT, summary.NAME) == summary.summary(TEXT)


def test_a_figure_that_changes_below_changes_in_the_summary() -> None:
    memory = body(TEXT, "memory")
    of_all = re.search(r"^\| all \| \d+ \| ([0-9.]+) % \|", memory, re.MULTILINE)
    assert of_all is not None
    assert f"| median {of_all[1]} %, " in summary.summary(TEXT)
    row = of_all[0].replace(f"{of_all[1]} %", "97.6 %")
    changed = replaced(TEXT, "memory", memory.replace(of_all[0], row))
    assert "| median 97.6 %, " in summary.summary(changed)


def test_the_weakest_part_is_the_largest_error_of_either_sign() -> None:
    power = body(TEXT, "power").replace("| -23 % |", "| -83 % |")
    assert "| amd-ryzen-5-5560u: -83 % |" in summary.summary(replaced(TEXT, "power", power))


def test_a_section_without_its_table_is_named() -> None:
    with pytest.raises(ValueError, match="section local"):
        summary.summary(replaced(TEXT, "local", "Not yet measured."))


@pytest.mark.parametrize(("cell", "value"), [("8.3 %", 8.3), ("-57 %", -57.0), ("0.914 (0.889-1.023)", 0.914)])
def test_the_first_number_of_a_cell_counts(cell: str, value: float) -> None:
    assert summary.number(cell) == value


def test_a_cell_without_a_number_is_refused() -> None:
    with pytest.raises(ValueError, match="no number"):
        summary.number("-")
