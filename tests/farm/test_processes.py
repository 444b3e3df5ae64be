"""Three boxes on loopback and what can happen to them: killed, wrong token, other version, scheduler restarted."""

from __future__ import annotations

import json
import signal
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.waiting import wait_until

from .certificates import Authority
from .processes import LIMIT_S, SLOW_LABEL, FarmOfProcesses, farm_in, offspring

pytest.importorskip("distributed")
pytest.importorskip("onnxruntime")
pytestmark = pytest.mark.runtime


@pytest.fixture
def farm(tmp_path: Path) -> Iterator[FarmOfProcesses]:
    with farm_in(tmp_path) as found:
        yield found


def rows(farm: FarmOfProcesses) -> list[tuple[str, str, str]]:
    with sqlite3.connect(farm.folder / "desk.db") as connection:
        return connection.execute("SELECT host_fingerprint, mode, status FROM measurements").fetchall()


def table(farm: FarmOfProcesses, name: str) -> list[tuple[str, str, str]]:
    shown = farm.start(name, "table", "--json", "--store", f"sqlite:///{farm.folder / 'desk.db'}")
    assert shown.process.wait(LIMIT_S) == 0, shown.text
    return sorted((row["box"], row["mode"]["kind"], row["status"]) for row in json.loads(shown.text)["rows"])


@pytest.mark.slow  # three workers and eleven measurements, each in a process: 44 s of CPU
def test_a_box_that_is_killed_loses_what_was_in_flight_and_a_resume_takes_it(farm: FarmOfProcesses) -> None:
    farm.scheduler()
    boxes = {name: farm.worker(name) for name in ("a", "b", "c")}
    for name, box in boxes.items():
        box.says(f"box {name} is ready")
    desk = farm.bench("desk", "--wait", "1s")
    boxes["c"].says(SLOW_LABEL)
    family = psutil.Process(boxes["c"].process.pid).children(recursive=True)
    wait_until(lambda: rows(farm), "a result is in the store while others are taken", LIMIT_S)
    boxes["c"].process.kill()
    _, alive = psutil.wait_procs(family, timeout=10)
    assert not alive, "what measured for the killed box goes on"
    assert desk.process.wait(LIMIT_S) == 3, desk.text
    assert "box c: lost conv onnxruntime f32 threads=1 paced" in desk.text
    every = [(box, mode) for box in "abc" for mode in ("async", "paced", "sync")]
    expected = {("c", "paced"): "lost", ("c", "async"): "missing"}
    assert table(farm, "table.1") == sorted((*cell, expected.get(cell, "success")) for cell in every)
    assert len({host for host, _, _ in rows(farm)}) == 3, "boxes of one kind stay apart"

    farm.worker("c", log="c.again").says("box c is ready")
    again = farm.bench("desk.again", "--json")
    assert again.process.wait(LIMIT_S) == 0, again.text
    report = json.loads(again.text[again.text.index("{\n") :])
    progress = {box["name"]: (box["known"], box["done"]) for box in report["boxes"]}
    assert progress == {"a": (3, 0), "b": (3, 0), "c": (1, 2)}
    assert table(farm, "table.2") == sorted((*cell, "success") for cell in every)
    assert len(rows(farm)) == 9


def test_who_has_another_token_or_version_is_refused_in_one_line_and_ctrl_c_leaves_nothing(
    farm: FarmOfProcesses,
) -> None:
    own, other = Authority(farm.folder / "tls"), Authority(farm.folder / "other-tls")
    tls = {name: tls_options(authority, "machine") for name, authority in (("farm", own), ("foreign", other))}
    secrets = {name: farm.folder / name for name in ("token", "wrong")}
    for name, path in secrets.items():
        path.write_text(f"{name}-0123456789abcdef\n", encoding="utf-8")
        path.chmod(0o600)
    right, wrong = ("--token-file", str(secrets["token"])), ("--token-file", str(secrets["wrong"]))
    farm.security = (*tls["farm"], *right)
    scheduler = farm.scheduler()
    assert "on 0.0.0.0: TLS with certificates of both ends, and a token" in scheduler.text
    refused = {
        "token": [
            farm.worker("b", security=(*tls["farm"], *wrong)),
            farm.desk("status", "status", security=tls["farm"]),
        ],
        "certificate": [
            farm.worker("foreign", security=(*tls["foreign"], *right)),
            farm.desk("status.2", "status", security=(*tls["foreign"], *right)),
        ],
    }
    for words, ends in refused.items():
        for one in ends:
            assert one.process.wait(LIMIT_S) == 2, one.text
            assert one.text.count("\n") == 1, one.text
            assert words in one.text
    (farm.folder / "older").mkdir()
    older = farm.start("older", "worker", f"127.0.0.1:{farm.port}", *farm.security, "--name", "older",
                       PYTHONPATH=_with_version(farm.folder, "0.1.9"))  # fmt: skip
    assert older.process.wait(LIMIT_S) == 2, older.text
    assert older.text.count("\n") == 1, older.text
    assert "box older does not join the farm: sizer 0." in older.text
    box = farm.worker("a")
    box.says("box a is ready")
    shown = farm.desk("status.3", "status", "--json")
    assert shown.process.wait(LIMIT_S) == 0, shown.text
    assert [row["name"] for row in json.loads(shown.text)["boxes"]] == ["a"], "a refused box is not there"
    everyone = " ".join(word for one in offspring(farm) for word in one.cmdline())
    logs = "".join(one.text for one in farm.started)
    for name in secrets:
        assert f"{name}-0123456789abcdef" not in everyone + logs
    family = offspring(farm)
    assert box.end(signal.SIGINT) == 0
    assert scheduler.end(signal.SIGINT) == 0
    assert "Traceback" not in box.text + scheduler.text
    _, alive = psutil.wait_procs(family, timeout=10)
    assert not alive, alive


def tls_options(authority: Authority, name: str) -> tuple[str, ...]:
    cert, key = authority.certificate(name)
    return ("--tls-ca", str(authority.ca), "--tls-cert", str(cert), "--tls-key", str(key))


def _with_version(folder: Path, version: str) -> str:
    """A path whose ``advisor`` is this one under another version."""
    import advisor

    place = folder / "other" / "advisor"
    place.parent.mkdir()
    source = Path(advisor.__file__).parent
    place.mkdir()
    for part in source.iterdir():
        if part.name not in {"__init__.py", "__pycache__"}:
            (place / part.name).symlink_to(part)
    text = (source / "__init__.py").read_text(encoding="utf-8")
    (place / "__init__.py").write_text(text.replace(advisor.__version__, version), encoding="utf-8")
    for name in ("profiles", "scenarios"):
        (place.parent / name).symlink_to(source.parent / name)
    return str(place.parent)


@pytest.mark.slow  # two starts of a scheduler and the pauses before workers try again: some 40 s
def test_a_scheduler_that_starts_again_costs_what_was_in_flight(farm: FarmOfProcesses) -> None:
    scheduler = farm.scheduler()
    boxes = [farm.worker(name) for name in ("a", "b")]
    for box in boxes:
        box.says("is ready")
    desk = farm.bench("desk", "--wait", "60s")
    boxes[0].says(SLOW_LABEL)
    scheduler.process.kill()
    scheduler.process.wait()
    desk.says("it is waited for")
    farm.scheduler("scheduler.again")
    assert desk.process.wait(LIMIT_S) == 0, desk.text
    assert "the scheduler is back" in desk.text
    assert len(rows(farm)) == 6


@pytest.mark.slow  # a desk waits for a scheduler that never comes: some 30 s
def test_a_scheduler_that_stays_away_ends_the_desk_with_one_line_and_a_resume_works(farm: FarmOfProcesses) -> None:
    scheduler = farm.scheduler()
    box = farm.worker("a")
    box.says("is ready")
    desk = farm.bench("desk", "--wait", "1s", "--quiet")
    box.says(SLOW_LABEL)
    scheduler.process.kill()
    assert desk.process.wait(LIMIT_S) == 3, desk.text
    assert "Traceback" not in desk.text
    farm.scheduler("scheduler.again")
    wait_until(lambda: box.text.count("box a is ready") == 2, "the box comes back by itself", LIMIT_S)
    again = farm.bench("desk.again")
    assert again.process.wait(LIMIT_S) == 0, again.text
    assert len(rows(farm)) == 3


@pytest.mark.slow  # two campaigns, one after the other on one box: some 40 s
def test_a_second_campaign_waits_and_a_desk_that_goes_frees_its_boxes(farm: FarmOfProcesses) -> None:
    farm.scheduler()
    box = farm.worker("a")
    box.says("is ready")
    first = farm.bench("desk")
    box.says(SLOW_LABEL)
    second = farm.desk("other", "bench", "--matrix", "matrix.yaml", "--store", f"sqlite:///{farm.folder / 'other.db'}")
    wait_until(lambda: "waits for matrix.yaml" in _status(farm), "the second campaign is seen to wait", LIMIT_S)
    first.process.kill()
    assert second.process.wait(LIMIT_S) == 0, second.text
    # What the first desk was having measured was ended, not measured to its end.
    assert box.text.count(SLOW_LABEL) == 2
    assert "its desk went" in _status(farm)


def _status(farm: FarmOfProcesses) -> str:
    shown = farm.desk(f"look.{len(farm.started)}", "status")
    assert shown.process.wait(LIMIT_S) == 0, shown.text
    return " ".join(shown.text.split())
