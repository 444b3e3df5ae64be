"""What decoding a frame costs a core, alone and beside other decoders."""

from __future__ import annotations

import importlib.metadata
import itertools
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from advisor.errors import Inconclusive, InputError, RuntimeRefusal, SizerError
from advisor.measure.timing import micro_record
from advisor.measure.timing.meter import make_meter
from advisor.measure.worker.job import Job, JobItem, Outcome, each
from advisor.measure.worker.run import run_job
from advisor.records.measurement import MicroBenchmark, MicroFailure

from . import clips

_BLOCK_S = 0.1


@dataclass(frozen=True)
class DecodeRequest:
    """A stream to decode, and how many of it at once."""

    codec: clips.CodecName
    width: int
    height: int
    bitrate_kbps: float
    fps: float = 15.0
    streams: tuple[int, ...] = (1,)
    duration_s: float = 0.5
    """Measured time for each number of streams [s]."""
    device: str | None = None
    """Kind of a decoding device, such as cuda or qsv; None: decode in software."""

    def name(self, streams: int) -> str:
        """Name of the figure; on a device it begins otherwise, as what is left to the cores is no cost of decoding."""
        kind = "decode" if self.device is None else f"hwdecode/{self.device}"
        return f"{kind}/{self.codec}/{self.width}x{self.height}/{self.bitrate_kbps:g}kbps/n{streams}"

    def keys(self, host_fingerprint: str) -> dict[str, int]:
        """Identity of each figure, with its number of streams; another PyAV brings another FFmpeg."""
        parameters = {"av": importlib.metadata.version("av"), "fps": f"{self.fps:g}", "clip": str(clips.CLIP_VERSION)}
        return {micro_record.micro_key(self.name(n), host_fingerprint, parameters): n for n in self.streams}

    @property
    def label(self) -> str:
        """What progress shows."""
        return f"decode {self.codec} {self.width}x{self.height}" + (f" on {self.device}" if self.device else "")


def measure_decode(
    request: DecodeRequest,
    clip_directory: Path,
    host_fingerprint: str,
    keep: Callable[[MicroBenchmark], None] | None = None,
    keep_failure: Callable[[MicroFailure], None] | None = None,
) -> list[MicroBenchmark]:
    """Decode a synthesised clip in a worker, one thread per stream; ``keep`` gets each figure at once.

    Returns
    -------
    list of MicroBenchmark
        One per number of streams; ``value`` is core time per frame [s], the parameters hold frames/s of all streams
        together and the clip's real bit rate.

    Raises
    ------
    Inconclusive
        The clip cannot be made, or the decoder crashed, hung or refused it, and there is no ``keep_failure`` that takes
        it; the reason is quoted.
    """
    keys = request.keys(host_fingerprint)

    def failed(key: str, reason: str) -> None:
        name = request.name(keys[key])
        if keep_failure is None:
            raise Inconclusive(f"{name} failed: {reason}; exclude this codec or mend FFmpeg")
        keep_failure(micro_record.to_failure(name, key, host_fingerprint, reason))

    path = clips.clip_path(
        clip_directory, request.width, request.height, request.fps, request.codec, request.bitrate_kbps
    )
    try:
        clips.synthesise(path, request.width, request.height, request.fps, request.codec, request.bitrate_kbps)
    except SizerError as error:
        if error.exit_code == 2:
            raise  # the folder or the request is at fault, not the codec
        for key in keys:
            failed(key, str(error))
        return []
    items = tuple(
        JobItem(
            key,
            {
                "path": str(path),
                "name": request.name(n),
                "streams": n,
                "duration_s": request.duration_s,
                "device": request.device,
            },
        )
        for key, n in keys.items()
    )
    job = Job("advisor.measure.items.decode:decode_job", items, on_import=("av",))
    found: list[MicroBenchmark] = []

    def arrived(outcome: Outcome) -> None:
        if outcome.value is not None:
            found.append(micro_record.to_record(outcome.value, outcome.id, host_fingerprint))
            if keep is not None:
                keep(found[-1])

    for outcome in run_job(job, 30.0 + 10 * request.duration_s, arrived).outcomes:
        if outcome.failure is not None:
            failed(outcome.id, outcome.failure)
    return found


def _decode(payload: dict[str, Any]) -> dict[str, Any]:
    """Inside the worker: decode for a while on n threads."""
    import av

    path = Path(payload["path"])
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        extradata = stream.codec_context.extradata
        codec = stream.codec_context.name
        packets = [bytes(packet) for packet in container.demux(stream) if packet.size]
    streams = int(payload["streams"])
    device = payload["device"]
    loops = [_Loop(codec, extradata, packets, device) for _ in range(streams)]
    for loop in loops:
        loop.run_until(0.0, min_frames=1)
        loop.play_out()  # caches warm, threads' buffers allocated
        loop.require_device()
    meter = make_meter()
    meter.start()
    costs: list[float] = []
    rates: list[float] = []
    cpu_s, all_frames = 0.0, 0
    end_s = time.perf_counter() + payload["duration_s"]
    while time.perf_counter() < end_s or not costs:
        started_s = time.perf_counter()
        threads = [
            threading.Thread(target=loop.run_until, args=(started_s + _BLOCK_S, 1), name=f"decode-{k}")
            for k, loop in enumerate(loops)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        wall_s = time.perf_counter() - started_s
        frames = sum(loop.frames for loop in loops)
        block_cpu_s = sum(loop.cpu_s for loop in loops)
        cpu_s, all_frames = cpu_s + block_cpu_s, all_frames + frames
        costs.append(block_cpu_s / frames)
        rates.append(frames / wall_s)
    for loop in loops:
        loop.play_out()
        cpu_s, all_frames = cpu_s + loop.cpu_s, all_frames + loop.frames
    info = clips.clip_info(path)
    seen = meter.stop()
    found = micro_record.figure(
        payload["name"],
        costs,
        "s",
        value=cpu_s / all_frames,  # blocks differ in their share of key frames, so their median would be off
        codec=info.codec,
        width=info.width,
        height=info.height,
        streams=streams,
        frames_per_s=f"{sorted(rates)[len(rates) // 2]:.4g}",
        fps=f"{info.fps:g}",
        bitrate_kbps=f"{info.real_bitrate_kbps:.5g}",
        asked_bitrate_kbps=f"{info.bitrate_kbps:g}",
        bitrate_ok=info.bitrate_ok,
        decoder=codec,
        threads_per_stream=1,
        device=device or "software",
    )
    return {**found, "interference": seen.model_dump(mode="json")}


decode_job = each(_decode)


class _Loop:
    """One decoder that plays the same packets for ever."""

    def __init__(
        self, codec: str, extradata: bytes | None, packets: Sequence[bytes], device: str | None = None
    ) -> None:
        import av

        self._device = device
        self._context: Any = av.CodecContext.create(codec, "r", hwaccel=open_device(device))
        if extradata:
            self._context.extradata = extradata
        self._context.thread_count = 1
        self._packets = itertools.cycle([*(av.Packet(packet) for packet in packets), None])
        self._between = True
        self.frames = 0
        self.cpu_s = 0.0

    def require_device(self) -> None:
        """Refuse a decoder that FFmpeg silently left in software, once it has decoded a frame.

        Raises
        ------
        RuntimeRefusal
            A device was asked for and is not in use.
        """
        if self._device is not None and not self._context.is_hwaccel:
            raise RuntimeRefusal(f"device {self._device}: FFmpeg decodes in software instead; it lacks this codec here")

    def run_until(self, end_s: float, min_frames: int) -> None:
        """Decode up to a moment; counts frames and the CPU time of the calling thread."""
        self.frames = 0
        cpu_s = time.thread_time()
        while self.frames < min_frames or time.perf_counter() < end_s:
            self._step()
        self.cpu_s = time.thread_time() - cpu_s

    def play_out(self) -> None:
        """Decode to the end of the clip: key frames get their due share, however few rounds were played."""
        self.frames = 0
        cpu_s = time.thread_time()
        while not self._between:
            self._step()
        self.cpu_s = time.thread_time() - cpu_s

    def _step(self) -> None:
        packet = next(self._packets)
        self._between = packet is None
        if packet is None:
            # The clip starts again with a key frame: forget what came before, as a decoder does on a new stream.
            self.frames += len(self._context.decode(None))
            self._context.flush_buffers()
        else:
            self.frames += len(self._context.decode(packet))


def hardware_devices() -> tuple[str, ...]:
    """Kinds of decoding device that this FFmpeg was built with: whether one is here, only decoding a frame tells."""
    from av.codec.hwaccel import hwdevices_available

    return tuple(hwdevices_available())


def open_device(device: str | None) -> Any:
    """Settings under which a codec decodes on a device and never in software; None for software."""
    if device is None:
        return None
    from av.codec.hwaccel import HWAccel

    return HWAccel(device_type=device, allow_software_fallback=False)


def check_codec(codec: str) -> clips.CodecName:
    """Return a codec that has a decode stage; InputError for others (``raw`` has none)."""
    for known in ("h264", "h265", "mjpeg"):
        if codec == known:
            return known
    raise InputError(f"codec {codec!r} has no decoder to measure; use h264, h265 or mjpeg")
