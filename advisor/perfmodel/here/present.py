"""How fast a measured machine is now, from a few of its timings taken anew; and what it has measured as of now.

A machine that shares its cores is faster in one hour than in another, without any load of its own to see: what was
timed in the faster one promises too much in the slower.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import exp, hypot, log
from typing import Literal

import numpy as np

from advisor.records.measurement import Measurement, MicroBenchmark, ProfileMeasurement, Timing, TimingMeasurement

Load = Literal["alone", "full", "rested"]
"""What a pass meets: idle cores, all cores at work, or a pause before it."""
_LEAST_DEVIATION = 0.03
"""Standard deviation (log) of what was not timed anew, where all that was changed alike: two visits to a configuration
differ by as much on a quiet machine (docs/accuracy.md, unseen models on this machine)."""
_ALONE = "alone_s"
"""Time of one decoder in turns with several: it is compared with theirs."""
_QUARTILES = 1.349
"""Distance between the quartiles of a normal distribution, in standard deviations."""


def load_of(row: TimingMeasurement, processors: int) -> Load:
    """Which load a timing was taken under; with half of the ``processors`` at work or more, the machine is full."""
    if row.mode.kind == "rested":
        return "rested"
    effective = row.effective
    threads = row.config.threads if effective is None or effective.threads is None else effective.threads
    return "full" if (threads or 1) > 1 and 2 * (threads or 1) >= processors else "alone"


@dataclass(frozen=True)
class PresentSpeed:
    r"""Change of a machine's times since they were measured, as the logarithm of a factor.

    Of a model that was timed anew it is that model's own; of everything else the mean over these models,

    .. math:: \bar x_l = \frac1n \sum_m \ln \frac{t_{m,l}^{now}}{t_{m,l}^{stored}}

    for each load l. Derived here.
    """

    of_models: Mapping[tuple[str, Load], float]
    """By hash of the model's file."""
    fresh_since: dt.datetime
    """What was measured later than this is as of now."""
    processors: int

    @classmethod
    def between(
        cls,
        stored: Sequence[TimingMeasurement],
        now: Sequence[TimingMeasurement],
        fresh_since: dt.datetime,
        processors: int,
    ) -> PresentSpeed | None:
        """Compare timings with those taken anew of the same configurations, in the same order; None: none succeeded."""
        pairs = [(old, new) for old, new in zip(stored, now, strict=True) if old.timing and new.timing]
        found = {(old.model_sha256, load_of(old, processors)): log(_time_s(new) / _time_s(old)) for old, new in pairs}
        return cls(found, fresh_since, processors) if found else None

    def usual(self, load: Load) -> float:
        """Mean over the models that were timed anew under a load; over all loads where none was under this one."""
        values = [value for (_, under), value in self.of_models.items() if under == load] or self.of_models.values()
        return float(np.mean(list(values)))

    @property
    def of_cores(self) -> float:
        """Of work on a core that is no pass, such as decoding: the mean of idle and busy neighbours."""
        return (self.usual("alone") + self.usual("full")) / 2.0

    @property
    def deviation(self) -> float:
        """Standard deviation (log) with which :meth:`usual` holds of what was not timed anew."""
        apart = [value - self.usual(load) for (_, load), value in self.of_models.items() if load != "rested"]
        return max(_LEAST_DEVIATION, float(np.sqrt(np.mean(np.square(apart)))) if apart else 0.0)

    def change(self, model_sha256: str, load: Load) -> float:
        """Change of a model's passes under a load (log)."""
        return self.of_models.get((model_sha256, load), self.usual(load))

    def rows(self, rows: Sequence[Measurement]) -> list[Measurement]:
        """Timings and profiles of the machine as of now."""
        return [self._row(row) for row in rows]

    def micro(self, rows: Sequence[MicroBenchmark]) -> list[MicroBenchmark]:
        """Times of its micro-benchmarks as of now; rates in operations or bytes stay, as they are looked up for ratios.

        What a pause costs stays, too: of that the passes after pauses tell.
        """
        return [self._micro(row) for row in rows]

    def _is_fresh(self, started: str) -> bool:
        return dt.datetime.fromisoformat(started) >= self.fresh_since

    def _row(self, row: Measurement) -> Measurement:
        if self._is_fresh(row.started):
            return row
        if isinstance(row, TimingMeasurement) and row.timing is not None:
            factor = exp(self.change(row.model_sha256, load_of(row, self.processors)))
            return row.model_copy(update={"timing": _scaled(row.timing, factor)})
        if isinstance(row, ProfileMeasurement) and row.kernels:
            factor = exp(self.change(row.model_sha256, "alone"))
            kernels = tuple(
                kernel if kernel.time_s is None else kernel.model_copy(update={"time_s": kernel.time_s * factor})
                for kernel in row.kernels
            )
            times_s = {
                name: None if value is None else value * factor
                for name, value in (("pass_s", row.pass_s), ("fastest_pass_s", row.fastest_pass_s))
            }
            return row.model_copy(update={"kernels": kernels, **times_s})
        return row

    def _micro(self, row: MicroBenchmark) -> MicroBenchmark:
        if row.unit != "s" or row.name.startswith(("cold/", "reference/")) or self._is_fresh(row.started):
            return row
        factor = exp(self.of_cores)
        parameters = {
            name: str(float(text) * factor) if name == _ALONE else text for name, text in row.parameters.items()
        }
        spread = hypot(row.spread or 0.0, _QUARTILES * self.deviation)
        return row.model_copy(update={"value": row.value * factor, "spread": spread, "parameters": parameters})


def _time_s(row: TimingMeasurement) -> float:
    """What is compared of two timings of one configuration [s]."""
    timing = row.timing
    assert timing is not None
    if row.mode.kind == "async":
        return 1.0 / timing.throughput_per_s
    if row.mode.kind == "rested" and len(timing.latencies_s) >= 10:
        ordered = np.sort(timing.latencies_s)
        cut = len(ordered) // 10
        return float(ordered[cut : len(ordered) - cut].mean())  # as what a pause costs is taken from them (pause.py)
    return timing.p50.value_s


def _scaled(timing: Timing, factor: float) -> Timing:
    """The same timing with all of its passes so many times as long."""
    percentiles = {}
    for name in ("p50", "p90", "p95", "p99"):
        value = getattr(timing, name)
        bounds = {
            field: None if getattr(value, field) is None else getattr(value, field) * factor
            for field in ("value_s", "lower_s", "upper_s")
        }
        percentiles[name] = value.model_copy(update=bounds)
    cpu_s = timing.cpu_s_per_pass
    return timing.model_copy(
        update={
            **percentiles,
            "throughput_per_s": timing.throughput_per_s / factor,
            "duration_s": timing.duration_s * factor,
            "avg_time_s": timing.avg_time_s * factor,
            "min_s": timing.min_s * factor,
            "cpu_s_per_pass": None if cpu_s is None else cpu_s * factor,
            "block_p50_s": tuple(time_s * factor for time_s in timing.block_p50_s),
            "latencies_s": tuple(time_s * factor for time_s in timing.latencies_s),
        }
    )
