"""Records the present answers to the recorded questions: ``python -m tests.regression.record``, see README.md.

Facts of the machine, candidates, models, kernels and the store stay as they are; of plans, predictions and simulated
runs only the answers are replaced. What changed is printed, so that it can be judged before it is committed.
"""

from __future__ import annotations

import gzip
import json
import os
import tempfile
from collections import defaultdict
from pathlib import Path

from . import recorded
from .compare import differences
from .recorded import Json

ON_THIS = "store-analytics-on-this"
SHOWN = 5
"""Differences that are printed of each document."""


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="sizer-record-") as folder:
        for name in [name for name in os.environ if name.startswith("SIZER_")]:
            del os.environ[name]
        os.environ["SIZER_HOME"] = folder  # entries and a calibration of whoever records would change the answers
        store_file = recorded.store_copy(Path(folder))
        answers = {"plans": plans(store_file), "predictions": predictions(store_file), "simulations": simulations()}
    for name, document in answers.items():
        _report(name, recorded.read(name), document)
        content = json.dumps(document, allow_nan=False, separators=(",", ":")).encode()
        # No time of day in the file: equal answers make equal files.
        (recorded.DATA / f"{name}.json.gz").write_bytes(gzip.compress(content, 9, mtime=0))


def plans(store_file: Path) -> Json:
    """Every recorded case planned, and the configuration of the recorded machine."""
    names = [name for name in recorded.read("plans") if name != "configured"]
    return {name: recorded.planned(name, store_file) for name in names} | {
        "configured": recorded.configured(ON_THIS, store_file)
    }


def predictions(store_file: Path) -> Json:
    """Every single prediction of a model, and every cost beside the models."""
    before = recorded.read("predictions")
    positions = defaultdict(list)
    for index, case in enumerate(before["services"]):
        positions[case["known"]].append(index)
    services = list(before["services"])
    for known, indices in positions.items():
        found = recorded.services([services[i] for i in indices], recorded.predictor(known, store_file))
        for i, estimate in zip(indices, found, strict=True):
            services[i] = services[i] | {"estimate": estimate}
    predictor = recorded.predictor("everything", store_file)
    costs = [case | {"cost": recorded.cost(case, predictor)} for case in before["costs"]]
    return before | {"services": services, "costs": costs}


def simulations() -> Json:
    """Every simulated run."""
    return {name: case | {"result": recorded.simulated(case)} for name, case in recorded.read("simulations").items()}


def _report(name: str, before: Json, after: Json) -> None:
    found = list(differences(before, after))
    print(f"{name}: {len(found)} differences")
    for line in found[:SHOWN]:
        print(f"  {line}")


if __name__ == "__main__":
    main()
