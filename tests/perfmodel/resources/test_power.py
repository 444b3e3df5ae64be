from __future__ import annotations

import pytest

from advisor.perfmodel.resources.power import wall_power
from tests.perfmodel.makers import machine


def watts(utilisation: float, **facts: object) -> float:
    return wall_power(machine(**facts), utilisation).p50


BOX = {"sustained_power_w": 40.0, "tdp_w": 65.0, "sockets": 1, "memory_channels": 2}


@pytest.mark.parametrize(
    ("facts", "utilisation", "before_supply"),
    [
        (BOX, 0.0, 8.0 + 4.0),  # board of 4 + 2 x 2 W, a tenth of the limit
        (BOX, 1.0, 8.0 + 40.0),
        (BOX, 0.5, 8.0 + 4.0 + 36.0 * 0.5**0.75),
        (BOX | {"sustained_power_w": None}, 1.0, 8.0 + 65.0),  # the chip's where the box states none
        (BOX | {"sustained_power_w": None, "tdp_w": None}, 1.0, 8.0 + 4 * 3.75),  # nor the chip: four cores
        (BOX | {"memory_channels": None}, 1.0, 6.0 + 40.0),
        (BOX | {"sustained_power_w": 6.0}, 0.0, 8.0 + 1.0),  # a package never idles below 1 W
        (BOX | {"architecture": "aarch64", "sustained_power_w": 60.0}, 1.0, 1.0 + 60.0),
        (BOX | {"architecture": "aarch64", "sustained_power_w": 61.0}, 1.0, 8.0 + 61.0),  # an Arm server, not a board
    ],
)
def test_formula(facts: dict[str, object], utilisation: float, before_supply: float) -> None:
    assert watts(utilisation, **facts) == pytest.approx(before_supply / 0.88)


def test_busy_shares_beyond_all_cores_draw_no_more_and_the_interval_is_that_of_the_meters() -> None:
    assert watts(1.5, **BOX) == watts(1.0, **BOX)
    assert watts(-0.1, **BOX) == watts(0.0, **BOX)
    found = wall_power(machine(**BOX), 0.7)
    assert (found.p10, found.p90) == pytest.approx((0.6 * found.p50, 1.4 * found.p50))
