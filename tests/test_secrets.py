"""A secret in each input, looked for in every output, file, store and leftover."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from advisor.cli.main import run
from tests.waiting import wait_until

SECRET = "Xq7-unmistakable"
MAIN = ["-P", "-c", "from advisor.cli.main import main; main()"]
SCENARIO = """
scenario: guarded
cameras: [{{group: door, count: 1, resolution: 320x192, fps: 5, source: "{source}"}}]
stages: [{{id: look, model: "{model}"}}]
slo: {{camera_fps: 5, latency_p95_ms: 1000}}
"""


def start(arguments: list[str], folder: Path) -> subprocess.Popen[str]:
    for name in ("tmp", "home", "work"):
        (folder / name).mkdir(exist_ok=True)
    own = {
        "SIZER_HOME": str(folder / "home"), "TMPDIR": str(folder / "tmp"), "HOME": str(folder / "home"),
        "PYTHONPATH": str(Path(__file__).parents[1]),
    }  # fmt: skip
    rest = {name: value for name, value in os.environ.items() if not name.startswith("SIZER_")}
    return subprocess.Popen(
        [sys.executable, *MAIN, *arguments], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        text=True, env=rest | own, cwd=folder / "work",
    )  # fmt: skip


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folders of :func:`start` for a command in this process, as which a refusal needs none of its own."""
    for name in ("tmp", "home", "work"):
        (tmp_path / name).mkdir()
    for name in [name for name in os.environ if name.startswith("SIZER_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("SIZER_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("TMPDIR", str(tmp_path / "tmp"))
    monkeypatch.setattr(tempfile, "tempdir", None)
    monkeypatch.chdir(tmp_path / "work")
    return tmp_path


def leaks(folder: Path, output: str) -> list[str]:
    """Where the secret is found, file names included; the user's own file of the input is not among them."""
    found = [f"output: {line}" for line in output.splitlines() if SECRET in line]
    for path in folder.rglob("*"):
        if path.name == "input.yaml" or not path.is_file():
            continue
        if SECRET in str(path) or SECRET.encode() in path.read_bytes():
            found.append(str(path))
    return found


def written(folder: Path, source: str = "", model: str = "squeezenet-1.1") -> str:
    path = folder / "input.yaml"
    path.write_text(SCENARIO.format(source=source, model=model), encoding="utf-8")
    return str(path)


SOURCES = [
    f"rtsp:/admin:{SECRET}@127.0.0.1/x", f"admin:{SECRET}@127.0.0.1/x", f"tcp://admin:{SECRET}@127.0.0.1/x",
    f"rtsp://admin:{SECRET}@127.0.0.1:port/x", f"rtsp://admin:{SECRET}@127.0.0.1:9/x?key={SECRET}\\n",
    f"pipe:{SECRET}@x:1?password={SECRET}",
]  # fmt: skip


@pytest.mark.parametrize("source", SOURCES)
def test_a_fault_of_a_camera_address_does_not_show_it(
    source: str, here: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert run(["plan", written(here, source), "--debug"]) == 2
    output = "".join(capfd.readouterr())
    assert leaks(here, output) == []
    assert "cameras[0].source" in output


def test_a_fault_in_a_process_of_its_own_does_not_show_it_either(tmp_path: Path) -> None:
    process = start(["plan", written(tmp_path, SOURCES[0]), "--debug"], tmp_path)
    output, _ = process.communicate()
    assert process.returncode == 2, output
    assert leaks(tmp_path, output) == []
    assert "cameras[0].source" in output


@pytest.mark.parametrize(
    "arguments",
    [
        ["plan", f"rtsp://admin:{SECRET}@h/x"],
        ["verify", "store-analytics", "--plan", f"http://admin:{SECRET}@h/plan.json"],
        ["catalog", "add", f"https://h/box.json?token={SECRET}"],
        ["predict", f"https://admin:{SECRET}@h/m.onnx", "--on", "intel-core-i5-12400"],
        ["import", "frigate", f"http://admin:{SECRET}@h/config.yml"],
        ["report", "--store", f"postgresql+psycopg://u:{SECRET}@127.0.0.1:9/x"],
        ["report", "--store", f"postgresql+psycopg://127.0.0.1:9/x?user=u&password={SECRET}"],
        ["report", "--store", f"postgresql:/u:{SECRET}@127.0.0.1/x"],
        ["report", "--store", f"u:{SECRET}@127.0.0.1/x"],
        ["report", "--store", f"postgresql:x?password={SECRET}"],
        ["report", "--store", f"nothing://u:{SECRET}@h/x"],
        ["report", "--store", f"postgresql://u:{SECRET}@h:port/x"],
        ["report", f"rtsp://admin:{SECRET}@h/x"],
        ["plan", "store-analytics", "surplus", f"rtsp://admin:{SECRET}@h/x"],
        ["host", "--stoer", f"postgresql://u:{SECRET}@h/x"],
    ],
    ids=lambda arguments: " ".join(arguments[:3])[:40],
)
def test_a_fault_of_an_argument_does_not_show_it(
    arguments: list[str], here: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    code = run([*arguments, "--debug"])
    output = "".join(capfd.readouterr())
    assert code == 2, output
    assert leaks(here, output) == []


@pytest.mark.parametrize("form", ["frigate", "cameras"])
def test_an_import_leaves_the_password_nowhere(form: str, tmp_path: Path) -> None:
    address = f"rtsp://admin:{SECRET}@10.0.0.1:554/{SECRET}?token={SECRET}&channel=1"
    (tmp_path / "work").mkdir()
    given = tmp_path / "given"
    if form == "frigate":
        inputs = f"inputs: [{{path: '{address}', roles: [detect]}}]"
        given.write_text(f"cameras: {{a: {{ffmpeg: {{{inputs}}}, detect: {{width: 640, height: 480}}}}}}\n")
    else:
        given.write_text(f"name,url,resolution,fps\na,{address},640x480,5\n")
    output, _ = start(["import", form, str(given), "-o", "out.yaml", "--json", "--debug"], tmp_path).communicate()
    text = (tmp_path / "work" / "out.yaml").read_text()
    given.unlink()
    assert "10.0.0.1:554" in text
    assert SECRET not in text
    assert leaks(tmp_path, output) == []


@pytest.mark.runtime
def test_a_run_leaves_the_password_nowhere(tmp_path: Path) -> None:
    scenario = written(tmp_path, f"rtsp://admin:{SECRET}@127.0.0.1:9/x?token={SECRET}")
    words = ["verify", scenario, "--config", "default", "--duration", "2s", "-o", "v.json", "--html", "v.html",
             "--junit", "v.xml", "--debug"]  # fmt: skip
    former = tmp_path / "home" / "cache" / "verify" / "tmpk3x_9.json"  # as a killed run of version 0.1 left it
    former.parent.mkdir(parents=True)
    former.write_text(SECRET, encoding="utf-8")
    process = start(words, tmp_path)
    output, _ = process.communicate()
    assert process.returncode in {1, 3}, output
    assert (tmp_path / "work" / "v.json").exists()
    assert leaks(tmp_path, output) == []


@pytest.mark.runtime
def test_a_plan_holds_no_password(tmp_path: Path) -> None:
    scenario = written(tmp_path, f"rtsp://admin:{SECRET}@127.0.0.1:9/x")
    words = ["plan", scenario, "--on", "office-desktop-i5-12400-16-gb", "-o", "p.json", "--html", "p.html"]
    output, _ = start([*words, "--export", "compose"], tmp_path).communicate()
    assert (tmp_path / "work" / "p.json").exists(), output
    assert leaks(tmp_path, output) == []


@pytest.mark.runtime
def test_a_kill_leaves_no_job_behind(tmp_path: Path) -> None:
    scenario = written(tmp_path, f"rtsp://admin:{SECRET}@127.0.0.1:9/x")
    process = start(["verify", scenario, "--config", "default", "--duration", "60s"], tmp_path)
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    wait_until(lambda: process.poll() is not None or children.read_text().split(), "the cascade's process")
    wait_until(lambda: process.poll() is not None or (tmp_path / "home" / "cache" / "verify").exists(), "the run")
    time.sleep(2.0)
    process.send_signal(signal.SIGKILL)
    output, _ = process.communicate()
    assert process.returncode == -signal.SIGKILL, output
    assert leaks(tmp_path, output) == []
