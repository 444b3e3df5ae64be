"""Records as tables: the columns of each DataFrame that sizer hands out, declared once, and how they are filled.

The name of a column ends with its unit (``_s``, ``_bytes``, ``_hz``, ``_w``, ``_pct``, ``_usd``; ``_per_s`` for rates);
one without a unit holds a count, a ratio, a text or a truth value. A predicted quantity has three columns, whose names
end with ``_p10``, ``_p50`` and ``_p90``: the quantiles of its :class:`~advisor.records.base.Interval`. What is unknown
is missing (``pandas.NA``, ``pandas.NaT``), never 0. pandas is imported when a table is made, not before.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .base import Evidence, Record, Sourced

if TYPE_CHECKING:
    import pandas as pd

    from .machine import MachineSpec
    from .measurement import Measurement
    from .platform import Platform, Processor

_NUMBER, _COUNT, _FLAG, _TEXT = "Float64", "Int64", "boolean", "string"
_DATE, _INSTANT = "datetime64[s]", "datetime64[s, UTC]"
_EVIDENCE = "evidence"
"""Ordered, weakest first: ``frame.evidence >= "published"`` keeps what rests on figures of that very model."""


_OF_SOME_KINDS = frozenset({"mode", "timing", "footprint", "peak_memory_bytes"})
"""Attributes that only some kinds of measurements have."""


@dataclass(frozen=True)
class Column:
    """One column of a table and where its values are found."""

    name: str
    dtype: str
    """As pandas names it, or ``evidence``."""
    path: str
    """Attributes, keys and indices that lead from a row to the value, joined by dots; unknown where one of them is."""
    factor: float = 1.0
    """Multiplies the number found, for a unit that the record does not have."""

    def value(self, row: object) -> object:
        """Value of a row; None where it is unknown or an empty text."""
        found: Any = row
        for part in self.path.split("."):
            if found is None:
                return None
            if isinstance(found, Mapping):
                found = found.get(part)
            elif isinstance(found, tuple):
                found = found[int(part)] if int(part) < len(found) else None
            else:
                found = getattr(found, part, None) if part in _OF_SOME_KINDS else getattr(found, part)
        if isinstance(found, tuple):
            found = ", ".join(found)
        if found is None or found == "":
            return None
        return found if self.factor == 1.0 else found * self.factor


def _interval(name: str, path: str, factor: float = 1.0) -> tuple[Column, ...]:
    return tuple(Column(f"{name}_{side}", _NUMBER, f"{path}.{side}", factor) for side in ("p10", "p50", "p90"))


def _percentile(name: str) -> tuple[Column, ...]:
    """Sample percentile of the latency with its distribution-free bounds."""
    parts = (("s", "value_s"), ("lower_s", "lower_s"), ("upper_s", "upper_s"))
    return tuple(Column(f"latency_{name}_{end}", _NUMBER, f"timing.{name}.{field}") for end, field in parts)


def _setting(name: str, dtype: str) -> tuple[Column, Column]:
    """Columns of a setting that the runtime reports back: what was asked of it, and what it does."""
    return Column(f"{name}_requested", dtype, f"config.{name}"), Column(f"{name}_effective", dtype, f"effective.{name}")


def _sourced(name: str, path: str) -> tuple[Column, ...]:
    """Columns of a price: the number beside its kind, source and date."""
    return (
        Column(f"{name}_kind", _TEXT, f"{path}.kind"),
        Column(f"{name}_source", _TEXT, f"{path}.source"),
        Column(f"{name}_date", _DATE, f"{path}.date"),
    )


MEASUREMENT_COLUMNS: tuple[Column, ...] = (
    Column("model", _TEXT, "model"),
    Column("kind", _TEXT, "kind"),
    Column("status", _TEXT, "status"),
    Column("failure", _TEXT, "failure"),
    Column("runtime", _TEXT, "config.runtime"),
    Column("runtime_version", _TEXT, "effective.runtime_version"),
    *_setting("device", _TEXT),
    *_setting("precision", _TEXT),
    Column("mode", _TEXT, "mode.kind"),
    Column("rate_per_s", _NUMBER, "mode.rate_per_s"),
    *_setting("batch", _COUNT),
    *_setting("streams", _COUNT),
    *_setting("threads", _COUNT),
    *_setting("hint", _TEXT),
    Column("hint_requests", _COUNT, "config.hint_requests"),
    Column("requests", _COUNT, "config.requests"),
    Column("optimal_requests", _COUNT, "effective.optimal_requests"),
    Column("simd_cap", _TEXT, "config.simd_cap"),
    *_setting("auto_batch_timeout_s", _NUMBER),
    *_setting("pinning", _FLAG),
    Column("core_type", _TEXT, "config.core_type"),
    Column("layout", _TEXT, "config.layout"),
    Column("inter_op_threads", _COUNT, "config.inter_op_threads"),
    Column("intra_op_affinities", _TEXT, "config.intra_op_affinities"),
    Column("spinning", _FLAG, "config.spinning"),
    Column("execution_mode", _TEXT, "config.execution_mode"),
    Column("dynamic_shapes", _FLAG, "config.dynamic_shapes"),
    Column("arena", _FLAG, "config.arena"),
    Column("quantisation", _TEXT, "config.quantisation"),
    Column("torch_mode", _TEXT, "config.torch_mode"),
    Column("throughput_per_s", _NUMBER, "timing.throughput_per_s"),
    Column("avg_time_s", _NUMBER, "timing.avg_time_s"),
    Column("latency_min_s", _NUMBER, "timing.min_s"),
    *_percentile("p50"),
    *_percentile("p90"),
    *_percentile("p95"),
    *_percentile("p99"),
    Column("samples", _COUNT, "timing.samples"),
    Column("duration_s", _NUMBER, "timing.duration_s"),
    Column("visits", _COUNT, "timing.visits"),
    Column("steady", _FLAG, "timing.steady"),
    Column("dirty", _FLAG, "interference.dirty"),
    Column("other_cpu_cores", _NUMBER, "interference.other_cpu_cores"),
    Column("steal_fraction", _NUMBER, "interference.steal_fraction"),
    Column("pressure_some_fraction", _NUMBER, "interference.pressure_some_fraction"),
    Column("involuntary_switches_per_s", _NUMBER, "interference.involuntary_switches_per_s"),
    Column("clock_start_hz", _NUMBER, "interference.clock_start_hz"),
    Column("clock_end_hz", _NUMBER, "interference.clock_end_hz"),
    Column("reference_slowdown", _NUMBER, "interference.reference_slowdown"),
    Column("cpu_s_per_pass", _NUMBER, "timing.cpu_s_per_pass"),
    Column("peak_memory_bytes", _NUMBER, "peak_memory_bytes"),
    Column("memory_baseline_bytes", _NUMBER, "footprint.baseline_bytes"),
    Column("memory_per_stream_bytes", _NUMBER, "footprint.per_stream_bytes"),
    Column("first_inference_s", _NUMBER, "timing.first_inference_s"),
    Column("read_s", _NUMBER, "timing.read_s"),
    Column("compile_s", _NUMBER, "timing.compile_s"),
    Column("cached_compile_s", _NUMBER, "footprint.cached_compile_s"),
    Column("started", _INSTANT, "started"),
    Column("model_kind", _TEXT, "model_kind"),
    Column("model_sha256", _TEXT, "model_sha256"),
    Column("host_fingerprint", _TEXT, "host_fingerprint"),
    Column("sizer_version", _TEXT, "sizer_version"),
)

PLATFORM_COLUMNS: tuple[Column, ...] = (
    Column("platform", _TEXT, "platform.id"),
    Column("name", _TEXT, "platform.name"),
    Column("form_factor", _TEXT, "platform.form_factor"),
    Column("fanless", _FLAG, "platform.fanless"),
    Column("price_usd", _NUMBER, "platform.price_usd.value"),
    *_sourced("price", "platform.price_usd"),
    Column("processor", _TEXT, "processor.id"),
    Column("processor_name", _TEXT, "processor.name"),
    Column("vendor", _TEXT, "processor.vendor"),
    Column("architecture", _TEXT, "processor.architecture"),
    Column("release_year", _COUNT, "machine.release_year"),
    Column("sockets", _COUNT, "platform.sockets"),
    Column("cores", _COUNT, "machine.cores"),
    Column("performance_cores", _COUNT, "machine.performance_cores"),
    Column("efficiency_cores", _COUNT, "machine.efficiency_cores"),
    Column("low_power_cores", _COUNT, "machine.low_power_cores"),
    Column("inference_cores", _COUNT, "machine.inference_cores"),
    Column("threads", _COUNT, "machine.threads"),
    Column("simd_level", _TEXT, "machine.simd_level"),
    Column("fma_bits_per_core", _NUMBER, "machine.fma_bits_per_core"),
    Column("base_hz", _NUMBER, "machine.base_hz"),
    Column("boost_hz", _NUMBER, "machine.boost_hz"),
    Column("all_core_turbo_hz", _NUMBER, "machine.all_core_turbo_hz"),
    Column("l2_bytes_per_core", _NUMBER, "machine.l2_bytes_per_core"),
    Column("l3_bytes", _NUMBER, "machine.l3_bytes"),
    Column("memory_bytes", _NUMBER, "machine.memory_bytes"),
    Column("memory_type", _TEXT, "platform.memory_type.value"),
    Column("memory_channels", _COUNT, "machine.memory_channels"),
    Column("memory_bandwidth_bytes_per_s", _NUMBER, "machine.memory_bandwidth_bytes_per_s"),
    Column("storage_bytes", _NUMBER, "platform.storage_bytes.value"),
    Column("tdp_w", _NUMBER, "machine.tdp_w"),
    Column("turbo_power_w", _NUMBER, "machine.turbo_power_w"),
    Column("sustained_power_w", _NUMBER, "machine.sustained_power_w"),
    Column("sustained_power_low_w", _NUMBER, "machine.sustained_power_low_w"),
    Column("sustained_power_high_w", _NUMBER, "machine.sustained_power_high_w"),
    Column("idle_power_w", _NUMBER, "platform.idle_power_w.value"),
    Column("max_power_w", _NUMBER, "platform.max_power_w.value"),
    Column("accelerators", _TEXT, "platform.accelerators"),
    Column("assumed", _TEXT, "assumed"),
)


@dataclass(frozen=True)
class OptionRow:
    """One platform of a plan: a :class:`~advisor.records.plan.PlanOption` or a :class:`~advisor.records.plan.Rejected`.

    Their classes are not named here, so that the plan's file can import this one.
    """

    status: str
    evidence: Evidence | None
    """None for a platform that was rejected before anything was predicted of it."""
    option: Record | None = None
    rejected: Record | None = None

    @property
    def either(self) -> Record | None:
        """Whichever of the two it is, for the fields that both have."""
        return self.rejected if self.option is None else self.option


def option_columns(currency: str) -> tuple[Column, ...]:
    """Columns over :class:`OptionRow`; those that hold money carry the currency in lower case, such as ``_usd``."""
    money = currency.lower()
    return (
        Column("status", _TEXT, "status"),
        Column("platform", _TEXT, "either.platform"),
        Column("name", _TEXT, "either.name"),
        Column("boxes", _COUNT, "either.count"),
        Column(f"price_{money}", _NUMBER, "either.price.value"),
        Column(f"price_per_box_{money}", _NUMBER, "either.price.per_box"),
        *_sourced("price", "either.price"),
        Column("price_stale", _FLAG, "either.price.stale"),
        Column(f"tco_{money}", _NUMBER, "option.tco.value"),
        Column("lifetime_years", _NUMBER, "option.tco.lifetime_years"),
        *_interval(f"energy_cost_{money}_per_year", "option.tco.energy_cost_per_year"),
        *_interval("energy_kwh_per_year", "option.tco.energy_kwh_per_year"),
        *_interval("wall_w", "option.tco.wall_w"),
        Column("evidence", _EVIDENCE, "evidence"),
        Column("probability", _NUMBER, "option.probability"),
        Column("role", _TEXT, "option.role"),
        Column("check", _TEXT, "rejected.check"),
        Column("reason", _TEXT, "rejected.reason"),
        *_interval("camera_fps", "either.predicted.camera_fps"),
        *_interval("drops_pct", "either.predicted.drops_pct"),
        Column("latency_p50_ms", _NUMBER, "either.predicted.latency_ms.p50"),
        *_interval("latency_p95_ms", "either.predicted.latency_p95_ms"),
        Column("latency_p99_ms", _NUMBER, "either.predicted.latency_ms.p99"),
        *_interval("cpu_utilisation_pct", "either.predicted.utilisation.cpu", 100.0),
        *_interval("memory_bandwidth_utilisation_pct", "either.predicted.utilisation.memory_bandwidth", 100.0),
        *_interval("memory_utilisation_pct", "either.predicted.utilisation.memory", 100.0),
        *_interval("memory_bytes", "either.predicted.memory_bytes"),
        *_interval("capacity_cameras", "either.predicted.capacity_cameras"),
        *_interval("capacity_requests_per_s", "either.predicted.capacity_requests_per_s"),
        Column("breaks_first", _TEXT, "option.breaks_first.0.resource"),
        Column("breaks_first_at_cameras", _NUMBER, "option.breaks_first.0.at_cameras"),
        Column("breaks_first_at_requests_per_s", _NUMBER, "option.breaks_first.0.at_requests_per_s"),
    )


def frame_of(columns: Sequence[Column], rows: Iterable[object]) -> pd.DataFrame:
    """Table with one line per row; types of the columns do not depend on the values, nor on there being any row."""
    import pandas as pd

    evidence = pd.CategoricalDtype([item.value for item in reversed(Evidence)], ordered=True)
    lines = list(rows)
    series = {
        column.name: pd.Series(
            [column.value(row) for row in lines], dtype=evidence if column.dtype == _EVIDENCE else column.dtype
        )
        for column in columns
    }
    return pd.DataFrame(series)


def measurement_frame(measurements: Iterable[Measurement]) -> pd.DataFrame:
    """One line per measurement, failures included; columns as in :data:`MEASUREMENT_COLUMNS`.

    A setting that the runtime reports back has two columns: ``NAME_requested``, missing where it was left to the
    runtime, and ``NAME_effective``, missing where the runtime does not tell.
    """
    frame = frame_of(MEASUREMENT_COLUMNS, measurements)
    # A record without timing says "not disturbed" by default; nothing was watched for that long, so it is not known.
    frame["dirty"] = frame["dirty"].where(frame["samples"].notna())
    return frame


def platform_frame(boxes: Iterable[tuple[Platform, Processor, MachineSpec]]) -> pd.DataFrame:
    """One line per box; columns as in :data:`PLATFORM_COLUMNS`.

    Cores, threads, caches, bandwidth and power are those of the whole box, all sockets together, as the performance
    model takes them; ``assumed`` names the columns of the row whose value no source states.
    """
    names = {column.name for column in PLATFORM_COLUMNS}

    def row(box: Platform, chip: Processor, machine: MachineSpec) -> dict[str, object]:
        of_box = {name for name, fact in box if isinstance(fact, Sourced) and fact.kind == "assumed"}
        assumed = sorted(names & {*machine.uncertain, *of_box})
        return {"platform": box, "processor": chip, "machine": machine, "assumed": tuple(assumed)}

    return frame_of(PLATFORM_COLUMNS, (row(*box) for box in boxes))
