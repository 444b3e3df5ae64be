import numpy as np

from advisor.perfmodel.here.anchors import Anchor, AnchorArrays, Anchors


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


def test_before_any_measurement_the_machine_has_its_part_of_the_prior() -> None:
    """By hand: machine, runtime, precision, setting 0.0614; likeness, model and its very configuration 0.0469."""
    assert np.isclose(Anchors([]).machine_share(anchor("a")), 0.0614 / (0.0614 + 0.0469))


def test_measuring_others_learns_the_machine_and_leaves_the_models_own() -> None:
    shares = [
        Anchors([anchor(f"m{i}", 0.3, x=4.0 * i) for i in range(n)]).machine_share(anchor("new", x=-8.0))
        for n in (0, 1, 3, 12)
    ]
    assert shares == sorted(shares, reverse=True)
    assert shares[-1] < 0.15


def test_the_share_is_what_two_unlike_networks_have_in_common() -> None:
    """Drawn from the posterior itself: the covariance of two new networks over the variance of one."""
    anchors = [anchor(f"m{i}", 0.1, x=4.0 * i) for i in range(4)]
    known, a, b = Anchors(anchors), anchor("a", x=50.0), anchor("b", x=90.0)
    every = [*anchors, a, b]
    matrix = np.array([AnchorArrays(every).shared(item) for item in every])
    top = matrix[:4, :4] + np.diag([item.noise**2 for item in anchors])
    posterior = matrix[4:, 4:] - matrix[4:, :4] @ np.linalg.solve(top, matrix[:4, 4:])
    assert np.isclose(known.machine_share(a), posterior[0, 1] / posterior[0, 0])
