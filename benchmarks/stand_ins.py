"""Stand-ins against the networks that they stand for (``python -m benchmarks.stand_ins [--measure]``).

Two checks of ``advisor/calibration/stand_ins.py`` as tables of docs/methods/work.md: predicted, and measured here in
turns with networks whose graph is known, as a ratio to the published ratio. ``--measure`` takes the second anew.
"""

from __future__ import annotations

import csv
import time
from collections.abc import Sequence
from pathlib import Path

import click
import numpy as np

from advisor.calibration.stand_ins import MEASURED, REFERENCES, Judged, judge_shipped
from advisor.clock import utc_now
from advisor.errors import Inconclusive
from advisor.store.paths import profiles_dir
from advisor.zoo.fidelity import differs
from advisor.zoo.published import Published, published, refused
from advisor.zoo.rules import RULES, rule_for, same_graph

from .common import facts, model, table
from .page import write_section

PAGE = Path(__file__).resolve().parent.parent / "docs" / "methods" / "work.md"
_LARGEST_GFLOPS = 9.0
"""Stand-ins that are heavier are not measured: a pass of theirs on one thread takes a second."""
_ROUNDS_S = 240.0
_PASSES = 3
"""Timed passes of a model before the next one's turn."""
_SAME = 0.05
"""Relative difference of one graph measured under two names above which the hour was too disturbed."""


def measure(names: Sequence[str]) -> dict[str, float]:
    """Processor seconds of one f32 pass on one thread, all models in turns within one process.

    Processor time, not time of day: others at work on the machine take turns with a pass, but not its seconds.
    """
    import openvino

    core = openvino.Core()
    settings = {"INFERENCE_NUM_THREADS": 1, "NUM_STREAMS": 1, "INFERENCE_PRECISION_HINT": "f32"}
    passes = {}
    for name in names:
        file = model(name)
        graph = core.read_model(file.path)
        graph.reshape([1, *file.input_shape[1:]])
        request = core.compile_model(graph, "CPU", settings).create_infer_request()
        inputs = {0: np.random.default_rng(0).random(file.input_shape, dtype=np.float32)}
        request.infer(inputs)
        passes[name] = (request, inputs)
    seconds: dict[str, list[float]] = {name: [] for name in names}
    end = time.monotonic() + _ROUNDS_S
    while time.monotonic() < end:
        for name, (request, inputs) in passes.items():
            request.infer(inputs)  # brings the weights back into the caches
            for _ in range(_PASSES):
                start = time.process_time()
                request.infer(inputs)
                seconds[name].append(time.process_time() - start)
    return {name: float(min(values)) for name, values in seconds.items()}


def _light(name: str) -> bool:
    return (published()[name].gflops or 0.0) <= _LARGEST_GFLOPS


def write_measured() -> None:
    """Measure every light stand-in that the first check judges, and the references."""
    names = [item.source for item in judge_shipped() if item.stand_in is not None and _light(item.stand_in)]
    found = measure([*REFERENCES, *names])
    for name in names:
        twin = same_graph(published()[name.removeprefix("like:")])
        if twin in REFERENCES and abs(found[name] / found[twin] - 1.0) > _SAME:
            raise Inconclusive(f"{name} and {twin} are one graph, yet took {found[name]:.4g} and {found[twin]:.4g} s")
    path = profiles_dir() / MEASURED
    host = facts()
    with path.open("w", encoding="utf-8", newline="") as file:
        file.write(
            f"# Processor time of one f32 pass on one thread, batch 1, OpenVINO, in turns; made {utc_now()} on a "
            f"machine with {host.cpu.simd_level or 'unknown SIMD'}, others at work on it.\n"
        )
        writer = csv.writer(file)
        writer.writerow(["model", "seconds"])
        writer.writerows([name, f"{seconds:.6g}"] for name, seconds in found.items())


def checks(found: Sequence[Judged]) -> str:
    """Table of the two checks, stand-ins by name."""
    rows = []
    for item in found:
        if item.stand_in is None:
            continue
        row = published()[item.stand_in]
        exact = same_graph(row) is not None
        rows.append(
            [
                item.stand_in, "the same graph" if exact else rule_for(row).blocks, item.machines,
                _times(item.ratio), _times(item.ratio_f32), _times(item.ratio_int8), _times(item.ratio_measured),
                "-" if exact else "differs" if differs(item.stand_in) is not None else "holds",
            ]
        )  # fmt: skip
    head = ["stand-in", "blocks", "machines", "predicted / published", "f32", "int8", "measured / published", "verdict"]
    return table(head, rows)


def _times(value: float | None) -> str | None:
    return None if value is None else f"{value:.2f}"


def families() -> str:
    """Table of all stand-ins by rule: what each is built of and what says so."""
    members: dict[str, list[str]] = {}
    for name, row in sorted(published().items()):
        if refused(row) is None:
            members.setdefault(_group(row), []).append(name)
    order = {rule.pattern: rule for rule in RULES}
    rows = [
        [rule.template.family, rule.blocks, rule.evidence, ", ".join(members[pattern])]
        for pattern, rule in order.items()
        if pattern in members
    ]
    rows.append(["its own", "the same graph", "named", ", ".join(members.get("", []))])
    return table(["family", "blocks", "evidence", "stand-ins"], rows)


def _group(row: Published) -> str:
    return "" if same_graph(row) is not None else rule_for(row).pattern


@click.command()
@click.option("--measure", "anew", is_flag=True, help="Measure the light stand-ins here first (two minutes).")
def main(anew: bool) -> None:
    """Write the tables of docs/methods/work.md again."""
    if anew:
        write_measured()
    write_section(PAGE, "stand-ins", checks(judge_shipped()))
    write_section(PAGE, "families", families())


if __name__ == "__main__":
    main(prog_name="python -m benchmarks.stand_ins")
