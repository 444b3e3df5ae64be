"""What one simulated run has shown."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def quantile(ascending: Floats, share: float) -> float:
    """:func:`numpy.quantile` of one or more numbers that are in order already, to the last digit and much faster."""
    place = (len(ascending) - 1) * share
    low = math.floor(place)
    first, second = float(ascending[low]), float(ascending[min(low + 1, len(ascending) - 1)])
    part, step = place - low, second - first
    return first + step * part if part < 0.5 else second - step * (1.0 - part)


Counts = NDArray[np.int64]


@dataclass(frozen=True)
class StageResult:
    """One stage in the measured window; means are None if nothing happened."""

    id: str
    calls_per_s: float
    """Batches finished per second."""
    items_per_s: float
    mean_batch: float | None
    mean_wait_s: float | None
    """From the arrival of an item in the stage's queue to the start of its batch [s]."""
    mean_service_s: float | None
    """From the start of a batch, pre-processing included, to its end [s]."""
    busy_core_s: float
    """Core time taken in the window [s]."""
    stream_utilisation: float
    """Mean share of the inference streams that were held."""
    drops: int
    """Frames that this stage's queue refused or threw out."""


@dataclass(frozen=True)
class SimResult:
    """One run: exact counts over all of it, everything else over the window behind the warm-up."""

    released: int
    done: int
    dropped: int
    in_flight: int
    """Whole run; released = done + dropped + in_flight exactly."""
    window_s: float
    camera_fps: Floats
    """Frames done per second of the window, per camera; the window's edges cost or give a camera up to one frame."""
    camera_released: Counts
    camera_drops: Counts
    camera_longest_gap_s: Floats
    """Longest time without a frame done, the window's edges included [s]."""
    latencies_s: Floats
    """Done - released of every frame that was released in the window and is done [s]."""
    latency_cameras: Counts
    """Camera of each of ``latencies_s``, numbered as in the spec."""
    stages: tuple[StageResult, ...]
    utilisation: float
    """Mean share of the cores that is busy; with a partition over all of them together."""
    pool_utilisation: dict[str, float]
    """The same for each reserved part by its name, and ``"shared"`` for the rest, where there is one."""
    busy_core_s: dict[str, float]
    """Core time in the window per stage id, ``"application"`` and ``"decode"`` [s]."""
    device_utilisation: dict[str, float]
    """Mean share of each device, and of the decoding engine, that is busy; empty without any."""
    decode_wait_s: float | None
    """Mean time from release to start of decode [s]."""
    bandwidth_bytes_per_s: float
    """Mean traffic with main memory [B/s]."""
    bandwidth_utilisation: float | None
    mean_in_system: float
    """Frames released and neither done nor dropped, mean over the window."""
    queue_growth_per_s: float
    """Growth of that number: second half of the window against the first, per second [1/s]."""
    oldest_in_flight_s: float
    """Age of the oldest frame still under way at the end; 0 with none [s]."""

    def without_samples(self) -> SimResult:
        """The same without the figures of single frames, of which thousands of runs would fill the memory."""
        return replace(self, latencies_s=self.latencies_s[:0].copy(), latency_cameras=self.latency_cameras[:0].copy())

    def latency_s(self, quantile: float) -> float | None:
        """Quantile (0..1) of the latencies of all cameras in the window [s]; None if no frame was done."""
        return None if self.latencies_s.size == 0 else float(np.quantile(self.latencies_s, quantile))

    def slowest_camera_latencies_s(self, quantile: float) -> Floats:
        """Latencies of the camera whose quantile (0..1) is the largest, ascending [s].

        Cameras differ for as long as they run: by their stages, and by whose frames always come just before theirs.
        """
        if self.latencies_s.size == 0:
            return self.latencies_s
        # By camera in linear time, and within each camera without the places: several times faster than one argsort.
        small = np.uint16 if int(self.latency_cameras.max()) < 2**16 else np.int64
        ordered = self.latencies_s[np.argsort(self.latency_cameras.astype(small), kind="stable")]
        counts = np.bincount(self.latency_cameras)
        counts = counts[counts > 0]
        starts = np.cumsum(counts) - counts
        for start, count in zip(starts.tolist(), counts.tolist(), strict=True):
            ordered[start : start + count].sort()
        place = quantile * (counts - 1)
        low = starts + np.floor(place).astype(np.int64)
        high = np.minimum(low + 1, starts + counts - 1)
        values = ordered[low] + (place % 1.0) * (ordered[high] - ordered[low])
        slowest = int(np.argmax(values))
        return ordered[starts[slowest] : starts[slowest] + counts[slowest]]

    @property
    def latency_p50_s(self) -> float | None:
        """Median latency [s]."""
        return self.latency_s(0.50)

    @property
    def latency_p95_s(self) -> float | None:
        """95th percentile of latency [s]."""
        return self.latency_s(0.95)

    @property
    def drops_fraction(self) -> float:
        """Frames dropped in the window against frames released in it; 0 where none was released."""
        released = int(self.camera_released.sum())
        return float(self.camera_drops.sum()) / released if released else 0.0
