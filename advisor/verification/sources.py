"""Pictures of one camera: a file in a loop, a live stream that may go away, frames that arrive decoded."""

from __future__ import annotations

import contextlib
import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
import numpy as np

from advisor.addresses import source
from advisor.clock import Clock
from advisor.records.codec import coded_size, usual_bitrate_kbps

from .decode import SourceError, SourceGone
from .frames import Frame
from .hardware import acceleration
from .setup import Feed

BACK_OFF_S = (0.5, 1.0, 2.0, 4.0, 8.0)
OPEN_TIMEOUT_S = 5.0
STALL_S = 2.0
"""A live camera that delivers nothing for so long is reported as stalled, and connected anew."""
RING = 8
NO_FRAME = -1
"""Number of a packet that no frame stands for."""
AHEAD_MAX = 16
"""Pictures that a file may be decoded ahead: the deepest reordering that H.264 and H.265 know."""
BURST_MAX_S = 1.0
"""What a camera sent while the connection was made arrives at once; for so long after that, at most."""
KEYLESS_S = 5.0
"""A camera that sends no key frame for so long refreshes its pictures by parts: it is then taken as it is."""
PICTURELESS_S = 5.0
"""A live camera whose packets give no picture for so long has changed what it sends, and is connected anew."""


class FileSource:
    """A video file in an endless loop, decoded by one thread as its turn comes; every call gives one picture.

    The next packet is the one after the last that was decoded, also when frames were dropped in between: the pictures
    stay whole, and a dropped frame costs nothing. A decoder that reorders is fed ahead by as many packets as it holds
    back, once: from then on each call feeds one packet and takes one picture in order of presentation, across the end
    of the file too. What precedes the first key frame cannot be decoded and is passed over.
    """

    def __init__(self, path: str, device: str | None = None) -> None:
        self._path, self._device = path, device
        self.reading = False
        self._pictures: deque[Any] = deque()
        self._whole = True
        """Whether the file may hold a key frame: all that precedes it is passed over."""
        self._given = 0
        """Pictures since the file began anew."""
        self._open()

    @property
    def codec(self) -> str:
        """Name of the codec in FFmpeg's words."""
        return str(self._stream.codec_context.name)

    @property
    def rate_per_s(self) -> float | None:
        """Rate at which it was recorded; a raw stream has no duration and does not say."""
        rate = self._stream.average_rate
        return float(rate) if rate and self._stream.duration else None

    def decode(self, frame: Frame) -> Sequence[tuple[int, Any]]:
        """Decode the picture of a frame; see :class:`advisor.verification.decode.Source`."""
        return [(frame.sequence, self._next())]

    def play(self, pictures: int) -> None:
        """Play so many pictures before the run; what cannot be decoded ends it, and is reported when its turn comes."""
        with contextlib.suppress(SourceError):
            for _ in range(pictures):
                self._next()

    def _next(self) -> Any:
        if len(self._pictures) <= AHEAD_MAX:
            self._feed()
        while not self._pictures:
            self._feed()
        return self._pictures.popleft()

    def _open(self) -> None:
        address = source(self._path)
        claim = {} if self._device is None else {"hwaccel": acceleration(self._device)}
        try:
            self._container: Any = av.open(address.target, options=address.options, **claim)
            self._stream: Any = self._container.streams.video[0]
        except (OSError, RuntimeError, ValueError, av.error.FFmpegError, IndexError) as error:
            raise SourceGone(f"{self._path} cannot be opened as video ({error})") from error
        if self._stream.codec_context is None:
            raise SourceGone(f"{self._path} is of a codec that is not known here")
        self._stream.thread_type = "NONE"
        self._stream.codec_context.thread_count = 1
        self._begin()

    def _begin(self) -> None:
        self._packets: Any = self._container.demux(self._stream)
        self._skip = self._whole
        self._given = 0

    def _feed(self) -> None:
        """Decode one packet; at the end of the file take what the decoder still holds and begin anew."""
        packet = self._read()
        if packet is None:
            self._take(None)
            if not self._given:
                raise SourceGone(f"{self._path}: holds no picture that can be decoded")
            self._rewind()
            packet = self._read()
        if packet is not None:
            self._take(packet)

    def _take(self, packet: Any) -> None:
        try:
            pictures = self._stream.codec_context.decode(packet)
        except av.error.FFmpegError as error:
            raise SourceError(f"{self._path}: a packet cannot be decoded ({error})") from error
        self._given += len(pictures)
        self._pictures += pictures

    def _read(self) -> Any:
        """Next packet of a pass through the file; None at its end."""
        self.reading = True
        try:
            for packet in self._packets:
                if packet.size == 0:
                    continue
                if self._skip and not packet.is_keyframe:
                    continue
                self._skip = False
                return packet
        except av.error.FFmpegError as error:
            if not self._given:
                raise SourceGone(f"{self._path}: damaged ({error})") from error
            self._rewind()
            raise SourceError(f"{self._path}: damaged ({error})") from error
        finally:
            self.reading = False
        if self._skip:  # no key frame in the whole file: its pictures are refreshed by parts, or damaged
            self._whole = False
            self._rewind()
            return self._read()
        return None

    def _rewind(self) -> None:
        try:
            self._container.seek(0)
            self._stream.codec_context.flush_buffers()
        except (OSError, av.error.FFmpegError):  # no index to seek by, as in a raw stream: open it once more
            self._container.close()
            self._open()
            return
        self._begin()

    def close(self) -> None:
        self._container.close()


class RawSource:
    """Frames that arrive decoded, as from a machine-vision camera: a ring of seeded pictures, handed out in turn."""

    def __init__(self, size: tuple[int, int], seed: int) -> None:
        rng = np.random.default_rng([seed, 4])
        width, height = size
        coarse = rng.integers(0, 256, (RING, -(-height // 16), -(-width // 16), 3), dtype=np.uint8)
        self._ring = [
            np.ascontiguousarray(picture.repeat(16, axis=0).repeat(16, axis=1)[:height, :width]) for picture in coarse
        ]
        self._next = 0

    def next(self) -> Any:
        """Hand out the next picture."""
        self._next = (self._next + 1) % RING
        return self._ring[self._next]


@dataclass(eq=False, slots=True)
class Arrival:
    """A packet of a live camera, for one frame."""

    context: Any
    """Decoder of its connection."""
    packet: Any
    before: list[Any]
    """Packets that the decoder must have seen before, and that no frame stands for any more, oldest first."""
    presented: int | None
    """Its place in the order of presentation, in units of the stream; None where it carries no time stamp."""
    is_key: bool
    """Whether decoding can begin here."""


class LiveSource:
    """A stream that comes by itself: frames are released as they arrive; connects anew with growing pauses.

    ``arrived(feed, arrival)`` is called for every packet from :meth:`count_from_now` on, ``status(index, text)`` when
    the camera goes and comes. What was sent while the connection was made, and what precedes the first key frame, is
    no frame's: the decoder sees what it needs of it together with the next packet.
    """

    reading = False  # what decodes is handed packets; its own thread reads them, and look() watches it
    codec = ""
    rate_per_s = None

    def __init__(
        self,
        feed: Feed,
        clock: Clock,
        arrived: Callable[[Feed, Arrival], None],
        status: Callable[[int, str], None],
        device: str | None = None,
    ) -> None:
        assert feed.source is not None
        self._feed, self._address, self._clock, self._device = feed, source(feed.source), clock, device
        self._heard_s = clock.now_s()
        self._silent = False
        self._arrived, self._status = arrived, status
        self._stop = threading.Event()
        self._again = threading.Event()
        self._counting = threading.Event()
        self._in_use: Any = None
        self._picture_s: float | None = None
        self.connected = threading.Event()
        """Set once frames could be counted: the burst of the beginning is over and a key frame has come."""
        self.thread = threading.Thread(target=self._run, name=f"live-{feed.name}", daemon=True)

    def count_from_now(self) -> None:
        """Let the frames that arrive from now on be counted."""
        self._counting.set()

    def decode(self, frame: Frame) -> Sequence[tuple[int, Any]]:
        """Decode the packet of a frame; see :class:`advisor.verification.decode.Source`.

        A packet's own time stamps may be missing, repeated or wrong: the decoder is given the frame's number instead,
        and returns it with the picture.
        """
        arrival: Arrival = frame.packet
        context, now_s = arrival.context, self._clock.now_s()
        if context is not self._in_use:
            self._in_use, self._picture_s = context, now_s
        pictures: list[tuple[int, Any]] = []
        try:
            for number, packet in (
                *((NO_FRAME, packet) for packet in arrival.before),
                (frame.sequence, arrival.packet),
            ):
                packet.pts = number
                pictures += ((picture.pts, picture) for picture in context.decode(packet))
        except av.error.FFmpegError as error:
            self._watch_pictures(now_s)
            raise SourceError(f"{self._feed.name}: a packet cannot be decoded ({error})") from error
        if pictures:
            self.codec, self._picture_s = str(context.name), now_s
        else:
            self._watch_pictures(now_s)
        return pictures

    def _watch_pictures(self, now_s: float) -> None:
        if self._picture_s is not None and now_s - self._picture_s > PICTURELESS_S:
            self._picture_s = None
            self._again.set()

    def look(self) -> None:
        """Report a camera that has been silent for too long; reading from a pipe does not end by itself."""
        silence_s = self._clock.now_s() - self._heard_s
        if silence_s > STALL_S and not self._silent:
            self._silent = True
            self._status(self._feed.index, f"stalled: nothing came for {silence_s:.0f} s")

    def stop(self) -> None:
        """Ask it to end."""
        self._stop.set()

    def close(self) -> None:
        self._stop.set()
        self.thread.join(timeout=STALL_S)  # one that sits in a silent pipe is left behind

    def _run(self) -> None:
        attempt = 0
        self._heard_s = self._clock.now_s()
        while not self._stop.is_set():
            before = self._came
            try:
                self._play()
                text = "ended"
            except SourceError as error:
                text = str(error)
            except (OSError, RuntimeError, ValueError, AttributeError, av.error.FFmpegError, IndexError) as error:
                text = f"lost: {type(error).__name__}"
            if self._stop.is_set():
                return  # ended because we did, which says nothing about the camera
            self._status(self._feed.index, f"{text}, connecting again")
            attempt = 0 if self._came > before else attempt
            self._stop.wait(BACK_OFF_S[min(attempt, len(BACK_OFF_S) - 1)])
            attempt += 1

    _came = 0
    """Packets that came, over all connections."""

    def _play(self) -> None:
        """Hand on packets until the stream ends."""
        self._again.clear()
        with av.open(
            self._address.target, options=self._address.options, timeout=(OPEN_TIMEOUT_S, STALL_S)
        ) as container:
            stream: Any = container.streams.video[0]
            context = self._decoder(stream)
            beginning = _Beginning(self._clock.now_s(), 0.5 / self._feed.rate_per_s)
            told = False
            for packet in container.demux(stream):
                if self._stop.is_set():
                    return
                if self._again.is_set():
                    raise SourceError("sends nothing that can be decoded")
                if packet.size == 0:
                    continue
                self._heard_s = self._clock.now_s()
                self._came += 1
                if not told or self._silent:
                    self._status(self._feed.index, "ok")
                    told, self._silent = True, False
                over = beginning.is_over(self._heard_s, packet)
                if over:
                    self.connected.set()
                if over and self._counting.is_set():
                    arrival = Arrival(context, packet, beginning.take(), packet.pts, packet.is_keyframe)
                    self._arrived(self._feed, arrival)
                else:
                    beginning.keep(packet)

    def _decoder(self, stream: Any) -> Any:
        if stream.codec_context is None:
            raise SourceError("sends a codec that is not known here")
        claim = None if self._device is None else acceleration(self._device)
        context: Any = av.CodecContext.create(stream.codec_context.name, "r", claim)
        context.extradata = stream.codec_context.extradata
        context.thread_count = 1
        return context


class _Beginning:
    """What a connection delivers before its frames count: the burst after it was made, and no key frame yet."""

    def __init__(self, opened_s: float, live_gap_s: float) -> None:
        self._opened_s, self._live_gap_s = opened_s, live_gap_s
        self._heard_s: float | None = None
        self._burst = self._keyless = True
        self._kept: list[Any] = []

    def is_over(self, now_s: float, packet: Any) -> bool:
        """Say whether a packet that came now counts.

        The burst is over with the first packet that had to be waited for.
        """
        gap_s = 0.0 if self._heard_s is None else now_s - self._heard_s
        self._heard_s = now_s
        if gap_s >= self._live_gap_s or now_s - self._opened_s > BURST_MAX_S:
            self._burst = False
        if packet.is_keyframe:
            self._keyless = False
            self._kept.clear()  # nothing before it is needed to decode it
        elif now_s - self._opened_s > KEYLESS_S:
            self._keyless = False
        return not (self._burst or self._keyless)

    def keep(self, packet: Any) -> None:
        """Keep a packet that does not count, but that later ones may refer to."""
        self._kept.append(packet)

    def take(self) -> list[Any]:
        """Hand over what was kept."""
        kept, self._kept = self._kept, []
        return kept


def clip_bitrate_kbps(feed: Feed) -> float:
    """Bit rate of a synthesised clip [1000 bit/s]: the scenario's, else a usual one for surveillance cameras."""
    if feed.bitrate_kbps is not None:
        return feed.bitrate_kbps
    return usual_bitrate_kbps(str(feed.codec), *feed.size, feed.rate_per_s)


def clip_for(feed: Feed, directory: Path, seed: int) -> Path:
    """Synthesise (or find) the clip that a camera without a source of its own plays."""
    from advisor.measure.items.clips import ClipRequest, synthesise

    assert feed.codec is not None
    assert feed.codec != "raw"
    wanted = ClipRequest(
        *coded_size(feed.size), feed.rate_per_s, feed.codec, clip_bitrate_kbps(feed), feed.gop_frames, seed=seed
    )
    return synthesise(wanted.path_in(directory), wanted)
