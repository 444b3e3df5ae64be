"""Published figures: exact, of the newest release, and only of what was asked."""

from dataclasses import replace
from math import exp

import pytest

from advisor.perfmodel.devices.figures import Figure, Figures, load_figures
from advisor.perfmodel.devices.published import PublishedDevice
from advisor.records.base import Evidence
from advisor.records.device import DeviceSpec

from .makers import question

ROW = Figure("table", "2024.1", "OpenVINO", "some-npu", "net", "224x224", "int8", 1, None, 100.0, 0.012, "")
NPU = DeviceSpec(id="some-npu", machine="box", chip="some", name="some", kind="npu", family="npu-3720")


def answered(*rows: Figure, **changes: object):  # type: ignore[no-untyped-def]  # passes on what it is given
    return PublishedDevice(Figures.of(rows)).answer(question(NPU, **changes))


def test_it_is_the_figure_itself_with_its_source() -> None:
    answer = answered(ROW)
    assert exp(answer.log_throughput) == pytest.approx(100.0)
    assert exp(answer.log_latency_s) == pytest.approx(0.012)
    assert answer.evidence is Evidence.PUBLISHED
    assert answer.source == "table, 2024.1, OpenVINO, some-npu"


def test_the_newest_release_counts() -> None:
    answer = answered(ROW, replace(ROW, release="2024.10", throughput_per_s=130.0), replace(ROW, release="2024.3"))
    assert exp(answer.log_throughput) == pytest.approx(130.0)


@pytest.mark.parametrize(
    "change", [{"precision": "f16"}, {"batch": 8}, {"input_size": (320, 320)}, {"models": ("other",)}]
)
def test_another_precision_batch_size_or_model_is_not_published(change: dict[str, object]) -> None:
    assert answered(ROW, **change) is None


def test_without_throughput_it_is_one_over_the_latency_and_says_so() -> None:
    answer = answered(replace(ROW, throughput_per_s=None))
    assert exp(answer.log_throughput) == pytest.approx(1.0 / 0.012)
    assert "inverse" in answer.notes[0]


def test_behind_a_narrower_link_it_is_no_longer_exact() -> None:
    board = DeviceSpec(
        id="board", machine="pi", chip=None, name="board", kind="accelerator", family="hailo-8",
        host_link="pcie-gen3-x1", measured_link="pcie-gen3-x4",
    )  # fmt: skip
    rows = Figures.of([replace(ROW, device="board", source="hailo-model-zoo", throughput_per_s=491.0, latency_s=None)])
    answer = PublishedDevice(rows).answer(question(board))
    assert answer is not None
    assert answer.evidence is Evidence.ANCHORED
    assert answer.log_throughput is not None
    low, high = (exp(answer.log_throughput + end) for end in answer.throughput_band)
    # One model on one lane was published at 309 where the vendor's table says 491.
    assert low < 309.0 < high <= 491.0 * 1.001
    assert answer.log_latency_s is None


def test_shipped_figures_hold_no_dropped_release_of_graphics() -> None:
    graphics = [
        row
        for device, models in load_figures().by_device.items()
        if device.endswith("-gpu")
        for rows in models.values()
        for row in rows
    ]
    assert len(graphics) > 500
    assert not [row for row in graphics if row.source == "openvino-tables" and row.release < "2024.1"]
    # Four requests in flight: not a latency.
    assert not [r for r in graphics if r.source == "openvino-tables" and r.release == "2024.1" and r.latency_s]


def test_a_figure_of_newer_software_than_estimates_rest_on_says_so() -> None:
    """An N97 with the list of 2026 beats estimates of larger graphics that rest on tables of 2024."""
    figures = Figures.of([replace(ROW, source="esq", release="2026.2")])

    def notes(kind: str, shift: float | None) -> tuple[str, ...]:
        device = NPU.model_copy(update={"kind": kind})
        answer = PublishedDevice(figures, shift).answer(question(device))
        assert answer is not None
        return answer.notes

    assert any("take 0.67 of the time (fitted)" in note for note in notes("igpu", -0.4))
    assert notes("npu", -0.4) == notes("igpu", None) == answered(ROW).notes == ()
