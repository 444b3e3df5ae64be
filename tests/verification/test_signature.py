from __future__ import annotations

import json

import pytest

from advisor.errors import InputError
from advisor.verification.signature import check_report, sign_report


@pytest.fixture
def signed(tmp_path):
    report = tmp_path / "verdict.json"
    report.write_text('{"verdict": "PASS"}')
    return report, sign_report(report, tmp_path / "key.pem")


def test_a_signed_report_is_as_signed(signed) -> None:
    report, signature = signed
    assert signature.name == "verdict.json.sig"
    assert "is as signed: sha256 " in check_report(report)


def test_the_key_is_its_owners_and_is_used_again(signed, tmp_path) -> None:
    key = tmp_path / "key.pem"
    assert key.stat().st_mode & 0o077 == 0
    first = json.loads(signed[1].read_text())
    sign_report(signed[0], key)
    assert json.loads(signed[1].read_text()) == first  # ed25519 is deterministic


def test_a_changed_report_is_found_out(signed) -> None:
    signed[0].write_text('{"verdict": "FAIL"}')
    with pytest.raises(InputError, match="was changed after it was signed"):
        check_report(signed[0])


def test_a_false_signature_is_found_out(signed) -> None:
    report, signature = signed
    document = json.loads(signature.read_text())
    document["signature"] = bytes(64).hex()
    signature.write_text(json.dumps(document))
    with pytest.raises(InputError, match="false signature"):
        check_report(report)


@pytest.mark.parametrize("text", ["", "{}", '{"sha256": "zz", "public_key": "", "signature": ""}', "\x00"])
def test_a_damaged_signature_is_one_line(signed, text) -> None:
    signed[1].write_text(text)
    with pytest.raises(InputError, match="no signature of sizer"):
        check_report(signed[0])


def test_missing_files_and_wrong_keys_are_named(tmp_path) -> None:
    with pytest.raises(InputError, match=r"none\.json"):
        check_report(tmp_path / "none.json")
    report = tmp_path / "r.json"
    report.write_text("{}")
    with pytest.raises(InputError, match=r"r\.json\.sig"):
        check_report(report)
    (tmp_path / "key.pem").write_text("no key")
    with pytest.raises(InputError, match="no unencrypted private key"):
        sign_report(report, tmp_path / "key.pem")
