"""A campaign described in a file: an explicit list of measurements, or the product of axes over models."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, Field, ValidationError, model_validator

from advisor.errors import InputError, nearest
from advisor.measure.items.micro.selection import all_threads
from advisor.measure.items.throughput import TimingItem
from advisor.measure.timing.harness import MeasureSpec
from advisor.records.base import Record
from advisor.records.config import LoadMode, RunConfig
from advisor.records.host import HostFacts
from advisor.records.model import ModelFile
from advisor.runtimes import real_runtimes
from advisor.store.faults import fault_words
from advisor.store.fields import record_at, shown
from advisor.store.files import read_text
from advisor.store.yamltext import YamlTextError, parse_yaml

from .campaign import Campaign, Entry
from .footprints import footprint_entries

MAX_ITEMS = 20_000
_COUNTS = ("threads", "streams", "requests")


def _paced(mode: LoadMode) -> LoadMode:
    if mode.kind == "paced" and mode.rate_per_s is None:
        raise ValueError("mode paced needs rate_per_s, the requests per second")
    return mode


_Mode = Annotated[LoadMode, AfterValidator(_paced)]


class Cell(Record):
    """One measurement of the explicit list."""

    model: str
    config: dict[str, Any] = {}
    """Fields of a run configuration; ``all`` stands for the usable cores in threads, streams and requests."""
    mode: _Mode = LoadMode()


class Product(Record):
    """Axes that are combined with each other, over models."""

    models: Annotated[tuple[str, ...], Field(min_length=1)]
    axes: dict[str, tuple[Any, ...]] = {}
    """Field of a run configuration to its values."""
    modes: Annotated[tuple[_Mode, ...], Field(min_length=1)] = (LoadMode(),)

    @model_validator(mode="after")
    def _axes(self) -> Product:
        for name, values in self.axes.items():
            _known_field(name)
            if not values:
                raise ValueError(f"axis {name!r} has no value")
        return self


class Matrix(Record):
    """A matrix file of `sizer bench --matrix`; it has at least one of its two parts."""

    spec: MeasureSpec = MeasureSpec()
    footprint: bool = True
    """Also measure memory and compiling from the runtime's cache, in fresh processes for each configuration."""
    measurements: tuple[Cell, ...] = ()
    products: tuple[Product, ...] = ()

    @model_validator(mode="after")
    def _something(self) -> Matrix:
        if not self.measurements and not self.products:
            raise ValueError("neither 'measurements' nor 'products' lists anything")
        return self


def load_matrix(path: Path) -> Matrix:
    """Read a matrix file.

    Raises
    ------
    InputError
        File, path inside and nearest name for whatever is wrong.
    """
    try:
        data, lines = parse_yaml(read_text(path, InputError))
    except YamlTextError as error:
        where = f"{path}:{error.line}" if error.line is not None else str(path)
        raise InputError(f"{where}: {error}; see sizer schema matrix") from error
    if not isinstance(data, dict):
        raise InputError(f"{path}: holds no mapping; write 'products:' or 'measurements:'; see sizer schema matrix")
    try:
        return Matrix.model_validate(data)
    except ValidationError as error:
        fault = error.errors(include_url=False)[0]
        place = tuple(fault["loc"])
        line = next((lines[place[:n]] for n in range(len(place), -1, -1) if place[:n] in lines), None)
        hint = ""
        if fault["type"] == "extra_forbidden":
            record = record_at(Matrix, place[:-1])
            known = list(record.model_fields) if record is not None else []
            hint = nearest(str(place[-1]), known) or (f"; known here: {', '.join(known)}" if known else "")
        words = "unknown key" if fault["type"] == "extra_forbidden" else fault_words(fault)
        where = f"{path}:{line}" if line is not None else str(path)
        raise InputError(f"{where}: {shown(place) or 'file'}: {words}{hint}") from error


def matrix_items(matrix: Matrix, facts: HostFacts, resolve: Callable[[str], ModelFile]) -> Campaign:
    """Turn a matrix into a campaign for this machine.

    Parameters
    ----------
    matrix : Matrix
        From :func:`load_matrix`.
    facts : HostFacts
        For what ``all`` means.
    resolve : callable
        Model reference to file; may raise ModelError.

    Raises
    ------
    InputError
        A configuration that cannot be (more streams than threads, unknown field or value), or more than 20000 cells.
    """
    models: dict[str, ModelFile] = {}
    entries: dict[str, Entry] = {}
    most = all_threads(facts)
    for reference, values, mode in _cells(matrix):
        config = _config(values, most)
        if reference not in models:
            models[reference] = resolve(reference)
        item = TimingItem(models[reference], config, mode, matrix.spec)
        entries.setdefault(item.key(facts.fingerprint), Entry(item, item.estimate_s))
        if len(entries) > MAX_ITEMS:
            raise InputError(f"the matrix has more than {MAX_ITEMS} measurements; split it or drop values of an axis")
    timings = list(entries.values())
    return Campaign(tuple(timings + footprint_entries(timings) if matrix.footprint else timings))


def _cells(matrix: Matrix) -> Iterator[tuple[str, dict[str, Any], LoadMode]]:
    for cell in matrix.measurements:
        yield cell.model, cell.config, cell.mode
    for product in matrix.products:
        names = list(product.axes)
        for model, mode, *values in itertools.product(product.models, product.modes, *product.axes.values()):
            yield model, dict(zip(names, values, strict=True)), mode


def _config(values: dict[str, Any], most: int) -> RunConfig:
    for name in values:
        try:
            _known_field(name)
        except ValueError as error:
            raise InputError(str(error)) from error
    plain = {name: most if name in _COUNTS and value == "all" else value for name, value in values.items()}
    try:
        config = RunConfig.model_validate(plain)
        if config.runtime == "fake":
            known = ", ".join(real_runtimes())
            raise InputError(f"configuration: runtime: 'fake' is a test double; known: {known}")
    except ValidationError as error:
        fault = error.errors(include_url=False)[0]
        place, words = shown(tuple(fault["loc"])), fault_words(fault)
        raise InputError(f"configuration: {place}: {fault['input']!r}: {words}; see sizer schema matrix") from error
    if config.threads is not None and config.streams is not None and config.threads < config.streams:
        raise InputError(
            f"configuration: streams {config.streams} exceed threads {config.threads}: each stream needs a thread"
        )
    return config


def _known_field(name: str) -> None:
    if name not in RunConfig.model_fields:
        raise ValueError(f"{name!r} is no field of a run configuration{nearest(name, RunConfig.model_fields)}")
