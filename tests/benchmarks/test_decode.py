"""The decode section on figures made up here."""

import numpy as np

from advisor.calibration.decode import LeftOut
from advisor.calibration.decode_material import Seen
from benchmarks.decode import figures, ratios, run


def left_out(codec: str, width: int, core_s: float, predicted_s: float, half: float = 0.3) -> LeftOut:
    row = Seen("box", "reference", None, codec, width, width * 9 // 16, 1e5, True, core_s, 1e9, 0.05, 1e9, True, 0.1)
    return LeftOut(row, predicted_s, half)


def test_errors_are_of_the_published_core_times() -> None:
    text = figures([left_out("h264", 1920, 0.005, 0.006), left_out("h265", 1920, 0.010, 0.006)])
    low, high = 6 * np.exp(-0.3), 6 * np.exp(0.3)
    assert f"| h264 1920x1080, 100 kbit | 5.00 | 6.00 ({low:.2f}-{high:.2f}) | +20 % | yes |" in text
    assert "| -40 % | no |" in text
    assert "Median error 30 %, mean 30 %, 50 % of 2 figures of 1 machines in P10-P90." in text


def test_ratios_are_formed_within_the_machine() -> None:
    found = [
        left_out("h264", 1920, 0.004, 0.006), left_out("h264", 3840, 0.012, 0.024),
        left_out("h265", 1920, 0.006, 0.012), left_out("h265", 3840, 0.024, 0.030),
    ]  # fmt: skip
    text = ratios(found)
    assert "| 4K over 1080p, H.264 | 3.00 | 4.00 | +33 % |" in text
    assert "| H.265 over H.264, 1080p | 1.50 | 2.00 | +33 % |" in text


def test_a_figure_on_the_edge_of_its_interval_is_inside() -> None:
    assert left_out("h264", 1920, 0.005, 0.005 * float(np.exp(0.3)), 0.3 + 1e-12).inside
    assert not left_out("h264", 1920, 0.005, 0.005 * float(np.exp(0.31)), 0.3).inside


def test_the_shipped_tables_make_a_section() -> None:
    text = run()
    assert text.count("intel-xeon-gold-6430-2s | reference") >= 4
