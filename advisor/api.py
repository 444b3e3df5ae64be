"""The Python API for notebooks and scripts: the commands as functions that return records and DataFrames.

They are also attributes of :mod:`advisor` (``advisor.plan(...)``), which loads this module when one of them is first
used. Options are named as on the command line and have its defaults. Nothing is printed: what the command line says on
stderr goes to the logger ``advisor`` at level INFO. Every error is a :class:`~advisor.errors.SizerError`. The answer
"no" is not an error: the record says it (``plan.recommended is None``, ``verdict.verdict == "FAIL"``).
"""

from __future__ import annotations

import datetime as dt
import logging
import math
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeVar, get_args

from advisor.errors import InputError, nearest
from advisor.records.base import Precision
from advisor.records.verdict import Objects, Phases

if TYPE_CHECKING:
    import pandas as pd

    from advisor.records.plan import Plan
    from advisor.records.prediction import PredictionReport
    from advisor.records.verdict import Verdict
    from advisor.workflows.market import Rate

__all__ = ["catalog", "measurements", "plan", "predict", "verify"]

_LOG = logging.getLogger("advisor")

Hint = Literal["latency", "throughput", "none"]
Profile = Literal["smoke", "standard", "soak"]
ConfigOrigin = Literal["plan", "default"]
Decoder = Literal["software", "hardware"]
OfferSource = Literal["all", "shipped", "imported", "none"]
All = Literal["all"]
TextT = TypeVar("TextT", bound=str)


def plan(
    scenario: str | Path,
    *,
    on: str | Sequence[str] = (),
    measure: bool | None = None,
    again: bool = False,
    offers: OfferSource = "all",
    as_of: dt.date | None = None,
    rates: Sequence[Rate] = (),
    seed: int = 0,
    store: str | Path | None = None,
) -> Plan:
    """Recommend the cheapest hardware and runtime configuration for a scenario, as ``sizer plan`` does.

    Parameters
    ----------
    scenario : str or Path
        Scenario file, or the name of one that ships (``store-analytics``).
    on : str or sequence of str
        Platform or processor ids, or ``this``; a text may hold several, separated by commas. Empty: all of the
        catalogue.
    measure : bool, optional
        Whether measurements that are missing on this machine are taken first; that takes up to some minutes. None: only
        if ``on`` names this machine. True without it: passes of models of which no figure is published are measured
        here, and their deviation enters the predictions of other machines; ``plan.inputs.measurements`` names them.
    again : bool
        Whether this machine is measured anew, where ``on`` names it: for a plan that was made while it was disturbed.
    offers : str
        Prices: offers that ship, that were imported, both (``all``), or ``none``: those of the catalogue alone.
    as_of : date, optional
        Day of the prices; None: today.
    rates : sequence of Rate
        What one unit of another currency costs in USD; offers in currencies without a rate are left out.
    seed : int
        Seed of the simulations, 0 or more.
    store : str or Path, optional
        Measurement store, an SQLAlchemy URL or a file of SQLite; None: ``SIZER_STORE``, else the one among the user's
        data. The plan is kept in it.

    Returns
    -------
    Plan
        What ``sizer plan --json`` prints; ``plan.to_frame()`` is a table of its platforms. ``recommended`` is None
        where no number of equal boxes suffices.

    Raises
    ------
    ScenarioError, ModelError, CatalogueError, StoreError
        Bad input; the message names file, path and remedy.
    Infeasible
        The scenario's own filters leave no candidate.
    """
    from advisor.workflows import PlanRequest, plan_scenario

    names = _names(on)
    if again and (measure is False or "this" not in names):
        raise InputError("again=True measures this machine anew: it needs on='this', and not measure=False")
    request = PlanRequest(
        scenario=str(scenario), on=names, measure=measure, seed=_count("seed", seed, least=0), again=again,
        offers=_choice("offers", offers, get_args(OfferSource)), as_of=as_of, rates=tuple(rates),
    )  # fmt: skip
    return plan_scenario(request, store_url=_url(store), say=_LOG.info)


def predict(
    model: str | Path,
    *,
    on: str | Sequence[str],
    runtime: str = "openvino",
    device: str = "CPU",
    precision: Precision = "f32",
    hint: Hint = "none",
    streams: int | All | None = None,
    threads: int | All | None = None,
    batch: int = 1,
    input_shape: str | None = None,
    measure_s: float = 0.0,
    store: str | Path | None = None,
) -> PredictionReport:
    """Predict latency and throughput of one model on platforms, as ``sizer predict`` does.

    Parameters
    ----------
    model : str or Path
        Model file, reference architecture (``resnet-50``), or ``like:NAME`` for a stand-in.
    on : str or sequence of str
        Platform or processor ids, or ``this``; a text may hold several, separated by commas.
    runtime, device, precision, hint : str
        As on the command line. A device without any evidence gives rows without figures.
    streams : int or "all", optional
        Inference streams; None: what the hint gives, else 1.
    threads : int or "all", optional
        Threads of all inference streams together; None: all usable cores.
    batch : int
        Inputs per request.
    input_shape : str, optional
        Fixes the input of a model with dynamic shapes, ``WIDTHxHEIGHT`` or a shape (``--input``).
    measure_s : float
        Longest time to spend on measuring this model's new kernels here first [s] (``--measure``).
    store : str or Path, optional
        Measurement store; see :func:`plan`.

    Returns
    -------
    PredictionReport
        ``predictions``, one per platform in the order asked: ``latency_ms`` [ms] of one request, ``throughput_fps``
        [inputs/s] and ``memory_bytes`` [B] as intervals, None without evidence.

    Raises
    ------
    ModelError, CatalogueError, InputError, StoreError
        Bad input; the message names the remedy.
    """
    from advisor.runtimes import real_runtimes
    from advisor.workflows import PredictRequest, predict_model

    request = PredictRequest(
        model=str(model),
        platforms=_names(on),
        runtime=_choice("runtime", runtime, real_runtimes()),
        device=device,
        precision=_choice("precision", precision, get_args(Precision)),
        hint=_choice("hint", hint, get_args(Hint)),
        streams=_count_or_all("streams", streams),
        threads=_count_or_all("threads", threads),
        batch=_count("batch", batch, least=1),
        input_shape=input_shape,
        measure_s=_seconds("measure_s", measure_s, least=0.0),
    )
    return predict_model(request, store_url=_url(store), say=_LOG.info)


def verify(
    scenario: str | Path,
    *,
    plan: Plan | str | Path | None = None,
    duration_s: float | None = None,
    profile: Profile = "smoke",
    config: ConfigOrigin = "plan",
    imitate: str | None = None,
    decode: Decoder = "software",
    objects: Objects = "auto",
    any_box: bool = False,
    find_capacity: bool = False,
    strict: bool = False,
    operator: str | None = None,
    seed: int = 0,
    phases: Phases = "random",
    store: str | Path | None = None,
) -> Verdict:
    """Run the real cascade of a scenario on this machine and judge it, as ``sizer verify`` does.

    Parameters
    ----------
    scenario : str or Path
        Scenario file, or the name of one that ships.
    plan : Plan, str or Path, optional
        Configuration and prediction to run: a plan, or the file of one; None: this machine is planned first.
    duration_s : float, optional
        Measured time after warm-up, 1 s or more [s]; None: that of the profile.
    profile : str
        ``smoke`` (2 minutes), ``standard`` (30 minutes) or ``soak`` (8 hours).
    config : str
        ``plan``: the planned configuration; ``default``: what the runtime chooses by itself.
    imitate : str, optional
        Platform whose cores and SIMD level are imitated (``--as``).
    decode : str
        Decoder: ``software``, or ``hardware`` where this machine has a decoding device.
    objects : str
        ``real``: those that the detector finds; ``scenario``: as many as the scenario says; ``auto``: real where
        ``labels`` say which of a detector's classes is meant.
    any_box : bool
        With ``plan``: whether this machine is judged although the plan is for another.
    find_capacity : bool
        Whether the most cameras that pass are looked for, too.
    strict : bool
        Whether warnings before the run are a reason not to run.
    operator : str, optional
        Name of who runs this, printed in reports.
    seed : int
        Seed of clips, phases and objects, 0 or more.
    phases : str
        When cameras deliver within their period: ``random`` (the seed decides), ``spread`` (evenly, the luckiest
        case) or ``worst`` (all at once).
    store : str or Path, optional
        Measurement store; see :func:`plan`. The verdict is kept in it.

    Returns
    -------
    Verdict
        What ``sizer verify --json`` prints: ``verdict`` is PASS, FAIL or INCONCLUSIVE, with checks and figures.

    Raises
    ------
    ScenarioError, ModelError, CatalogueError, InputError, StoreError
        Bad input; nothing has been run then.
    """
    from advisor.workflows import VerifyRequest, verify_scenario

    with _plan_file(plan) as plan_file:
        request = VerifyRequest(
            scenario=str(scenario),
            plan_file=plan_file,
            duration_s=None if duration_s is None else _seconds("duration_s", duration_s, least=1.0),
            profile=_choice("profile", profile, get_args(Profile)),
            config=_choice("config", config, get_args(ConfigOrigin)),
            objects=_choice("objects", objects, get_args(Objects)),
            any_box=any_box,
            find_capacity=find_capacity,
            strict=strict,
            seed=_count("seed", seed, least=0),
            decode_device=_choice("decode", decode, get_args(Decoder)),
            operator=operator,
            phases=_choice("phases", phases, get_args(Phases)),
            imitate=imitate,
        )
        return verify_scenario(request, store_url=_url(store), say=_LOG.info)


def measurements(
    *, model: str | None = None, host: str | None = "this", store: str | Path | None = None
) -> pd.DataFrame:
    """Every timing that the store holds, and every failure, as a table.

    Parameters
    ----------
    model : str, optional
        Name of the model as it was measured; None: every model.
    host : str, optional
        Fingerprint of the machine that measured, or ``this``; None: every machine of the store.
    store : str or Path, optional
        Measurement store; see :func:`plan`.

    Returns
    -------
    pandas.DataFrame
        One row per measurement in the order in which they were started, SI units in the names (``latency_p50_s``,
        ``throughput_per_s``, ``peak_memory_bytes``), settings as ``NAME_requested`` and ``NAME_effective``; docs/api.md
        lists the columns. Empty, with the same columns, where nothing matches.

    Raises
    ------
    StoreError
        The store cannot be opened or read.
    """
    from advisor.records.frames import measurement_frame
    from advisor.workflows import stored_measurements

    return measurement_frame(stored_measurements(_url(store), host=host, model=model))


def catalog() -> pd.DataFrame:
    """Every box of the catalogue, those that the user added among them, as a table.

    Returns
    -------
    pandas.DataFrame
        One row per platform, by id, SI units in the names (``memory_bytes``, ``boost_hz``, ``tdp_w``), ``price_usd``
        with its kind, source and date; docs/api.md lists the columns.

    Raises
    ------
    CatalogueError
        A file of the catalogue breaks its rules; the message names it.
    """
    from advisor.records.frames import platform_frame
    from advisor.store.catalogue import Catalogue

    catalogue = Catalogue.load()
    return platform_frame(
        (box, catalogue.processor(box.processor), catalogue.machine(box)) for box in catalogue.platforms()
    )


def _names(on: str | Sequence[str]) -> tuple[str, ...]:
    listed = on.split(",") if isinstance(on, str) else on
    return tuple(name.strip() for name in listed if name.strip())


def _url(store: str | Path | None) -> str | None:
    return None if store is None else str(store)


@contextmanager
def _plan_file(plan: Plan | str | Path | None) -> Iterator[Path | None]:
    """File of a plan; one that is given as a record is written for as long as it is needed."""
    from advisor.records.plan import Plan
    from advisor.store.files import write_document

    if not isinstance(plan, Plan):
        yield None if plan is None else Path(plan)
        return
    with tempfile.TemporaryDirectory(prefix="sizer-plan-") as folder:
        yield write_document(Path(folder) / "plan.json", plan)


def _choice(option: str, value: TextT, known: Sequence[str]) -> TextT:
    if value not in known:
        raise InputError(f"unknown {option} {value!r}; expected {', '.join(known)}{nearest(str(value), known)}")
    return value


def _count(option: str, value: int, least: int) -> int:
    # bool is an int to Python, and True streams are a mistake.
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise InputError(f"{option} is {value!r}; expected a whole number of at least {least}")
    return value


def _count_or_all(option: str, value: int | All | None) -> str | None:
    return value if value is None or value == "all" else str(_count(option, value, least=1))


def _seconds(option: str, value: float, least: float) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value < math.inf:
        raise InputError(f"{option} is {value!r}; expected a number of seconds of at least {least:g}")
    return float(value)
