"""Compile the published CPU measurements into the compact tables that calibration reads.

Usage: ``python profiles/compile_published.py RAW.csv.gz...``, where each RAW is a collected table with the columns of
the public sources' transcription; rows of all of them go into ``profiles/published/``. Nothing is invented: rows are
filtered, renamed to catalogue ids and normalised; every row that is dropped by the low-rank test is listed in
``dropped.csv``.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

COLUMNS = [
    "source", "release", "runtime", "machine", "model", "precision", "mode", "batch", "threads", "streams",
    "throughput_per_s", "latency_s", "clock_hz",
]  # fmt: skip
# Published name -> catalogue id. Machines whose throughput is a total of two sockets carry -2s: said by the source
# (sockets column, TDP of twice the data sheet) or, for 6238L, 8260 and 8280, inferred from speeds of twice a chip's;
# for 6979P assumed before its speeds were looked at, since every other server of those tables has two.
MACHINES = {
    "intel atom x6425e": "intel-atom-x6425e",
    "intel atom x7425e": "intel-atom-x7425e",
    "intel core ultra 7-165h": "intel-core-ultra-7-165h",
    "mtl 165h": "intel-core-ultra-7-165h",
    "n97": "intel-processor-n97",
    "i5-12400": "intel-core-i5-12400",
    "intel xeon gold 5218t": "intel-xeon-gold-5218t-2s",
    "intel xeon gold 6138": "intel-xeon-gold-6138-2s",
    "intel xeon gold 6238l": "intel-xeon-gold-6238l-2s",
    "intel xeon platinum 8260": "intel-xeon-platinum-8260-2s",
    "intel xeon platinum 8270": "intel-xeon-platinum-8270-2s",
    "intel xeon platinum 8280": "intel-xeon-platinum-8280-2s",
    "intel xeon platinum 8490h": "intel-xeon-platinum-8490h-2s",
    "intel xeon platinum 6979p": "intel-xeon-6979p-2s",
    "intel xeon silver 4216r": "intel-xeon-silver-4216r-2s",
}
# Different spellings of one architecture at one input size (the framework it was trained in does not change its cost).
MODELS = {
    "brain-tumor-segmentation-0001-mxnet": "brain-tumor-segmentation-0001",
    "brain-tumor-segmentation-0002-cf2": "brain-tumor-segmentation-0002",
    "bert-large-uncased-whole-word-masking-squad-int8-0001": "bert-large-uncased-whole-word-masking-squad-0001",
    "densenet-121-tf2": "densenet-121",
    "facenet-20180408-102900-tf": "facenet-20180408-102900",
    "faster_rcnn_resnet50_coco-tf": "faster_rcnn_resnet50_coco",
    "inception-v3-tf": "googlenet-v3",
    "inception-v4-tf": "googlenet-v4",
    "mobilenet-ssd-cf": "mobilenet-ssd",
    "mobilenet-v2-1.0-224-tf": "mobilenet-v2",
    "mobilenet-v2-1.0-224": "mobilenet-v2",
    "mobilenet-v2-pytorch": "mobilenet-v2",
    "mobilenet-v1-1.0-224-tf": "mobilenet-v1-1.0-224",
    "ssd_mobile_net_v2_coco": "ssd_mobilenet_v2_coco",
    "efficientdet-d0-tf": "efficientdet-d0",
    "efficientdet-d1-tf": "efficientdet-d1",
    "efficientnet-b0_auto_aug": "efficientnet-b0",
    "yolo_v4-tf": "yolo-v4-tf",
    "yolo-v3-onnx": "yolo-v3-tf",
    "yolo-v3-tiny-onnx": "yolo-v3-tiny-tf",
    "yolo_v3_tiny": "yolo-v3-tiny-tf",
    "yolo_v3": "yolo-v3-tf",
    "yolo-v8s": "yolo_v8s",
    "deeplabv3-tf": "deeplabv3",
    "ssd-resnet34-1200-onnx": "ssd-resnet34-1200",
}
FRAMEWORK = re.compile(r"-(tf|pytorch|caffe2)$")
KEEP_FRAMEWORK = {"yolo-v4-tf", "yolo-v3-tf", "yolo-v3-tiny-tf", "yolo-v4-tiny-tf"}
"""Names that exist only with their suffix in the Open Model Zoo."""


def canonical_model(name: str) -> str:
    """Name of the architecture behind a published spelling."""
    short = re.sub(r"\s*\[[^\]]*\]\s*$", "", name.strip()).lower()
    short = MODELS.get(short, short)
    return short if short in KEEP_FRAMEWORK else FRAMEWORK.sub("", short)


def canonical_machine(name: str) -> str:
    """Catalogue id behind a published hardware string."""
    short = re.sub(r"\s*[\[(].*$", "", name.strip()).lower()
    return MACHINES.get(short, re.sub(r"[^a-z0-9]+", "-", short).strip("-"))


def _common(frame: pd.DataFrame, source: str) -> pd.DataFrame:
    number = lambda column: pd.to_numeric(frame[column], errors="coerce")  # noqa: E731  # four uses on the next lines
    out = pd.DataFrame(
        {
            "source": source,
            "release": frame["release"].str.replace(r"\s*\(.*\)$", "", regex=True),
            "runtime": "openvino",
            "machine": frame["hardware"].map(canonical_machine),
            "model": frame["model"].map(canonical_model),
            "precision": frame["precision"]
            .str.upper()
            .map({"FP32": "f32", "FP16": "f32", "BF16": "bf16", "INT8": "int8"}),
            "batch": number("batch").fillna(1).astype(int),
            "threads": number("threads").astype("Int64"),
            "streams": number("streams").astype("Int64"),
            "throughput_per_s": number("throughput_fps"),
            "latency_s": number("latency_ms") / 1000.0,
            "clock_hz": number("clock_ghz") * 1e9,
        },
        index=frame.index,
    )
    return out.assign(clock_hz=out["clock_hz"].where(out["clock_hz"] > 0))


def openvino_tables(raw: pd.DataFrame) -> pd.DataFrame:
    """Vendor tables: best-tuned throughput, and latency of a separate run in latency mode. CPU, without served rows."""
    rows = raw[
        (raw["source"] == "OpenVINO published performance data")
        & (raw["device_kind"] == "cpu")
        & (raw["precision"] != "FP16")  # the same arithmetic as FP32, measured again: no news
        & ~raw["hardware"].str.contains("served by")
        & ~raw["flag"].fillna("").str.contains("suspect|copied_from: NPU row")
        # In the draft release one of two columns of this family is a copy of the other; which one is not known.
        & ~(raw["release"].str.startswith("2022.2") & raw["hardware"].str.contains("10500TE"))
    ]
    # Tables beside the model server are another experiment: there a four-core and a six-core part are equally fast.
    beside_server = rows["hardware"].str.contains("[OpenVINO benchmark_app]", regex=False)
    out = _common(rows, "openvino-tables").assign(beside_server=beside_server)
    # Three times faster from 2023.2 on, on every machine: another sequence length under the same name.
    old_bert = (out["model"] == "bert-base-cased") & (out["release"] < "2023")
    out["model"] = out["model"].mask(old_bert, "bert-base-cased-2022")
    async_rows = out.assign(mode="throughput", latency_s=np.nan)
    sync_rows = out.assign(mode="latency", throughput_per_s=np.nan)
    own = (sync_rows["latency_s"] > 0) & ~rows["flag"].fillna("").str.contains("latency copied")
    return pd.concat([async_rows[async_rows["throughput_per_s"] > 0], sync_rows[own]])


def dli_tables(raw: pd.DataFrame) -> pd.DataFrame:
    """Tables of the Deep Learning Inference benchmark, OpenVINO on CPU; latency only from FPS, FP32 and INT8."""
    rows = raw[
        (raw["source"] == "itlab-vision/dl-benchmark results")
        & (raw["device_kind"] == "cpu")
        & raw["runtime"].str.startswith("OpenVINO")
        & ~raw["flag"].fillna("").str.contains("copied_from|outlier")
        # Latency mode on one socket with a large batch is another experiment from 2023.0 on.
        & ~(
            raw["hardware"].str.contains("6138")
            & (raw["batch"] != "1")
            & (raw["mode"] == "sync")
            & (raw["release"] >= "2023")
        )
    ]
    out = _common(rows, "dli")
    out["mode"] = rows["mode"].map({"sync": "latency", "async": "throughput"})
    out["latency_s"] = np.where(out["mode"] == "latency", out["batch"] / out["throughput_per_s"], np.nan)
    keys = ["source", "release", "runtime", "machine", "model", "precision", "mode", "batch", "threads", "streams"]
    # Repeats are noise or another spelling of the model; the Xeon's two 2021.4 tables differ and the larger is right.
    best = out.sort_values("throughput_per_s").groupby(keys, dropna=False).last().reset_index()
    return best[best["throughput_per_s"] > 0]


def esq_tables(raw: pd.DataFrame) -> pd.DataFrame:
    """Edge System Qualification references on CPU; FP16 is FP32 arithmetic there."""
    rows = raw[(raw["source"] == "Intel Edge System Qualification reference") & (raw["device_kind"] == "cpu")]
    return _common(rows, "esq").assign(mode="throughput", latency_s=np.nan)


def low_rank_outliers(frame: pd.DataFrame, rank: int = 2, sigmas: float = 5.0, floor: float = 0.5) -> pd.Series:
    """Mark rows that a low-rank picture of (machine, release) x model cannot explain.

    Per (source, precision, mode, batch) the logarithms of speed are fitted by an alternating truncated SVD that fills
    the gaps; a row further than ``sigmas`` robust standard deviations and at least ``floor`` (log) away is marked; in
    three rounds. A value that another release of the same machine repeats within 15 % is no slip and stays.
    """
    bad = pd.Series(False, index=frame.index)
    speed = np.log(frame["throughput_per_s"].fillna(frame["batch"] / frame["latency_s"]))
    keys = ["source", "machine", "model", "precision", "mode", "batch", "threads", "streams"]
    alike = (
        frame.assign(y=speed)
        .groupby(keys, dropna=False)["y"]
        .transform(lambda y: [int(np.sum(np.abs(y.to_numpy() - value) < 0.15)) - 1 for value in y])
    )
    for _, group in frame.assign(y=speed).groupby(["source", "precision", "mode", "batch"]):
        rest = group[group["threads"].isna() & group["streams"].isna()]
        for _ in range(3):
            rest = rest[~bad[rest.index]]
            table = rest.pivot_table(index=["machine", "source", "release"], columns="model", values="y")
            if table.shape[0] < 4 or table.shape[1] < 4:
                break
            values = table.to_numpy()
            known = np.isfinite(values)
            filled = np.where(known, values, np.nan)
            guess = np.nanmean(filled, axis=1, keepdims=True) + np.nanmean(
                filled - np.nanmean(filled, axis=1, keepdims=True), axis=0
            )
            for _ in range(50):
                u, s, vt = np.linalg.svd(np.where(known, values, guess), full_matrices=False)
                guess = (u[:, :rank] * s[:rank]) @ vt[:rank]
            residual = pd.DataFrame(values - guess, index=table.index, columns=table.columns)
            mine = np.array([residual.loc[(r.machine, r.source, r.release), r.model] for r in rest.itertuples()])
            limit = max(floor, sigmas * 1.4826 * float(np.median(np.abs(mine))))
            new = rest.index[(np.abs(mine) > limit) & (alike[rest.index] < 1)]
            if new.empty:
                break
            bad[new] = True
    return bad


def main(raw_paths: Sequence[Path], directory: Path) -> None:
    """Write ``openvino.csv.gz`` and ``dropped.csv``."""
    raw = pd.concat([pd.read_csv(path, dtype=str) for path in raw_paths], ignore_index=True)
    table = pd.concat([openvino_tables(raw), dli_tables(raw), esq_tables(raw)], ignore_index=True)
    table = table[table["precision"].notna()].drop_duplicates(COLUMNS).reset_index(drop=True)
    bad = low_rank_outliers(table)
    # Named apart only now: too few rows for a low-rank picture of their own.
    table["source"] = table["source"].mask(table["beside_server"].eq(True), "openvino-serving")
    table = table[COLUMNS]
    directory.mkdir(parents=True, exist_ok=True)
    order = ["source", "release", "machine", "model", "precision", "mode", "batch", "threads", "streams"]
    kept = table[~bad].sort_values(order).round({"throughput_per_s": 4, "latency_s": 7})
    # A fixed time in the gzip header: the same input gives the same bytes.
    kept.to_csv(directory / "openvino.csv.gz", index=False, compression={"method": "gzip", "mtime": 0})
    table[bad].sort_values(order).to_csv(directory / "dropped.csv", index=False)
    sys.stdout.write(
        f"{len(kept)} rows kept, {int(bad.sum())} dropped, "
        f"{kept['machine'].nunique()} machines, {kept['model'].nunique()} models\n"
    )


if __name__ == "__main__":
    main([Path(name) for name in sys.argv[1:]], Path(__file__).parent / "published")
