"""Compile published figures of devices: ``python profiles/compile_device_figures.py DIRECTORY``.

DIRECTORY holds the collected tables ``published.csv.gz``, ``openvino-more.csv.gz`` and ``ultralytics.csv``. What is
kept goes to ``profiles/published/devices.csv.gz``; every other row of a device goes to ``devices_dropped.csv.gz`` with
the reason. Nothing is invented: rows are filtered, renamed to ids of ``profiles/devices/`` and normalised.
"""

from __future__ import annotations

import re
import sys
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
from compile_published import canonical_model  # noqa: E402  # the script's own folder must be on the path first

COLUMNS = [
    "source", "release", "runtime", "device", "model", "input", "precision", "batch", "threads", "throughput_per_s",
    "latency_s", "note",
]  # fmt: skip
TABLES, ESQ = "OpenVINO published performance data", "Intel Edge System Qualification reference"
DLI, NCNN = "itlab-vision/dl-benchmark results", "Tencent/ncnn"
HAILO, ROCKCHIP = "hailo-ai/hailo_model_zoo", "airockchip/rknn_model_zoo"
SHORT = {
    TABLES: "openvino-tables", ESQ: "esq", DLI: "dli", NCNN: "ncnn", HAILO: "hailo-model-zoo",
    ROCKCHIP: "rknn-model-zoo",
}  # fmt: skip
# Words of a published hardware name -> chip.
CHIPS = {
    "x6425e": "intel-atom-x6425e", "x7425e": "intel-atom-x7425e", "165h": "intel-core-ultra-7-165h",
    "155h": "intel-core-ultra-7-155h", "1235u": "intel-core-i5-1235u", "1185g7": "intel-core-i7-1185g7",
    "1185gre": "intel-core-i7-1185gre", "11800h": "intel-core-i7-11800h", "n200": "intel-processor-n200",
    "n97": "intel-processor-n97", "i5-12400": "intel-core-i5-12400", "i5-13600": "intel-core-i5-13600",
    "i3-8100": "intel-core-i3-8100", "i5-8600k": "intel-core-i5-8600k", "a380": "intel-arc-a380",
    "a770m": "intel-arc-a770m", "a-770m": "intel-arc-a770m", "a-series": "intel-arc-a-series", "b570": "intel-arc-b570",
    "hailo8": "hailo-8", "hailo8l": "hailo-8l", "hailo10h": "hailo-10h", "hailo15h": "hailo-15h",
    "rk3576": "rockchip-rk3576-board", "rv1109": "rockchip-rv1109", "rk1808": "rockchip-rk1808",
}  # fmt: skip
# ncnn's board: its name, device id (also of boards that the catalogue lacks), design, clock and number of fast cores.
ARM = [
    (r"Raspberry Pi 3 Model B\+.*1\.4GHz", "raspberry-pi-3-model-b-plus-cpu", "cortex-a53", 1.4, 4),
    (r"Raspberry Pi 4 Model B.*1\.8GHz", "raspberry-pi-4-model-b-4-gb-cpu", "cortex-a72", 1.8, 4),
    (r"Raspberry Pi 5 .*2\.4GHz", "raspberry-pi-5-8-gb-cpu", "cortex-a76", 2.4, 4),
    (r"OrangePi5 Plus", "rockchip-rk3588-board-cpu", "cortex-a76", 2.4, 4),
    (r"OrangePi5,", "orange-pi-5-cpu", "cortex-a76", 2.4, 4),
    (r"^Rockchip RK3588", "rockchip-rk3588-2022-cpu", "cortex-a76", 2.4, 4),
    (r"OrangePi4 LTS", "orange-pi-4-lts-cpu", "cortex-a72", 1.8, 2),
    (r"^Rockchip RK3399", "rockchip-rk3399-board-cpu", "cortex-a72", 1.8, 2),
    (r"RK3568", "rockchip-rk3568-board-cpu", "cortex-a55", 2.0, 4),
    (r"A311D", "amlogic-a311d-board-cpu", "cortex-a73", 2.2, 4),
    (r"Jetson AGX Orin", "nvidia-jetson-agx-orin-cpu-cpu", "cortex-a78ae", 2.2, 12),
    (r"Jetson Orin Nano", "nvidia-jetson-orin-nano-cpu", "cortex-a78ae", 1.5, 6),
    (r"Orion O6", "radxa-orion-o6-cpu", "cortex-a720", 2.6, 4),
    (r"D64ps v6", "microsoft-azure-cobalt-100-cpu", "neoverse-n2", 3.4, 64),
    (r"T527", "allwinner-t527-cpu", "cortex-a55", 2.2, 4),
    (r"RK3228H", "rockchip-rk3228h-cpu", "cortex-a53", 1.3, 4),
    (r"AX630C", "axera-ax630c-cpu", "cortex-a53", 1.2, 2),
    (r"920 2251K", "huawei-kunpeng-920-2251k-cpu", "tsv110", 2.6, 8),
    (r"920 3211K", "huawei-kunpeng-920-3211k-cpu", "tsv110", 2.6, 24),
    (r"920 7260", "huawei-kunpeng-920-7260-cpu", "tsv110", 2.6, 64),
    (r"MSM8998", "qualcomm-snapdragon-835-cpu", "cortex-a73", 2.45, 4),
]
PRECISIONS = {"FP32": "f32", "FP16": "f16", "INT8": "int8", "INT8 (QUANTISED)": "int8"}
NAMES = {
    "resnet_v1_50": "resnet-50", "resnet_v1_34": "resnet-34", "resnet_v1_18": "resnet-18", "resnet50": "resnet-50",
    "resnet18": "resnet-18", "mobilenet_v1": "mobilenet-v1-1.0-224", "mobilenet": "mobilenet-v1-1.0-224",
    "mobilenet v1": "mobilenet-v1-1.0-224", "mobilenet_v2_1.0": "mobilenet-v2", "mobilenet_v2": "mobilenet-v2",
    "mobilenet v2": "mobilenet-v2", "mobilenetv2-12": "mobilenet-v2", "inception_v1": "googlenet-v1",
    "inception v1": "googlenet-v1", "googlenet": "googlenet-v1", "inception v4": "googlenet-v4",
    "squeezenet_v1.1": "squeezenet1.1", "densenet": "densenet-121", "vgg16": "vgg-16", "vgg19": "vgg-19",
    "efficientnet_b0": "efficientnet-b0", "mobilenet v1 ssd": "ssd_mobilenet_v1_coco",
    "mobilenet v2 ssd": "ssd_mobilenet_v2_coco", "ssd_mobilenet_v1": "ssd_mobilenet_v1_coco",
    "ssd_mobilenet_v2": "ssd_mobilenet_v2_coco",
}  # fmt: skip
"""Names of one architecture at one input size, as the CPU tables spell it."""


@cache
def model_name(name: str) -> str:
    """One spelling per architecture; YOLO versions without the ``v`` that some insert from 11 on."""
    short = NAMES.get(name.strip().lower(), canonical_model(name))
    short = NAMES.get(short, short)
    return re.sub(r"^yolov(1[0-9]|2[0-9])", r"yolo\1", short) if re.match(r"^yolov1[1-9]|^yolov2", short) else short


@cache
def input_size(text: object) -> str:
    """WIDTHxHEIGHT of a published input; empty where it is not stated or not a picture."""
    numbers = [int(part) for part in re.findall(r"\d+", str(text).split("(")[0])]
    if len(numbers) == 4:
        numbers = numbers[1:3] if numbers[3] in (1, 3) else numbers[2:]
        return f"{numbers[1]}x{numbers[0]}"
    if len(numbers) == 3:
        return f"{numbers[0]}x{numbers[1]}" if numbers[2] in (1, 3) else ""
    if len(numbers) == 1 and numbers[0] > 31:
        return f"{numbers[0]}x{numbers[0]}"
    return f"{numbers[0]}x{numbers[1]}" if len(numbers) == 2 else ""


@cache
def chip_of(name: str) -> str | None:
    """Catalogue id of a published name; None where there is none."""
    return next(
        (chip for word, chip in CHIPS.items() if re.search(rf"(?<![a-z0-9]){word}(?![a-z0-9])", name.lower())), None
    )


@cache
def arm_of(name: str) -> str | None:
    """Arm device of a published board."""
    return next((found for pattern, found, *_ in ARM if re.search(pattern, name)), None)


def reason(row: Any) -> str:
    """Why a row is not evidence; empty where it is."""
    flag, source, release, kind = str(row.flag), row.source, str(row.release), row.device_kind
    if source == NCNN:
        return _reason_ncnn(row)
    if "multi" in kind or "+" in kind:
        return "two devices at once"
    if source in {TABLES, ESQ} and row.chip is None:
        return "hardware not identified"
    if source == TABLES:
        return _reason_tables(row, flag, release, kind)
    if source == ESQ:
        if "13600" in row.hardware:
            return "named i5-12400 one release earlier: chip not known"
        if row.precision == "FP16" and kind == "gpu" and "Arc" not in row.hardware:
            return "f16 of this list is another software state: 24 EU as fast as 96"
        if kind == "npu" and "v8s" in row.model:
            return "f16 and int8 carry one value"
        return ""
    if source == DLI:
        if kind == "npu":
            return "Myriad stick: gone from OpenVINO"
        if release < "2021.4" or "8600K" in row.hardware:
            return "another software generation"
        if row.batch not in ("1", "8"):
            return "batch of another kind"
        return "pasted or outlying by its flag" if re.search("copied|outlier", flag) else ""
    if source in {HAILO, ROCKCHIP}:
        return "" if row.chip else "hardware not identified"
    if "coral" in source:
        return "the desktop CPU beside it" if "edgetpu" not in row.runtime else ""
    return "not read: approximate, a phone, or another library"


def _reason_tables(row: Any, flag: str, release: str, kind: str) -> str:
    if release < "2024.1":
        return "before 2024.1: another software on graphics"
    if "suspect" in flag or (
        "165H" in row.hardware and release == "2024.1" and row.precision == "INT8" and kind == "igpu"
    ):
        return "values shifted by a model"
    if kind == "dgpu" and ("far below" in flag or row.chip == "intel-arc-a-series"):
        return "half of 2024.3 on the same card: fewer requests in flight"
    if row.precision == "FP32":
        return "precision not sure: the column of f32 on a device that computes f16"
    return ""


def _reason_ncnn(row: Any) -> str:
    if row.device_kind != "cpu":
        return "Vulkan: another software than the device's runtime"
    if arm_of(row.hardware) is None:
        return "not an Arm board that is read"
    if arm_of(row.hardware) == "rockchip-rk3588-2022-cpu":
        return "clusters of cores mixed: later boards with this chip are up to twice as fast"
    if row.threads not in ("1", "2", "4") and not str(row.threads).startswith("1 "):
        return "clusters of cores mixed"
    return ""


def read(directory: Path) -> pd.DataFrame:
    """All rows of devices other than x86 CPUs."""
    tables = [pd.read_csv(directory / name, dtype=str) for name in ("published.csv.gz", "openvino-more.csv.gz")]
    raw = pd.concat(tables, ignore_index=True)
    raw = raw[(raw["device_kind"] != "cpu") | (raw["source"] == NCNN)].copy()
    raw["chip"] = raw["hardware"].map(chip_of)
    raw.loc[raw["source"] == HAILO, "chip"] = raw["hardware"].str.lower().map(CHIPS)
    return raw


def compiled(raw: pd.DataFrame) -> pd.DataFrame:
    """Rows in the columns of the compiled table; ``reason`` says why one is not kept."""
    number = lambda name: pd.to_numeric(raw[name], errors="coerce")  # noqa: E731  # used on the next lines
    out = pd.DataFrame(index=raw.index)
    out["source"] = (
        raw["source"].map(SHORT).fillna(raw["source"].str.replace("web:", "", regex=False).str.split(" ").str[0])
    )
    out["release"] = raw["release"].fillna("").str.replace(r"\s*\(.*\)$", "", regex=True)
    out["runtime"] = raw["runtime"]
    out["device"] = [_device(row) for row in raw.itertuples()]
    out["model"] = raw["model"].map(model_name)
    out["input"] = raw["input_size"].map(input_size)
    out["precision"] = raw["precision"].fillna("").str.upper().map(PRECISIONS)
    out["batch"] = number("batch").fillna(1).astype(int)
    out["threads"] = raw["threads"].fillna("").str.extract(r"^(\d+)", expand=False)
    out["throughput_per_s"] = number("throughput_fps")
    out["latency_s"] = number("latency_ms") / 1000.0
    out["note"] = ""
    ncnn = raw["source"] == NCNN
    quantised = ncnn & raw["model"].str.endswith("_int8")
    out.loc[ncnn, "precision"] = np.where(quantised[ncnn], "int8", "f16")
    out.loc[ncnn, "model"] = raw["model"].str.removesuffix("_int8").map(model_name)
    # The average is noisier than the minimum, which stands in the flag.
    least = (
        pd.to_numeric(raw["flag"].fillna("").str.extract(r"min_ms=([\d.]+)", expand=False), errors="coerce") / 1000.0
    )
    out.loc[ncnn, "latency_s"] = least.fillna(out["latency_s"])
    out.loc[raw["source"].str.contains("coral"), "precision"] = "int8"
    dli = raw["source"] == DLI
    out.loc[dli & (out["batch"] == 1), "latency_s"] = 1.0 / out["throughput_per_s"]
    # Four requests in flight: not a latency; and latencies copied from another model.
    asynchronous = (raw["source"] == TABLES) & (raw["release"].fillna("") < "2024.3") & (raw["device_kind"] != "npu")
    out.loc[
        asynchronous | (raw["device_kind"] == "dgpu") | raw["flag"].fillna("").str.contains("latency copied"),
        "latency_s",
    ] = np.nan
    out.loc[raw["source"] == ROCKCHIP, "note"] = "one core"
    out["reason"] = [reason(row) for row in raw.itertuples()]
    none = out["throughput_per_s"].isna() & out["latency_s"].isna()
    out.loc[(out["reason"] == "") & none, "reason"] = "no figure"
    out.loc[(out["reason"] == "") & out["precision"].isna(), "reason"] = "precision not stated"
    return out.assign(hardware=raw["hardware"])


def _device(row: Any) -> str:
    if row.source == NCNN:
        return arm_of(row.hardware) or ""
    if "coral" in row.source:
        return "coral-usb"
    if not isinstance(row.chip, str):
        return ""
    if row.chip.startswith(("hailo", "intel-arc")):
        return row.chip
    return f"{row.chip}-{'npu' if row.device_kind == 'npu' else 'gpu'}"


def ultralytics(path: Path) -> pd.DataFrame:
    """Rows of the Ultralytics pages: Jetson's GPU and CPU, graphics of the 155H; time of inference alone."""
    raw = pd.read_csv(path, dtype=str)
    jetson = raw["hardware"].str.contains("Jetson")
    board = "nvidia-jetson-orin-nano-8gb-super-dev-kit"
    kinds = raw["device_kind"].map({"gpu": "gpu", "igpu": "gpu", "cpu": "cpu"})
    out = pd.DataFrame(
        {
            "source": "ultralytics-docs",
            "release": raw["release"],
            "runtime": raw["runtime"],
            "device": np.where(jetson, board, "intel-core-ultra-7-155h") + np.array("-", dtype=object) + kinds,
            "model": raw["model"].str.lower(),
            "input": "640x640",
            "precision": raw["precision"].map(PRECISIONS),
            "batch": 1,
            "threads": "",
            "throughput_per_s": np.nan,
            "latency_s": pd.to_numeric(raw["latency_ms"]) / 1000.0,
            "note": "",
            "hardware": raw["hardware"],
            "reason": "",
        }
    )
    out.loc[raw["flag"].notna(), "reason"] = "suspect by its flag: " + raw["flag"]
    out.loc[~jetson & (raw["device_kind"] == "cpu"), "reason"] = "x86 CPU: compile_published.py"
    graphics32 = ~jetson & (raw["device_kind"] == "igpu") & (raw["precision"] == "FP32")
    out.loc[graphics32, "reason"] = "graphics compute f16 unless told otherwise: the f16 row says the same"
    # Quantised there at a loss of accuracy that makes it useless; the page's speed stands all the same.
    out.loc[jetson & (raw["precision"] == "INT8"), "note"] = "int8 accuracy of the page is broken: speed only"
    return out


def clusters(table: pd.DataFrame) -> pd.DataFrame:
    """Keep the faster of two clusters of cores that one key mixes: the table names big cores."""
    arm = table["source"] == "ncnn"
    keys = ["device", "model", "precision", "threads"]
    fastest = table[arm].groupby(keys)["latency_s"].transform("min")
    slow = table[arm].index[table.loc[arm, "latency_s"] > 1.35 * fastest]
    return table.assign(reason=table["reason"].mask(table.index.isin(slow), "little cores, or a throttled repeat"))


def main(directory: Path) -> None:
    """Write both tables."""
    table = pd.concat([compiled(read(directory)), ultralytics(directory / "ultralytics.csv")], ignore_index=True)
    kept = table["reason"] == ""
    table = pd.concat([clusters(table[kept]), table[~kept]])
    kept = table["reason"] == ""
    order = ["source", "device", "model", "precision", "release", "batch", "threads"]
    packed = {"method": "gzip", "mtime": 0}
    figures = table[kept].drop_duplicates(COLUMNS).sort_values(order)
    figures[COLUMNS].round({"throughput_per_s": 4, "latency_s": 7}).to_csv(
        HERE / "published" / "devices.csv.gz", index=False, compression=packed
    )
    dropped = table[~kept].sort_values(["reason", "source", "hardware", "model", "precision"])
    dropped[
        [
            "reason",
            "source",
            "release",
            "hardware",
            "model",
            "precision",
            "batch",
            "threads",
            "throughput_per_s",
            "latency_s",
        ]
    ].to_csv(HERE / "published" / "devices_dropped.csv.gz", index=False, compression=packed)
    boards = pd.DataFrame([row[1:] for row in ARM], columns=["device", "design", "clock_ghz", "cores"])
    boards.sort_values("device").to_csv(HERE / "published" / "arm_boards.csv", index=False)
    sys.stdout.write(f"{len(figures)} rows kept, {len(dropped)} dropped, {figures['device'].nunique()} devices\n")
    sys.stdout.write(dropped.groupby("reason").size().to_string() + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
