from __future__ import annotations

import math
from pathlib import Path

import pytest

from advisor.errors import CatalogueError
from advisor.perfmodel.resources.application import (
    REFERENCE_HZ,
    ApplicationCalibration,
    UsualWork,
    application_time,
    load_application,
)
from advisor.records.base import Z90
from advisor.store.files import write_document

SLOW_HZ = REFERENCE_HZ / 2.0
SD, T_90 = 0.3, 1.4


def test_a_stated_amount_is_that_of_a_reference_core_and_only_the_machine_is_uncertain() -> None:
    found = application_time("frame", 3.0, SLOW_HZ, SD, T_90).core_s
    assert found.p50 == pytest.approx(0.006)
    assert math.log(found.p90 / found.p50) == pytest.approx(T_90 * SD)
    assert math.log(found.p50 / found.p10) == pytest.approx(T_90 * SD)


@pytest.mark.parametrize("unit", ["frame", "object"])
def test_what_is_usual_is_uncertain_by_the_application_as_well(unit: str) -> None:
    usual = load_application().of(unit)  # type: ignore[arg-type]
    found = application_time(unit, None, REFERENCE_HZ, SD, T_90).core_s  # type: ignore[arg-type]
    assert found.p50 == pytest.approx(usual.core_ms / 1000.0)
    assert math.log(found.p90 / found.p50) == pytest.approx(math.hypot(T_90 * SD, Z90 * usual.sd))


def test_nothing_takes_no_time_on_any_machine() -> None:
    assert application_time("object", 0.0, SLOW_HZ, SD, T_90).core_s.p90 == 0.0


def test_what_ships_is_far_less_than_encoding_and_says_where_it_comes_from() -> None:
    frame = load_application().of("frame")
    assert 0.3 < frame.core_ms < 10.0
    assert frame.core_ms * math.exp(Z90 * frame.sd) < 40.0
    assert all("docs/methods/application.md" in item.source for item in load_application().usual)


def test_a_file_reads_back_as_written_and_a_damaged_one_names_the_command(tmp_path: Path) -> None:
    made_up = ApplicationCalibration(
        date="2026-11-29",
        data_sha256="0" * 64,
        usual=(UsualWork(unit="frame", core_ms=1.0, sd=0.5, kind="assumed", source="made up", rows=1),),
    )
    path = write_document(tmp_path / "application.json", made_up)
    assert load_application(path) == made_up
    damaged = tmp_path / "damaged.json"
    damaged.write_text("{")
    with pytest.raises(CatalogueError, match=r"damaged\.json: cannot be read .* advisor\.calibration\.application"):
        load_application(damaged)
