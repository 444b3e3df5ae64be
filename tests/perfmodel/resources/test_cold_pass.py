"""What a pause costs: assumed, or read from the micro-benchmarks of this machine."""

from __future__ import annotations

import math

import pytest

from advisor.perfmodel.resources.cold_pass import ASSUMED, cold_start, plus
from advisor.records.base import Evidence, Interval
from advisor.records.measurement import COLD_DECODED, MicroBenchmark


def _row(threads: int, value_s: float) -> tuple[str, MicroBenchmark]:
    name = f"cold/openvino/t{threads}"
    row = MicroBenchmark(
        key=name, name=name, value=value_s, unit="s", samples=15, host_fingerprint="f", started="2026-11-21T00:00:00Z",
        parameters={"threads": str(threads), "sigma": f"{0.1 * threads:g}"},
    )  # fmt: skip
    return name, row


def test_measured_where_it_was_measured() -> None:
    found = cold_start(dict([_row(1, 0.001), _row(2, 0.002), _row(8, 0.003)]))
    assert found.evidence is Evidence.MEASURED
    assert found.pass_s(1).p50 == pytest.approx((0.001 * ASSUMED.one_s.p50) ** 0.5)
    assert found.pass_s(2) == found.pass_s(8)
    assert found.pass_s(8).p50 == pytest.approx((0.003 * ASSUMED.many_s.p50) ** 0.5)
    assert (found.sigma(1), found.sigma(4)) == (0.1, 0.8)
    assert found.pass_s(1).p10 < 0.001 < found.pass_s(1).p90


def _decoded(share: float, settle_s: float, picture_s: float = 0.002) -> tuple[str, MicroBenchmark]:
    """What a machine shows whose decoder costs a pass that share, and whose pauses take effect in that time."""

    def costs(gap_s: float, behind_picture: bool = False) -> float:
        return 1.0 - (1.0 - (share if behind_picture else 0.0)) * math.exp(-gap_s / settle_s)

    shares = {"value": costs(picture_s, True) / costs(0.03), "short": costs(0.005) / costs(0.03)}
    row = MicroBenchmark(
        key="d", name=COLD_DECODED, value=shares["value"], unit="1", samples=40, host_fingerprint="f",
        started="2026-11-21T00:00:00Z",
        parameters={
            "picture_s": str(picture_s), "short_s": "0.005", "long_s": "0.03", "short_share": str(shares["short"]),
        },
    )  # fmt: skip
    return COLD_DECODED, row


@pytest.mark.parametrize(("share", "settle_s"), [(0.0, 0.012), (0.2, 0.012), (0.9, 0.004), (1.0, 0.020)])
def test_what_a_picture_throws_out_is_told_from_what_the_time_of_decoding_it_costs(
    share: float, settle_s: float
) -> None:
    found = cold_start(dict([_row(1, 0.001), _row(2, 0.002), _decoded(share, settle_s)]))
    assert found.settle_s == pytest.approx(settle_s, rel=0.01)
    assert found.decoded_share == pytest.approx(share, abs=0.01)
    assert found.pass_s(1) == cold_start(dict([_row(1, 0.001), _row(2, 0.002)])).pass_s(1)


def test_figures_that_no_machine_of_the_law_would_show_stay_in_its_range() -> None:
    name, row = _decoded(0.0, 0.010)
    for value, short in ((0.0, 0.0), (1.0, 1.0), (0.0, 1.0)):
        odd = row.model_copy(update={"value": value, "parameters": {**row.parameters, "short_share": str(short)}})
        found = cold_start({**dict([_row(1, 0.001), _row(2, 0.002)]), name: odd})
        assert 0.0 <= found.decoded_share <= 1.0
        assert 0.001 <= found.settle_s <= 0.040


def test_where_no_picture_was_decoded_between_passes_it_is_taken_to_cost_all() -> None:
    assert cold_start(dict([_row(1, 0.001), _row(2, 0.002)])).decoded_share == 1.0


def test_assumed_and_wide_elsewhere() -> None:
    assert cold_start({}) is ASSUMED
    assert cold_start(dict([_row(2, 0.002)])) is ASSUMED
    assert ASSUMED.pass_s(1).p90 / ASSUMED.pass_s(1).p10 > 3


def test_a_picture_moves_at_the_speed_of_cold_lines() -> None:
    moved = ASSUMED.picture_s(1280, 720, 2)
    assert moved.p50 == pytest.approx(2 * 1.5 * 1280 * 720 / 6e9)
    assert ASSUMED.prepared_s(1280, 720).p50 == pytest.approx(1280 * 720 * 1.5 / 3e9 + ASSUMED.prepare_s.p50)
    assert ASSUMED.picture_s(7680, 4320, 1) == ASSUMED.picture_s(3840, 2160, 1)
    assert moved.p10 < moved.p50 < moved.p90


def test_slow_together() -> None:
    total = plus(Interval(p10=1.0, p50=2.0, p90=4.0), Interval(p10=0.1, p50=0.2, p90=0.3))
    assert total == Interval(p10=1.1, p50=2.2, p90=4.3)
