import numpy as np

from advisor.perfmodel.here.anchors import Anchor, Anchors


def anchor(model: str, ratio: float = 0.0, precision: int = 0, x: float = 0.0, threads: float = 0.0) -> Anchor:
    return Anchor(model, np.array([x, 0.0]), "openvino", precision, threads, 0.0, 0.0, ratio)


def test_without_anchors_nothing_is_corrected() -> None:
    shift, deviation = Anchors([]).correction(anchor("a"))
    assert shift == 0.0
    assert deviation > 0.2


def test_more_anchors_bring_the_correction_to_the_machines_factor_and_narrow_it() -> None:
    found = [
        Anchors([anchor(f"m{i}", 0.3, x=i) for i in range(n)]).correction(anchor("new", x=-3.0)) for n in (1, 3, 8)
    ]
    shifts, deviations = [f[0] for f in found], [f[1] for f in found]
    assert 0.0 < shifts[0] < shifts[1] < shifts[2] < 0.31
    assert deviations[0] > deviations[1] > deviations[2]


def test_the_measured_model_itself_is_nearly_taken_over() -> None:
    shift, deviation = Anchors([anchor("a", 0.5)]).correction(anchor("a"))
    assert abs(shift - 0.5) < 0.02
    assert deviation < 0.05


def test_another_precision_learns_less() -> None:
    known = Anchors([anchor("a", 0.3), anchor("b", 0.3, x=2.0)])
    assert known.correction(anchor("c", precision=2, x=5.0))[0] < known.correction(anchor("c", x=5.0))[0]


def test_only_what_belongs_to_the_model_travels_to_other_machines() -> None:
    everywhere = Anchors([anchor(f"m{i}", 0.3, x=4.0 * i) for i in range(6)])
    one = Anchors([anchor(f"m{i}", 0.3 if i == 0 else 0.0, x=4.0 * i) for i in range(6)])
    query = anchor("m0", x=0.0)
    assert everywhere.model_part(query) < 0.5 * one.model_part(query) + 0.1
    assert one.model_part(query) > 0.1
