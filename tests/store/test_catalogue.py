from __future__ import annotations

import csv
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import pytest
import yaml

from advisor.errors import CatalogueError
from advisor.records.base import SimdLevel, Sourced, SourcedText
from advisor.records.platform import Platform
from advisor.store.catalogue import Catalogue, catalogue_id
from advisor.store.paths import profiles_dir

CATALOGUE = Catalogue.load(profiles_dir())


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("Intel Core i7-8700", "intel-core-i7-8700"),
        ("Intel Xeon Platinum 8480+", "intel-xeon-platinum-8480"),
        ("Raspberry Pi 4 Model B (4 GB)", "raspberry-pi-4-model-b-4-gb"),
        ("AMD  EPYC__9354", "amd-epyc-9354"),
    ],
)
def test_ids(name: str, wanted: str) -> None:
    assert catalogue_id(name) == wanted


def test_it_is_large_enough_and_whole() -> None:
    assert len(CATALOGUE.processor_ids()) >= 93
    assert len(CATALOGUE.platform_ids()) >= 60
    assert len(CATALOGUE.accelerators()) >= 20
    assert CATALOGUE.check() == []
    assert {chip.id for chip in CATALOGUE.processors()} == set(CATALOGUE.processor_ids())


def test_every_fact_has_its_duties() -> None:
    entries: list[Any] = [*CATALOGUE.processors(), *CATALOGUE.platforms(), *CATALOGUE.accelerators()]
    facts = [value for entry in entries for _, value in entry if isinstance(value, Sourced | SourcedText)]
    assert len(facts) > 2000
    assert all(fact.source and fact.kind and fact.date.year >= 2000 for fact in facts)
    assert {chip.simd_level.value for chip in CATALOGUE.processors()} <= set(get_args(SimdLevel))


def test_what_is_only_recalled_says_so() -> None:
    for entry in [*CATALOGUE.processors(), *CATALOGUE.accelerators()]:
        price = entry.list_price_usd
        if price is not None:
            assert ("recalled" in price.source) <= (price.kind == "assumed")
    wholly_recalled = CATALOGUE.processor("intel-xeon-gold-6138")
    assert {value.kind for _, value in wholly_recalled if isinstance(value, Sourced | SourcedText)} == {"assumed"}
    read = CATALOGUE.processor("intel-core-i3-8100")
    assert read.performance_cores.kind == "vendor"
    assert read.l2_bytes_per_core is not None
    assert read.l2_bytes_per_core.kind == "assumed"
    assert read.list_price_usd is not None
    assert (read.list_price_usd.kind, str(read.list_price_usd.date)) == ("published", "2024-04-24")


def test_prices_of_boxes_are_sums_that_are_shown() -> None:
    priced = [box for box in CATALOGUE.platforms() if CATALOGUE.price(box) is not None]
    assert len(priced) >= 60
    for box in priced:
        price = CATALOGUE.price(box)
        assert price is not None
        assert price.kind == "assumed"
        parts = [float(line.value.rsplit(": ", 1)[1].removesuffix(" USD")) for line in box.price_breakdown]
        assert sum(parts) == pytest.approx(price.value, abs=len(parts))


def test_boxes_for_small_sites_exist() -> None:
    small = [box for box in CATALOGUE.platforms() if box.max_power_w is not None and box.max_power_w.value <= 65]
    assert sum(box.fanless for box in small) >= 10
    assert len(small) >= 30
    cheapest = {box.form_factor: 1e9 for box in CATALOGUE.platforms()}
    for box in CATALOGUE.platforms():
        if box.price_usd is not None:
            cheapest[box.form_factor] = min(cheapest[box.form_factor], box.price_usd.value)
    assert cheapest["mini-pc"] < cheapest["fanless"] < cheapest["server"]
    assert cheapest["mini-pc"] < cheapest["desktop"] < cheapest["workstation"] < cheapest["server"]


def test_a_processor_stands_for_its_bare_chip() -> None:
    spec = CATALOGUE.resolve("intel-core-i7-8700")
    assert (spec.cores, spec.threads, spec.sockets, spec.simd_level) == (6, 12, 1, "avx2")
    assert spec.fma_bits_per_core == 512
    assert spec.memory_bandwidth_bytes_per_s == pytest.approx(41.6e9)
    assert spec.memory_bytes is None
    assert "fma_bits_per_core" in spec.uncertain
    assert "threads" not in spec.uncertain
    assert CATALOGUE.resolve("Intel Core i7-8700") == spec


def test_two_sockets_double_what_adds_up() -> None:
    one, two = CATALOGUE.resolve("intel-xeon-platinum-8380"), CATALOGUE.resolve("intel-xeon-platinum-8380-2s")
    assert (two.id, two.sockets, two.numa_nodes) == ("intel-xeon-platinum-8380-2s", 2, 2)
    assert (two.cores, two.threads, two.tdp_w) == (80, 160, 540)
    assert two.memory_bandwidth_bytes_per_s == 2 * (one.memory_bandwidth_bytes_per_s or 0)
    assert two.l3_bytes == 2 * (one.l3_bytes or 0)
    assert (two.l2_bytes_per_core, two.boost_hz) == (one.l2_bytes_per_core, one.boost_hz)
    assert CATALOGUE.resolve("intel-xeon-platinum-8480-2s").cores == 112
    with pytest.raises(CatalogueError, match="at most 1 socket; ask for intel-core-i7-8700 instead"):
        CATALOGUE.resolve("intel-core-i7-8700-2s")


def test_kinds_of_cores() -> None:
    hybrid = CATALOGUE.resolve("intel-core-i5-13400")
    assert (hybrid.performance_cores, hybrid.efficiency_cores) == (6, 4)
    assert (hybrid.fma_bits_per_core, hybrid.fma_bits_per_e_core) == (512, 256)
    small = CATALOGUE.resolve("intel-processor-n100")  # small cores only: all alike, so no kinds
    assert (small.performance_cores, small.efficiency_cores, small.fma_bits_per_core) == (4, 0, 256)
    three = CATALOGUE.resolve("intel-core-ultra-5-125h")
    assert (three.performance_cores, three.efficiency_cores, three.low_power_cores) == (4, 8, 2)
    assert (three.cores, three.inference_cores) == (14, 12)
    island = CATALOGUE.resolve("intel-core-ultra-7-258v")  # four low-power cores, no others: inference uses them
    assert (island.efficiency_cores, island.low_power_cores, island.inference_cores) == (0, 4, 8)
    assert CATALOGUE.resolve("raspberry-pi-4-model-b-4-gb").l3_bytes == 0  # none, which is not unknown
    assert CATALOGUE.resolve("raspberry-pi-4-model-b-4-gb").fma_bits_per_core is None


@pytest.mark.parametrize(
    ("chip", "widths"),
    [
        ("intel-core-ultra-7-155h", (256, 256)),
        ("intel-core-ultra-7-255h", (512, 256)),  # Skymont, and Crestmont on the island
        ("intel-core-ultra-7-258v", (None, 512)),
        ("intel-core-ultra-9-285k", (512, None)),
    ],
)
def test_small_cores_are_as_wide_as_their_design(chip: str, widths: tuple[float | None, float | None]) -> None:
    entry = CATALOGUE.processor(chip)
    facts = (entry.fma_bits_per_e_core, entry.fma_bits_per_low_power_core)
    assert tuple(None if fact is None else fact.value for fact in facts) == widths
    for fact, design in zip(facts, (entry.e_core_design, entry.low_power_core_design), strict=True):
        if fact is not None:
            assert design is not None
            assert fact.value == {"Skymont": 512, "Crestmont": 256}[design.value]
            assert fact.kind == ("published" if design.value == "Skymont" else "assumed")


def test_power_is_a_fact_of_the_box_with_a_range() -> None:
    """An H chip is sold at 28 to 65 W; an office desktop states nothing, so its machine does not either."""
    box, machine = (
        CATALOGUE.platform("mini-pc-core-ultra-7-255h-32-gb"),
        CATALOGUE.resolve("mini-pc-core-ultra-7-255h-32-gb"),
    )
    assert (machine.sustained_power_w, machine.sustained_power_low_w, machine.sustained_power_high_w) == (45, 28, 65)
    assert box.max_power_w is not None
    assert box.max_power_w.low is not None
    assert box.max_power_w.high is not None
    assert box.max_power_w.low < 65 < box.max_power_w.high
    desktop = CATALOGUE.resolve("office-desktop-i5-12400-16-gb")
    assert (desktop.sustained_power_w, desktop.tdp_w, desktop.turbo_power_w) == (None, 65, 117)
    for platform in CATALOGUE.platforms():
        held = CATALOGUE.machine(platform)
        assert (held.sustained_power_low_w is None) == (held.sustained_power_high_w is None)
        if platform.form_factor in {"mini-pc", "fanless"}:
            assert held.sustained_power_low_w is not None


def test_bandwidth_follows_the_channels_in_use() -> None:
    one, two = CATALOGUE.resolve("mini-pc-i7-1360p-16-gb-one-module"), CATALOGUE.resolve("mini-pc-i7-1360p-32-gb")
    assert one.memory_bandwidth_bytes_per_s == 5200e6 * 8
    assert two.memory_bandwidth_bytes_per_s == 2 * 5200e6 * 8
    assert (one.memory_channels, two.memory_channels) == (1, 2)
    assert "memory_bandwidth_bytes_per_s" in one.uncertain
    on_package = CATALOGUE.resolve("mini-pc-core-ultra-7-258v-32-gb")  # no type given: the chip's own peak
    assert on_package.memory_bandwidth_bytes_per_s == pytest.approx(136.5e9)
    box = CATALOGUE.platform("mini-pc-core-ultra-7-258v-32-gb")
    half = box.model_copy(
        update={"memory_channels_populated": box.memory_channels_populated.model_copy(update={"value": 1})}
    )
    assert CATALOGUE.machine(half).memory_bandwidth_bytes_per_s == pytest.approx(136.5e9 / 2)
    stated = box.model_copy(
        update={"memory_bandwidth_bytes_per_s": Sourced(value=9e9, kind="measured", source="lab", date="2026-11-21")}
    )
    assert CATALOGUE.machine(stated).memory_bandwidth_bytes_per_s == 9e9
    assert "memory_bandwidth_bytes_per_s" not in CATALOGUE.machine(stated).uncertain


def test_unknown_names_get_the_nearest() -> None:
    with pytest.raises(CatalogueError, match="did you mean 'intel-core-i7-8700'") as caught:
        CATALOGUE.resolve("intel-core-i7-8701")
    assert caught.value.exit_code == 2
    with pytest.raises(
        CatalogueError, match="did you mean 'fanless-n100-8-gb' or 'intel-processor-n100' or 'mini-pc-n1"
    ):
        CATALOGUE.resolve("N100")
    with pytest.raises(CatalogueError, match="did you mean 'fanless-i7-8700t-16-gb'"):  # a part of a word
        CATALOGUE.resolve("less-i7-8700")
    with pytest.raises(CatalogueError, match="see: sizer catalog list"):
        CATALOGUE.resolve("????")
    with pytest.raises(CatalogueError, match="did you mean 'mini-pc-n100-16-gb'"):
        CATALOGUE.platform("mini-pc-n100-16gb")
    with pytest.raises(CatalogueError, match="processor"):
        CATALOGUE.processor("mini-pc-n100-16-gb")


def entry(folder: Path, source: str, change: Callable[[dict[str, Any]], None] | None = None) -> Path:
    """A copy of a shipped file, changed."""
    data = yaml.safe_load((profiles_dir() / f"{source}.yaml").read_text(encoding="utf-8"))
    if change is not None:
        change(data)
    path = folder / Path(source).parent.name / f"{data.get('id', 'x')}.yaml"
    path.parent.mkdir(exist_ok=True)
    path.write_text(yaml.safe_dump(data), encoding="utf-8")
    return path


BOX, CHIP = "platforms/mini-pc-n100-16-gb", "processors/intel-processor-n100"


@pytest.mark.parametrize(
    ("source", "change", "words"),
    [
        (CHIP, lambda d: d.update(tdp_w=6), "tdp_w: is the bare value 6; write"),
        (CHIP, lambda d: d["tdp_w"].pop("source"), "tdp_w: has no source"),
        (CHIP, lambda d: d["tdp_w"].pop("date"), "tdp_w: has no date"),
        (CHIP, lambda d: d["tdp_w"].pop("kind"), "tdp_w: has no kind"),
        (CHIP, lambda d: d["tdp_w"].update(value=None), "tdp_w: has no value"),
        (CHIP, lambda d: d["tdp_w"].update(kind="vendr"), "unknown kind 'vendr'; expected .*did you mean 'vendor'"),
        (CHIP, lambda d: d["tdp_w"].update(value="6 W"), "value '6 W' is not a number"),
        (CHIP, lambda d: d["tdp_w"].update(value=True), "value True is not a number"),
        (CHIP, lambda d: d["tdp_w"].update(value=0), "must be above zero; leave an unknown fact out"),
        (CHIP, lambda d: d["tdp_w"].update(low="much"), "value 'much' is not a number"),
        (CHIP, lambda d: d["tdp_w"].update(low=7, high=9), "give both ends, value between them"),
        (CHIP, lambda d: d["tdp_w"].update(low=5), "give both ends, value between them"),
        (CHIP, lambda d: d["threads"].update(value=4.5), "4.5 is not a whole number"),
        (CHIP, lambda d: d["threads"].update(value=2), "2 are fewer than the 4 cores"),
        (CHIP, lambda d: d["boost_hz"].update(value=3.4), "3.4 Hz is not a plausible processor clock"),
        (CHIP, lambda d: d["simd_level"].update(value="avx3"), "unknown simd_level 'avx3'; expected .*did you mean"),
        (CHIP, lambda d: d.update(tdpw=d.pop("tdp_w")), "tdpw: unknown key; did you mean 'tdp_w'"),
        (CHIP, lambda d: d.update(schema="sizer.processor/2"), "newer than this sizer knows"),
        (CHIP, lambda d: d.pop("schema"), "carries no 'schema'"),
        (CHIP, lambda d: d.pop("simd_level"), "simd_level: is missing"),
        (BOX, lambda d: d["price_breakdown"].append({"value": "x: 3 USD"}), r"price_breakdown\[4\]: has no kind"),
        (BOX, lambda d: d.update(processor="intel-processor-n1000"), "not in the catalogue; did you mean"),
        (BOX, lambda d: d.update(sockets=2), "sockets: 2 are more than the 1"),
        (BOX, lambda d: d["memory_channels_populated"].update(value=2), "2 are more than"),
        (BOX, lambda d: d.update(form_factor="minipc"), "form_factor"),
        (BOX, lambda d: d["price_usd"].update(date="yesterday"), "price_usd.date"),
    ],
)  # fmt: skip
def test_check_says_what_a_file_owes(
    tmp_path: Path, source: str, change: Callable[[dict[str, Any]], None], words: str
) -> None:
    path = entry(tmp_path, source, change)
    found = CATALOGUE.check(path)
    assert len(found) == 1
    assert found[0].startswith(str(path))
    assert "\n" not in found[0]
    assert re.search(words, found[0]), found[0]


def test_check_lists_all_faults_of_a_file(tmp_path: Path) -> None:
    def two(data: dict[str, Any]) -> None:
        data["tdp_w"] = 6
        data["l3_bytes"].pop("source")

    assert len(CATALOGUE.check(entry(tmp_path, CHIP, two))) == 2
    assert CATALOGUE.check(entry(tmp_path, CHIP)) == []
    assert "no such file" in CATALOGUE.check(tmp_path / "none.yaml")[0]


def test_a_catalogue_with_a_fault_is_refused_when_it_is_read(tmp_path: Path) -> None:
    entry(tmp_path, CHIP, lambda d: d.update(tdp_w=6))
    entry(tmp_path, BOX)
    catalogue = Catalogue.load(tmp_path)
    with pytest.raises(CatalogueError, match="bare value 6"):
        catalogue.resolve("mini-pc-n100-16-gb")
    assert len(catalogue.check()) == 1  # the box is well, its processor is not


def test_a_dangling_processor_is_refused(tmp_path: Path) -> None:
    entry(tmp_path, BOX)
    catalogue = Catalogue.load(tmp_path)
    with pytest.raises(CatalogueError, match="its processor 'intel-processor-n100' is unknown"):
        catalogue.resolve("mini-pc-n100-16-gb")
    assert any("not in the catalogue" in text for text in catalogue.check())


def test_ids_are_unique_and_those_of_their_files(tmp_path: Path) -> None:
    path = entry(tmp_path, CHIP)
    with pytest.raises(CatalogueError, match="is also that of"):
        Catalogue.load(profiles_dir(), extra=[path])
    path.rename(path.with_name("other.yaml"))
    with pytest.raises(CatalogueError, match=r"name the file intel-processor-n100\.yaml"):
        Catalogue.load(tmp_path).processor("other")
    (tmp_path / "platforms").mkdir()
    (tmp_path / "processors" / "other.yaml").rename(tmp_path / "platforms" / "intel-processor-n100.yaml")
    with pytest.raises(CatalogueError, match="is a Processor, but lies in the folder of platforms"):
        Catalogue.load(tmp_path).platforms()
    with pytest.raises(CatalogueError, match="name a catalogue"):
        Catalogue.load(tmp_path / "none")


def test_the_users_own_boxes_are_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIZER_HOME", str(tmp_path))
    (tmp_path / "catalogue").mkdir()

    def mine(data: dict[str, Any]) -> None:
        data["id"] = "my-box"

    path = entry(tmp_path / "catalogue", BOX, mine)
    assert Catalogue.load().resolve("my-box").cores == 4
    path.unlink()
    extra = Catalogue.load(extra=[entry(tmp_path, BOX, mine)])
    assert isinstance(extra.platform("my-box"), Platform)


def test_a_users_catalogue_that_cannot_be_listed_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "catalogue").mkdir()
    (tmp_path / "catalogue" / "processors").write_text("a file, not a folder\n")  # root may read anything else
    monkeypatch.setenv("SIZER_HOME", str(tmp_path))
    with pytest.raises(CatalogueError, match=r"processors: cannot be listed: .*SIZER_HOME"):
        Catalogue.load()


def test_the_boxes_are_those_of_their_table() -> None:
    with (profiles_dir() / "boxes.csv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert sorted(catalogue_id(row["name"]) for row in rows) == CATALOGUE.platform_ids()
    for row in rows:
        box = CATALOGUE.platform(catalogue_id(row["name"]))
        assert box.processor == catalogue_id(row["processor"])
        assert box.memory_bytes.value == int(row["memory_gb"]) * 2**30
