import numpy as np

from advisor.perfmodel.analytic.interval import Bands, ErrorWidth, Units, around, band, joint_share, weighted_quantile
from advisor.records.calibration import ErrorBand
from tests.perfmodel.makers import within


def test_weighted_quantile_is_the_order_statistic_for_equal_weights() -> None:
    values = np.array([5.0, 1.0, 3.0, 2.0, 4.0])
    assert weighted_quantile(values, np.ones(5), 0.2) == 1.0
    assert weighted_quantile(values, np.ones(5), 0.6) == 3.0
    assert weighted_quantile(values, np.array([100.0, 1, 1, 1, 1]), 0.5) == 5.0


def drawn(rng: np.random.Generator, machines: int, between: float, inner: float) -> tuple[np.ndarray, list[str]]:
    bias = rng.normal(0.0, between, size=machines)
    errors = bias[:, None] + rng.normal(0.0, inner, size=(machines, 12))
    return errors, [f"m{i}" for i in range(machines) for _ in range(12)]


def test_band_covers_new_machines_at_its_level() -> None:
    """Machines with their own bias: the machine, not the row, is the exchangeable unit."""
    rng = np.random.default_rng(3)
    hits = 0.0
    for _ in range(300):
        errors, names = drawn(rng, 21, 0.2, 0.05)
        units = Units.of(errors[:20].ravel(), names[:-12])
        found = band("*", units, units)
        hits += float(((found.low <= errors[20]) & (errors[20] <= found.high)).mean())
    assert within(hits / 300, 0.8, 300)


def test_a_small_group_still_covers_where_its_parent_is_like_it_and_is_wider() -> None:
    rng = np.random.default_rng(4)
    hits, wide, many = 0.0, [], []
    for _ in range(300):
        errors, names = drawn(rng, 24, 0.2, 0.05)
        whole = Units.of(errors[:20].ravel(), names[: 20 * 12])
        few = Units.of(errors[20:23].ravel(), names[20 * 12 : 23 * 12])
        found = band("few", few, whole)
        hits += float(((found.low <= errors[23]) & (errors[23] <= found.high)).mean())
        wide.append(found.high - found.low)
        many.append(band("all", whole, whole))
    assert within(hits / 300, 0.83, 300)
    assert np.mean(wide) > np.mean([item.high - item.low for item in many])


def test_band_is_never_narrower_than_the_noise_of_published_figures() -> None:
    units = Units.of(np.zeros(30), ["a", "b", "c"] * 10)
    found = band("k", units, units)
    assert found.low == -0.03
    assert found.high == 0.03


def test_a_class_of_one_machine_or_none_is_as_wide_as_classes_left_out_whole() -> None:
    def make(key: str, low: float, high: float, machines: int) -> ErrorBand:
        return ErrorBand(key=key, low=low, high=high, machines=machines, rows=50)

    bands = Bands(
        [
            make("amx/f32/latency", -0.5, 0.05, 1),
            make("new/f32/latency", -0.3, 0.4, 20),
            make("new/*/*", -0.35, 0.45, 20),
            make("avx2/f32/latency", -0.1, 0.1, 4),
        ]
    )
    assert bands.find("amx", "f32", "latency")[:2] == (-0.5, 0.4)
    assert bands.find("avx2", "f32", "latency")[:2] == (-0.1, 0.1)
    assert bands.find("neon", "f32", "latency")[:2] == (-0.3, 0.4)
    assert bands.find("neon", "int8", "latency")[:2] == (-0.35, 0.45)


def test_a_model_that_few_machines_have_figures_of_is_as_wide_as_such_models_were() -> None:
    def make(key: str, low: float, high: float) -> ErrorBand:
        return ErrorBand(key=key, low=low, high=high, machines=4, rows=50)

    bands = Bands(
        [
            make("avx2/f32/throughput", -0.1, 0.3),
            make("new/*/*", -0.5, 0.5),
            make("few/f32", -0.4, 0.2),
            make("unseen/f32", -0.3, 0.4),
        ]
    )
    assert bands.spec("avx2", "f32", "throughput", 3)[:2] == (-0.1, 0.3)
    assert bands.spec("avx2", "f32", "throughput", 1)[:2] == (-0.4, 0.3)
    assert np.allclose(bands.spec("avx2", "f32", "throughput", 0)[:2], (-np.hypot(0.1, 0.3), 0.5))


def test_what_two_errors_share_is_weighed_by_their_variances() -> None:
    """By hand: extents 0.6 and 0.2, variances as 9 to 1: a tenth of 0 and nine tenths of 1."""
    sheet, model = ErrorWidth(-0.3, 0.3, 1.0), ErrorWidth(-0.1, 0.1, 0.0)
    both = sheet.joined(model)
    assert np.allclose(both, (-np.hypot(0.3, 0.1), np.hypot(0.3, 0.1), 0.9))
    assert joint_share(sheet, sheet) == 1.0
    assert joint_share(ErrorWidth(0.0, 0.0, 1.0)) == 0.5


def test_a_union_goes_with_its_wider_part_and_an_intersection_with_its_narrower() -> None:
    wide, narrow = ErrorWidth(-0.4, 0.2, 0.8), ErrorWidth(-0.1, 0.3, 0.2)
    assert wide.united(narrow) == narrow.united(wide) == (-0.4, 0.3, 0.8)
    assert wide.within(narrow) == narrow.within(wide) == (-0.1, 0.2, 0.2)


def _band(key: str, low: float, high: float, machines: int = 4, share: float = 0.5) -> ErrorBand:
    return ErrorBand(key=key, low=low, high=high, machine_share=share, machines=machines, rows=50)


def test_an_unpublished_model_on_an_unpublished_machine_has_the_errors_made_in_just_that_way() -> None:
    bands = Bands(
        [
            _band("avx2/f32/latency", -0.1, 0.1),
            _band("amx/f32/latency", -0.1, 0.2, machines=1),
            _band("new/*/*", -0.3, 0.3, share=1.0),
            _band("unseen/f32", -0.4, 0.4, share=0.0),
            _band("unpublished/avx2/f32/latency", -0.35, 0.25, share=0.2),
            _band("unpublished/amx/f32/latency", -0.01, 0.01, machines=1),
            _band("once/avx2/f32/latency", -0.2, 0.15),
        ]
    )
    assert bands.spec("avx2", "f32", "latency", 0) == (-0.35, 0.25, 0.2)
    assert bands.spec("avx2", "f32", "latency", 5)[:2] == (-0.1, 0.1)
    assert bands.once("avx2", "f32", "latency")[:2] == (-0.2, 0.15)
    assert bands.once("amx", "f32", "latency") == bands.spec("amx", "f32", "latency", 0)
    # A class that one machine stands for, and a machine unlike all others: machine and model as if independent.
    apart = (-0.5, 0.5, 9 / 25)
    assert np.allclose(bands.spec("amx", "f32", "latency", 0), apart)
    assert np.allclose(bands.spec("avx2", "f32", "latency", 0, unlike=True), apart)


def test_a_chip_that_stands_alone_in_its_class_learns_less_from_its_figures() -> None:
    bands = Bands(
        [
            _band("anchored/avx2/f32/latency", -0.1, 0.1),
            _band("anchored/amx/f32/latency", -0.05, 0.3, machines=1),
            _band("lone/f32/latency", -0.2, 0.2),
            _band("lone/*/*", -0.25, 0.25),
        ]
    )
    assert bands.anchored("avx2", "f32", "latency")[:2] == (-0.1, 0.1)
    assert bands.anchored("amx", "f32", "latency")[:2] == (-0.2, 0.3)
    assert bands.anchored("neon", "f32", "latency")[:2] == (-0.2, 0.2)
    assert bands.anchored("neon", "int8", "latency")[:2] == (-0.25, 0.25)


def test_a_calibration_without_bands_per_class_still_has_those_of_all() -> None:
    bands = Bands([_band("anchored/f32/latency", -0.1, 0.1), _band("anchored/*/*", -0.2, 0.2)])
    assert bands.anchored("avx2", "f32", "latency")[:2] == (-0.1, 0.1)
    assert bands.anchored("avx2", "int8", "latency")[:2] == (-0.2, 0.2)


def test_around_orders_its_quantiles() -> None:
    found = around(10.0, -0.1, 0.2)
    assert np.isclose(found.p10, 10.0 * np.exp(-0.1))
    assert found.p10 < found.p50 < found.p90
