"""Detached signature of a report in minisign's format, which ``minisign -Vm REPORT -p KEY.pub`` checks as well.

Signed is the whole file (BLAKE2b-512, ed25519), and with it a comment that says what for: the format's version, the
report's schema and its name. Format: https://jedisct1.github.io/minisign/ ("Signature format", "Public key format").
The private key is an ed25519 key in PEM form (PKCS 8), as OpenSSL writes it; minisign's own form of private keys is
encrypted by default, which a command that runs for hours without a person cannot use.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from advisor.errors import InputError
from advisor.store.files import write_document

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

CONTEXT = "sizer report signature 2"
"""Begins what is signed beside the file: a signature made for anything else is none of a report."""
_PREHASHED, _KEY = b"ED", b"Ed"
_COMMENT, _TRUSTED = "untrusted comment: ", "trusted comment: "
_ID_BYTES = 8


@dataclass(frozen=True)
class PublicKey:
    """Whom a signature is held against."""

    raw: bytes
    """32 bytes of ed25519."""
    owner: str
    """What the file says above the key: whoever keeps the file chose it."""

    @property
    def id(self) -> bytes:
        """Eight bytes by which minisign finds the key of a signature."""
        return hashlib.blake2b(self.raw, digest_size=_ID_BYTES).digest()

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the key, in hexadecimal digits, to be compared over the telephone."""
        return hashlib.sha256(self.raw).hexdigest()

    @property
    def text(self) -> str:
        """The key as a file."""
        return f"{_COMMENT}{self.owner}\n{_base64(_KEY + self.id + self.raw)}\n"


def signature_path(report: Path) -> Path:
    """Where the signature of a report lies."""
    return report.with_name(report.name + ".minisig")


def make_key(key_file: Path) -> PublicKey:
    """Make a private key that only its owner may read, and next to it ``KEY.pub`` for those who check reports.

    Raises
    ------
    InputError
        One of the files is there already (an identity is never replaced), or cannot be written.
    """
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    public_file = _public_file(key_file)
    for path in (key_file, public_file):
        if path.exists() or path.is_symlink():
            raise InputError(f"{path}: is there already and is not replaced; name another file")
    key = Ed25519PrivateKey.generate()
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    try:
        with os.fdopen(os.open(key_file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(pem)
    except OSError as error:
        raise InputError(f"cannot write key {key_file}: {error.strerror}; choose another folder") from error
    public = _public(key, f"signing key {key_file.name}")
    write_document(public_file, public.text, follow_links=False)
    return public


def signing_key(key_file: Path) -> PublicKey:
    """Public half of a private key that may be used; ask before a long run, not after it.

    Raises
    ------
    InputError
        No such key, not an ed25519 key in PEM form, or others than its owner may read it.
    """
    return _public(_private(key_file), f"signing key {key_file.name}")


def sign_report(report: Path, key_file: Path) -> Path:
    """Sign a report; returns the signature's file, ``REPORT.minisig``.

    Raises
    ------
    InputError
        As :func:`signing_key`, or the report cannot be read or the signature not be written.
    """
    key = _private(key_file)
    content = _read(report)
    signature = key.sign(hashlib.blake2b(content).digest())
    trusted = _trusted(report, content)
    lines = (
        f"{_COMMENT}signature of a sizer report; check with: sizer verify --check REPORT --key KEY.pub",
        _base64(_PREHASHED + _public(key, "").id + signature),
        _TRUSTED + trusted,
        _base64(key.sign(signature + trusted.encode())),
    )
    return write_document(signature_path(report), "\n".join(lines) + "\n", follow_links=False)


def read_public_keys(path: Path) -> list[PublicKey]:
    """Keys of a file: that of one signer (``KEY.pub``), or several one after the other.

    Raises
    ------
    InputError
        Cannot be read, or holds anything but keys and comments.
    """
    keys: list[PublicKey] = []
    owner = ""
    for number, line in enumerate(_text(path).splitlines(), 1):
        if line.startswith((_COMMENT, "#")):
            owner = line.removeprefix(_COMMENT).removeprefix("#").strip()
        elif line.strip():
            data = _decoded(line)
            if data is None or len(data) != 2 + _ID_BYTES + 32 or data[:2] != _KEY:
                raise InputError(f"{path}, line {number}: is no public key; give the KEY.pub of the signer")
            keys.append(PublicKey(data[2 + _ID_BYTES :], owner or f"line {number} of {path.name}"))
            owner = ""
    if not keys:
        raise InputError(f"{path}: holds no public key; give the KEY.pub of the signer")
    return keys


def check_report(report: Path, keys_file: Path) -> str:
    """Hold ``REPORT.minisig`` against the keys that are trusted; return a sentence with signer and fingerprint.

    Raises
    ------
    InputError
        File, signature or key is missing or damaged, the report was changed, the signature is false, was made for
        something else, or by none of these keys.
    """
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    keys = read_public_keys(keys_file)
    content, where = _read(report), signature_path(report)
    key_id, signature, trusted, whole = _parsed(where)
    public = next((key for key in keys if key.id == key_id), None)
    if public is None:
        known = ", ".join(f"{key.owner} ({key.fingerprint[:16]})" for key in keys)
        raise InputError(f"{where} was made with none of the keys of {keys_file}: {known}; do not trust {report}")
    key = Ed25519PublicKey.from_public_bytes(public.raw)
    try:
        key.verify(whole, signature + trusted.encode())
    except InvalidSignature as error:
        raise InputError(f"{where} holds a false signature; do not trust {report}") from error
    if not trusted.startswith(CONTEXT + " "):
        raise InputError(f"{where} was not made for a report of this version of sizer; sign the report again")
    digest = hashlib.blake2b(content).digest()
    try:
        key.verify(signature, digest)
    except InvalidSignature as error:
        raise InputError(f"{report} was changed after it was signed: {where} is of another content") from error
    sha256 = hashlib.sha256(content).hexdigest()
    return f"{report} is as signed by {public.owner} (key {public.fingerprint}): sha256 {sha256}; {trusted}"


def _trusted(report: Path, content: bytes) -> str:
    """What is signed beside the content: context with version, schema of the report, name of the file."""
    try:
        schema = json.loads(content).get("schema")
    except (ValueError, AttributeError):
        schema = None
    name = "".join(letter if letter.isprintable() else "?" for letter in report.name)
    return f"{CONTEXT} schema={json.dumps(schema)} file={name}"


def _parsed(where: Path) -> tuple[bytes, bytes, str, bytes]:
    """Id of the key, signature of the content, trusted comment, signature of both."""
    lines = _text(where).split("\n")
    own = _decoded(lines[1]) if len(lines) > 3 else None
    whole = _decoded(lines[3]) if len(lines) > 3 else None
    if (
        own is None
        or whole is None
        or (own[:2], len(own), len(whole)) != (_PREHASHED, 2 + _ID_BYTES + 64, 64)
        or not lines[2].startswith(_TRUSTED)
    ):
        raise InputError(f"{where} is no signature of sizer; sign the report again")
    return own[2 : 2 + _ID_BYTES], own[2 + _ID_BYTES :], lines[2].removeprefix(_TRUSTED), whole


def _private(key_file: Path) -> Ed25519PrivateKey:
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    if not key_file.exists():
        raise InputError(
            f"key {key_file}: no such file; check the path, or make a key with: sizer verify --new-key FILE"
        )
    try:
        with key_file.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            pem = file.read()
    except OSError as error:
        raise InputError(f"cannot read {key_file}: {error.strerror}; check the path") from error
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise InputError(
            f"key {key_file}: others than its owner may use it (mode {stat.S_IMODE(mode):o}); run: chmod 600 {key_file}"
        )
    try:
        key = serialization.load_pem_private_key(pem, password=None)
    except (ValueError, TypeError) as error:
        raise InputError(f"{key_file} is no unencrypted private key in PEM form; give another file") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise InputError(f"{key_file} holds another kind of key than ed25519; give another file")
    return key


def _public(key: Ed25519PrivateKey, owner: str) -> PublicKey:
    from cryptography.hazmat.primitives import serialization

    raw = key.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    return PublicKey(raw, owner)


def _public_file(key_file: Path) -> Path:
    return key_file.with_name(key_file.name + ".pub")


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}; check the path") from error


def _text(path: Path) -> str:
    return _read(path).decode("utf-8", "replace").replace("\r\n", "\n")


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _decoded(line: str) -> bytes | None:
    try:
        return base64.b64decode(line.strip(), validate=True)
    except (binascii.Error, ValueError):
        return None
