"""An authority and certificates that it signs, made anew for each test; the steps are those of docs/farm.md."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _write_key(path: Path, key: ec.EllipticCurvePrivateKey) -> Path:
    encoded = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(encoded)
    path.chmod(0o600)
    return path


class Authority:
    """Signs certificates; its own is what ``--tls-ca`` takes."""

    def __init__(self, folder: Path, name: str = "farm") -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder, self._key, self._name = folder, ec.generate_private_key(ec.SECP256R1()), _name(name)
        self.ca = folder / "ca.pem"
        own = self._builder(self._name, self._key.public_key())
        own = own.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        self.ca.write_bytes(own.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))

    def _builder(self, subject: x509.Name, key: ec.EllipticCurvePublicKey, days: int = 2) -> x509.CertificateBuilder:
        now = dt.datetime.now(dt.UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - dt.timedelta(days=5))
            .not_valid_after(now + dt.timedelta(days=days))
        )

    def certificate(self, name: str, days: int = 2) -> tuple[Path, Path]:
        """Certificate and key of one machine; negative ``days``: it ended so long ago."""
        key = ec.generate_private_key(ec.SECP256R1())
        signed = self._builder(_name(name), key.public_key(), days).sign(self._key, hashes.SHA256())
        cert = self._folder / f"{name}.pem"
        cert.write_bytes(signed.public_bytes(serialization.Encoding.PEM))
        return cert, _write_key(self._folder / f"{name}.key", key)
