"""Compile published times of other runtimes over OpenVINO's on the same machine and model into one table.

Usage: ``python profiles/compile_runtimes.py RAW.csv.gz``, where RAW is a collected table with the columns of the public
sources' transcription. A row of ``profiles/published/runtimes.csv`` is a pair: the same source, machine, model,
precision, batch and way of asking (one request after the other), the other runtime against the median of OpenVINO
releases of the same time. Of several settings under one key (TVM's levels of optimisation) the fastest is taken, as a
user would. Who has no partner is left out; the counts are printed.
"""

from __future__ import annotations

import sys
from pathlib import Path

import pandas as pd
from compile_published import canonical_machine, canonical_model

TARGET = Path(__file__).resolve().parent / "published" / "runtimes.csv"
RUNTIMES = {"ONNX Runtime Python": "onnxruntime", "TVM": "tvm", "TensorFlowLite": "litert"}
CONTEMPORARIES = {
    "1.14.0": ("2022.3", "2023.0", "2023.3"),
    "2.14": ("2022.3", "2023.0", "2023.3"),
    "0.14.dev264": ("2022.3", "2023.0", "2023.3"),
    "0.15": ("2023.0", "2023.3", "2024.3.0"),
    "0.16.0": ("2023.0", "2023.3", "2024.3.0"),
}
"""Release of a runtime to the OpenVINO releases within about a year of it."""
MODELS = {
    "bvlcalexnet-12": "alexnet",
    "densenet-12": "densenet-121",
    "googlenet-12": "googlenet-v1",
    "inception-v1-12": "googlenet-v1",
    "mobilenetv2-12": "mobilenet-v2",
    "resnet152-v1-7": "resnet-152",
    "shufflenet-v2-12": "shufflenet-v2-x1.0",
    "squeezenet1.0-12": "squeezenet1.0",
    "vgg16-12": "vgg16",
    "resnet50": "resnet-50",
}
"""Spellings of the ONNX model zoo and of MXNet for architectures that OpenVINO's tables hold under another name."""
SIMD = {"intel-core-i3-8100": "avx2", "intel-xeon-gold-6138-2s": "avx512"}
"""Class of instruction sets of the machines, as their catalogue entries say."""
FAMILIES = (
    ("densenet", "densenet"), ("googlenet", "inception"), ("inception", "inception"), ("mobilenet", "mobilenet"),
    ("resnet", "resnet"), ("shufflenet", "shufflenet"), ("squeezenet", "squeezenet"), ("vgg", "vgg"),
    ("alexnet", "alexnet"), ("caffenet", "alexnet"), ("efficientnet", "efficientnet"), ("ssd", "ssd"),
)  # fmt: skip
COLUMNS = [
    "source", "runtime", "release", "openvino_releases", "machine", "simd", "model", "family", "precision",
    "batch", "ratio",
]  # fmt: skip


def family(model: str) -> str:
    """Family of an architecture by the word in its name."""
    return next((name for word, name in FAMILIES if word in model), "other")


def pairs(raw: pd.DataFrame) -> pd.DataFrame:
    """Times over OpenVINO's, one row per runtime, machine, model, precision and batch."""
    rows = raw[
        (raw["source"] == "itlab-vision/dl-benchmark results")
        & (raw["device_kind"] == "cpu")
        & (raw["mode"] == "sync")
        & ~raw["flag"].fillna("").str.contains("copied_from|outlier")
    ].assign(
        machine=lambda frame: frame["hardware"].map(canonical_machine),
        model=lambda frame: frame["model"].map(lambda name: MODELS.get(name, canonical_model(name))),
        precision=lambda frame: frame["precision"].map({"FP32": "f32", "FP16": "f32", "INT8": "int8"}),
        release=lambda frame: frame["release"].astype(str),
    )
    key = ["machine", "model", "precision", "batch"]
    ours = rows[rows["runtime"].str.startswith("OpenVINO")]
    theirs = rows[rows["runtime"].isin(list(RUNTIMES))].groupby(["runtime", "release", *key])["throughput_fps"].max()
    found = []
    for (runtime, release, *where), rate in theirs.items():
        near = CONTEMPORARIES.get(release, ())
        same = ours[ours["release"].isin(near) & (ours[key] == where).all(axis=1)]
        if same.empty:
            continue
        names = ", ".join(sorted(same["release"].unique()))
        ratio = float(same["throughput_fps"].median()) / float(rate)
        machine, model, precision, batch = where
        row = (
            RUNTIMES[runtime],
            release,
            names,
            machine,
            SIMD[machine],
            model,
            family(model),
            precision,
            int(batch),
            round(ratio, 4),
        )
        found.append(("dli", *row))
    return pd.DataFrame(found, columns=COLUMNS).sort_values(COLUMNS[:10], ignore_index=True)


def main() -> None:
    """Write the table."""
    raw = pd.read_csv(sys.argv[1], low_memory=False)
    table = pairs(raw)
    table.to_csv(TARGET, index=False, lineterminator="\n")
    counts = table.groupby(["runtime", "precision", "machine"]).agg(rows=("ratio", "size"), models=("model", "nunique"))
    sys.stdout.write(f"{counts.to_string()}\n")


if __name__ == "__main__":
    main()
