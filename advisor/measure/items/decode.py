"""What decoding a frame costs a core, alone and while other decoders run."""

from __future__ import annotations

import importlib.metadata
import itertools
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any, ClassVar, Self

from advisor.errors import InputError, RuntimeRefusal, SizerError
from advisor.measure.timing import micro_record
from advisor.measure.timing.meter import make_meter
from advisor.measure.worker.job import JobOutcome, each
from advisor.records.codec import coded_size
from advisor.records.measurement import MicroBenchmark, MicroFailure

from . import clips
from .item import MeasureContext, SingleJobItem, WorkerSetup

_BLOCK_S = 0.1


@dataclass(frozen=True)
class DecodeItem(SingleJobItem):
    """What decoding a video stream costs, for several numbers of streams at once."""

    plural: ClassVar[str] = "timings of decoding"

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
        """Name of the figure; on a device it begins differently, as what is left to the cores is not the whole cost."""
        kind = "decode" if self.device is None else f"hwdecode/{self.device}"
        return f"{kind}/{self.codec}/{self.width}x{self.height}/{self.bitrate_kbps:g}kbps/n{streams}"

    def keys(self, host_fingerprint: str) -> tuple[str, ...]:
        return tuple(self.streams_by_key(host_fingerprint))

    def streams_by_key(self, host_fingerprint: str) -> dict[str, int]:
        """Key of each figure, with its number of streams; another PyAV brings another FFmpeg."""
        parameters = {"av": importlib.metadata.version("av"), "fps": f"{self.fps:g}", "clip": str(clips.CLIP_VERSION)}
        several = {**parameters, "turns": "1"}
        return {
            micro_record.micro_key(self.name(n), host_fingerprint, parameters if n == 1 else several): n
            for n in self.streams
        }

    @property
    def label(self) -> str:
        return f"decode {self.codec} {self.width}x{self.height}" + (f" on {self.device}" if self.device else "")

    @property
    def process(self) -> None:
        """None: other decoders would share the caches, and a hang is bounded by the duration of this one."""
        return

    @property
    def estimate_s(self) -> float:
        return 2.5

    def worker(self) -> WorkerSetup:
        timeout_s = 30.0 + 10 * self.duration_s
        return WorkerSetup("advisor.measure.items.decode:decode_job", timeout_s, on_import=("av",))

    def payloads(self, context: MeasureContext) -> Mapping[str, dict[str, Any]]:
        path = str(self._clip().path_in(context.clip_directory))
        return {
            key: {
                "path": path,
                "name": self.name(streams),
                "streams": streams,
                "duration_s": self.duration_s,
                "device": self.device,
            }
            for key, streams in self.streams_by_key(context.host_fingerprint).items()
        }

    def to_result(self, outcome: JobOutcome, host_fingerprint: str) -> MicroBenchmark | MicroFailure:
        """Core time per frame [s]; the parameters hold frames/s of all streams together, the real bit rate, and of
        several streams the core time per frame of one alone, in turns with them.
        """
        streams = self.streams_by_key(host_fingerprint)[outcome.id]
        return micro_record.to_result(outcome, self.name(streams), host_fingerprint)

    @classmethod
    def measure(cls, items: Sequence[Self], context: MeasureContext) -> None:
        """Synthesise the clip, then decode it in a worker, one thread per stream."""
        for item in items:
            wanted = item._clip()
            try:
                clips.synthesise(wanted.path_in(context.clip_directory), wanted)
            except SizerError as error:
                if error.exit_code == 2:
                    raise  # the folder or the request is at fault, not the codec
                for key in item.keys(context.host_fingerprint):
                    failed = JobOutcome(key, "failed", failure=str(error))
                    context.keep(item.to_result(failed, context.host_fingerprint))
            else:
                super().measure([item], context)

    def _clip(self) -> clips.ClipRequest:
        return clips.ClipRequest(*coded_size((self.width, self.height)), self.fps, self.codec, self.bitrate_kbps)


def _decode(payload: dict[str, Any]) -> dict[str, Any]:
    """Inside the worker: decode for a while on n threads."""
    path = Path(payload["path"])
    codec, extradata, packets = packets_of(path)
    streams = int(payload["streams"])
    device = payload["device"]
    loops = [DecodeLoop(codec, extradata, packets, device) for _ in range(streams)]
    for loop in loops:
        loop.run_until(0.0, min_frames=1)
        loop.play_out()  # caches warm, threads' buffers allocated
        loop.require_device()
    meter = make_meter()
    meter.start()
    costs: list[float] = []
    rates: list[float] = []
    cpu_s, all_frames = 0.0, 0
    alone_cpu_s, alone_frames = 0.0, 0
    end_s = time.perf_counter() + payload["duration_s"] * min(streams, 2)
    while time.perf_counter() < end_s or not costs:
        block_cpu_s, frames, wall_s = _block(loops)
        cpu_s, all_frames = cpu_s + block_cpu_s, all_frames + frames
        costs.append(block_cpu_s / frames)
        rates.append(frames / wall_s)
        if streams > 1:  # in turns: from second to second a machine changes by more than what is looked for
            block_cpu_s, frames, _ = _block(loops[:1])
            alone_cpu_s, alone_frames = alone_cpu_s + block_cpu_s, alone_frames + frames
    for loop in loops:
        loop.play_out()
        cpu_s, all_frames = cpu_s + loop.cpu_s, all_frames + loop.frames
    info = clips.clip_info(path)
    seen = meter.stop()
    figure = micro_record.figure(
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
        **loops[0].key_frames(),
        **({} if streams == 1 else {"alone_s": f"{alone_cpu_s / alone_frames:.5g}"}),
    )
    return {**figure, "interference": seen.model_dump(mode="json")}


decode_job = each(_decode)


@dataclass(frozen=True)
class Packet:
    """A coded frame."""

    coded: bytes
    key: bool
    """Whether it is decoded without any other frame."""


def packets_of(clip: Path) -> tuple[str, bytes | None, list[Packet]]:
    """Read a clip: its codec, the decoder's extra data and the packets."""
    import av

    with av.open(str(clip)) as container:
        stream = container.streams.video[0]
        packets = [Packet(bytes(packet), packet.is_keyframe) for packet in container.demux(stream) if packet.size]
        return stream.codec_context.name, stream.codec_context.extradata, packets


def _block(loops: Sequence[DecodeLoop]) -> tuple[float, int, float]:
    """Let decoders run side by side for a while: their CPU time [s], frames, and the time that it took [s]."""
    started_s = time.perf_counter()
    threads = [
        threading.Thread(target=loop.run_until, args=(started_s + _BLOCK_S, 1), name=f"decode-{k}")
        for k, loop in enumerate(loops)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(loop.cpu_s for loop in loops), sum(loop.frames for loop in loops), time.perf_counter() - started_s


class DecodeLoop:
    """One decoder that plays the same packets forever."""

    def __init__(
        self, codec: str, extradata: bytes | None, packets: Sequence[Packet], device: str | None = None
    ) -> None:
        import av

        self._device = device
        self._context: Any = av.CodecContext.create(codec, "r", hwaccel=open_device(device))
        if extradata:
            self._context.extradata = extradata
        self._context.thread_count = 1
        self._packets = itertools.cycle([*((av.Packet(packet.coded), packet.key) for packet in packets), None])
        self._between = True
        self._frames_s: dict[bool, list[float]] = {True: [], False: []}
        """CPU time of each key frame, and of each other."""
        self.frames = 0
        self.cpu_s = 0.0

    def require_device(self) -> None:
        """Refuse a decoder that FFmpeg silently left in software, once it has decoded a frame.

        Raises
        ------
        RuntimeRefusal
            A device was requested and is not in use.
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

    def key_frames(self) -> dict[str, str]:
        """Median CPU time of key frames over that of the others, as ``key_factor``; nothing where one kind is missing.

        Nor on a device, whose time is not this thread's.
        """
        key_s, plain_s = self._frames_s[True], self._frames_s[False]
        if self._device is not None or not key_s or not plain_s:
            return {}
        return {"key_factor": f"{median(key_s) / median(plain_s):.4g}"}

    def _step(self) -> None:
        item = next(self._packets)
        self._between = item is None
        if item is None:
            # The clip starts again with a key frame: forget what came before, as a decoder does on a new stream.
            self.frames += len(self._context.decode(None))
            self._context.flush_buffers()
            return
        packet, key = item
        begun_s = time.thread_time()
        self.frames += len(self._context.decode(packet))
        self._frames_s[key].append(time.thread_time() - begun_s)


def hardware_devices() -> tuple[str, ...]:
    """Kinds of decoding device that this FFmpeg was built with: whether one is here, only decoding a frame shows."""
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
