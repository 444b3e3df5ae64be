"""A measured box goes out of one store and comes into another planner's store and catalogue."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from advisor.errors import CatalogueError, InputError, SizerError
from advisor.host import machine_spec
from advisor.perfmodel import Predictor
from advisor.perfmodel.resources.cold_pass import ASSUMED
from advisor.records.base import Evidence
from advisor.records.box import BoxExport
from advisor.records.config import EffectiveConfig, RunConfig
from advisor.records.host import HostFacts
from advisor.records.measurement import MicroBenchmark
from advisor.store.catalogue import Catalogue, user_catalogue_dir
from advisor.store.measurements import MeasurementStore
from advisor.workflows.box_export import LATENCIES_KEPT, export_box, import_box
from advisor.workflows.catalogue import remove_measured_box
from advisor.workflows.measured_machines import MeasuredMachines
from advisor.workflows.predictors import cold_starts, load_predictors
from tests.store.samples import measurement, micro_benchmark, model_work, timing

FINGERPRINT = "c0ffee1234567890"
I7_8700 = {
    "brand": "Intel(R) Core(TM) i7-8700 CPU @ 3.20GHz", "vendor": "GenuineIntel", "cores": 6, "threads": 12,
    "performance_cores": 6, "efficiency_cores": 0, "max_hz": 4.6e9,
}  # fmt: skip


def facts(fingerprint: str = FINGERPRINT, limits: dict[str, Any] | None = None, **cpu: Any) -> HostFacts:
    chip: dict[str, Any] = {
        "brand": "Acme Wonder 4000", "vendor": "Acme", "architecture": "x86_64", "sockets": 1, "cores": 4, "threads": 8,
        "threads_per_core": 2, "performance_cores": 4, "efficiency_cores": None, "numa_nodes": 1,
        "simd": ["avx2"], "simd_level": "avx2", "l1d_bytes": 131072.0, "l2_bytes": 4 * 2.0**20,
        "l3_bytes": 16 * 2.0**20, "base_hz": 2.5e9, "max_hz": 4.0e9,
    }  # fmt: skip
    return HostFacts.model_validate(
        {
            "schema": "sizer.host/1", "sizer_version": "0.1.0", "created": "2026-11-20T10:00:00Z",
            "fingerprint": fingerprint, "hostname": "shop-7", "cpu": chip | cpu,
            "memory": {"total_bytes": 16 * 2**30},
            "limits": limits or {"quota_cores": None, "affinity": None, "usable_cores": 8.0}, "noise": {},
        }
    )  # fmt: skip


def long_run(count: int) -> Any:
    return timing().model_copy(update={"samples": count, "latencies_s": tuple(index * 1e-6 for index in range(count))})


@pytest.fixture
def store(tmp_path: Path) -> Any:
    with MeasurementStore(tmp_path / "box.sqlite3") as opened:
        opened.add(
            measurement("k1", host_fingerprint=FINGERPRINT, timing=long_run(1000), versions={"openvino": "2026.4.1"})
        )
        opened.add(
            measurement("k2", host_fingerprint=FINGERPRINT, status="failed", failure="killed by signal 9", timing=None)
        )
        opened.add(measurement("elsewhere", host_fingerprint="other"))
        opened.add_micro(micro_benchmark("m1", host_fingerprint=FINGERPRINT))
        opened.add_micro(
            micro_benchmark("m2", "bandwidth/dram/t4", host_fingerprint=FINGERPRINT, value=31e9, unit="B/s")
        )
        opened.put_work(model_work())
        yield opened


@pytest.fixture
def planner(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Store and catalogue of another person, both empty."""
    monkeypatch.setenv("SIZER_HOME", str(tmp_path / "planner"))
    with MeasurementStore(tmp_path / "planner.sqlite3") as opened:
        yield opened


def test_a_box_arrives_with_everything_but_the_raw_latencies(store: Any, planner: Any, tmp_path: Path) -> None:
    path = export_box(store, facts(), tmp_path / "box.json")

    box = BoxExport.model_validate_json(path.read_text(encoding="utf-8"))
    assert {item.key for item in box.measurements} == {"k1", "k2"}
    assert box.latencies_dropped == 1000 - LATENCIES_KEPT
    kept = next(item.timing.latencies_s for item in box.measurements if item.timing is not None)
    assert kept == tuple(index * 5 * 1e-6 for index in range(200))
    assert [work.model for work in box.works] == ["resnet-50"]

    platform_id = import_box(path, planner, 640.0, "quotation of a dealer")

    assert platform_id == "box-acme-wonder-4000-c0ff"
    assert planner.host(FINGERPRINT) == facts()
    assert planner.get("k1") == next(item for item in box.measurements if item.key == "k1")
    assert planner.get("k1").timing.samples == 1000
    assert planner.get("k2").failure == "killed by signal 9"
    assert planner.get("elsewhere") is None
    assert planner.micro(FINGERPRINT) == store.micro(FINGERPRINT)
    assert planner.box_works(FINGERPRINT) == [model_work()]


def test_figures_of_a_software_rasteriser_stay_at_home(store: Any, planner: Any, tmp_path: Path) -> None:
    rastered = EffectiveConfig(
        device="GPU", execution_devices=("GPU",), software_rasteriser=True, runtime_version="2026.4.1"
    )
    config = RunConfig(device="GPU")
    store.add(measurement("gpu", host_fingerprint=FINGERPRINT, timing=timing(), config=config, effective=rastered))
    box = json.loads(export_box(store, facts(), tmp_path / "box.json").read_text())
    assert box["measurements"]
    assert all(row["config"]["device"] == "CPU" for row in box["measurements"])


def test_what_a_box_brings_is_not_taken_for_compiled_here(store: Any, planner: Any, tmp_path: Path) -> None:
    """A forged kernel once made resnet-18 on another chip 50 times faster."""
    import_box(export_box(store, facts(), tmp_path / "box.json"), planner)
    assert planner.get_work("a" * 64, "openvino", "2026.4.1", "f32", 1) is None
    assert planner.works_of_models({"a" * 64}) == []


def test_a_foreign_measurement_takes_the_place_of_none_of_another_machine(
    store: Any, planner: Any, tmp_path: Path
) -> None:
    mine = measurement("k1", host_fingerprint="mine", status="failed", failure="killed", timing=None)
    planner.add(mine)
    import_box(export_box(store, facts(), tmp_path / "box.json"), planner)
    assert planner.get("k1") == mine


def test_predictions_of_other_machines_do_not_change_with_a_box(store: Any, planner: Any, tmp_path: Path) -> None:
    here = facts(fingerprint="beef")
    catalogue = Catalogue.load()
    other = catalogue.resolve("intel-core-i7-8700")

    class Nowhere:
        def work(self, model: str, runtime: str, precision: str) -> None:
            return None

    def estimate() -> Any:
        predictor = load_predictors(
            MeasuredMachines(planner, Catalogue.load(), machine_spec(here), here.fingerprint),
            Nowhere(),
            [other],
            carried=True,
            unmeasured=Predictor.load(),
        )
        return predictor.service_many([(other, model_work(), RunConfig(threads=2, streams=1))])[0].throughput_per_s

    before = estimate()
    import_box(export_box(store, facts(), tmp_path / "box.json"), planner)
    assert estimate() == before


@pytest.mark.parametrize(
    ("fields", "path"),
    [
        ({"cpu__cores": 10**15}, "host.cpu.cores: 1e+15 is a figure that no machine has"),
        ({"cpu__threads": 10**6}, "host.cpu.threads"),
        ({"cpu__sockets": 1000}, "host.cpu.sockets"),
        ({"memory__total_bytes": 1}, "host.memory.total_bytes: 1 is a figure that no machine has"),
        ({"memory__speed_mt_per_s": 1e9}, "host.memory.speed_mt_per_s"),
        ({"cpu__l3_bytes": 1e18}, "host.cpu.l3_bytes"),
        ({"limits__usable_cores": 1e9}, "host.limits.usable_cores"),
    ],
)
def test_what_no_machine_has_is_refused_with_file_path_and_remedy(
    store: Any, planner: Any, tmp_path: Path, fields: dict[str, Any], path: str
) -> None:
    file = changed(export_box(store, facts(), tmp_path / "box.json"), **fields)
    with pytest.raises(InputError) as caught:
        import_box(file, planner)
    assert str(caught.value).startswith(f"{file}: {path}")
    assert "measure the box again" in str(caught.value)
    assert planner.hosts() == []


def test_a_measured_figure_that_no_machine_has_is_refused(store: Any, planner: Any, tmp_path: Path) -> None:
    file = export_box(store, facts(), tmp_path / "box.json")
    data = json.loads(file.read_text(encoding="utf-8"))
    data["micro"][1]["value"] = 1e30
    file.write_text(json.dumps(data), encoding="utf-8")
    with pytest.raises(InputError, match=r"micro\[1\].value .* is a figure that no machine has"):
        import_box(file, planner)


def test_a_removed_box_leaves_nothing(
    store: Any, planner: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = f"sqlite:///{tmp_path / 'planner.sqlite3'}"
    platform_id = import_box(export_box(store, facts(), tmp_path / "box.json"), planner)
    rows, files = remove_measured_box(platform_id, store_url=url)
    assert rows == 2 + 2 + 1 + 1  # measurements, micro-benchmarks, kernels, facts
    assert [file.stem for file in files] == [platform_id, f"{platform_id}-processor"]
    assert (planner.find(), planner.micro(FINGERPRINT), planner.box_works(FINGERPRINT)) == ([], [], [])
    assert FINGERPRINT not in planner.hosts()
    assert platform_id not in Catalogue.load().platform_ids()
    with pytest.raises(CatalogueError, match="is no box that was added; none was added"):
        remove_measured_box(platform_id, store_url=url)


def test_a_box_that_ships_cannot_be_removed(planner: Any) -> None:
    with pytest.raises(CatalogueError, match="ships with sizer and cannot be removed"):
        remove_measured_box("mini-pc-i7-11800h-16-gb")


def test_the_box_is_a_platform_of_the_catalogue(store: Any, planner: Any, tmp_path: Path) -> None:
    platform_id = import_box(export_box(store, facts(), tmp_path / "box.json"), planner, 640.0, "quotation of a dealer")

    catalogue = Catalogue.load()
    platform, machine = catalogue.platform(platform_id), catalogue.resolve(platform_id)
    assert catalogue.check(user_catalogue_dir() / "platforms" / f"{platform_id}.yaml") == []
    assert catalogue.check(user_catalogue_dir() / "processors" / f"{platform_id}-processor.yaml") == []
    assert platform.measured_fingerprint == FINGERPRINT
    assert platform.price_usd is not None
    assert (platform.price_usd.value, platform.price_usd.source) == (640.0, "quotation of a dealer")
    assert (platform.memory_bytes.value, platform.memory_bytes.kind) == (16 * 2.0**30, "measured")
    assert platform.memory_channels_populated.kind == "assumed"
    assert (machine.performance_cores, machine.threads, machine.simd_level) == (4, 8, "avx2")
    assert machine.l2_bytes_per_core == 2.0**20
    assert machine.l3_bytes == 16 * 2.0**20
    assert machine.boost_hz == 4.0e9
    assert machine.memory_bandwidth_bytes_per_s == 31e9
    assert "memory_channels" in machine.uncertain
    assert "simd_level" not in machine.uncertain


def test_what_a_pause_costs_on_the_box_is_what_was_measured_there(store: Any, planner: Any, tmp_path: Path) -> None:
    for threads, value_s in ((1, 0.4e-3), (4, 3e-3)):
        found = micro_benchmark(f"c{threads}", f"cold/openvino/t{threads}", host_fingerprint=FINGERPRINT, value=value_s)
        parameters = {"threads": str(threads), "sigma": "0.2"}
        store.add_micro(found.model_copy(update={"unit": "s", "parameters": parameters}))
    platform_id = import_box(export_box(store, facts(), tmp_path / "box.json"), planner)

    catalogue = Catalogue.load()
    here = facts(fingerprint="beef")
    cold = cold_starts(MeasuredMachines(planner, catalogue, machine_spec(here), here.fingerprint))
    box = cold(catalogue.machine(catalogue.platform(platform_id)))
    assert box.evidence is Evidence.MEASURED
    assert box.many_s.p50 > ASSUMED.many_s.p50
    assert box.sigma(1) == 0.2
    assert cold(catalogue.machine(catalogue.platform("mini-pc-i7-11800h-16-gb"))) == ASSUMED
    assert cold(machine_spec(here)) == ASSUMED  # nothing was measured on the planner's own machine


def test_without_a_price_it_stays_unknown(store: Any, planner: Any, tmp_path: Path) -> None:
    platform_id = import_box(export_box(store, facts(), tmp_path / "box.json"), planner)

    assert Catalogue.load().platform(platform_id).price_usd is None


def test_again_changes_nothing_and_keeps_the_price(store: Any, planner: Any, tmp_path: Path) -> None:
    path = export_box(store, facts(), tmp_path / "box.json")
    first = import_box(path, planner, 640.0, "quotation of a dealer")
    folder = user_catalogue_dir()
    files = {file: file.read_bytes() for file in folder.rglob("*.yaml")}
    keys = planner.known_keys()

    assert import_box(path, planner) == first

    assert {file: file.read_bytes() for file in folder.rglob("*.yaml")} == files
    assert planner.known_keys() == keys
    assert len(planner.micro(FINGERPRINT)) == 2


def test_what_a_person_filled_in_stays(store: Any, planner: Any, tmp_path: Path) -> None:
    path = export_box(store, facts(), tmp_path / "box.json")
    platform_id = import_box(path, planner)
    file = user_catalogue_dir() / "platforms" / f"{platform_id}.yaml"
    file.write_text(file.read_text(encoding="utf-8").replace("workstation", "fanless") + "fanless: true\n")

    import_box(path, planner, 99.0, "a friend")

    platform = Catalogue.load().platform(platform_id)
    assert (platform.form_factor, platform.fanless) == ("fanless", True)
    assert platform.price_usd is not None
    assert platform.price_usd.value == 99.0


def test_a_known_chip_is_that_of_the_catalogue(store: Any, planner: Any, tmp_path: Path) -> None:
    box = facts(limits={"quota_cores": None, "affinity": None, "usable_cores": 12.0}, **I7_8700)
    platform_id = import_box(export_box(store, box, tmp_path / "box.json"), planner)

    assert platform_id == "box-intel-core-i7-8700-c0ff"
    assert Catalogue.load().platform(platform_id).processor == "intel-core-i7-8700"
    assert list((user_catalogue_dir() / "processors").iterdir()) == []


@pytest.mark.parametrize(
    ("change", "limits", "counts"),
    [
        ({"cores": 1, "threads": 2, "performance_cores": 1}, None, (1, 2)),  # a virtual machine of two threads
        ({}, {"quota_cores": 2.5, "affinity": None, "usable_cores": 2.5}, (2, 2)),  # a container of 2.5 cores
    ],
)
def test_a_part_of_a_known_chip_is_not_that_chip(
    store: Any, planner: Any, tmp_path: Path, change: Any, limits: Any, counts: tuple[int, int]
) -> None:
    box = facts(limits=limits, **(I7_8700 | change))
    platform_id = import_box(export_box(store, box, tmp_path / "box.json"), planner)

    machine = Catalogue.load().resolve(platform_id)
    assert Catalogue.load().platform(platform_id).processor == f"{platform_id}-processor"
    assert (machine.performance_cores, machine.threads) == counts
    assert machine.fma_bits_per_core == 512.0  # of the catalogue's chip: the same silicon


def test_two_sockets_are_two_chips(store: Any, planner: Any, tmp_path: Path) -> None:
    box = facts(
        limits={"quota_cores": None, "affinity": None, "usable_cores": 64.0},
        sockets=2, cores=32, performance_cores=32, threads=64, l2_bytes=32 * 2.0**20, l3_bytes=64 * 2.0**20,
    )  # fmt: skip
    platform_id = import_box(export_box(store, box, tmp_path / "box.json"), planner)

    machine = Catalogue.load().resolve(platform_id)
    assert (machine.sockets, machine.performance_cores, machine.threads) == (2, 32, 64)
    assert (machine.l2_bytes_per_core, machine.l3_bytes) == (2.0**20, 64 * 2.0**20)


ULTRA_155H = {
    "brand": "Intel(R) Core(TM) Ultra 7 155H", "vendor": "GenuineIntel", "cores": 16, "threads": 22,
    "performance_cores": 6, "efficiency_cores": 8, "low_power_cores": 2, "simd": ["avx2_vnni"],
    "simd_level": "avx2_vnni", "max_hz": 4.8e9,
}  # fmt: skip
AS_0_1_TOLD_IT = {"efficiency_cores": 10, "low_power_cores": None}
"""Version 0.1 counted low-power cores as efficiency cores."""


@pytest.mark.parametrize("change", [{}, AS_0_1_TOLD_IT])
def test_a_core_ultra_is_known_with_its_low_power_cores(
    store: Any, planner: Any, tmp_path: Path, change: dict[str, Any]
) -> None:
    box = facts(limits={"quota_cores": None, "affinity": None, "usable_cores": 22.0}, **(ULTRA_155H | change))
    platform_id = import_box(export_box(store, box, tmp_path / "box.json"), planner)
    catalogue = Catalogue.load()
    assert catalogue.platform(platform_id).processor == "intel-core-ultra-7-155h"
    assert catalogue.resolve(platform_id).inference_cores == 14


def test_part_of_a_core_ultra_keeps_its_kinds_of_cores(store: Any, planner: Any, tmp_path: Path) -> None:
    """A quota of ten cores: performance cores first, low-power cores last."""
    box = facts(limits={"quota_cores": 10.0, "affinity": None, "usable_cores": 10.0}, **ULTRA_155H)
    platform_id = import_box(export_box(store, box, tmp_path / "box.json"), planner)
    machine = Catalogue.load().resolve(platform_id)
    assert (machine.performance_cores, machine.efficiency_cores, machine.low_power_cores) == (6, 4, 0)
    assert (machine.l2_bytes_per_e_cluster, machine.e_cores_per_cluster) == (2 * 2.0**20, 4)


def test_another_box_of_the_same_kind_gets_a_longer_name(store: Any, planner: Any, tmp_path: Path) -> None:
    first = import_box(export_box(store, facts(), tmp_path / "box.json"), planner)
    twin = "c0ff00aabbccddee"
    store.add(measurement("k3", host_fingerprint=twin))
    second = import_box(export_box(store, facts(twin), tmp_path / "twin.json"), planner)

    assert (first, second) == ("box-acme-wonder-4000-c0ff", "box-acme-wonder-4000-c0ff00aa")
    catalogue = Catalogue.load()
    assert [catalogue.platform(name).measured_fingerprint for name in (first, second)] == [FINGERPRINT, twin]


def test_a_success_takes_the_place_of_a_failure_and_not_the_reverse(store: Any, planner: Any, tmp_path: Path) -> None:
    planner.add(measurement("k1", host_fingerprint=FINGERPRINT, status="failed", failure="time-out", timing=None))
    planner.add(measurement("k2", host_fingerprint=FINGERPRINT))

    import_box(export_box(store, facts(), tmp_path / "box.json"), planner)

    assert planner.get("k1").status == "done"
    assert planner.get("k2").status == "done"


def test_newer_facts_stay(store: Any, planner: Any, tmp_path: Path) -> None:
    newer = facts().model_copy(update={"created": "2026-11-21T10:00:00Z", "kernel": "7.1"})
    planner.put_host(newer)

    import_box(export_box(store, facts(), tmp_path / "box.json"), planner)

    assert planner.host(FINGERPRINT) == newer


def test_nothing_measured_is_said(store: Any, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="holds no measurement of this machine; run `sizer bench --quick`"):
        export_box(store, facts("f00d"), tmp_path / "box.json")
    assert not (tmp_path / "box.json").exists()


@pytest.mark.parametrize(
    ("price", "source", "words"),
    [
        (10.0, None, "needs --price-source"),
        (10.0, "  ", "needs --price-source"),
        (-1.0, "dealer", "is no price"),
        (float("nan"), "dealer", "is no price"),
        (None, "dealer", "add --price"),
    ],
)
def test_a_price_needs_a_source(
    planner: Any, tmp_path: Path, price: float | None, source: str | None, words: str
) -> None:
    with pytest.raises(InputError, match=words):
        import_box(tmp_path / "box.json", planner, price, source)


def changed(path: Path, **fields: Any) -> Path:
    data = json.loads(path.read_text(encoding="utf-8"))
    for name, value in fields.items():
        part, *inner = name.split("__")
        if inner:
            data["host"][part][inner[0]] = value
        else:
            data[part] = value
    path.write_text(json.dumps(data), encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"schema": "sizer.box/3"}, "newer than this sizer knows"),
        ({"schema": "sizer.plan/1"}, "a sizer.box/2 document was expected"),
        ({"surprise": 1}, "surprise"),
        ({"cpu__cores": None}, "tells no cores"),
        ({"cpu__simd_level": None}, "tells no simd_level"),
        ({"cpu__architecture": "vax"}, "tells no architecture"),
        ({"memory__total_bytes": None}, "tells no memory size"),
        ({"memory__total_bytes": 10**400}, "a figure that no machine has"),
        ({"memory__speed_mt_per_s": 1e305, "memory__channels": 8}, "a figure that no machine has"),
    ],
)
def test_a_document_that_cannot_be_used_leaves_nothing_behind(
    store: Any, planner: Any, tmp_path: Path, fields: dict[str, Any], words: str
) -> None:
    path = changed(export_box(store, facts(), tmp_path / "box.json"), **fields)
    with pytest.raises(InputError, match=words) as caught:
        import_box(path, planner)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)
    assert planner.hosts() == []
    assert not user_catalogue_dir().exists()


def test_figures_of_two_machines_in_one_document_are_refused(store: Any, planner: Any, tmp_path: Path) -> None:
    path = export_box(store, facts(), tmp_path / "box.json")
    data = json.loads(path.read_text(encoding="utf-8"))
    data["micro"][0]["host_fingerprint"] = "other"
    path.write_text(json.dumps(data), encoding="utf-8")
    with pytest.raises(InputError, match="figure of machine 'other'"):
        import_box(path, planner)


def test_a_missing_file_is_one_line(planner: Any, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        import_box(tmp_path / "nothing.json", planner)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=300))
def test_any_bytes_give_our_error(planner: Any, tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "garbage.json"
    path.write_bytes(data)
    with pytest.raises(SizerError) as caught:
        import_box(path, planner)
    assert "\n" not in str(caught.value)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_value_in_any_place_is_taken_or_refused_in_one_line(
    store: Any, planner: Any, tmp_path: Path, data: st.DataObject
) -> None:
    path = export_box(store, facts(), tmp_path / "box.json")
    document = json.loads(path.read_text(encoding="utf-8"))
    place = document
    while isinstance(place, dict | list) and place:
        key = data.draw(st.sampled_from(sorted(place) if isinstance(place, dict) else range(len(place))))
        if not isinstance(place[key], dict | list) or not place[key] or data.draw(st.booleans()):
            place[key] = data.draw(_JSON)
            break
        place = place[key]
    path.write_text(json.dumps(document), encoding="utf-8")
    try:
        platform_id = import_box(path, planner)
    except SizerError as error:
        said = str(error)
    else:
        said = ""
        assert Catalogue.load().check(user_catalogue_dir() / "platforms" / f"{platform_id}.yaml") == []
    assert "\n" not in said


def test_micro_benchmarks_alone_are_worth_a_journey(store: Any, planner: Any, tmp_path: Path) -> None:
    lonely: MicroBenchmark = micro_benchmark("m9", host_fingerprint="beef99")
    store.add_micro(lonely)
    platform_id = import_box(export_box(store, facts("beef99"), tmp_path / "box.json"), planner)
    assert platform_id.endswith("-beef")
    assert planner.micro("beef99") == [lonely]
    assert Catalogue.load().resolve(platform_id).memory_bandwidth_bytes_per_s is None
