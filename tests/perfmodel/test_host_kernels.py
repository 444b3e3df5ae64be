import numpy as np

from advisor.perfmodel.host_kernels import HostKernels, total
from advisor.records.config import RunConfig

from .makers import kernel, measurement


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


def profiles(rng, count):
    return [measurement(1.0, model=f"net{i}", kernels=net(rng)) for i in range(count)]


def test_a_measured_kernel_is_looked_up():
    rng = np.random.default_rng(0)
    rows = profiles(rng, 3)
    found = HostKernels(rows).times(rows[0].kernels[:5], RunConfig(threads=1), 1)
    assert all(item.measured for item in found)
    # The same shape may occur several times: the median of its times counts.
    assert np.allclose([f.time_s for f in found], [k.time_s for k in rows[0].kernels[:5]], rtol=0.1)


def test_unseen_networks_are_predicted_and_the_interval_covers():
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
        seconds, deviation = total(model.times(unseen, RunConfig(threads=1), 1))
        error = np.log(sum(truth(k) for k in unseen) / seconds)
        errors.append(abs(error))
        inside.append(abs(error) < 1.2816 * deviation)
    assert np.median(errors) < 0.08
    assert np.mean(inside) >= 0.6


def test_threads_that_were_not_profiled_take_the_nearest():
    model = HostKernels(profiles(np.random.default_rng(1), 1))
    assert model.threads_near("openvino", "f32", 4) == 1
    assert model.threads_near("openvino", "int8", 4) is None
