from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from advisor.errors import InputError
from advisor.verification.signature import check_report, make_key, read_public_keys, sign_report, signing_key


@pytest.fixture
def signed(tmp_path: Path) -> tuple[Path, Path, Path]:
    """Report, signature, public key."""
    report = tmp_path / "verdict.json"
    report.write_text('{"schema": "sizer.verdict/1", "verdict": "PASS"}')
    make_key(tmp_path / "key.pem")
    return report, sign_report(report, tmp_path / "key.pem"), tmp_path / "key.pem.pub"


def test_the_check_names_signer_fingerprint_and_what_was_signed(signed: tuple[Path, Path, Path]) -> None:
    report, signature, public = signed
    assert signature.name == "verdict.json.minisig"
    said = check_report(report, public)
    assert f"key {read_public_keys(public)[0].fingerprint}" in said
    assert 'sizer report signature 2 schema="sizer.verdict/1" file=verdict.json' in said


def test_the_key_is_its_owners_and_is_used_again(signed: tuple[Path, Path, Path], tmp_path: Path) -> None:
    key = tmp_path / "key.pem"
    assert key.stat().st_mode & 0o077 == 0
    first = signed[1].read_text()
    sign_report(signed[0], key)
    assert signed[1].read_text() == first  # ed25519 is deterministic
    assert signing_key(key).raw == read_public_keys(signed[2])[0].raw


def test_another_signer_is_not_taken_for_the_trusted_one(signed: tuple[Path, Path, Path], tmp_path: Path) -> None:
    """Whoever changes a report can sign it again: only the key tells."""
    report, _, trusted = signed
    report.write_text('{"verdict": "PASS", "forged": true}')
    make_key(tmp_path / "forger.pem")
    sign_report(report, tmp_path / "forger.pem")
    with pytest.raises(InputError, match=r"with none of the keys of .*key\.pem\.pub"):
        check_report(report, trusted)


def test_one_of_several_trusted_keys_is_named(signed: tuple[Path, Path, Path], tmp_path: Path) -> None:
    report, _, public = signed
    other = make_key(tmp_path / "other.pem")
    ours = public.read_text().splitlines()[1]
    trusted = tmp_path / "trusted"
    trusted.write_text(f"{other.text}# field team north\n{ours}\n")
    assert "is as signed by field team north" in check_report(report, trusted)


def test_a_changed_report_is_found_out(signed: tuple[Path, Path, Path]) -> None:
    signed[0].write_text('{"verdict": "FAIL"}')
    with pytest.raises(InputError, match="was changed after it was signed"):
        check_report(signed[0], signed[2])


@pytest.mark.parametrize("line", [1, 3])
def test_a_false_signature_is_found_out(signed: tuple[Path, Path, Path], line: int) -> None:
    report, signature, public = signed
    lines = signature.read_text().split("\n")
    data = bytearray(base64.b64decode(lines[line]))
    data[-1] ^= 1
    lines[line] = base64.b64encode(data).decode()
    signature.write_text("\n".join(lines))
    with pytest.raises(InputError, match="false signature"):
        check_report(report, public)


def test_what_the_signature_is_for_cannot_be_changed(signed: tuple[Path, Path, Path]) -> None:
    report, signature, public = signed
    signature.write_text(signature.read_text().replace("sizer.verdict/1", "sizer.plan/3"))
    with pytest.raises(InputError, match="false signature"):
        check_report(report, public)


def test_a_signature_of_the_same_key_for_something_else_is_refused(
    signed: tuple[Path, Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    from advisor.verification import signature

    with monkeypatch.context() as patch:
        patch.setattr(signature, "CONTEXT", "timestamp")
        sign_report(signed[0], signed[2].with_suffix(""))
    with pytest.raises(InputError, match="was not made for a report of this version"):
        check_report(signed[0], signed[2])


@pytest.mark.parametrize(
    "text", ["", "{}", '{"sha256": "zz", "public_key": "", "signature": ""}', "\x00", "a\nb\nc\nd"]
)
def test_a_damaged_signature_is_one_line(signed: tuple[Path, Path, Path], text: str) -> None:
    signed[1].write_text(text)
    with pytest.raises(InputError, match="no signature of sizer"):
        check_report(signed[0], signed[2])


def test_the_format_is_minisigns(signed: tuple[Path, Path, Path]) -> None:
    """Lengths and marks as its page gives them; where minisign is installed it would say "Signature verified"."""
    lines = signed[1].read_text().splitlines()
    assert [line.split(":")[0] for line in lines[::2]] == ["untrusted comment", "trusted comment"]
    first, last, key = (base64.b64decode(text) for text in (lines[1], lines[3], signed[2].read_text().splitlines()[1]))
    assert (first[:2], len(first), len(last), key[:2], len(key)) == (b"ED", 74, 64, b"Ed", 42)
    assert first[2:10] == key[2:10]


def test_a_mistyped_key_is_no_new_identity(signed: tuple[Path, Path, Path], tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"keey\.pem: no such file; check the path, or make a key with"):
        sign_report(signed[0], tmp_path / "keey.pem")
    assert not (tmp_path / "keey.pem").exists()
    with pytest.raises(InputError, match="is there already and is not replaced"):
        make_key(tmp_path / "key.pem")


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o602])
def test_a_key_that_others_may_use_is_refused(signed: tuple[Path, Path, Path], tmp_path: Path, mode: int) -> None:
    (tmp_path / "key.pem").chmod(mode)
    with pytest.raises(InputError, match=rf"others than its owner may use it \(mode {mode:o}\); run: chmod 600"):
        sign_report(signed[0], tmp_path / "key.pem")


def test_no_link_of_a_temporary_name_is_followed(signed: tuple[Path, Path, Path], tmp_path: Path) -> None:
    """Whoever may write into the folder must not have a file of the signer overwritten."""
    victim = tmp_path / "victim"
    victim.write_text("mine")
    signed[1].unlink()
    for name in ("verdict.json.minisig.tmp", "verdict.json.sig.tmp", "verdict.json.minisig"):
        (tmp_path / name).symlink_to(victim)
    sign_report(signed[0], tmp_path / "key.pem")
    assert victim.read_text() == "mine"
    assert not signed[1].is_symlink()


def test_missing_files_and_wrong_keys_are_named(signed: tuple[Path, Path, Path], tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none\.json"):
        check_report(tmp_path / "none.json", signed[2])
    report = tmp_path / "r.json"
    report.write_text("{}")
    with pytest.raises(InputError, match=r"r\.json\.minisig"):
        check_report(report, signed[2])
    bad = tmp_path / "bad.pem"
    bad.write_text("no key")
    bad.chmod(0o600)
    with pytest.raises(InputError, match="no unencrypted private key"):
        sign_report(report, bad)
    with pytest.raises(InputError, match=r"bad\.pem, line 1: is no public key"):
        check_report(report, bad)


def test_a_key_of_openssl_can_sign(tmp_path: Path) -> None:
    key = Ed25519PrivateKey.generate()
    file, report = tmp_path / "openssl.pem", tmp_path / "r.json"
    file.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    file.chmod(0o600)
    report.write_text(json.dumps([1]))
    sign_report(report, file)
    (tmp_path / "pub").write_text(signing_key(file).text)
    assert "is as signed by signing key openssl.pem" in check_report(report, tmp_path / "pub")
