"""Detached signature of a report: SHA-256 of the file, signed with ed25519; both stand in ``REPORT.sig``."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path

from advisor.errors import InputError

SCHEMA = "sizer.signature/1"


def _signature_path(report: Path) -> Path:
    return report.with_name(report.name + ".sig")


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}; check the path") from error


def sign_report(report: Path, key_file: Path) -> Path:
    """Sign a report; the private key is made (readable by its owner only) where the file does not exist.

    Returns
    -------
    Path
        The signature's file, ``REPORT.sig``, which also holds the public key.

    Raises
    ------
    InputError
        Report or key cannot be read or written, or the key is no ed25519 key in PEM form.
    """
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    content = _read(report)
    if key_file.exists():
        try:
            key = serialization.load_pem_private_key(_read(key_file), password=None)
        except (ValueError, TypeError) as error:
            raise InputError(f"{key_file} is no unencrypted private key in PEM form; give another file") from error
        if not isinstance(key, Ed25519PrivateKey):
            raise InputError(f"{key_file} holds another kind of key than ed25519; give another file")
    else:
        key = Ed25519PrivateKey.generate()
        pem = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        try:
            with os.fdopen(os.open(key_file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                file.write(pem)
        except OSError as error:
            raise InputError(f"cannot write key {key_file}: {error.strerror}; choose another folder") from error
    digest = hashlib.sha256(content).digest()
    public = key.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    document = {
        "schema": SCHEMA,
        "sha256": digest.hex(),
        "public_key": public.hex(),
        "signature": key.sign(digest).hex(),
    }
    target = _signature_path(report)
    temporary = target.with_name(target.name + ".tmp")
    try:
        temporary.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
        temporary.replace(target)
    except OSError as error:
        raise InputError(f"cannot write {target}: {error.strerror}; choose another folder") from error
    return target


def check_report(report: Path) -> str:
    """Check ``REPORT.sig``; return a sentence with the digest and the signer's public key.

    Raises
    ------
    InputError
        File or signature is missing or damaged, the report was changed, or the signature is false.
    """
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    content, where = _read(report), _signature_path(report)
    try:
        document = json.loads(_read(where))
        digest, public, signature = (bytes.fromhex(document[name]) for name in ("sha256", "public_key", "signature"))
        key = Ed25519PublicKey.from_public_bytes(public)
        schema = document["schema"]
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"{where} is no signature of sizer; sign the report again") from error
    if schema != SCHEMA:
        raise InputError(f"{where} has schema {schema!r}, not {SCHEMA}; use a matching version of sizer")
    if hashlib.sha256(content).digest() != digest:
        raise InputError(f"{report} was changed after it was signed: its SHA-256 is not the one in {where}")
    try:
        key.verify(signature, digest)
    except InvalidSignature as error:
        raise InputError(f"{where} holds a false signature; do not trust {report}") from error
    return f"{report} is as signed: sha256 {digest.hex()}, ed25519 public key {public.hex()}"
