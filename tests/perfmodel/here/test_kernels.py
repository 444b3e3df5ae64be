import numpy as np

from advisor.perfmodel.here.kernels import HostKernels, PassKernels, WallTime, at_batch
from advisor.records.base import Z90
from advisor.records.config import RunConfig
from advisor.records.measurement import Interference
from tests.perfmodel.makers import kernel, measurement


def truth(k) -> float:
    """An imagined device: 3x3 kernels reach 60 %, 1x1 kernels 40 % of 50 GFLOP/s, traffic at 5 GB/s, 2 us a call."""
    share = 0.6 if k.kernel_size == (3, 3) else 0.4
    moved = k.input_bytes + k.output_bytes + k.weight_bytes
    return max(k.flop / (share * 50e9), moved / 5e9) + 2e-6


def net(rng: np.random.Generator, count: int = 25):
    out = []
    for i in range(count):
        channels, side = int(rng.choice([16, 32, 64, 128, 256])), int(rng.choice([7, 14, 28, 56]))
        size = int(rng.choice([1, 3]))
        moved, weights = 8.0 * channels * side**2, 4.0 * channels**2 * size**2
        k = kernel(
            i,
            flop=2.0 * channels**2 * size**2 * side**2,
            moved=moved,
            weights=weights,
            input_shape=(1, channels, side, side),
            output_shape=(1, channels, side, side),
            kernel_size=(size, size),
        )
        out.append(k.model_copy(update={"time_s": truth(k) * float(np.exp(rng.normal(0, 0.03)))}))
    return tuple(out)


ONE = RunConfig(threads=1)


def asked(model: HostKernels, kernels, config: RunConfig = ONE) -> PassKernels:
    found = model.passes(kernels, config, 1, 1)
    assert found is not None
    return found


def profiles(rng, count):
    return [measurement(1.0, model=f"net{i}", kernels=net(rng)) for i in range(count)]


def test_a_measured_kernel_is_looked_up() -> None:
    rng = np.random.default_rng(0)
    rows = profiles(rng, 3)
    found = asked(HostKernels(rows), rows[0].kernels[:5])
    assert all(item.measured for item in found.kernels)
    assert np.isclose(found.known_share, 1.0)
    # The same shape may occur several times: the median of its times counts.
    assert np.allclose([f.time_s for f in found.kernels], [k.time_s for k in rows[0].kernels[:5]], rtol=0.1)


def test_counters_are_scaled_to_the_wall_clock_where_there_is_one() -> None:
    rows = profiles(np.random.default_rng(0), 1)
    counted = sum(k.time_s for k in rows[0].kernels)
    wall = {(rows[0].model_sha256, "openvino", "f32", 1, 1): WallTime(0.8 * counted, 0.02)}
    plain, scaled = HostKernels(rows), HostKernels(rows, wall)
    assert np.isclose(asked(scaled, rows[0].kernels).seconds, 0.8 * asked(plain, rows[0].kernels).seconds)
    assert asked(scaled, rows[0].kernels).deviation < asked(plain, rows[0].kernels).deviation


def test_a_larger_batch_is_another_kernel_with_more_work() -> None:
    rows = profiles(np.random.default_rng(3), 8)
    model, kernels = HostKernels(rows), rows[0].kernels
    larger = at_batch(kernels[0], 4.0)
    assert (larger.flop, larger.weight_bytes) == (4.0 * kernels[0].flop, kernels[0].weight_bytes)
    assert larger.input_shape == (4, *kernels[0].input_shape[1:])
    one, four = asked(model, kernels), asked(model, kernels, RunConfig(threads=1, batch=4))
    assert 2.0 < four.seconds / one.seconds < 6.0
    assert four.known_share < 0.2
    assert four.deviation > one.deviation


def test_a_pass_that_is_mostly_of_a_group_that_was_never_timed_is_not_guessed() -> None:
    model = HostKernels(profiles(np.random.default_rng(3), 2))
    assert model.passes([kernel(0, type="matmul")], ONE, 1, 1) is None
    assert len(model.untimed([kernel(0, type="matmul")], ONE, 1)) == 1


def test_a_small_part_of_a_group_that_was_never_timed_is_as_unsure_as_its_share() -> None:
    rows = profiles(np.random.default_rng(3), 4)
    model = HostKernels(rows)
    plain = asked(model, rows[0].kernels)
    found = asked(model, (*rows[0].kernels, kernel(99, type="matmul", flop=1e8, weights=0.0)))
    assert 0.0 < found.unseen_share["matmul"] < 0.5
    assert plain.unseen_share == {}
    assert found.deviation > 0.8 * found.unseen_share["matmul"]


def test_a_type_that_was_never_timed_is_as_unsure_as_before_anything_was() -> None:
    """Alike types say how long it may take, and not how sure that is."""
    rows = profiles(np.random.default_rng(3), 8)
    model = HostKernels(rows)
    new = [kernel(0, input_shape=(1, 72, 28, 28), output_shape=(1, 72, 28, 28), flop=1.3e8)]
    grouped = [new[0].model_copy(update={"type": "groupconv", "groups": 4})]
    known, unseen = asked(model, new), asked(model, grouped)
    assert known.unseen_share == {}
    assert unseen.unseen_share == {"groupconv": 1.0}
    assert unseen.deviation > 0.7 > 2.0 * known.deviation
    rows[0] = rows[0].model_copy(
        update={"kernels": (*rows[0].kernels, grouped[0].model_copy(update={"time_s": 3e-3, "flop": 3e8}))}
    )
    seen = asked(HostKernels(rows), grouped)
    assert seen.unseen_share == {}
    assert seen.deviation < unseen.deviation


def test_unseen_networks_are_predicted_and_the_interval_covers() -> None:
    rng = np.random.default_rng(5)
    model = HostKernels(profiles(rng, 12))
    errors, inside = [], []
    for _ in range(20):
        # Odd sizes that no profile holds.
        unseen = []
        for i in range(20):
            channels, side, size = int(rng.integers(12, 300)), int(rng.integers(6, 60)), int(rng.choice([1, 3]))
            unseen.append(
                kernel(
                    i,
                    flop=2.0 * channels**2 * size**2 * side**2,
                    moved=8.0 * channels * side**2,
                    weights=4.0 * channels**2 * size**2,
                    input_shape=(1, channels, side, side),
                    output_shape=(1, channels, side, side),
                    kernel_size=(size, size),
                )
            )
        found = asked(model, unseen)
        error = np.log(sum(truth(k) for k in unseen) / found.seconds)
        errors.append(abs(error))
        inside.append(abs(error) < Z90 * found.deviation)
    assert np.median(errors) < 0.08
    assert np.mean(inside) >= 0.6


def test_threads_that_were_not_profiled_take_the_nearest() -> None:
    model = HostKernels(profiles(np.random.default_rng(1), 1))
    assert model.threads_near("openvino", "f32", 4) == 1
    assert model.threads_near("openvino", "int8", 4) is None


def test_kernels_of_one_disturbed_profile_are_one_witness() -> None:
    """A network timed beside a neighbour says little more than one of its kernels, and quiet networks overrule it."""
    rng = np.random.default_rng(7)
    quiet = profiles(rng, 8)
    slow = Interference(dirty=True, reference_slowdown=2.4)
    kernels = net(rng, 60)
    busy = measurement(
        1.0, model="busy", kernels=tuple(k.model_copy(update={"time_s": 2.0 * k.time_s}) for k in kernels)
    )
    busy = busy.model_copy(update={"interference": slow})
    unseen = [k.model_copy(update={"output_shape": (1, 63, 27, 27), "time_s": None}) for k in kernels]
    true = sum(truth(k) for k in unseen)
    alone, among = asked(HostKernels([busy]), unseen), asked(HostKernels([*quiet, busy]), unseen)
    assert alone.deviation > 0.2
    assert abs(np.log(among.seconds / true)) < 0.2
    assert among.deviation < alone.deviation


def test_what_takes_no_time_in_other_networks_takes_none_in_a_new_one() -> None:
    rows = profiles(np.random.default_rng(3), 4)
    view = kernel(99, type="reorder", original_type="Reorder", flop=0.0, weights=0.0, output_shape=(1, 72, 1, 1))
    rows[0] = rows[0].model_copy(update={"kernels": (*rows[0].kernels, view.model_copy(update={"time_s": 0.0}))})
    model = HostKernels(rows)
    wider = view.model_copy(update={"output_shape": (1, 144, 1, 1)})
    plain, with_view = asked(model, rows[1].kernels), asked(model, (*rows[1].kernels, wider))
    assert with_view.seconds == plain.seconds
    # The same layer on a map moves it, and of such none was timed.
    moved = view.model_copy(update={"output_shape": (1, 72, 28, 28)})
    assert asked(model, (*rows[1].kernels, moved)).unseen_share["reorder"] > 0


def test_tokens_that_are_maps_already_do_not_make_other_reorders_free() -> None:
    rows = profiles(np.random.default_rng(3), 4)
    facts = {
        "type": "reorder",
        "original_type": "Reorder",
        "flop": 0.0,
        "weights": 0.0,
        "implementation": "reorder_f32",
    }
    view = kernel(90, **facts, input_shape=(1, 784, 64), output_shape=(1, 64, 28, 28), time_s=0.0)
    moved = kernel(91, **facts, input_shape=(1, 64, 28, 28), output_shape=(1, 64, 28, 28), time_s=4e-5)
    rows[0] = rows[0].model_copy(update={"kernels": (*rows[0].kernels, view, view, view, moved)})
    model = HostKernels(rows)
    wider = {"input_shape": (1, 784, 96), "output_shape": (1, 96, 28, 28), "time_s": None}
    assert asked(model, (*rows[1].kernels, view.model_copy(update=wider))).kernels[-1].time_s == 0.0
    wider["input_shape"] = (1, 96, 28, 28)
    assert asked(model, (*rows[1].kernels, moved.model_copy(update=wider))).kernels[-1].time_s > 1e-5


def test_kernels_of_which_half_took_time_are_not_free() -> None:
    rows = profiles(np.random.default_rng(3), 4)
    seen = kernel(
        90, type="reorder", original_type="Reorder", flop=0.0, weights=0.0, implementation="reorder_f32",
        input_shape=(1, 784, 64), output_shape=(1, 64, 28, 28), time_s=0.0,
    )  # fmt: skip
    wider = seen.model_copy(update={"input_shape": (1, 784, 96), "output_shape": (1, 96, 28, 28), "time_s": None})
    for times_s, free in (((0.0, 0.0, 4e-5), True), ((0.0, 4e-5), False)):
        kernels = [seen.model_copy(update={"time_s": time_s}) for time_s in times_s]
        model = HostKernels([rows[0].model_copy(update={"kernels": (*rows[0].kernels, *kernels)}), *rows[1:]])
        assert (asked(model, (*rows[1].kernels, wider)).kernels[-1].time_s == 0.0) is free


def test_a_kernel_is_the_same_in_a_network_of_another_precision() -> None:
    rng = np.random.default_rng(5)
    softmax = kernel(50, type="softmax", original_type="Softmax", flop=0.0, weights=0.0, kernel_size=(), strides=())
    plain = measurement(1.0, model="plain", kernels=(*net(rng), softmax.model_copy(update={"time_s": 3e-5})))
    quantised = measurement(1.0, model="other", kernels=net(rng), precision="int8")
    int8 = RunConfig(threads=1, precision="int8")
    found = HostKernels([plain, quantised]).passes([softmax], int8, 1, 1)
    assert found is not None
    assert found.kernels[0].measured
    # But nothing that computes in int8 was timed.
    assert HostKernels([plain]).passes([kernel(0, precision="u8")], int8, 1, 1) is None
