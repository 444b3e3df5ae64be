"""The store in the browser: what is shown, what is refused, and who may change anything."""

from __future__ import annotations

import io
import os
import re
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("flask")
pytest.importorskip("waitress")

from advisor.errors import InputError, StoreError
from advisor.serve.access import is_loopback
from advisor.serve.app import Settings, create_app
from advisor.serve.server import read_token, serve
from advisor.store.measurements import MeasurementStore
from advisor.workflows.browse import check_store
from tests.report.samples import MARKUP, shop_plan, verdict
from tests.store.samples import measurement

TOKEN = "0123456789abcdef-token"
BEARER = {"Authorization": f"Bearer {TOKEN}"}
LIST = (
    "vendor,product,title,price,currency,observed_at\n"
    "Minisforum,minisforum-nab9,,512.5,USD,2026-11-01\n,,<b>unknown</b>,9,USD,2026-11-01\n"
)


@pytest.fixture
def store(tmp_path: Path) -> str:
    url = f"sqlite:///{tmp_path / 'store.sqlite3'}"
    with MeasurementStore(url) as opened:
        opened.put_run("plan", shop_plan())
        opened.put_run("verdict", verdict())
        opened.add(measurement())
    return url


def client_of(store: str, **settings: Any) -> Any:
    return create_app(Settings(store, **settings)).test_client()


def sent(text: str = LIST, **fields: str) -> dict[str, Any]:
    return {"file": (io.BytesIO(text.encode()), "prices.csv"), **fields}


def test_lists_pages_and_documents_are_shown(store: str) -> None:
    client = client_of(store)
    assert client.get("/").headers["Location"] == "/runs"
    listed = client.get("/runs").text
    assert "1 to 2 of 2" in listed
    run = client.get("/api/runs?kind=plan").json["rows"][0]
    page = client.get(f"/runs/{run['id']}")
    assert page.status_code == 200
    assert 'id="headline"' in page.text
    assert client.get(f"/api/runs/{run['id']}").json["schema"] == shop_plan().schema_
    row = client.get("/api/measurements").json["rows"][0]
    assert client.get(f"/api/measurements/{row['key']}").json["model"] == row["model"]
    assert client.get("/measurements?status=failed").text.count("Nothing is stored that fits.") == 1
    assert client.get("/api/offers?product=minisforum&rows=3").json["total"] > 3


def test_lists_come_in_parts(store: str) -> None:
    with MeasurementStore(store) as opened:
        for _ in range(5):
            opened.put_run("verdict", verdict())
    client = client_of(store)
    first, last = (client.get(f"/api/runs?rows=4&page={page}").json for page in (1, 2))
    assert (len(first["rows"]), len(last["rows"]), first["total"]) == (4, 3, 7)
    assert {row["id"] for row in first["rows"]}.isdisjoint(row["id"] for row in last["rows"])
    assert 'rel="next"' in client.get("/runs?rows=4").text
    assert "There is no such page" in client.get("/runs?page=99").text


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/runs?page=0", 400), ("/runs?rows=100000", 400), ("/api/runs?page=x", 400), ("/runs?kind=secret", 400),
        ("/api/runs?scenario=" + "x" * 300, 400), ("/runs/none", 404), ("/api/measurements/none", 404), ("/none", 404),
        ("/api/offers?of=none", 400),
    ],
)  # fmt: skip
def test_what_cannot_be_answered_is_one_line(store: str, path: str, status: int) -> None:
    response = client_of(store).get(path)
    assert response.status_code == status
    if path.startswith("/api"):
        assert "\n" not in response.json["error"]
    assert "Traceback" not in response.text


@pytest.mark.parametrize("name", ["evil.example", "evil.example:8765", "127.0.0.1.evil.example", "", "[::1", "0.0.0.0"])
def test_other_names_are_refused(store: str, name: str) -> None:
    assert client_of(store).get("/runs", headers={"Host": name}).status_code == 400


@pytest.mark.parametrize("name", ["localhost:99", "127.0.0.1", "[::1]:8765", "box.lan"])
def test_own_names_are_served(store: str, name: str) -> None:
    assert client_of(store, names=("box.lan",)).get("/runs", headers={"Host": name}).status_code == 200


def test_every_answer_forbids_what_no_page_needs(store: str) -> None:
    client = client_of(store)
    for path in ("/runs", "/api/runs", "/none", "/enter"):
        headers = client.get(path).headers
        assert "default-src 'none'" in headers["Content-Security-Policy"]
        assert "script-src" not in headers["Content-Security-Policy"]
        assert headers["X-Content-Type-Options"] == "nosniff"


def test_markup_and_secrets_of_the_store_are_harmless(store: str) -> None:
    with MeasurementStore(store) as opened:
        named = shop_plan().model_copy(update={"scenario": MARKUP, "warnings": ("rtsp://user:geheim@10.0.0.9/1",)})
        run_id = opened.put_run("plan", named)
    client = client_of(store)
    assert MARKUP not in client.get("/runs").text
    assert MARKUP not in client.get(f"/runs?scenario={MARKUP}").text
    assert "geheim" not in client.get(f"/api/runs/{run_id}").text


def test_nothing_changes_without_a_token(store: str) -> None:
    client = client_of(store)
    assert client.post("/api/offers/import", data=sent()).status_code == 403
    assert client.post("/api/offers/import", data=sent(), headers=BEARER).status_code == 403
    assert client.get("/import").headers["Location"] == "/enter"
    assert client.post("/enter", data={"token": ""}).status_code == 403


def test_a_price_list_is_looked_at_before_it_is_imported(store: str) -> None:
    client = client_of(store, token=TOKEN)
    before = client.get("/api/offers?of=imported").json["total"]
    told = client.post("/api/offers/import", data=sent(), headers=BEARER).json
    assert (told["dry_run"], told["lines"][0]["outcome"]) == (True, "new")
    assert client.get("/api/offers?of=imported").json["total"] == before
    done = client.post("/api/offers/import", data=sent(dry_run="false"), headers=BEARER).json
    assert done["dry_run"] is False
    assert client.get("/api/offers?of=imported").json["total"] == before + 1


def test_a_browser_imports_with_a_session_and_its_own_form(store: str) -> None:
    client = client_of(store, token=TOKEN)
    assert client.post("/enter", data={"token": "wrong"}).status_code == 403
    entered = client.post("/enter", data={"token": TOKEN})
    assert "HttpOnly" in entered.headers["Set-Cookie"]
    assert "SameSite=Strict" in entered.headers["Set-Cookie"]
    assert TOKEN not in entered.headers["Set-Cookie"]
    assert client.post("/import", data=sent(form_key="made elsewhere")).status_code == 403
    key = re.search(r'name="form_key" value="([0-9a-f]+)"', client.get("/import").text)
    assert key is not None
    shown = client.post("/import", data=sent(form_key=key[1])).text
    assert "Nothing was changed yet." in shown
    assert "<b>unknown</b>" not in shown
    waiting = re.search(r'action="(/import/[^"]+)"', shown)
    assert waiting is not None
    assert "This is stored now." in client.post(waiting[1], data={"form_key": key[1]}).text
    assert client.post(waiting[1], data={"form_key": key[1]}).status_code == 400


# werkzeug's test client leaves the file open that it spools a long upload into.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize(("content", "said"), [("", "is empty"), ("x" * (6 * 1024 * 1024), ""), ("\x00\x01", "")])
def test_bad_price_lists_are_refused(store: str, content: str, said: str) -> None:
    response = client_of(store, token=TOKEN).post("/api/offers/import", data=sent(content), headers=BEARER)
    assert response.status_code in {400, 413}
    assert said in response.json["error"]
    assert "/tmp" not in response.json["error"]


def test_from_elsewhere_even_reading_needs_the_token(store: str) -> None:
    client = client_of(store, host="0.0.0.0", loopback=False, token=TOKEN, names=("box.lan",))
    host = {"Host": "box.lan"}
    assert client.get("/api/runs", headers=host).status_code == 401
    assert client.get("/api/runs", headers=host | {"Authorization": "Bearer no"}).status_code == 401
    assert client.get("/api/runs", headers=host | BEARER).status_code == 200


def test_other_addresses_need_a_token(store: str) -> None:
    with pytest.raises(InputError, match="set a token"):
        serve(Settings(store, "0.0.0.0", loopback=False), 0, print)
    with pytest.raises(InputError, match="cannot serve on"):
        serve(Settings(store, "192.0.2.1", loopback=False, token=TOKEN), 0, print)
    assert [is_loopback(name) for name in ("127.0.0.1", "::1", "localhost", "0.0.0.0", "box")] == [True] * 3 + [
        False
    ] * 2


def test_tokens_are_read_and_weighed(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text(f"{TOKEN}\n")
    assert read_token(file, None) == TOKEN
    assert read_token(None, None) is None
    for given in ("short", "with a space in the middle"):
        with pytest.raises(InputError, match="at least 16"):
            read_token(None, given)
    with pytest.raises(InputError, match="cannot be read"):
        read_token(tmp_path / "none", None)


def test_a_damaged_store_is_one_line(tmp_path: Path) -> None:
    file = tmp_path / "store.sqlite3"
    file.write_bytes(b"no database at all" * 100)
    with pytest.raises(StoreError):
        check_store(f"sqlite:///{file}")
    response = client_of(f"sqlite:///{file}").get("/api/runs")
    assert response.status_code == 503
    assert "\n" not in response.json["error"]


def test_the_command_serves_until_ctrl_c(store: str) -> None:
    command = [
        sys.executable,
        "-c",
        "from advisor.cli.main import main; main()",
        "serve",
        "--port",
        "0",
        "--store",
        store,
    ]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=dict(os.environ)
    ) as run:
        assert run.stdout is not None
        line = run.stdout.readline()
        address = line.split()[0]
        with urllib.request.urlopen(f"{address}api/runs", timeout=60) as answer:  # the address that was printed
            assert answer.status == 200
        run.send_signal(signal.SIGINT)
        assert run.wait(60) == 3
        assert run.stderr is not None
        assert run.stderr.read() == ""
    assert "read-only" in line
