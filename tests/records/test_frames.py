from __future__ import annotations

import re
from typing import Any

import pandas as pd
import pytest

from advisor.records.base import Evidence
from advisor.records.config import EffectiveConfig, LoadMode, RunConfig
from advisor.records.frames import (
    MEASUREMENT_COLUMNS,
    PLATFORM_COLUMNS,
    Column,
    frame_of,
    measurement_frame,
    option_columns,
    platform_frame,
)
from advisor.records.measurement import Interference, Timing
from advisor.records.plan import Plan
from advisor.store.catalogue import Catalogue
from tests.report.samples import hopeless_plan, request_plan, shop_plan
from tests.store.samples import measurement, profile, timing

TABLES = {"measurements": MEASUREMENT_COLUMNS, "platforms": PLATFORM_COLUMNS, "options": option_columns("USD")}
UNIT = re.compile(
    r"_(s|ms|hz|w|bytes|bytes_per_s|bytes_per_core|pct|usd|usd_per_year|kwh_per_year|per_s|s_per_pass|years|fps"
    r"|cameras|cores|fraction|bits_per_core)\Z"
)
PURE_NUMBERS = {"probability", "reference_slowdown"}


@pytest.mark.parametrize("table", TABLES)
def test_numbers_have_their_unit_in_the_name(table: str) -> None:
    names = [column.name for column in TABLES[table] if column.dtype == "Float64"]
    bare = [re.sub(r"_(p10|p50|p90|requested|effective)\Z", "", name) for name in names]
    assert names
    assert [name for name in bare if not UNIT.search(name) and name not in PURE_NUMBERS] == []


@pytest.mark.parametrize("table", TABLES)
def test_types_do_not_depend_on_there_being_rows(table: str) -> None:
    empty = frame_of(TABLES[table], [])
    assert list(empty.columns) == [column.name for column in TABLES[table]]
    assert empty.empty
    filled = {
        "measurements": lambda: measurement_frame([measurement()]),
        "platforms": _platforms,
        "options": lambda: shop_plan().to_frame(),
    }[table]()
    assert filled.dtypes.to_dict() == empty.dtypes.to_dict()


def test_a_misspelt_path_is_an_error_and_an_unknown_part_is_missing() -> None:
    row = measurement(effective=None)
    assert Column("x", "Int64", "effective.streams").value(row) is None
    assert Column("x", "Int64", "config.threads").value(row) == 2
    with pytest.raises(AttributeError):
        Column("x", "Int64", "config.thread").value(row)


def _measurements() -> pd.DataFrame:
    effective = EffectiveConfig(device="CPU", precision="u8", streams=1, threads=3, runtime_version="2026.4")
    changes: dict[str, Any] = {
        "config": RunConfig(precision="int8", streams=2, threads=4, batch=8),
        "mode": LoadMode(kind="paced", rate_per_s=12.5),
        "effective": effective,
        "timing": timing().model_copy(update={"peak_memory_bytes": 2.0**27, "steady": False}),
        "interference": Interference(dirty=True, steal_fraction=0.25),
    }
    failed = measurement("k2", status="failed", failure="refused: operator X", timing=None)
    return measurement_frame([measurement("k1", **changes), failed])


def test_a_measurement_of_another_kind_has_no_timing() -> None:
    row = measurement_frame([profile(status="failed", failure="crashed with SIGSEGV")]).iloc[0]
    assert (row["kind"], row["failure"]) == ("profile", "crashed with SIGSEGV")
    assert row[["mode", "throughput_per_s", "peak_memory_bytes", "cached_compile_s"]].isna().all()


def test_requested_and_effective_settings_stand_apart() -> None:
    done, failed = (row for _, row in _measurements().iterrows())
    assert (done["streams_requested"], done["streams_effective"]) == (2, 1)
    assert (done["threads_requested"], done["threads_effective"]) == (4, 3)
    assert (done["precision_requested"], done["precision_effective"]) == ("int8", "u8")
    assert failed["threads_requested"] == 2
    assert failed["threads_effective"] is pd.NA


def test_figures_are_si_and_those_of_a_failure_are_missing() -> None:
    frame = _measurements()
    done, failed = (row for _, row in frame.iterrows())
    assert (done["latency_p50_s"], done["latency_p50_lower_s"], done["throughput_per_s"]) == (0.01, 0.009, 100.0)
    assert (done["peak_memory_bytes"], done["rate_per_s"], done["steal_fraction"]) == (2.0**27, 12.5, 0.25)
    assert (done["samples"], bool(done["steady"]), bool(done["dirty"])) == (3, False, True)
    assert done["latency_p50_upper_s"] is pd.NA
    assert done["started"] == pd.Timestamp("2026-11-21T07:00:00Z")
    assert failed["failure"] == "refused: operator X"
    assert done["failure"] is pd.NA
    unknown = ["latency_p50_s", "throughput_per_s", "samples", "steady", "dirty", "peak_memory_bytes", "visits"]
    assert frame.loc[1, unknown].isna().all()


def test_every_setting_and_every_figure_of_a_timing_has_a_column() -> None:
    paths = {column.path for column in MEASUREMENT_COLUMNS}
    assert {f"config.{name}" for name in RunConfig.model_fields} <= paths
    raw = {"block_p50_s", "block_disturbed", "latencies_s"}
    figures = {name for name in Timing.model_fields if name not in raw}
    assert figures <= {path.removeprefix("timing.").split(".")[0] for path in paths}


def _platforms(*names: str) -> pd.DataFrame:
    catalogue = Catalogue.load()
    boxes = [catalogue.platform(name) for name in names or catalogue.platform_ids()[:3]]
    return platform_frame((box, catalogue.processor(box.processor), catalogue.machine(box)) for box in boxes)


def test_a_box_is_told_as_a_whole() -> None:
    catalogue = Catalogue.load()
    two = next(box for box in catalogue.platforms() if box.sockets == 2)
    chip = catalogue.processor(two.processor)
    row = _platforms(two.id).iloc[0]
    assert row["cores"] == 2 * chip.performance_cores.value
    assert (row["processor"], row["sockets"]) == (chip.id, 2)
    assert row["memory_bytes"] == two.memory_bytes.value
    assert two.price_usd is not None
    assert (row["price_usd"], row["price_kind"]) == (two.price_usd.value, two.price_usd.kind)
    assert (row["price_source"], row["price_date"]) == (two.price_usd.source, pd.Timestamp(two.price_usd.date))


def test_what_is_assumed_of_a_box_is_named() -> None:
    catalogue = Catalogue.load()
    box = next(item for item in catalogue.platforms() if item.idle_power_w and item.idle_power_w.kind == "assumed")
    named = set(str(_platforms(box.id).loc[0, "assumed"]).split(", "))
    assert "idle_power_w" in named
    assert named <= {column.name for column in PLATFORM_COLUMNS}


def test_a_plan_lists_its_answer_first_and_every_platform_once() -> None:
    plan = shop_plan()
    frame = plan.to_frame()
    assert plan.recommended is not None
    assert list(frame["status"]) == [
        "recommended", *["alternative"] * len(plan.alternatives), *["rejected"] * len(plan.rejected),
    ]  # fmt: skip
    assert frame["platform"].is_unique
    assert frame["platform"][0] == plan.recommended.platform


def test_an_option_and_a_rejected_platform_carry_their_own_figures() -> None:
    plan = shop_plan()
    frame = plan.to_frame().set_index("platform")
    best = plan.recommended
    assert best is not None
    row = frame.loc[best.platform]
    assert (row["price_usd"], row["boxes"], row["tco_usd"]) == (best.price.value, best.count, best.tco.value)
    assert row["latency_p95_ms_p90"] == best.predicted.latency_p95_ms.p90
    assert row["cpu_utilisation_pct_p50"] == 100.0 * best.predicted.utilisation["cpu"].p50
    assert row["energy_cost_usd_per_year_p10"] == best.tco.energy_cost_per_year.p10
    assert row["breaks_first"] == best.breaks_first[0].resource
    assert row["price_date"] == pd.Timestamp(best.price.date)
    assert pd.isna(row[["check", "reason", "capacity_requests_per_s_p50"]]).all()
    small = next(item for item in plan.rejected if item.platform == "small")
    row = frame.loc["small"]
    assert (row["check"], row["reason"]) == (small.check, small.reason)
    assert small.predicted is not None
    assert row["capacity_cameras_p50"] == small.predicted.capacity_cameras.p50  # type: ignore[union-attr]
    assert pd.isna(row[["tco_usd", "probability", "role", "breaks_first"]]).all()
    assert pd.isna(frame.loc["priceless", "price_usd"])


def test_evidence_is_ordered_and_missing_where_nothing_was_predicted() -> None:
    best = shop_plan().recommended
    assert best is not None
    other = shop_plan().rejected[0].model_copy(update={"predicted": None, "evidence": Evidence.UNKNOWN})
    rejected = (
        other.model_copy(update={"check": "site.max_power_w"}),
        other.model_copy(update={"check": "evidence"}),
    )
    alternative = best.model_copy(update={"evidence": Evidence.PUBLISHED})
    plan = shop_plan().model_copy(update={"alternatives": (alternative,), "rejected": rejected})
    frame = plan.to_frame()
    assert list(frame["evidence"].astype("string").fillna("-")) == [best.evidence, "published", "-", "unknown"]
    assert list(frame["evidence"].cat.categories) == ["unknown", "spec", "anchored", "published", "measured"]
    assert list(frame[frame["evidence"] >= "published"]["status"]) == ["alternative"]


def test_money_carries_the_currency_of_the_scenario() -> None:
    text = shop_plan().model_dump_json(by_alias=True).replace('"currency":"USD"', '"currency":"EUR"')
    frame = Plan.model_validate_json(text).to_frame()
    assert {"price_eur", "price_per_box_eur", "tco_eur", "energy_cost_eur_per_year_p50"} <= set(frame.columns)
    assert not [name for name in frame.columns if "usd" in name]


def test_a_plan_without_recommendation_or_without_cameras_is_a_table_too() -> None:
    assert set(hopeless_plan().to_frame()["status"]) == {"rejected"}
    frame = request_plan().to_frame()
    assert frame["capacity_cameras_p50"].isna().all()
    assert frame.loc[0, "capacity_requests_per_s_p50"] > 0.0
