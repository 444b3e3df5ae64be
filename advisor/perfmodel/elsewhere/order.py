r"""No chip that is better in every field of its data sheet is predicted slower.

Residuals are learned chip by chip, so that one with disappointing figures can end up slower than a lesser one without
any. The catalogue's chips are compared as if they stood in the box that is asked about, and their times t (logarithm of
seconds per input; physical model and residual) are moved as little as the order takes. With a >= b where a is at least
as good as b in every field, F the chips with figures and U the others:

.. math::

    t^1_f &= \tfrac12 \Bigl(\min_{g \in F,\; g \le f} t_g + \max_{g \in F,\; g \ge f} t_g\Bigr)
        & f \in F \\
    t^2_u &= \mathrm{clip}\Bigl(t_u,\; \max_{f \in F,\; f \ge u} t^1_f,\; \min_{f \in F,\; f \le u} t^1_f\Bigr)
        & u \in U \\
    t^3_u &= \tfrac12 \Bigl(\min_{v \in U,\; v \le u} t^2_v + \max_{v \in U,\; v \ge u} t^2_v\Bigr)
        & u \in U

The mean of a lower and an upper envelope over a transitive order never rises along it, and the clipped values stay
between their bounds, since what bounds a better chip from below bounds a lesser one too. Derived here.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace

import numpy as np
from numpy.typing import NDArray

from advisor.perfmodel.analytic.machine import (
    SIMD_CLASSES,
    MachineArrays,
    machine_arrays,
    signature,
    usual_bandwidth,
)
from advisor.perfmodel.analytic.parameters import Parameters
from advisor.perfmodel.analytic.physics import PRECISIONS, Runs, pass_time
from advisor.perfmodel.analytic.runtime_defaults import resolve
from advisor.perfmodel.analytic.work_table import WorkTable
from advisor.records.config import RunConfig
from advisor.records.machine import MachineSpec

from .transfer import Transfer

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]

_KINDS = ("sockets", "amd", "atom_only")
"""What two chips must have in common to be compared."""
_INCLUDED = {
    "sse42": (),
    "avx2": ("sse42",),
    "avx2_vnni": ("sse42", "avx2"),
    "avx512": ("sse42", "avx2"),
    "avx512_vnni": ("sse42", "avx2", "avx512"),
    "amx": ("sse42", "avx2", "avx2_vnni", "avx512", "avx512_vnni"),
    "neon": (),
    "neon_dotprod": ("neon",),
}
"""Instruction-set classes that each class has besides its own."""
_GRADES = (
    "year", "performance_cores", "efficiency_cores", "threads_per_core", "boost_hz", "fma_bits", "l2_bytes", "l3_bytes",
    "bandwidth", "tdp_w",
)  # fmt: skip
"""Fields of which more is better, as the physical model reads them."""
_GRADES_OF_SMALL_CORES = ("e_core_hz", "fma_bits_e")
_INCLUDES = np.array([[one == other or other in _INCLUDED[one] for other in SIMD_CLASSES] for one in SIMD_CLASSES])


def at_least_as_good(p: Parameters, chips: MachineArrays) -> Flags:
    """Whether chip i is at least as good as chip j in every field that the physical model reads, shape (n, n).

    Only chips of one maker and number of sockets are compared, and chips of efficiency cores alone only with such. An
    all-core clock that is not stated counts as what is taken for it, a turbo power as the TDP; small cores count where
    the lesser chip has some.
    """
    good: Flags = _INCLUDES[np.ix_(chips.simd, chips.simd)].copy()
    usual_hz = chips.boost_hz * p.factor("clock_turbo_share")
    all_core_hz = np.where(chips.all_core_known > 0, chips.all_core_hz, usual_hz)
    turbo_w = np.where(np.isinf(chips.turbo_power_w), chips.tdp_w, chips.turbo_power_w)
    for values in (all_core_hz, turbo_w):
        good &= values[:, None] >= values[None, :]
    for name in _KINDS:
        values = getattr(chips, name)
        good &= values[:, None] == values[None, :]
    for name in _GRADES:
        values = getattr(chips, name)
        good &= values[:, None] >= values[None, :]
    for name in _GRADES_OF_SMALL_CORES:
        values = getattr(chips, name)
        good &= (values[:, None] >= values[None, :]) | (chips.efficiency_cores == 0)[None, :]
    return good


def in_order(times: Array, better: Flags, fitted: Flags) -> Array:
    """Times moved into the order that ``better`` demands (module docstring).

    Parameters
    ----------
    times : ndarray, shape (q, n)
        Logarithm of seconds of n chips, for q questions.
    better : ndarray, shape (q, n, n)
        Whether chip i must not be slower than chip j; transitive.
    fitted : ndarray, shape (n,)
        Chips with published figures: the others are moved first.
    """
    moved = times.copy()
    known, others = np.flatnonzero(fitted), np.flatnonzero(~fitted)
    moved[:, known] = _between_envelopes(times[:, known], better[:, known[:, None], known])
    if len(known) and len(others):
        bounds = moved[:, known]
        least = np.where(better[:, known[:, None], others], bounds[:, :, None], -np.inf).max(1)
        most = np.where(better[:, others[:, None], known], bounds[:, None, :], np.inf).min(2)
        moved[:, others] = np.clip(times[:, others], least, most)
    moved[:, others] = _between_envelopes(moved[:, others], better[:, others[:, None], others])
    return moved


def _between_envelopes(times: Array, better: Flags) -> Array:
    if not times.shape[1]:
        return times
    lower = np.minimum(times, np.where(better, times[:, None, :], np.inf).min(2))
    upper = np.maximum(times, np.where(better, times[:, :, None], -np.inf).max(1))
    result: Array = 0.5 * (lower + upper)
    return result


@dataclass(frozen=True)
class _Neighbours:
    """A chip with those that its place in the order depends on; it is the first of them."""

    chips: tuple[int, ...]
    better: Flags
    fitted: Flags


@dataclass(frozen=True, eq=False)
class _Passes:
    """Passes on the chips of one box, those of a pass one after another: rows for the physical model."""

    near: _Neighbours
    machines: MachineArrays
    """The chips in the box, once."""
    tables: Array
    peak: Array
    runs: Runs
    residual: Array
    """Expected log residual of each pass (rows) on each chip (columns)."""

    def shifts(self, physical_s: Array) -> Array:
        """Shift of each pass on the box's own chip, given the physical model's time of every row."""
        streams, threads = (values.reshape(self.residual.shape) for values in (self.runs.streams, self.runs.threads))
        times = np.log(physical_s.reshape(streams.shape) / streams) + self.residual
        better = self.near.better & _comparable(streams, threads)
        result: Array = (in_order(times, better, self.near.fitted) - times)[:, 0]
        return result


_MOST_ROWS = 20_000
"""Rows that are worked out at once: many boxes together, so that numpy's calls cost little, and not all of a large
catalogue, whose arrays would leave the caches."""


class ChipOrder:
    """How far predictions of the catalogue's chips are moved to keep the order of the data sheets.

    A chip is compared with the others as if they stood in its box: at its power limit and memory bandwidth where the
    box has its own.
    """

    def __init__(self, transfer: Transfer, chips: Sequence[MachineSpec]) -> None:
        self._transfer, self._chips = transfer, list(chips)
        self._arrays = machine_arrays(chips)
        better = at_least_as_good(transfer.parameters, self._arrays)
        self._better: Flags = better & ~better.T  # equal sheets have equal predictions already
        self._fitted = np.array([transfer.machine_label(chip) >= 0 for chip in chips])
        self._place = {signature(chip): i for i, chip in enumerate(chips)}
        self._neighbours: dict[int, _Neighbours | None] = {}
        self._settings: dict[tuple[int, tuple[object, ...]], Array] = {}
        """By the chip that is asked about, whose neighbours are always the same."""
        self._settings_of_chip: dict[tuple[int, tuple[object, ...]], tuple[float, ...]] = {}
        self._shifts: dict[tuple[str, str, RunConfig], float] = {}

    def is_bare(self, machine: MachineSpec) -> bool:
        """Whether it is a chip of the catalogue itself, in no box."""
        return machine.id in self._arrays.ids

    def shift(self, machine: MachineSpec, table: WorkTable, config: RunConfig) -> float:
        """Log factor on the predicted time of a pass; 0 for a chip that is not of the catalogue or needs none."""
        key = (machine.key, table.key, config)
        if key not in self._shifts:
            self.prepare([machine], [table], [config])
        return self._shifts[key]

    def prepare(
        self, machines: Sequence[MachineSpec], tables: Sequence[WorkTable], configs: Sequence[RunConfig]
    ) -> None:
        """Work out the shifts of many passes at once: much cheaper than one by one."""
        asked: dict[str, dict[tuple[str, RunConfig], WorkTable]] = {}
        by_key = {machine.key: machine for machine in machines}
        for machine, table, config in zip(machines, tables, configs, strict=True):
            if (machine.key, table.key, config) not in self._shifts:
                asked.setdefault(machine.key, {})[table.key, config] = table
        boxes = {key: box for key in asked if (box := self._box(by_key[key])) is not None}
        works = list({table.key: table for passes in asked.values() for table in passes.values()}.values())
        residuals = self._residuals(boxes, works)
        at = {table.key: i for i, table in enumerate(works)}
        laid_out: dict[str, _Passes] = {}
        rows = 0
        for key, passes in asked.items():
            if key not in boxes:
                self._shifts.update(dict.fromkeys(((key, *name) for name in passes), 0.0))
                continue
            mine = [(table, config) for (_, config), table in passes.items()]
            expected = residuals[key][:, np.array([at[name] for name, _ in passes])]
            laid_out[key] = self._laid_out(boxes[key], mine, expected)
            rows += len(laid_out[key].peak)
            if rows >= _MOST_ROWS:
                self._keep(asked, laid_out)
                laid_out, rows = {}, 0
        self._keep(asked, laid_out)

    def _keep(self, asked: Mapping[str, Mapping[tuple[str, RunConfig], WorkTable]], boxes: dict[str, _Passes]) -> None:
        """Work out the shifts of all passes in these boxes, by the key of the machine, and keep them."""
        if not boxes:
            return
        every = list(boxes.values())
        runs = Runs(*(np.concatenate([getattr(part.runs, field.name) for part in every]) for field in fields(Runs)))
        table, peak = (np.concatenate([getattr(part, name) for part in every]) for name in ("tables", "peak"))
        counts = [len(part.machines.ids) for part in every]
        first = np.cumsum([0, *counts[:-1]])
        index = np.concatenate(
            [
                np.tile(np.arange(begin, begin + count), len(part.residual))
                for part, begin, count in zip(every, first, counts, strict=True)
            ]
        )
        machines = _joined([part.machines for part in every]).take(index)
        total_s = pass_time(self._transfer.parameters, machines, table, peak, runs).total
        ends = np.cumsum([len(part.peak) for part in every])[:-1]
        for (key, part), physical_s in zip(boxes.items(), np.split(total_s, ends), strict=True):
            for (table_key, config), shift in zip(asked[key], part.shifts(physical_s).tolist(), strict=True):
                self._shifts[key, table_key, config] = shift

    def _box(self, machine: MachineSpec) -> tuple[_Neighbours, MachineArrays] | None:
        """The machine's chip and those that its place in the order depends on, in its box; None where none is."""
        place = self._place.get(signature(machine))
        near = None if place is None else self._near(place)
        if near is None:
            return None
        return near, self._in_box(self._arrays.take(np.array(near.chips)), machine, self._chips[near.chips[0]])

    def _residuals(
        self, boxes: Mapping[str, tuple[_Neighbours, MachineArrays]], works: Sequence[WorkTable]
    ) -> dict[str, Array]:
        """Expected log residuals of all chips in each box, (chips, works, precisions, modes): cheap all at once."""
        if not boxes:
            return {}
        every = [arrays for _, arrays in boxes.values()]
        table = self._transfer.residual_table(_joined(every), works)
        ends = np.cumsum([len(arrays.ids) for arrays in every])[:-1]
        return dict(zip(boxes, np.split(table, ends), strict=True))

    def _laid_out(
        self, box: tuple[_Neighbours, MachineArrays], passes: Sequence[tuple[WorkTable, RunConfig]], residuals: Array
    ) -> _Passes:
        """Each pass on each chip of a box; ``residuals``: of the chips there, with each pass's work."""
        near, arrays = box
        count = len(near.chips)
        settings = np.concatenate([self._resolved(near.chips, config) for _, config in passes])
        streams, threads, alone = (np.ascontiguousarray(settings[:, i]) for i in range(3))
        share = settings[:, 3].reshape(-1, count)
        precision = np.array([PRECISIONS.index(config.precision) for _, config in passes])
        batch = np.array([float(config.batch) for _, config in passes])
        runs = Runs(np.repeat(precision, count), np.repeat(batch, count), streams, threads, alone)
        tables = np.repeat(np.array([table.table for table, _ in passes]), count, axis=0)
        peak = np.repeat(np.array([table.peak_activation_bytes for table, _ in passes]), count)
        residual = residuals[:, np.arange(len(passes)), precision]
        expected = share * residual[..., 1].T + (1.0 - share) * residual[..., 0].T
        return _Passes(near, arrays, tables, peak, runs, expected)

    def _near(self, place: int) -> _Neighbours | None:
        """Chips that a chip's own place depends on: those that it compares with, and what these are bounded by."""
        if place not in self._neighbours:
            related = self._better | self._better.T
            chips = related[place].copy()
            if chips.any():
                chips[place] = True
                for _ in range(2):
                    chips |= related[chips].any(0) & self._fitted
                members = (place, *(int(i) for i in np.flatnonzero(chips) if i != place))
                at = np.array(members)
                self._neighbours[place] = _Neighbours(members, self._better[np.ix_(at, at)], self._fitted[at])
            else:
                self._neighbours[place] = None
        return self._neighbours[place]

    def _resolved(self, chips: tuple[int, ...], config: RunConfig) -> Array:
        """Streams, threads, whether on performance cores alone, and latency share (columns) on each chip (rows)."""
        # All that `resolve` reads; the batch is not among it.
        asked = (
            config.runtime, config.precision, config.hint, config.hint_requests, config.streams, config.threads,
            config.core_type,
        )  # fmt: skip
        if (chips[0], asked) not in self._settings:
            self._settings[chips[0], asked] = np.array([self._resolved_on(chip, config, asked) for chip in chips])
        return self._settings[chips[0], asked]

    def _resolved_on(self, chip: int, config: RunConfig, asked: tuple[object, ...]) -> tuple[float, ...]:
        if (chip, asked) not in self._settings_of_chip:
            found = resolve(self._chips[chip], config)
            self._settings_of_chip[chip, asked] = (
                float(found.streams), float(found.threads), float(found.performance_only), found.latency_share,
            )  # fmt: skip
        return self._settings_of_chip[chip, asked]

    @staticmethod
    def _in_box(chips: MachineArrays, machine: MachineSpec, bare: MachineSpec) -> MachineArrays:
        """The chips in the box of ``machine``, whose own bare chip is ``bare``."""
        every = np.ones(len(chips.ids))
        if machine.sustained_power_w is not None:
            chips = replace(chips, power_w=machine.sustained_power_w * every, power_stated=every)
        if machine.id != bare.id:
            chips = replace(chips, bandwidth=usual_bandwidth(machine) * every)
        return chips


def _joined(parts: Sequence[MachineArrays]) -> MachineArrays:
    """The machines of all parts, one after another."""
    columns = (field.name for field in fields(MachineArrays) if field.name != "ids")
    return MachineArrays(
        tuple(itertools.chain.from_iterable(part.ids for part in parts)),
        *(np.concatenate([getattr(part, column) for part in parts]) for column in columns),
    )


def _comparable(streams: Array, threads: Array) -> Flags:
    """Whether two chips' settings let their seconds per input be compared, shape (q, n, n).

    That one stream is spread over more threads on one of them is the runtime's choice and not the chip's.
    """
    many = streams > 1
    both, none = many[:, :, None] & many[:, None, :], ~many[:, :, None] & ~many[:, None, :]
    result: Flags = both | (none & (threads[:, :, None] == threads[:, None, :]))
    return result
