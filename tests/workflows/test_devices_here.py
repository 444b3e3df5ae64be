"""Devices of this machine in its plans."""

from __future__ import annotations

from typing import Any

import pytest

from advisor.planner.question.inputs import Candidate
from advisor.records.base import Evidence
from advisor.records.config import EffectiveConfig, LoadMode, RunConfig
from advisor.records.measurement import TimingMeasurement
from advisor.store.catalogue import Catalogue
from advisor.workflows.devices_here import DevicesHere
from advisor.workflows.plan_devices import with_devices
from tests.planner.fakes import candidate, scenario
from tests.store.samples import measurement

HASH = "a" * 64


def measured(device: str = "GPU", *, rasteriser: bool = False, **config: Any) -> TimingMeasurement:
    row = measurement(f"{device}-{rasteriser}-{config}")
    names = ("llvmpipe (LLVM 19)",) if rasteriser else ("Intel Arc Graphics",)
    effective = EffectiveConfig(
        device=device, execution_devices=(device,), device_names=names, software_rasteriser=rasteriser,
        runtime_version="1",
    )  # fmt: skip
    return row.model_copy(
        update={
            "model_sha256": HASH, "config": RunConfig(device=device, precision="f16", **config), "effective": effective,
            "mode": LoadMode(kind="sync"),
        }
    )  # fmt: skip


def this(*rows: TimingMeasurement, devices: tuple[str, ...] = ("CPU", "GPU")) -> tuple[Candidate, DevicesHere]:
    here = DevicesHere.of(rows)
    box = candidate("this", 4, 0.0)
    case = scenario(candidates={"devices": devices})
    (found,) = with_devices(case, [box], Catalogue.load(), here)
    return found, here


def test_what_was_measured_on_it_is_what_a_plan_uses() -> None:
    box, here = this(measured())
    (gpu,) = box.devices
    assert (gpu.id, gpu.name) == ("this-gpu", "Intel Arc Graphics")
    answer = here.answer(gpu, HASH, "f16")
    assert answer is not None
    assert answer.evidence is Evidence.MEASURED
    assert answer.log_latency_s is not None
    assert here.answer(gpu, HASH, "int8") is None
    assert here.answer(gpu, "b" * 64, "f16") is None


def test_a_software_rasteriser_is_refused_by_name() -> None:
    box, _ = this(measured(rasteriser=True))
    assert box.devices == ()
    assert "GPU of this machine (llvmpipe (LLVM 19)) is a software rasteriser" in box.notes[-1]


def test_an_unmeasured_device_is_named_with_the_remedy() -> None:
    box, _ = this(devices=("CPU", "GPU", "NPU"))
    assert [note.partition(" is not")[0] for note in box.notes[-2:]] == ["GPU of this machine", "NPU of this machine"]
    assert "sizer bench MODEL --device GPU --precision f16" in box.notes[-2]


@pytest.mark.parametrize("device", ["CPU", "AUTO:GPU,CPU", "BATCH:GPU(2)"])
def test_only_rows_on_one_device_count(device: str) -> None:
    assert DevicesHere.of([measured(device)]).specs == ()


def test_how_long_it_compiled_is_the_middle_of_what_was_measured() -> None:
    """Rows that do not hold it do not count."""
    rows = [measured(streams=streams) for streams in (1, 2, 3, 4)]
    for place, compile_s in enumerate((2.0, 9.0, 3.0, None)):
        timing = rows[place].timing
        assert timing is not None
        changed = timing.model_copy(update={"compile_s": compile_s})
        rows[place] = rows[place].model_copy(update={"timing": changed})
    box, here = this(*rows)
    answer = here.answer(box.devices[0], HASH, "f16")
    assert answer is not None
    assert answer.compile_s == 3.0
    (none,) = rows[3:]
    answer = this(none)[1].answer(box.devices[0], HASH, "f16")
    assert answer is not None
    assert answer.compile_s is None
