"""What comes back from a box: checked before anything is stored, then filed once."""

from __future__ import annotations

import hashlib
import json
import shutil
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from advisor.errors import InputError
from advisor.kit.read import read_result
from advisor.store.measurements import MeasurementStore
from advisor.verification.signature import make_key, sign_report
from advisor.workflows.runs import list_runs
from tests.kit.boxes import FakeBox
from tests.kit.makers import built, unpacked


class Site:
    """A desk that sent a signed kit, and the box that it came to."""

    def __init__(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.desk = tmp_path
        for name in ("desk", "foreign"):
            make_key(tmp_path / f"{name}.pem")
        self.keys = tmp_path / "desk.pem.pub"
        self.kit = built(tmp_path, key_file=tmp_path / "desk.pem").path
        self.box = unpacked(self.kit, tmp_path / "box")
        self.result = self.box / "result"
        self.fake = FakeBox(monkeypatch, self.box)
        self.store = f"sqlite:///{tmp_path / 'desk.sqlite3'}"

    def verdicts(self) -> list[dict[str, Any]]:
        with MeasurementStore(self.store) as store:
            return [run.document for run in store.runs("verdict")]


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Site:
    return Site(tmp_path, monkeypatch)


@pytest.mark.parametrize("form", ["folder", "archive"])
def test_a_verdict_is_filed_under_its_site_and_the_measurements_with_their_box(site: Site, form: str) -> None:
    assert site.fake.start("--site", "Store 12", "--operator", "J. Doe") == 0
    path = site.result if form == "folder" else site.result / "result.tar.gz"
    filed = read_result(path, kit=site.kit, trusted_keys=site.keys, store_url=site.store)
    assert (filed.site, filed.result.verdict, filed.known) == ("Store 12", "PASS", False)
    assert filed.notes == ("the kit is signed, the result is not: whoever had the box could have written it",)
    (document,) = site.verdicts()
    assert (document["site"], document["kit"]) == ("Store 12", filed.result.kit_sha256)
    assert [run["title"] for run in list_runs(site.store)] == ["shop: PASS at Store 12"]
    with MeasurementStore(site.store) as store:
        own = document["host"]["fingerprint"]
        assert [item.key for item in store.find(host_fingerprint=own)] == ["k1"]
    assert filed.platform is not None
    assert filed.platform.startswith("box-")
    again = read_result(path, kit=site.kit, trusted_keys=site.keys, store_url=site.store)
    assert (again.known, again.run_id) == (True, filed.run_id)
    assert len(site.verdicts()) == 1


def test_the_desk_names_the_site_where_it_wants_to_and_never_twice(site: Site) -> None:
    assert site.fake.start() == 0
    assert read_result(site.result, site="North", store_url=site.store).site == "North"
    with pytest.raises(InputError, match="was filed under site 'North' as verdict-"):
        read_result(site.result, site="South", store_url=site.store)
    assert len(site.verdicts()) == 1


def test_without_keys_it_is_said_that_nothing_is_proved(site: Site) -> None:
    assert site.fake.start() == 0
    notes = read_result(site.result, store_url=site.store).notes
    assert "no --trusted-keys: that the kit and the result are genuine is not proved" in notes
    assert "filed under no site; --site NAME gives one" in notes


def test_a_result_that_is_signed_is_held_against_the_keys(site: Site) -> None:
    assert site.fake.start("--site", "S", "--sign", str(site.desk / "desk.pem")) == 0
    assert read_result(site.result, trusted_keys=site.keys, store_url=site.store).notes == ()
    sign_report(site.result / "result.json", site.desk / "foreign.pem")
    with pytest.raises(InputError, match="was made with none of the keys"):
        read_result(site.result, trusted_keys=site.keys, store_url=site.store)


def test_a_result_of_another_kit_is_refused(site: Site, tmp_path: Path) -> None:
    assert site.fake.start() == 0
    other = built(tmp_path, "other.tar", seed=1).path
    with pytest.raises(InputError, match="is a result of another kit"):
        read_result(site.result, kit=other, store_url=site.store)
    shutil.copy(unpacked(other, tmp_path / "other") / "manifest.json", site.result / "manifest.json")
    with pytest.raises(InputError, match=r"manifest\.json is not as it was packed"):
        read_result(site.result, store_url=site.store)
    _relisted(site.result, "manifest.json")
    with pytest.raises(InputError, match="is a result of another kit"):
        read_result(site.result, store_url=site.store)
    assert site.verdicts() == []


def _relisted(result: Path, name: str) -> None:
    """Let result.json list a file as it now is, as a forger would."""
    document = json.loads((result / "result.json").read_text(encoding="utf-8"))
    data = (result / name).read_bytes()
    for entry in document["files"]:
        if entry["path"] == name:
            entry.update(sha256=hashlib.sha256(data).hexdigest(), size_bytes=len(data))
    (result / "result.json").write_text(json.dumps(document), encoding="utf-8")


def _json(name: str, change: Callable[[dict[str, Any]], object], relist: bool = True) -> Callable[[Path], None]:
    def apply(result: Path) -> None:
        document = json.loads((result / name).read_text(encoding="utf-8"))
        change(document)
        (result / name).write_text(json.dumps(document), encoding="utf-8")
        if relist and name != "result.json":
            _relisted(result, name)

    return apply


def _outside(document: dict[str, Any]) -> None:
    document["files"].append({"path": "../../secret", "sha256": "0" * 64, "size_bytes": 1})


def _linked(result: Path) -> None:
    (result / "log.txt").unlink()
    (result / "log.txt").symlink_to("/etc/hostname")


FAULTS: dict[str, tuple[Callable[[Path], object], str]] = {
    "unfinished": (
        lambda result: (result / "result.json").unlink(),
        "holds no result.json, so it is no finished result",
    ),
    "half": (lambda result: (result / "result.json").write_text('{"schema"'), "is not valid JSON"),
    "another document": (_json("result.json", lambda one: one.update(schema="sizer.plan/1")), "document was expected"),
    "unknown key": (_json("result.json", lambda one: one.update(colour="red")), "colour: unknown key"),
    "missing": (lambda result: (result / "verdict.html").unlink(), "verdict.html is missing"),
    "changed": (
        _json("verdict.json", lambda one: one.update(verdict="PASS", reason="x"), relist=False),
        "is not as it was",
    ),
    "other word": (
        _json("verdict.json", lambda one: one.update(verdict="FAIL")),
        "result.json says PASS, the verdict FAIL",
    ),
    "other scenario": (
        _json("verdict.json", lambda one: one["hashes"].update(scenario="0" * 64)),
        "its verdict is of another scenario than the kit's",
    ),
    "other plan": (
        _json("verdict.json", lambda one: one["hashes"].update(plan="0" * 64)),
        "is of another plan than the kit",
    ),
    "other machine": (
        _json("verdict.json", lambda one: one["host"].update(fingerprint="someone-else")),
        "its measurements are of another machine than its verdict",
    ),
    "outside": (_json("result.json", _outside), "secret is missing"),
    "link": (_linked, "log.txt is missing"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_result_that_is_not_right_is_refused_whole(site: Site, fault: str) -> None:
    assert site.fake.start() == 0
    change, says = FAULTS[fault]
    change(site.result)
    with pytest.raises(InputError, match=says) as caught:
        read_result(site.result, store_url=site.store)
    assert "\n" not in str(caught.value)
    assert site.verdicts() == []
    with MeasurementStore(site.store) as store:
        assert store.hosts() == []


def test_an_unsigned_kit_and_a_foreign_key_are_refused(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert site.fake.start() == 0
    with pytest.raises(InputError, match="none of the keys"):
        read_result(site.result, trusted_keys=tmp_path / "foreign.pem.pub", store_url=site.store)
    (site.result / "manifest.json.minisig").unlink()
    with pytest.raises(InputError, match=r"manifest.json.minisig is missing"):
        read_result(site.result, trusted_keys=site.keys, store_url=site.store)
    plain = unpacked(built(tmp_path, "plain.tar").path, tmp_path / "plain")
    assert FakeBox(monkeypatch, plain).start() == 0
    with pytest.raises(InputError, match="is unsigned; make it with --key"):
        read_result(plain / "result", trusted_keys=site.keys, store_url=site.store)
    assert site.verdicts() == []


def test_an_archive_that_was_cut_or_is_hostile_is_refused(site: Site, tmp_path: Path) -> None:
    assert site.fake.start() == 0
    whole = (site.result / "result.tar.gz").read_bytes()
    cut = tmp_path / "cut.tar.gz"
    cut.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError, match="is cut short"):
        read_result(cut, store_url=site.store)
    hostile = tmp_path / "hostile.tar"
    with tarfile.open(hostile, "w") as archive:
        info = tarfile.TarInfo("result/link")
        info.type, info.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(info)
    with pytest.raises(InputError, match="which is no plain file"):
        read_result(hostile, store_url=site.store)
    with pytest.raises(InputError, match="no such file or folder"):
        read_result(tmp_path / "none", store_url=site.store)


def test_a_box_that_a_plan_cannot_use_still_has_its_verdict_filed(site: Site) -> None:
    assert site.fake.start("--site", "S") == 0
    _json("box.json", lambda one: one["host"]["cpu"].update(cores=None, threads=None, brand=None))(site.result)
    filed = read_result(site.result, store_url=site.store)
    assert filed.platform is None
    assert any(note.startswith("the box's measurements are not taken: ") for note in filed.notes)
    assert len(site.verdicts()) == 1
