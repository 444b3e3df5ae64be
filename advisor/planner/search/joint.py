r"""What is believed of a box as a whole: draws of everything that is not known of it, taken together.

One draw of a platform is a value for each part: every model's speed, decoding, preparation, pauses, memory. Models on
one machine have an error in common (its clock under load, its memory, what its data sheet leaves out) and one of their
own, so that the standard normal quantile of model k in a draw is

.. math:: z_k = \sqrt{s_k} \, Z_\mathrm{machine} + \sqrt{1 - s_k} \, Z_k

with :math:`s_k` the share of the variance that is the machine's (``ServiceEstimate.machine_share``). Decoding,
preparation, the application around the models, pauses and memory have errors of their own. The draws depend on the
plan's seed and on the names of the models alone: all platforms are judged on the same ones, which keeps chance out of
the comparison. See docs/methods/probability.md.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from advisor.number_format import apart
from advisor.perfmodel.joint import mixed
from advisor.records.scenario import Scenario, Stage
from advisor.simulate.result import quantile

from .belief import MEDIAN
from .checks import FailedCheck
from .costs import LEAST_OF_LAW, MEMORY_OF_CAMERA_BYTES, MEMORY_OF_SYSTEM_BYTES, LoadFacts, by_groups, engine_load
from .draw_costs import along, at_each, frame_rows, frame_s, input_s, of_cost, stage_rows
from .last_digits import settled
from .loads import busy_cores
from .platform_model import PlatformModel
from .same import Same
from .setup import Choice, Setup, plain_decode_share
from .stage_option import StageOption

Floats = NDArray[np.float64]

DRAWS = 1000
"""Draws of a platform: a share of 0.9 is known to one per cent."""
DECODE_FULL = 1.02
"""Share of one core's time that one camera's frames may take to decode before some are certainly lost; above 1, since
the times that a simulation draws may be a little short."""
FULL = 0.98
"""Utilisation from where on the response time of a single server is not extrapolated: load alone orders draws then."""
MOST_Z = 4.0
"""Largest quantile of a box as a whole that is ever asked for."""
_GRID = np.linspace(-MOST_Z, MOST_Z, 161)


@dataclass(frozen=True, eq=False)
class Quantiles:
    """Standard normal quantiles of the parts of a box, one per draw; larger is slower, or needs more."""

    models: Mapping[str, Floats]
    """By stage; stages with the same model have the same."""
    decode: Floats
    preparation: Floats
    pause: Floats
    memory: Floats
    bandwidth: Floats
    application: Floats

    @classmethod
    def drawn(cls, seed: int, scenario: Scenario, choice: Choice) -> Quantiles:
        """``DRAWS`` joint draws for the models of a choice."""
        machine = _normals(seed, "machine")
        return cls(
            {stage.id: _speed_quantiles(seed, machine, stage, choice[stage.id]) for stage in scenario.stages},
            *(
                _normals(seed, part)
                for part in ("decode", "preparation", "pause", "memory", "bandwidth", "application")
            ),
        )

    @classmethod
    def equal(cls, scenario: Scenario, z: Floats) -> Quantiles:
        """All parts at the same quantile: what the closed forms over many configurations are costed at."""
        return cls({stage.id: z for stage in scenario.stages}, z, z, z, z, z, z)


def _speed_quantiles(seed: int, machine: Floats, stage: Stage, option: StageOption) -> Floats:
    """Quantiles of a model's speed: what a device has in common, and its models' own, has nothing to do with cores."""
    share, device = option.estimate.machine_share, option.config.device
    if option.busy is None:
        return _mixed(share, Same(machine), Same(_normals(seed, f"model {stage.model}")))
    common, own = _normals(seed, f"device {device}"), _normals(seed, f"model {stage.model} on {device}")
    return _mixed(share, Same(common), Same(own))


@lru_cache(maxsize=256)
def _mixed(share: float, common: Same[Floats], own: Same[Floats]) -> Floats:
    """Kept, so that options of a model whose figures were worked out for these quantiles are known again."""
    quantiles = mixed(share, common.item, own.item)
    quantiles.flags.writeable = False
    return quantiles


@lru_cache(maxsize=256)
def part_quantile(seed: int, part: str, share: float) -> float:
    """Quantile z that a part which has an error of its own does not pass in that share of the draws."""
    return float(np.sort(_normals(seed, part))[math.ceil(share * DRAWS) - 1])


def part_draws(seed: int, part: str) -> Floats:
    """Standard normal quantiles of one part in each of the joint draws, which all platforms have in common."""
    return _normals(seed, part)


@lru_cache(maxsize=256)
def _normals(seed: int, part: str) -> Floats:
    """Independent of the order in which parts are asked for, so that no stage's draws depend on another stage."""
    drawn: Floats = np.random.default_rng([seed, zlib.crc32(part.encode())]).standard_normal(DRAWS)
    drawn.flags.writeable = False  # every platform is judged on the same array
    return drawn


def demand_cores(
    model: PlatformModel, scenario: Scenario, choice: Choice, facts: LoadFacts, quantiles: Quantiles
) -> Floats:
    """Cores that a configuration keeps busy at least, by the utilisation law, in each draw."""
    rows = frame_rows(model, scenario, facts, quantiles.decode, quantiles.application).copy()
    for stage in scenario.stages:
        option, load = choice[stage.id], facts.stages[stage.id]
        z = quantiles.models[stage.id]
        rows += stage_rows(model, option, load, z, quantiles.preparation, quantiles.application)
    return _law(rows, model.cores)


def _law(rows: Floats, cores: float) -> Floats:
    """Cores kept busy at least in each draw (columns) by demands that depend on the load (rows, as ``LOADS``)."""
    least: Floats = rows[0]
    return least if len(rows) == 1 else np.maximum(least, LEAST_OF_LAW * busy_cores(rows, cores))


def path_s(model: PlatformModel, scenario: Scenario, choice: Choice, facts: LoadFacts, quantiles: Quantiles) -> Floats:
    """Least 95th percentile of latency in each draw, without queueing [s]."""
    own = {
        name: frame_s(option, quantiles.models[name], input_s(option, quantiles.preparation, quantiles.application)[0])
        for name, option in choice.items()
    }
    before = _before_stages_s(model, scenario, quantiles.decode, quantiles.application)
    return _longest_path_s(scenario, facts, before, own)


def _longest_path_s(
    scenario: Scenario, facts: LoadFacts, before_s: Mapping[str, Floats], own_s: Mapping[str, Floats]
) -> Floats:
    longest = np.zeros(next(iter(own_s.values())).shape)
    for stage in scenario.stages:
        if not facts.stages[stage.id].decides_p95:
            continue
        total = before_s[stage.id]
        current: Stage | None = stage
        while current is not None:
            total = total + own_s[current.id]
            current = None if current.on is None else scenario.stage(current.on)
        longest = np.maximum(longest, total)
    return longest


def _before_stages_s(model: PlatformModel, scenario: Scenario, z: Floats, application_z: Floats) -> dict[str, Floats]:
    """Least time until a frame comes to each stage: decoding and the application's own work [s]."""
    return by_groups(scenario, lambda names: _before_s(model, scenario, names, z, application_z))


def _before_s(
    model: PlatformModel, scenario: Scenario, names: tuple[str, ...], z: Floats, application_z: Floats
) -> Floats:
    """:func:`_before_stages_s` of stages that these groups feed."""
    if any(requests.group in names for requests in scenario.requests):
        return np.zeros(z.shape)
    times = [
        np.zeros(z.shape) if camera.codec == "raw" else plain_decode_share(camera) * of_cost(model.decode(camera), z)[0]
        for camera in scenario.cameras
        if camera.group in names
    ]
    decoded_s: Floats = np.minimum.reduce(times) if times else np.zeros(z.shape)
    application = model.frame_application(scenario)
    return decoded_s if application is None else decoded_s + of_cost(application, application_z)[0]


@dataclass(frozen=True, eq=False)
class JointBelief:
    """Draws of one configuration under one load, in ascending order of what they make of it.

    Order: response time of a single server, path / (1 - utilisation) (Kleinrock 1975, Queueing Systems I, section 3.2),
    which contains what latency and load fail on; draws that a closed form rules out come last. Whether a draw holds is
    decided by simulation; the order only says which ones to simulate.
    """

    model: PlatformModel
    scenario: Scenario
    setup: Setup
    quantiles: Quantiles
    load: Floats
    """Share of the cores that is kept busy at least."""
    path_s: Floats
    decode_load: Floats
    """Largest share of one core that the frames of one camera take to decode."""
    memory_bytes: Floats
    device_load: Floats
    """Share of its time for which the busiest device is busy at least; 0 without one."""
    order: NDArray[np.intp]
    possible: int
    """Draws, from the first on, that no closed form rules out."""

    @classmethod
    def of(cls, seed: int, model: PlatformModel, scenario: Scenario, setup: Setup, facts: LoadFacts) -> JointBelief:
        """Draw and order what is believed of a configuration under the load of ``facts``."""
        choice = setup.choice
        quantiles = Quantiles.drawn(seed, scenario, choice)
        load = demand_cores(model, scenario, choice, facts, quantiles) / model.cores
        path = path_s(model, scenario, choice, facts, quantiles)
        decode = _decode_load(model, scenario, facts, quantiles.decode)
        memory = _memory_bytes(choice, facts, quantiles.memory)
        device = np.maximum(
            _device_load(choice, facts, quantiles.models), _engine_load(model, scenario, facts, quantiles.decode)
        )
        fullest = np.maximum(load, device)
        burden = (
            np.log(np.maximum(path, 1e-9))
            - np.log1p(-np.minimum(fullest, FULL))
            + np.maximum(fullest - FULL, 0.0) / (1.0 - FULL)
        )
        lost = (fullest > 1.0) | (path * 1000.0 > scenario.slo.latency_p95_ms)
        lost |= (decode > DECODE_FULL) | (memory > (model.machine.memory_bytes or 0.0))
        order = np.lexsort((settled(burden), lost))
        possible = int(np.count_nonzero(~lost))
        return cls(model, scenario, setup, quantiles, load, path, decode, memory, device, order, possible)

    def ruled_out(self, rank: int) -> FailedCheck | None:
        """Closed-form reason why the draw of this rank cannot hold; None where it may."""
        if rank < self.possible:
            return None
        index = self.order[rank]
        decode, load = float(self.decode_load[index]), float(self.load[index])
        path_ms, memory_bytes = 1000.0 * float(self.path_s[index]), float(self.memory_bytes[index])
        if decode > DECODE_FULL:
            reason = (
                f"decoding one camera's frames takes {decode * 100.0:.0f} % of a core, and one core at a time does it"
            )
            return FailedCheck("camera_fps", reason, 1.0 / decode)
        if path_ms > self.scenario.slo.latency_p95_ms:
            takes, budget = apart(path_ms, self.scenario.slo.latency_p95_ms, 3)
            reason = f"one frame takes {takes} ms with nothing else running; the budget is {budget} ms"
            return FailedCheck("latency_p95", reason, self.scenario.slo.latency_p95_ms / path_ms)
        if load > 1.0:
            needed, available = apart(load * self.model.cores, self.model.cores)
            return FailedCheck("cpu", f"it needs {needed} cores and has {available}", 1.0 / load)
        device = float(self.device_load[index])
        if device > 1.0:
            return FailedCheck(
                "device", f"its device or decoding engine would be {device * 100.0:.0f} % busy", 1.0 / device
            )
        installed = self.model.machine.memory_bytes or 0.0
        needed, available = apart(memory_bytes / 1024**3, installed / 1024**3)
        reason = f"it needs {needed} GiB of memory and has {available} GiB"
        return FailedCheck("memory", reason, installed / memory_bytes)

    def at(self, rank: int) -> tuple[PlatformModel, Setup]:
        """Platform and configuration as they are in the draw of this rank: their median is the draw."""
        index = self.order[rank]
        quantiles = self.quantiles
        preparation, pause = float(quantiles.preparation[index]), float(quantiles.pause[index])
        application = float(quantiles.application[index])
        choice: dict[str, StageOption] = {
            name: option.at(float(quantiles.models[name][index]), preparation, pause, application)
            for name, option in self.setup.choice.items()
        }
        decode, bandwidth = float(quantiles.decode[index]), float(quantiles.bandwidth[index])
        model = self.model.at(self.scenario, decode, pause, bandwidth, application)
        return model, replace(self.setup, choice=choice)


def _decode_load(model: PlatformModel, scenario: Scenario, facts: LoadFacts, z: Floats) -> Floats:
    """Largest share of a core that one camera's frames, which are decoded one after another, take of it."""
    largest = np.zeros(z.shape)
    kept = 1.0 - scenario.slo.drops_max_pct / 100.0
    for camera in scenario.cameras:
        if camera.codec != "raw" and facts.decode[camera.group] > 0:
            rate = kept * min(camera.fps, scenario.slo.camera_fps or camera.fps)
            largest = np.maximum(largest, rate * of_cost(model.decode(camera), z)[0])
    return largest


def _device_load(choice: Choice, facts: LoadFacts, models: Mapping[str, Floats]) -> Floats:
    """:func:`~advisor.planner.search.costs.device_load` in each draw."""
    totals: dict[str, Floats] = {}
    for name, option in choice.items():
        if option.busy is not None:
            load, device = facts.stages[name], option.config.device
            own = load.calls_per_s * load.passes[option.config.batch] * at_each(option.busy, models[name])
            totals[device] = totals[device] + own if device in totals else own
    busiest: Floats = np.zeros(next(iter(models.values())).shape)
    for total in totals.values():
        busiest = np.maximum(busiest, total)
    return busiest


def _engine_load(model: PlatformModel, scenario: Scenario, facts: LoadFacts, z: Floats) -> Floats:
    """:func:`~advisor.planner.search.costs.engine_load` in each draw."""
    if model.engines is None:
        return np.zeros(z.shape)
    return along(lambda quantile: engine_load(model, scenario, facts, quantile), z)


def _memory_bytes(choice: Choice, facts: LoadFacts, z: Floats) -> Floats:
    total = np.full(z.shape, MEMORY_OF_SYSTEM_BYTES + facts.cameras * MEMORY_OF_CAMERA_BYTES)
    for option in choice.values():
        total += at_each(option.estimate.memory_bytes, z)
    return total


class DrawnOptions:
    """Options of a platform under a load in each of the joint draws, for thousands of combinations of them.

    What an option costs in each draw is worked out once for all combinations that it is part of.
    """

    def __init__(self, seed: int, model: PlatformModel, scenario: Scenario, facts: LoadFacts) -> None:
        self._scenario, self._facts, self._model = scenario, facts, model
        self._machine, self._preparation = _normals(seed, "machine"), _normals(seed, "preparation")
        self._application = _normals(seed, "application")
        self._seed = seed
        decode = _normals(seed, "decode")
        self._frame_rows = frame_rows(model, scenario, facts, decode, self._application)
        self._before_s = _before_stages_s(model, scenario, decode, self._application)
        self._rows: dict[tuple[str, int], tuple[Floats, Floats]] = {}

    def possible(self, choice: Choice) -> int:
        """Draws in which neither the cores nor the shortest path rule a choice out."""
        rows = {name: self._row(name, option) for name, option in choice.items()}
        load = _law(self._frame_rows + sum(cores for cores, _ in rows.values()), self._model.cores)
        path = _longest_path_s(
            self._scenario, self._facts, self._before_s, {name: frame_s for name, (_, frame_s) in rows.items()}
        )
        held = (load <= self._model.cores) & (path * 1000.0 <= self._scenario.slo.latency_p95_ms)
        if self._model.use is not None:
            drawn = {name: self._quantiles(name, option) for name, option in choice.items()}
            held &= _device_load(choice, self._facts, drawn) <= 1.0
        return int(np.count_nonzero(held))

    def _quantiles(self, name: str, option: StageOption) -> Floats:
        return _speed_quantiles(self._seed, self._machine, self._scenario.stage(name), option)

    def _row(self, name: str, option: StageOption) -> tuple[Floats, Floats]:
        key = (name, id(option))
        if key not in self._rows:
            z = self._quantiles(name, option)
            load = self._facts.stages[name]
            cores = stage_rows(self._model, option, load, z, self._preparation, self._application)
            least_s, _ = input_s(option, self._preparation, self._application)
            self._rows[key] = cores, frame_s(option, z, least_s)
        return self._rows[key]


def equivalent_quantiles(
    seed: int, model: PlatformModel, scenario: Scenario, choice: Choice, facts: LoadFacts, shares: Sequence[float]
) -> tuple[float, ...]:
    """Return the quantiles z at which all parts together are as loaded as in these shares of the joint draws.

    With one the closed forms that know one quantile only, over thousands of configurations at once, cost a box as the
    joint draws do: errors that are not shared partly cancel, so z lies nearer to the median than ``share`` itself does.
    """
    ascending = np.sort(demand_cores(model, scenario, choice, facts, Quantiles.drawn(seed, scenario, choice)))
    drawn = [quantile(ascending, share) for share in shares]
    curve = demand_cores(model, scenario, choice, facts, Quantiles.equal(scenario, _GRID))
    if curve[-1] <= curve[0]:
        return tuple(MEDIAN for _ in shares)  # no part has an interval
    return tuple(float(z) for z in np.interp(drawn, curve, _GRID))


def quantile_range(seed: int, scenario: Scenario, choice: Choice, share: float) -> tuple[float, float]:
    """Quantiles z between which :func:`equivalent_quantiles` of this share lies, whatever the parts cost.

    In no draw is a box more loaded than with all parts at the largest of their quantiles there, nor less than at the
    smallest, so z lies between what these two do not pass in the share of the draws. Derived here.
    """
    drawn = Quantiles.drawn(seed, scenario, choice)
    parts = [*drawn.models.values(), drawn.decode, drawn.preparation, drawn.application]
    return _quantile_range(tuple(dict.fromkeys(map(Same, parts))), share)


@lru_cache(maxsize=256)
def _quantile_range(parts: tuple[Same[Floats], ...], share: float) -> tuple[float, float]:
    every = np.array([part.item for part in parts])
    low, high = (quantile(np.sort(end), share) for end in (every.min(axis=0), every.max(axis=0)))
    # What is asked for is interpolated between points of the grid: the next but one is certainly beyond it. Where no
    # part has an interval, it is the median.
    below, above = int(np.searchsorted(_GRID, low)) - 2, int(np.searchsorted(_GRID, high)) + 1
    ends = float(_GRID[max(below, 0)]), float(_GRID[min(above, len(_GRID) - 1)])
    return min(ends[0], MEDIAN), max(ends[1], MEDIAN)
