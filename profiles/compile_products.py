"""Compile collected price observations into products and offers.

Usage: ``python profiles/compile_products.py OFFERS.csv MEMORY_PRICES.csv [OUTPUT_DIRECTORY]``, the two tables of
``../shared/data``. Written are ``products/*.yaml`` (one file a product: what the rows say of it, each fact with its
source), ``offers/offers.csv`` (the form that ``sizer catalog offers import`` reads, too) and ``offers/memory.csv``.
Prices are carried over as they are, in their currency; a price of a month or a year keeps that. What is not carried
over, and why, is printed. A row is ``weak`` where the collection says so: it has no address to look at.
"""

from __future__ import annotations

import csv
import re
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any

import yaml

HERE = Path(__file__).resolve().parent
HEADER = "# Written by profiles/compile_products.py; edit its tables instead.\n"
GIB = 2**30
"""Memory is sold in powers of two, disks are not."""
OFFER_FIELDS = [
    "product", "price", "currency", "observed_at", "price_kind", "trust", "condition", "availability", "price_basis",
    "ram_gb", "disk_gb", "source_url", "note",
]  # fmt: skip
MEMORY_FIELDS = ["observed_at", "price_per_gb", "currency", "item", "trust", "source_url"]
# Chips as the sources name them -> ids of the catalogue, where the name alone does not give it.
PROCESSORS = {
    "Intel N100": "intel-processor-n100", "Intel N150": "intel-processor-n150", "Intel N95": "intel-processor-n95",
    "Intel N97": "intel-processor-n97", "Broadcom BCM2712": "raspberry-pi-5-8-gb",
    "Raspberry Pi 4 Model B SoC (name not in source)": "raspberry-pi-4-model-b-4-gb",
    "Rockchip RK3588": "rockchip-rk3588-board", "CIX P1": "radxa-orion-o6",
    "NVIDIA Jetson Orin Nano 8GB": "nvidia-jetson-orin-nano-8gb-super-dev-kit",
    "NVIDIA Jetson AGX Orin": "nvidia-jetson-agx-orin-cpu",
}  # fmt: skip
ACCELERATORS = {
    "Intel Arc A380": "intel-arc-a380-6gb", "Intel Arc A770": "intel-arc-a770-16gb",
    "NVIDIA GeForce RTX 3060 12GB": "nvidia-geforce-rtx-3060-12gb",
    "NVIDIA GeForce RTX 4060": "nvidia-geforce-rtx-4060-8gb",
    ("Hailo-8", "accelerator-m2"): "hailo-8-m-2-ai-hat-26", ("Hailo-8", "accelerator-hat"): "hailo-8-m-2-ai-hat-26",
    ("Hailo-8L", "accelerator-m2"): "hailo-8l-m-2-ai-kit-ai-hat-13",
    ("Hailo-8L", "accelerator-hat"): "hailo-8l-m-2-ai-kit-ai-hat-13",
    ("Hailo-10H", "accelerator-m2"): "hailo-10h-m-2-ai-hat-2",
    ("Hailo-10H", "accelerator-hat"): "hailo-10h-m-2-ai-hat-2",
    ("Edge TPU", "accelerator-m2"): "google-coral-m-2-a-e-b-m",
}  # fmt: skip
# One thing that sources name in two ways: as two products the older, cheaper price of it would be bought for ever.
SAME_PRODUCT = {("Radxa", "X4 8GB"): "X4"}
FORMS = {"sbc": "board", "sbc-kit": "kit"}
KINDS = {"MSRP": "msrp"}
CONDITIONS = {"used base": "used", "refurbished base": "refurbished"}


def catalogue_id(name: str) -> str:
    """Lower case, runs of other characters as one dash, none at the ends."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")


def first_day(observed: str) -> str:
    """First day of what may be a month or a year: facts of the catalogue carry a day."""
    return "-".join([*observed.split("-"), "01", "01"][:3])


def product_ids(rows: list[dict[str, str]]) -> dict[int, str]:
    """Id of each row's product; where one name is sold with several chips, each of these is a product."""
    chips = defaultdict(set)
    for row in rows:
        chips[row["vendor"], row["product"]].add(row["processor"])
    found = {}
    for index, row in enumerate(rows):
        vendor = "" if row["vendor"].startswith(("(", "generic")) else row["vendor"]
        name = row["product"] if row["product"].startswith(vendor) else f"{vendor} {row['product']}"
        several = len(chips[row["vendor"], row["product"]]) > 1
        chip = row["processor"].removeprefix("Intel ").removeprefix("AMD ")
        found[index] = catalogue_id(f"{name} {chip}" if several else name)
    return found


def products(rows: list[dict[str, str]], ids: dict[int, str], known: set[str]) -> dict[str, dict[str, Any]]:
    """What the rows of each product say of it, the newest first."""
    groups: dict[str, list[dict[str, str]]] = defaultdict(list)
    for index, row in enumerate(rows):
        groups[ids[index]].append(row)
    found = {}
    for name, mine in groups.items():
        mine.sort(key=lambda row: row["price_date"], reverse=True)
        first = mine[0]
        chip, form = first["processor"], FORMS.get(first["form_factor"], first["form_factor"])
        processor = PROCESSORS.get(chip, catalogue_id(chip))
        accelerator = ACCELERATORS.get(chip) or ACCELERATORS.get((chip, form))
        entry: dict[str, Any] = {
            "schema": "sizer.product/1", "id": name, "vendor": first["vendor"], "name": first["product"],
            "form_factor": form,
        }  # fmt: skip
        if processor in known:
            entry["processor"] = processor
        if accelerator is not None:
            entry["accelerator"] = accelerator
        entry["processor_text"] = fact(chip, first)
        fan = next((row for row in mine if row["fanless"]), None)
        if fan is not None:
            entry["fanless"] = fan["fanless"] == "yes"
        power = next((row for row in mine if row["power_w"]), None)
        if power is not None:
            entry["stated_power_w"] = fact(float(power["power_w"]), power)
        memory = {float(row["ram_gb"]): row for row in mine if row["ram_gb"]}
        if memory and not form.startswith("accelerator"):
            entry["memory_options_bytes"] = [fact(size * GIB, memory[size]) for size in sorted(memory)]
        for column in ("igpu", "npu"):
            row = next((row for row in mine if row[column]), None)
            if row is not None:
                entry[column] = fact(row[column], row)
        found[name] = entry
    return found


def fact(value: Any, row: dict[str, str]) -> dict[str, Any]:
    """One fact with the row's source and day."""
    kind = "assumed" if row["trust"] == "weak" else "published"
    return {"value": value, "kind": kind, "source": row["source"], "date": first_day(row["price_date"])}


def offer(row: dict[str, str], product: str) -> dict[str, object]:
    """One row in the form that is imported."""
    note = row["note"]
    condition = next((kind for words, kind in CONDITIONS.items() if words in note), "new")
    availability = "preorder" if "pre-order" in note else "out_of_stock" if "sold out" in note else ""
    gross = re.search(r"incl\. .*VAT", note)
    return {
        "product": product, "price": row["price"], "currency": row["currency"], "observed_at": row["price_date"],
        "price_kind": KINDS.get(row["price_kind"], row["price_kind"]), "trust": row["trust"], "condition": condition,
        "availability": availability, "price_basis": "gross" if gross else "", "ram_gb": row["ram_gb"],
        "disk_gb": row["disk_gb"], "source_url": row["source"], "note": note,
    }  # fmt: skip


def memory_rows(path: Path) -> list[dict[str, object]]:
    """Prices of memory; a month is its first day, and what is inferred is weak."""
    found: list[dict[str, object]] = []
    for row in csv.DictReader(path.open(newline="", encoding="utf-8")):
        day = row["price_date"].split(" ")[0]
        addressed = row["source"].startswith("http")
        found.append(
            {
                "observed_at": first_day(day), "price_per_gb": row["price_per_gb"], "currency": row["currency"],
                "item": row["item"], "trust": "read" if addressed and "inferred" not in row["price_date"] else "weak",
                "source_url": row["source"],
            }
        )  # fmt: skip
    return found


def write(path: Path, fields: list[str], rows: list[dict[str, object]]) -> None:
    """Write one table."""
    path.parent.mkdir(exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, fields, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def main() -> None:
    """Compile."""
    if len(sys.argv) < 3:
        sys.exit(f"{__doc__}")
    target = Path(sys.argv[3]) if len(sys.argv) > 3 else HERE
    with Path(sys.argv[1]).open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        row["product"] = SAME_PRODUCT.get((row["vendor"], row["product"]), row["product"])
    known = {path.stem for path in (HERE / "processors").glob("*.yaml")}
    ids = product_ids(rows)
    entries = products(rows, ids, known)
    folder = target / "products"
    folder.mkdir(exist_ok=True)
    for path in folder.glob("*.yaml"):
        if path.read_text(encoding="utf-8").startswith(HEADER):  # others are kept by hand
            path.unlink()
    for name, entry in sorted(entries.items()):
        text = yaml.safe_dump(entry, sort_keys=False, allow_unicode=True, width=1000, default_flow_style=None)
        (folder / f"{name}.yaml").write_text(HEADER + text, encoding="utf-8")
    offers = [offer(row, ids[index]) for index, row in enumerate(rows)]
    write(target / "offers" / "offers.csv", OFFER_FIELDS, sorted(offers, key=lambda row: tuple(map(str, row.values()))))
    write(target / "offers" / "memory.csv", MEMORY_FIELDS, memory_rows(Path(sys.argv[2])))
    chips = [entry for entry in entries.values() if not entry["form_factor"].startswith("accelerator")]
    bare = sorted({entry["processor_text"]["value"] for entry in chips if "processor" not in entry})
    sys.stdout.write(
        f"{len(entries)} products, {len(offers)} offers; chips that are not in the catalogue: {', '.join(bare)}\n"
    )


if __name__ == "__main__":
    main()
