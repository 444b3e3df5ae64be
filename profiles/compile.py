"""Compile the shipped catalogue from its tables: ``python profiles/compile.py [../shared/data/hardware.csv]``.

Without the hardware table boxes alone, of the chips that are there.

Processors and accelerators come from the hardware table given (its columns and traps are described in the README that
lies beside it) and from ``profiles/more_hardware.csv`` (same columns, data sheets as recalled), what is known of single
kinds of cores from ``profiles/core_facts.csv``, boxes from ``profiles/boxes.csv`` and the price rules below. What this
program wrote under ``processors/``, ``platforms/`` and ``accelerators/`` is overwritten; edit tables or this file, not
the output. Files that it did not write are kept by hand and stay, and boxes may have their chips.

Kinds. A field of a row that was read from a named source and is not listed as unverified is ``vendor``; every field
that was recalled, derived or estimated is ``assumed``. A fact of ``core_facts.csv`` states its own kind, source and
date, and takes the place of what the hardware table says of the same field. A price is ``published`` only where it was
read from a list of known date; a remembered one, or one without a date, is ``assumed``.

Dates. The date of the source where it is known; a remembered launch price carries the first day of its launch year
(so that it is stale, as it should be); all else the day of compilation.
"""

from __future__ import annotations

import csv
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

HERE = Path(__file__).resolve().parent
COMPILED = "2026-11-21"

# Which fields a word in the column unverified_fields casts doubt on.
DOUBTS = {
    "simd": {"simd_level"},
    "simd-detail": {"simd_level"},
    "fma": {"fma_bits_per_core", "fma_bits_per_e_core"},
    "l2": {"l2_bytes_per_core"},
    "bw": {"memory_bandwidth_bytes_per_s"},
    "bw(derived)": {"memory_bandwidth_bytes_per_s"},
    "allcore": {"all_core_turbo_hz", "e_core_turbo_hz"},
    "price": {"list_price_usd"},
    "year": {"release_year"},
    "mem speed": {"memory_type", "memory_bandwidth_bytes_per_s"},
    "base power": {"tdp_w"},
    "tdp": {"tdp_w"},
    "channels": {"memory_channels", "memory_bandwidth_bytes_per_s"},
    "peak": {"peak_flop_per_s_f16", "peak_op_per_s_int8"},
    "peak(derived)": {"peak_flop_per_s_f16", "peak_op_per_s_int8"},
    "peak(derived: EU*16*2*GHz)": {"peak_flop_per_s_f16", "peak_op_per_s_int8"},
    "dense TOPS": {"peak_op_per_s_int8"},
    "EU count": set(),
}
# "all but ..." names what stays sure.
SURE = {
    "cores": {"performance_cores", "efficiency_cores", "low_power_cores"},
    "threads": {"threads"},
    "boost": {"boost_hz"},
    "tdp": {"tdp_w"},
}
SIMD = {
    "sse4.2": "sse42",
    "avx2": "avx2",
    "avx2+avx_vnni": "avx2_vnni",
    "avx2+avx512?": "avx2",  # the vendor's page lists AVX2 only: the lower level until someone reads its flags
    "avx512": "avx512",
    "avx512_vnni": "avx512_vnni",
    "avx512_vnni (256-bit datapath)": "avx512_vnni",
    "amx+avx512_vnni": "amx",
    "amx+avx512_vnni+avx512_bf16": "amx",
    "amx+avx512_vnni+avx512_bf16+amx_fp16": "amx",
    "neon": "neon",
    "neon+dotprod": "neon_dotprod",
    "neon+dotprod+i8mm": "neon_i8mm",
    "avx512_vnni+avx512_bf16": "avx512_bf16",
}
# Price lists whose date is known: the release of the tables that carry them.
DATED_LISTS = {
    "OV-2024.1": "2024-04-24",
    "OV-2023.2": "2023-11-16",
    "ARK price of 2020-09-29": "2020-09-29",
}


def catalogue_id(name: str) -> str:
    """Lower case, runs of other characters as one dash, none at the ends."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")


def fact(
    value: Any, kind: str, source: str, date: str = COMPILED, ends: tuple[float, float] | None = None
) -> dict[str, Any]:
    """One sourced fact, with the ``ends`` between which 80 % of what is sold under the name lie."""
    between = {} if ends is None else {"low": ends[0], "high": ends[1]}
    return {"value": value, **between, "kind": kind, "source": source, "date": date}


class Row:
    """One row of the hardware table, asked field by field."""

    def __init__(self, cells: dict[str, str]) -> None:
        self.cells = cells
        self.doubted, self.all_doubted, self.sure = self._doubts(cells["unverified_fields"])
        self.read = cells["confidence"] == "read"
        self.source = " ".join(cells["spec_source"].split()) or "recalled, unverified"

    @staticmethod
    def _doubts(words: str) -> tuple[set[str], bool, set[str]]:
        doubted: set[str] = set()
        for word in filter(None, words.split(";")):
            if word == "all":
                return doubted, True, set()
            if word.startswith("all but "):
                kept = [SURE[part] for part in word.removeprefix("all but ").split("/")]
                return doubted, True, set().union(*kept)
            doubted |= DOUBTS[word]
        return doubted, False, set()

    def number(self, column: str) -> float | None:
        """Value of a numeric column; None where the cell is empty, which means unknown."""
        text = self.cells[column].strip()
        return float(text) if text else None

    def kind(self, field: str) -> str:
        """Vendor where the row was read and the field is not doubted."""
        certain = self.read and not self.all_doubted and field not in self.doubted
        return "vendor" if certain or (self.read and self.all_doubted and field in self.sure) else "assumed"

    def fact(self, field: str, value: float | str | None, note: str = "") -> dict[str, Any] | None:
        """Fact about a field from the row's source; None stays None."""
        if value is None:
            return None
        kind = self.kind(field)
        source = self.source
        if kind == "assumed" and "recalled" not in source:
            source = f"recalled or derived, not read from the row's source ({source})"
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        return fact(value, kind, source + (f"; {note}" if note else ""))

    def price(self) -> dict[str, Any] | None:
        """List price: published with the date of its list, else assumed."""
        value = self.number("list_price_usd")
        if value is None:
            return None
        source = " ".join(self.cells["price_source"].split())
        for word, date in DATED_LISTS.items():
            if word in source:
                return fact(value, "published", source, date)
        year = self.cells["release_year"]
        if "recalled" in source:
            return fact(value, "assumed", f"{source}; taken as of the launch year", f"{year}-01-01")
        return fact(value, "assumed", f"{source}; the list carries no date, so its age is not known", f"{year}-01-01")


class CoreFacts:
    """What is known of the performance, efficiency and low-power cores of single chips, each fact with its source."""

    def __init__(self, path: Path) -> None:
        with path.open(encoding="utf-8", newline="") as stream:
            self._rows = list(csv.DictReader(stream))
        self._used: set[int] = set()

    def _row(self, chip: str, core: str, field: str) -> dict[str, str] | None:
        at = [
            i
            for i, row in enumerate(self._rows)
            if (row["core"], row["field"]) == (core, field) and re.fullmatch(row["chips"], chip)
        ]
        if len(at) > 1:
            raise SystemExit(f"core_facts.csv: {field} of the {core} cores of {chip} is given {len(at)} times")
        self._used |= set(at)
        return self._rows[at[0]] if at else None

    def number(self, chip: str, core: str, field: str, unit: float) -> dict[str, Any] | None:
        """Fact about a quantity given in ``unit``; None where the table says nothing."""
        row = self._row(chip, core, field)
        if row is None:
            return None
        value = round(float(row["value"]) * unit, 3)
        return fact(int(value) if value.is_integer() else value, row["kind"], row["source"], row["date"])

    def text(self, chip: str, core: str, field: str) -> dict[str, Any] | None:
        """Fact that is a word."""
        row = self._row(chip, core, field)
        return None if row is None else fact(row["value"], row["kind"], row["source"], row["date"])

    def fma_bits(self, chip: str, core: str) -> dict[str, Any] | None:
        """Width of all multiply-add units of a core."""
        row = self._row(chip, core, "fma_units")
        if row is None:
            return None
        bits, note = fma_bits(row["value"])
        return fact(int(bits or 0), row["kind"], f"{row['source']}; {note}", row["date"])

    def check_all_used(self) -> None:
        """Refuse a row that speaks of no chip: a slip in its pattern."""
        idle = [row for i, row in enumerate(self._rows) if i not in self._used]
        if idle:
            raise SystemExit(
                f"core_facts.csv: {idle[0]['field']} of {idle[0]['core']} cores of {idle[0]['chips']}: no such chip"
            )


def fma_bits(text: str) -> tuple[float | None, str]:
    """Bits of all multiply-add units of a core (``2x256`` is 512), and a note where there are none."""
    if not text:
        return None, ""
    if text == "0":
        return 128.0, "no fused units: one 128-bit multiply and one 128-bit add pipe do the work of one 128-bit unit"
    count, bits = text.split("x")
    return float(count) * float(bits), f"{count} units of {bits} bits"


def vendor(name: str) -> str:
    """Maker of a chip or board, the first word of its name but for boards that are named by their chip."""
    first = name.split(maxsplit=1)[0]
    return {"Raspberry": "Raspberry Pi", "Hailo-8": "Hailo", "Hailo-8L": "Hailo", "Hailo-10H": "Hailo"}.get(
        first, first
    )


def max_sockets(name: str) -> int:
    """Sockets that a chip's line was made for."""
    if re.search(r"Platinum 82|8490H", name):
        return 8
    if re.search(r"Gold 6(138|148|238|252)", name):
        return 4
    if re.search(r"6414U", name):
        return 1
    return 2 if re.search(r"Xeon (Silver|Gold|Platinum|E5-2|6[0-9]{3}[PE])|EPYC (?!8)", name) else 1


def scaled(value: float | None, factor: float) -> float | None:
    """Product that keeps unknown unknown and whole numbers whole."""
    return None if value is None else round(value * factor, 3)


def efficiency_cores(row: Row, known: CoreFacts) -> dict[str, Any]:
    """Facts of the small cores that reach the third-level cache."""
    name = row.cells["name"]
    bits, note = fma_bits(row.cells["fma_units_e_core"])
    turbo = row.fact("e_core_turbo_hz", scaled(row.number("e_core_turbo_ghz"), 1e9))
    return {
        "efficiency_cores": row.fact("efficiency_cores", row.number("cores_e")),
        "e_core_design": known.text(name, "efficiency", "design"),
        "e_core_turbo_hz": known.number(name, "efficiency", "turbo_ghz", 1e9) or turbo,
        "fma_bits_per_e_core": known.fma_bits(name, "efficiency") or row.fact("fma_bits_per_e_core", bits, note),
        "l2_bytes_per_e_cluster": known.number(name, "efficiency", "l2_kb", 1024),
        "e_cores_per_cluster": known.number(name, "efficiency", "cores_per_l2", 1),
    }


def low_power_cores(row: Row, known: CoreFacts) -> dict[str, Any]:
    """Facts of the small cores outside the third-level cache."""
    name = row.cells["name"]
    return {
        "low_power_cores": row.fact("low_power_cores", row.number("cores_lpe")),
        "low_power_core_design": known.text(name, "low-power", "design"),
        "low_power_core_turbo_hz": known.number(name, "low-power", "turbo_ghz", 1e9),
        "fma_bits_per_low_power_core": known.fma_bits(name, "low-power"),
        "l2_bytes_per_low_power_cluster": known.number(name, "low-power", "l2_kb", 1024),
    }


def processor(row: Row, known: CoreFacts) -> dict[str, Any]:
    """Entry of a chip, or of the chip of a board."""
    cells = row.cells
    name = cells["name"]
    x86 = name.startswith(("Intel", "AMD"))
    p_cores, e_cores, lpe_cores = (row.number(f"cores_{kind}") for kind in ("p", "e", "lpe"))
    hybrid = bool(p_cores) and bool(e_cores or lpe_cores)
    bits, bits_note = fma_bits(cells["fma_units_per_core"])
    own_l2 = row.fact("l2_bytes_per_core", scaled(row.number("l2_kb_per_core"), 1024))
    entry = {
        "schema": "sizer.processor/1",
        "id": catalogue_id(name),
        "name": name,
        "vendor": vendor(name),
        "architecture": "x86_64" if x86 else "aarch64",
        "release_year": row.fact("release_year", row.number("release_year")),
        # A chip with one kind of cores has them all here, small ones too: the kinds matter only where they differ.
        "performance_cores": row.fact("performance_cores", p_cores if hybrid else row.number("cores_physical")),
        **(efficiency_cores(row, known) if hybrid and e_cores else {}),
        **(low_power_cores(row, known) if hybrid and lpe_cores else {}),
        "threads": row.fact("threads", row.number("threads")),
        "base_hz": row.fact("base_hz", scaled(row.number("base_ghz"), 1e9)),
        "boost_hz": row.fact("boost_hz", scaled(row.number("boost_ghz"), 1e9)),
        "all_core_turbo_hz": row.fact("all_core_turbo_hz", scaled(row.number("all_core_turbo_ghz"), 1e9)),
        "simd_level": row.fact("simd_level", SIMD[cells["simd"]], f"given as {cells['simd']}"),
        "fma_bits_per_core": row.fact("fma_bits_per_core", bits, bits_note),
        "l2_bytes_per_core": known.number(name, "performance", "l2_kb", 1024) or own_l2,
        "l3_bytes": row.fact("l3_bytes", scaled(row.number("l3_mb"), 2**20)),
        "memory_channels": row.fact("memory_channels", row.number("mem_channels")),
        "memory_type": row.fact("memory_type", cells["mem_type"] or None),
        "memory_bandwidth_bytes_per_s": row.fact(
            "memory_bandwidth_bytes_per_s", scaled(row.number("mem_bandwidth_gbs"), 1e9)
        ),
        "tdp_w": row.fact("tdp_w", row.number("tdp_w")),
        "turbo_power_w": row.fact("tdp_w", row.number("turbo_power_w")),
        "max_sockets": fact(max_sockets(name), "assumed", "sockets of the chip's line, recalled, unverified"),
        "list_price_usd": None if cells["kind"] == "board" else row.price(),
        "notes": cells["notes"] or None,
    }
    return {key: value for key, value in entry.items() if value is not None}


def accelerator(row: Row) -> dict[str, Any]:
    """Entry of a graphics or neural processor: listed, never recommended without evidence."""
    cells = row.cells
    name = cells["name"]
    entry = {
        "schema": "sizer.accelerator/1",
        "id": catalogue_id(name),
        "name": name,
        "vendor": vendor(name),
        "kind": cells["kind"],
        "peak_flop_per_s_f16": row.fact("peak_flop_per_s_f16", scaled(row.number("peak_tflops_fp16"), 1e12)),
        "peak_op_per_s_int8": row.fact("peak_op_per_s_int8", scaled(row.number("peak_tops_int8"), 1e12)),
        "tdp_w": row.fact("tdp_w", row.number("tdp_w")),
        "list_price_usd": row.price(),
        "notes": cells["notes"] or None,
    }
    return {key: value for key, value in entry.items() if value is not None}


@dataclass(frozen=True)
class BoxClass:
    """What boxes of one kind have in common; every figure is an assumption and is printed as one.

    ``base_usd`` is case, board, power supply, cooling, assembly and the seller's share; ``storage_usd`` its disk.
    ``board_w`` is drawn beside processor and memory, ``idle_share`` of the sustained package power remains at idle,
    ``efficiency`` is that of the power supply.
    """

    form_factor: str
    base_usd: float
    per_socket_usd: float
    memory_usd_per_gb: float
    storage_usd: float
    storage_gb: int
    board_w: float
    idle_share: float
    efficiency: float


CLASSES = {
    "mini": BoxClass("mini-pc", 65, 0, 3.0, 35, 512, 5, 0.15, 0.85),
    "fanless": BoxClass("fanless", 230, 0, 3.5, 60, 256, 6, 0.15, 0.87),
    "desktop": BoxClass("desktop", 270, 0, 3.0, 35, 512, 18, 0.08, 0.87),
    "tower": BoxClass("desktop", 400, 0, 3.0, 60, 1000, 25, 0.08, 0.89),
    "workstation": BoxClass("workstation", 700, 0, 4.0, 60, 1000, 35, 0.1, 0.9),
    "edge-server": BoxClass("server", 900, 0, 5.0, 80, 512, 15, 0.2, 0.9),
    "server": BoxClass("server", 1500, 400, 6.0, 180, 960, 70, 0.25, 0.93),
    "board": BoxClass("board", 45, 0, 0.0, 0, 64, 1, 0.3, 0.85),
}
# A mobile processor dearer than these small ones comes on a dearer board with more cooling.
DEARER_MINI_USD, DEARER_MINI_FROM_USD = 70, 100
MODULE_W = 2.0
ASSUMED_BOX = "assumption about boxes of this class, no quotation; profiles/compile.py says how it is formed"


def processor_cost(cells: dict[str, str], chip: dict[str, Any]) -> dict[str, Any] | None:
    """Price of one processor as a fact: the box table's estimate, else the chip's list price; None: unknown."""
    given = cells["processor_usd"]
    if given == "unknown":
        return None
    if given:
        return fact(float(given), "assumed", "what a maker of boxes may pay for it, recalled level, no quotation")
    if "list_price_usd" not in chip:
        raise SystemExit(f"boxes.csv: {cells['name']}: {chip['name']} has no list price; state processor_usd")
    return dict(chip["list_price_usd"])


def prices(cells: dict[str, str], chip: dict[str, Any], box: BoxClass) -> tuple[dict[str, Any] | None, list[Any]]:
    """Price of a box and how it is formed: processor, base by class, memory and disk."""
    one = processor_cost(cells, chip)
    if one is None:
        return None, []
    sockets = int(cells["sockets"])
    cost = one["value"]
    dearer = DEARER_MINI_USD if cells["class"] == "mini" and cost >= DEARER_MINI_FROM_USD else 0
    base = box.base_usd + dearer + box.per_socket_usd * (sockets - 1)
    memory = float(cells["memory_gb"]) * box.memory_usd_per_gb
    memory_words = f"{cells['memory_gb']} GB memory at {box.memory_usd_per_gb:g} USD/GB"
    chips = "processor" if sockets == 1 else f"{sockets} processors"
    parts = [
        (cost * sockets, chips, one["kind"], one["source"], one["date"]),
        (base, "case, board, supply, cooling, assembly, seller", "assumed", ASSUMED_BOX, COMPILED),
        (memory, memory_words, "assumed", ASSUMED_BOX, COMPILED),
        (box.storage_usd, f"{box.storage_gb} GB disk", "assumed", ASSUMED_BOX, COMPILED),
    ]
    lines = [fact(f"{what}: {usd:.0f} USD", kind, source, date) for usd, what, kind, source, date in parts if usd > 0]
    total = fact(
        float(round(sum(part[0] for part in parts))),
        "assumed",
        "sum of the price breakdown, of which only a processor's list price may have been read; no quotation:"
        " replace it by one with candidates.prices in the scenario",
    )
    return total, lines


def power(cells: dict[str, str], chip: dict[str, Any], box: BoxClass) -> dict[str, Any]:
    """Facts of package and wall power, with the range over boxes of the kind.

    Where the table states no limit of the box there is none to be had, and wall power is that at the chip's TDP, up to
    its turbo power.
    """
    modules_w = int(cells["channels"]) * MODULE_W

    def wall_w(package_w: float) -> float:
        return round((package_w + modules_w + box.board_w) / box.efficiency, 1)

    sockets, stated = int(cells["sockets"]), bool(cells["sustained_w"])
    ends: tuple[float, float] | None = None
    if stated:
        package_w = float(cells["sustained_w"])
        if cells["sustained_low_w"]:
            ends = float(cells["sustained_low_w"]), float(cells["sustained_high_w"])
    else:
        package_w = sockets * float(chip["tdp_w"]["value"])
        if "turbo_power_w" in chip:
            ends = package_w, sockets * float(chip["turbo_power_w"]["value"])
    idle_w = (max(1.0, package_w * box.idle_share) + modules_w / 2 + box.board_w) / box.efficiency
    how = "estimate: package, 2 W per memory module and the board of this class, divided by the supply's efficiency"
    at = "" if stated else "; package at the chip's TDP" + (", at most at its turbo power" if ends else "")
    held = "package power such boxes hold, with the range that they are sold at, recalled; their maker decides"
    return {
        "sustained_power_w": fact(package_w, "assumed", held, ends=ends) if stated else None,
        "idle_power_w": fact(round(idle_w, 1), "assumed", how),
        "max_power_w": fact(
            wall_w(package_w), "assumed", how + at, ends=None if ends is None else (wall_w(ends[0]), wall_w(ends[1]))
        ),
    }


def platform(cells: dict[str, str], chips: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """Entry of a box."""
    chip = chips.get(cells["processor"])
    if chip is None:
        raise SystemExit(f"boxes.csv: {cells['name']}: no file in processors/ has the name {cells['processor']!r}")
    box = CLASSES[cells["class"]]
    sockets, channels = int(cells["sockets"]), int(cells["channels"])
    price, breakdown = prices(cells, chip, box)
    entry = {
        "schema": "sizer.platform/1",
        "id": catalogue_id(cells["name"]),
        "name": cells["name"],
        "processor": chip["id"],
        "sockets": sockets,
        "form_factor": box.form_factor,
        "fanless": box.form_factor == "fanless",
        "memory_bytes": fact(int(cells["memory_gb"]) * 2**30, "assumed", "configuration that this entry stands for"),
        "memory_channels_populated": fact(channels, "assumed", "configuration that this entry stands for"),
        "memory_type": fact(cells["memory_type"], "assumed", "usual for such boxes") if cells["memory_type"] else None,
        **power(cells, chip, box),
        "price_usd": price,
        "price_breakdown": breakdown or None,
        "memory_usd_per_gb": fact(box.memory_usd_per_gb, "assumed", ASSUMED_BOX)
        if price is not None and box.memory_usd_per_gb
        else None,
        "storage_bytes": fact(box.storage_gb * 10**9, "assumed", "configuration that this entry stands for"),
        "notes": cells["notes"] or None,
    }
    return {key: value for key, value in entry.items() if value is not None}


class Flow(dict[str, Any]):
    """A mapping that is written on one line."""


class Dumper(yaml.SafeDumper):
    """Facts on a line of their own, sources not wrapped, aliases never."""

    def ignore_aliases(self, _data: Any) -> bool:
        """Write each fact in full."""
        return True


Dumper.add_representer(
    Flow, lambda dumper, data: dumper.represent_mapping("tag:yaml.org,2002:map", data.items(), flow_style=True)
)


def flowing(value: Any) -> Any:
    """Mark facts, which are dictionaries below the top, to be written on one line."""
    if isinstance(value, dict):
        return Flow(value)
    return [flowing(item) for item in value] if isinstance(value, list) else value


HEADER = "# Written by profiles/compile.py; edit its tables instead.\n"


def write(folder: str, entries: list[dict[str, Any]]) -> None:
    """Replace what was written to a folder before; files that are kept by hand stay."""
    target = HERE / folder
    target.mkdir(exist_ok=True)
    for old in target.glob("*.yaml"):
        if old.read_text(encoding="utf-8").startswith(HEADER):
            old.unlink()
    for entry in entries:
        body = {key: flowing(value) for key, value in entry.items()}
        text = yaml.dump(body, Dumper=Dumper, sort_keys=False, allow_unicode=True, width=10_000)
        path = target / f"{entry['id']}.yaml"
        if path.exists():
            raise SystemExit(f"two entries with id {entry['id']}, of the tables or kept by hand")
        path.write_text(HEADER + text, encoding="utf-8")


def compile_hardware(hardware: Path) -> None:
    """Write chips and accelerators."""
    rows = []
    for table in (hardware, HERE / "more_hardware.csv"):
        with table.open(encoding="utf-8", newline="") as stream:
            rows += [Row(cells) for cells in csv.DictReader(stream)]
    known = CoreFacts(HERE / "core_facts.csv")
    chips = [processor(row, known) for row in rows if row.cells["kind"] in {"cpu", "board"}]
    known.check_all_used()
    write("processors", chips)
    write("accelerators", [accelerator(row) for row in rows if row.cells["kind"] not in {"cpu", "board"}])


def compile_boxes() -> None:
    """Write boxes, of the chips in ``processors/``."""
    chips = [yaml.safe_load(path.read_text(encoding="utf-8")) for path in (HERE / "processors").glob("*.yaml")]
    by_name = {chip["name"]: chip for chip in chips}
    with (HERE / "boxes.csv").open(encoding="utf-8", newline="") as stream:
        write("platforms", [platform(cells, by_name) for cells in csv.DictReader(stream)])


def main(arguments: list[str]) -> None:
    """Compile everything from the hardware table named on the command line; boxes alone where none is."""
    if len(arguments) > 1:
        raise SystemExit("usage: python profiles/compile.py [HARDWARE.csv]")
    if arguments:
        compile_hardware(Path(arguments[0]))
    compile_boxes()


if __name__ == "__main__":
    main(sys.argv[1:])
