"""Addresses are taken apart in one place, and no secret in them is shown."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from advisor.addresses import LONGEST, hidden, source, without_secrets
from advisor.errors import InputError

SECRET = "S3cr3t"


@pytest.mark.parametrize(
    "address",
    [
        f"rtsp://admin:{SECRET}@10.0.0.5:554/live",
        f"rtsp:/admin:{SECRET}@10.0.0.5/live",
        f"rtsp:admin:{SECRET}@10.0.0.5/live",
        f"admin:{SECRET}@10.0.0.5/live",
        f"//admin:{SECRET}@10.0.0.5/live",
        f"rtsp://admin:p@ss:{SECRET}@10.0.0.5/live",
        f"rtsp://admin:a/b{SECRET}@10.0.0.5/live",
        f"http://10.0.0.5/snapshot?user=admin&password={SECRET}",
        f"http://10.0.0.5/snapshot?token={SECRET}#now",
        f"postgresql+psycopg://u:{SECRET}@db/x",
        f"postgresql://db/x?user=u&password={SECRET}",
        f"password={SECRET}",
        f"https://{SECRET}@host/x",
    ],
)
@pytest.mark.parametrize("around", ["{}", "cannot open {}: refused", "['{}']", '"{}", next', "url={} (5)"])
def test_no_secret_is_left(address: str, around: str) -> None:
    shown = hidden(around.format(address))
    assert SECRET not in shown
    assert "***" in shown


@pytest.mark.parametrize(
    "text",
    [
        "scenario.yaml, line 3: cameras[0].source: is no text", "plan 12:30 done; see sizer report", "a@b", "x = 5",
        "rtsp://10.0.0.5:554/live cannot be opened", "stages[0].every: '3 frames' or '2/s'; write every: 2/s",
    ],
)  # fmt: skip
def test_what_holds_no_secret_is_left_alone(text: str) -> None:
    assert hidden(text) == text


def test_what_is_needed_to_find_the_camera_is_left() -> None:
    assert (
        hidden(f"rtsp://admin:{SECRET}@cam-3.shop:554/live?channel=1") == "rtsp://***@cam-3.shop:554/live?channel=***"
    )


def test_every_error_hides_when_it_is_made() -> None:
    assert SECRET not in str(InputError(f"rtsp://admin:{SECRET}@host: no such file"))


@pytest.mark.parametrize(
    ("text", "target"),
    [
        ("clips/a.mp4", "file:clips/a.mp4"), ("/dev/video0", "file:/dev/video0"), ("file:/x/a.mp4", "file:/x/a.mp4"),
        ("file:///x/a.mp4", "file:/x/a.mp4"), ("file://localhost/x/a.mp4", "file:/x/a.mp4"),
        ("file:a:b.mp4", "file:a:b.mp4"), ("RTSP://h/x", "rtsp://h/x"), ("rtsps://h:322/x", "rtsps://h:322/x"),
        ("http://[::1]:8080/x", "http://[::1]:8080/x"), ("https://u:p@h/x", "https://u:p@h/x"),
    ],
)  # fmt: skip
def test_ffmpeg_is_told_the_protocol(text: str, target: str) -> None:
    found = source(text)
    assert found.target == target
    assert "file" not in found.options["protocol_whitelist"] or found.options["protocol_whitelist"] == "file"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("pipe:0", "make a FIFO"), ("pipe:", "make a FIFO"), ("concat:a.mp4|b.mp4", "concat: is no protocol"),
        ("tcp://h:1", "no protocol that is allowed"), ("udp://@:1234", "no protocol that is allowed"),
        ("data:text/plain,x", "data: is no protocol"), ("subfile,,start,0,end,9,,:a.mp4", None),
        ("lavfi:testsrc", "lavfi: is no protocol"), ("rtsp:/h/x", "needs two slashes"), ("rtsp://", "names no host"),
        ("rtsp://h:port/x", "its port is no number"), ("rtsp://h:99999/x", "its port is no number"),
        ("u:p@h/x", "has no protocol"), ("", "is empty"), ("  ", "is empty"), ("a\x1b[31m.mp4", "control characters"),
        ("a\nb", "control characters"), ("x" * 5000, "at most 4096"), ("y" * 300, "more than 255"),
        ("file:", "no file"),
        ("cam:1.mp4", "write file: before it"), ("rtsp://h:" + "9" * 5000, "at most 4096"),
    ],
)  # fmt: skip
def test_what_is_not_on_the_list_is_refused_in_one_line(text: str, words: str | None) -> None:
    if words is None:  # a path for us: FFmpeg is told so and does not take it for a protocol
        assert source(text).target.startswith("file:")
        return
    with pytest.raises(ValueError, match=words) as caught:
        source(text)
    assert "\n" not in str(caught.value)


def test_only_what_comes_by_itself_is_live(tmp_path: Path) -> None:
    import os

    os.mkfifo(tmp_path / "camera")
    (tmp_path / "clip.mp4").write_bytes(b"x")
    assert source("rtsp://h/x").live
    assert source(str(tmp_path / "camera")).live
    assert not source(str(tmp_path / "clip.mp4")).live
    assert not source(f"file://{tmp_path / 'clip.mp4'}").live
    assert not source(str(tmp_path / "none.mp4")).live


@given(st.text(max_size=LONGEST + 10))
def test_any_text_is_taken_or_refused(text: str) -> None:
    fault = ""
    try:
        source(text)
    except ValueError as error:
        fault = str(error)
    assert "\n" not in fault


@pytest.mark.parametrize(("address", "left"), [
    ("rtsp://u:p@host:554/s1", "rtsp://host:554/s1"),
    ("rtsp://u:p@a/b#c?d@host/s1", "rtsp://host/s1"),
    ("rtsp://host/cam?channel=1&subtype=0", "rtsp://host/cam?channel=1&subtype=0"),
    ("http://host/flv?port=1935&stream=ch0&user=a&password=b", "http://host/flv?port=1935&stream=ch0"),
    ("rtsp://host/s?x=1", "rtsp://host/s"),
    ("rtsp://host/user=a_password=b_channel=1.sdp", "rtsp://host"),
    ("rtsps://host:7441/aB3dE6gH9jK2mN", "rtsps://host:7441"),
    ("rtsp://host/h264Preview_01_sub", "rtsp://host/h264Preview_01_sub"),
    ("rtsp://host/s1#video=copy", "rtsp://host/s1"),
    ("clips/a.mp4", "clips/a.mp4"),
])  # fmt: skip
def test_an_address_without_secrets_keeps_what_chooses_the_stream(address: str, left: str) -> None:
    cleaned, changed = without_secrets(address)
    assert cleaned == left
    assert changed == (left != address.partition("#")[0])
