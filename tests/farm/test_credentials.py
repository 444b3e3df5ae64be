from __future__ import annotations

from pathlib import Path

import pytest

from advisor.errors import InputError
from advisor.farm.credentials import TOKEN_VARIABLE, Credentials, listening_host, read_credentials

from .certificates import Authority

TOKEN = "0123456789abcdef0123"


def token_file(folder: Path, text: str = TOKEN, mode: int = 0o600) -> Path:
    path = folder / "token"
    path.write_text(text, encoding="utf-8")
    path.chmod(mode)
    return path


def test_what_is_right_is_taken_and_the_token_shows_nowhere(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    cert, key = authority.certificate("desk")
    found = read_credentials(authority.ca, cert, key, token_file(tmp_path, f"{TOKEN}\n"))
    assert found.token == TOKEN
    assert found.tls
    assert found.protocol == "tls"
    assert TOKEN not in repr(found) + str(found)


def test_a_token_from_the_environment_is_taken_out_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(TOKEN_VARIABLE, TOKEN)
    assert read_credentials(None, None, None, None).token == TOKEN
    assert read_credentials(None, None, None, None).token is None


@pytest.mark.parametrize(
    ("text", "mode", "words"),
    [
        ("short", 0o600, "at least 16 characters"),
        ("", 0o600, "at least 16 characters"),
        ("two words of a long token", 0o600, "without spaces"),
        (f"{TOKEN}\n{TOKEN}", 0o600, "one line"),
        ("schlüssel-0123456789", 0o600, "openssl rand"),
        (TOKEN, 0o644, "chmod 600"),
        (TOKEN, 0o640, "chmod 600"),
    ],
)
def test_a_token_that_does_not_protect_is_refused(tmp_path: Path, text: str, mode: int, words: str) -> None:
    with pytest.raises(InputError, match=words) as caught:
        read_credentials(None, None, None, token_file(tmp_path, text, mode))
    assert not text or text not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_binary_and_missing_token_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="does not exist"):
        read_credentials(None, None, None, tmp_path / "none" / "token")
    path = token_file(tmp_path)
    path.write_bytes(b"\xff" * 32)
    with pytest.raises(InputError, match="not text"):
        read_credentials(None, None, None, path)


def test_tls_files_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    cert, key = authority.certificate("desk")
    _, other = authority.certificate("box")
    text = tmp_path / "text.pem"
    text.write_text("no certificate")
    text.chmod(0o600)
    for files, words in [
        ((authority.ca, cert, None), "--tls-key is missing"),
        ((None, cert, key), "--tls-ca is missing"),
        ((authority.ca, cert, other), "no certificate and its key"),
        ((authority.ca, key, key), "no certificate and its key"),
        ((text, cert, key), "no certificate in PEM form"),
        ((authority.ca, cert, tmp_path), "cannot be read"),
        ((tmp_path / "none.pem", cert, key), "--tls-ca"),
    ]:
        with pytest.raises(InputError, match=words):
            read_credentials(*files, None)
    key.chmod(0o644)
    with pytest.raises(InputError, match="chmod 600"):
        read_credentials(authority.ca, cert, key, None)


@pytest.mark.parametrize(
    ("tls", "token", "host", "expected"),
    [
        (False, False, None, "127.0.0.1"),
        (False, True, None, "127.0.0.1"),
        (True, False, None, "127.0.0.1"),
        (True, True, None, "0.0.0.0"),
        (True, True, "192.0.2.5", "192.0.2.5"),
        (False, False, "localhost", "localhost"),
    ],
)
def test_beyond_loopback_is_listened_only_with_both(tls: bool, token: bool, host: str | None, expected: str) -> None:
    assert listening_host(host, _credentials(tls, token)) == expected


@pytest.mark.parametrize(
    ("tls", "token", "lacks"),
    [(False, False, "--tls-key and --token-file"), (True, False, "--token-file"), (False, True, "--tls-ca")],
)
def test_another_address_without_both_is_refused_with_what_is_lacking(tls: bool, token: bool, lacks: str) -> None:
    with pytest.raises(InputError, match=lacks):
        listening_host("0.0.0.0", _credentials(tls, token))


def _credentials(tls: bool, token: bool) -> Credentials:
    files = [Path(name) for name in ("ca", "cert", "key")] if tls else [None] * 3
    return Credentials(*files, TOKEN if token else None)
