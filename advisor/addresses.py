"""Addresses of cameras and stores: the only place that takes them apart, and that hides the secrets in them.

Whatever a person reads (errors, status, notes, verdicts) goes through :func:`hidden`; every error of sizer does so when
it is made.
"""

from __future__ import annotations

import re
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Kind = Literal["path", "network"]
PROTOCOLS = ("rtsp", "rtsps", "http", "https", "file")
"""What ``source:`` may name beside a plain path; a pipe is named by the path of its FIFO."""
LONGEST = 4096
"""Longest address [bytes]; that of a path on Linux (PATH_MAX)."""
LONGEST_NAME = 255
"""Longest name of a file [bytes] (NAME_MAX)."""
HIDDEN = "***"

# What a protocol may open in its turn, for example the segments of a playlist. The list is FFmpeg's own option; a local
# file must not make it talk to a network. https://ffmpeg.org/ffmpeg-protocols.html, "protocol_whitelist"
_NESTED = {
    "file": "file",
    "rtsp": "rtsp,tcp,udp,rtp,srtp,tls,http,https,httpproxy",
    "http": "http,https,tcp,tls,httpproxy,crypto",
}
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):")
# User and password before the last @ of a word, after a scheme with slashes (one is a usual slip) or with none at all.
_USER = re.compile(r"(?<![^\s\"'<>(\[=,])(?:([A-Za-z][A-Za-z0-9+.-]*:/+)[^\s\"'<>]*@|/*[^\s\"'<>@/]*:[^\s\"'<>]*@)")
_QUERY = re.compile(r"([?&;](?:amp;)?[\w.~%-]+)=[^\s&;\"'<>]*")
_WORD = re.compile(
    r"(?i)\b(pass(?:word|wd|phrase)?|pwd|secret|token|api[_-]?key|access[_-]?key|auth)(\s*[=:]\s*)[^\s&;,\"'<>]+"
)


def hidden(text: str) -> str:
    """Replace user names, passwords and values of queries in the addresses of a text by ``***``.

    Rather too much than too little: of ``rtsp://user:a@b@host/x?channel=1`` only scheme, host, path and the names in
    the query are left.
    """
    if not any(mark in text for mark in "@?=&") and ":" not in text:
        return text
    text = _USER.sub(lambda match: f"{match[1] or ''}{HIDDEN}@", text)
    text = _QUERY.sub(rf"\1={HIDDEN}", text)
    return _WORD.sub(rf"\1\2{HIDDEN}", text)


_KEPT_QUERY = frozenset({"channel", "subtype", "stream", "profile", "port", "app", "unicast", "proto", "resolution"})
"""Names in a query that choose a stream; the value of any other may be a secret."""
_TOKEN = re.compile(r"(?=[^/]*[0-9])(?=[^/]*[A-Za-z])[A-Za-z0-9-]{12,}\Z")
"""A part of a path that is itself a key, as some recorders share streams."""
_LOGIN = re.compile(r"(?i)(?:user|pass|pwd|auth|token|key)[a-z]*=")


def without_secrets(text: str) -> tuple[str, bool]:
    """Address of a stream without what may be a secret, and whether anything was taken out.

    User and password go, values of a query that do not choose a stream, parts of the path that hold a password or are a
    key. Rather too much than too little: what is left may have to be completed by hand.
    """
    scheme, mark, rest = text.strip().partition("://")
    if not mark:
        return hidden(text), hidden(text) != text
    # A password may hold any mark: all before the last @ goes, wherever a slash or question mark seems to end it.
    rest = rest.rpartition("@")[2].partition("#")[0].replace("&amp;", "&")
    place, question, query = rest.partition("?")
    host, *parts = place.split("/")
    kept = [part for part in parts if not (_TOKEN.match(part) or _LOGIN.search(part))]
    pairs = [pair for pair in re.split("[&;]", query) if pair.partition("=")[0].lower() in _KEPT_QUERY]
    cleaned = f"{scheme}://{'/'.join([host, *kept])}{question if pairs else ''}{'&'.join(pairs)}"
    return cleaned, cleaned != text.strip().partition("#")[0]


@dataclass(frozen=True)
class Source:
    """Where the pictures of a camera come from, taken apart."""

    kind: Kind
    target: str
    """What FFmpeg is given, always with its protocol."""
    options: dict[str, str]
    """Options of FFmpeg for it."""
    path: Path | None
    """Of a file, FIFO or device."""

    @property
    def live(self) -> bool:
        """Whether pictures come by themselves: over the network, through a FIFO, from a device."""
        if self.path is None:
            return True
        try:
            return not stat.S_ISREG(self.path.stat().st_mode)
        except OSError:
            return False  # opening it will say why


def source(text: str) -> Source:
    """Take the address of a camera apart.

    Raises
    ------
    ValueError
        Empty, too long, with control characters, of a protocol that is not allowed, or without a host; one line
        without the secrets in it.
    """
    _check_text(text)
    match = _SCHEME.match(text)
    if match is None:
        return _of_path(text)
    scheme, rest = match[1].lower(), text[match.end() :]
    if scheme == "file":
        return _of_path(rest.removeprefix("//localhost") if rest.startswith("//localhost/") else _without_host(rest))
    if scheme == "pipe":
        raise ValueError("a numbered pipe is none of this command; make a FIFO (mkfifo) and give its path")
    if scheme not in PROTOCOLS:
        if "@" in rest or rest.startswith("/"):
            raise ValueError(f"address {hidden(text)} has no protocol that is allowed ({', '.join(PROTOCOLS)})")
        raise ValueError(
            f"{scheme}: is no protocol that is allowed ({', '.join(PROTOCOLS)}); for a file with a colon in its name "
            "write file: before it"
        )
    if not rest.startswith("//"):
        raise ValueError(f"address {scheme}: needs two slashes: {scheme}://HOST/...")
    _check_authority(scheme, rest[2:])
    family = "http" if scheme.startswith("http") else "rtsp"
    options = {"protocol_whitelist": _NESTED[family]}
    if family == "rtsp":
        options["rtsp_transport"] = "tcp"
    return Source("network", f"{scheme}:{rest}", options, None)


def _check_text(text: str) -> None:
    if not text.strip():
        raise ValueError("is empty; give a file or an address such as rtsp://HOST/stream, or leave it out")
    if not text.isprintable():
        raise ValueError("holds control characters; write it anew")
    if len(text.encode("utf-8", "surrogatepass")) > LONGEST:
        raise ValueError(f"has {len(text)} characters, at most {LONGEST} are possible")


def _check_authority(scheme: str, rest: str) -> None:
    """Refuse an address without host, or with a port that is none."""
    authority = re.split(r"[/?#]", rest.rpartition("@")[2], maxsplit=1)[0]
    host, _, port = authority.rpartition(":") if re.search(r":[^\]]*\Z", authority) else (authority, "", "")
    if not host:
        raise ValueError(f"address {scheme}:// names no host; write {scheme}://HOST/...")
    if port and not (port.isascii() and port.isdigit() and 0 < int(port[:6]) < 65536):
        raise ValueError(f"address {scheme}://{host}: its port is no number from 1 to 65535")


def _without_host(rest: str) -> str:
    return rest.removeprefix("//") if rest.startswith("//") else rest


def _of_path(text: str) -> Source:
    if not text:
        raise ValueError("file: names no file")
    if "@" in text and ":" in text.partition("@")[0] and "/" not in text.partition(":")[0]:
        raise ValueError(f"address {hidden(text)} has no protocol; write rtsp://... before it, or file: for a file")
    if any(len(name.encode("utf-8", "surrogatepass")) > LONGEST_NAME for name in text.split("/")):
        raise ValueError(f"holds a name of more than {LONGEST_NAME} characters, which no file has")
    return Source("path", f"file:{text}", {"protocol_whitelist": _NESTED["file"]}, Path(text))
