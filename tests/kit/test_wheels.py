"""Packages: what of the lock applies to a box, in pip's words, and sizer's own wheel from wherever it runs."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from packaging.tags import Tag, cpython_tags

from advisor.errors import InputError
from advisor.kit import wheels
from advisor.kit.target import platform_tags, target_of
from advisor.store.paths import locks_dir
from tests.kit.makers import fake_wheels, silent

LOCK = """
# made by hand
one==1.0 \\
    --hash=sha256:{a} \\
    --hash=sha256:{b}
    # via two
two==2.0 ; python_full_version < '3.12' \\
    --hash=sha256:{a}
two==2.1 ; python_full_version >= '3.12' \\
    --hash=sha256:{b}
arm==3.0 ; platform_machine == 'aarch64' \\
    --hash=sha256:{a}
""".format(a="a" * 64, b="b" * 64)


@pytest.mark.parametrize(
    ("python", "platform", "wanted"),
    [
        ("3.11", "manylinux_2_28_x86_64", ["one==1.0", "two==2.0"]),
        ("3.12", "manylinux_2_28_x86_64", ["one==1.0", "two==2.1"]),
        ("3.13", "manylinux_2_28_aarch64", ["one==1.0", "two==2.1", "arm==3.0"]),
    ],
)
def test_markers_are_those_of_the_box(python: str, platform: str, wanted: list[str]) -> None:
    pins = wheels.pins_for(LOCK, target_of(python, platform))
    assert [pin.requirement for pin in pins] == wanted
    assert pins[0].hashes == {"a" * 64, "b" * 64}


def test_a_package_without_a_hash_is_refused() -> None:
    with pytest.raises(InputError, match="three has no hash"):
        wheels.pins_for(LOCK + "three==3\n", target_of("3.12", None))


@pytest.mark.parametrize("python", ["3.11", "3.12", "3.13"])
def test_the_lock_that_ships_has_one_version_of_everything(python: str) -> None:
    text = "".join((locks_dir() / name).read_text(encoding="utf-8") for name in wheels.LOCKS)
    names = [pin.requirement.partition("==")[0] for pin in wheels.pins_for(text, target_of(python, None))]
    assert {"pip", "openvino", "onnxruntime", "numpy", "cryptography"} <= set(names)
    assert len(names) == len(set(names))


def test_platform_tags_are_those_that_pip_would_take_on_such_a_box() -> None:
    """``packaging`` lists the tags of a running system; ours must be among them, newest first."""
    ours = platform_tags(target_of("3.12", "manylinux_2_28_x86_64"))
    assert ours[0] == "manylinux_2_28_x86_64"
    assert [tag for tag in ours if "_2_" not in tag] == [
        "manylinux2014_x86_64",
        "manylinux2010_x86_64",
        "manylinux1_x86_64",
    ]
    assert ours.index("manylinux2014_x86_64") == ours.index("manylinux_2_17_x86_64") + 1
    known = set(cpython_tags((3, 12), platforms=ours))
    assert Tag("cp312", "abi3", "manylinux_2_17_x86_64") in known
    arm = platform_tags(target_of("3.12", "manylinux_2_28_aarch64"))
    assert arm[-2:] == ["manylinux_2_17_aarch64", "manylinux2014_aarch64"]


def test_the_box_installs_exactly_the_files_of_the_kit(tmp_path: Path) -> None:
    (wheel,) = fake_wheels(target_of(None, None), tmp_path, silent)
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    assert wheels.requirements_text([wheel]) == f"pip==26.3 --hash=sha256:{digest}\n"


def test_the_size_of_an_installation_counts_bytecode(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.whl", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.py", " " * 1000)
        archive.writestr("a.so", " " * 500)
    assert wheels.installed_bytes([tmp_path / "a.whl"]) == 2500


def test_packages_that_cannot_be_fetched_are_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    pin = wheels.Pin("sizer-no-such-package==1.0", frozenset({"a" * 64}))
    with pytest.raises(InputError, match=r"cannot be fetched: .*connect this desk to a package index") as caught:
        wheels._fetch([pin], target_of("3.12", None), tmp_path)
    assert "\n" not in str(caught.value)
    assert "manylinux_2_28" in str(caught.value)


def test_what_is_there_is_not_fetched_again_and_what_is_damaged_is(tmp_path: Path) -> None:
    (wheel,) = fake_wheels(target_of(None, None), tmp_path, silent)
    pin = wheels.Pin("pip==26.3", frozenset({hashlib.sha256(wheel.read_bytes()).hexdigest()}))
    assert wheels._present(tmp_path, [pin]) == {pin: wheel}
    wheel.write_bytes(b"damaged")
    assert wheels._present(tmp_path, [pin]) == {}


def test_a_wheel_of_the_checkout_is_the_same_each_time_and_holds_the_locks(tmp_path: Path) -> None:
    pytest.importorskip("hatchling")
    first = wheels.own_wheel(tmp_path / "one").read_bytes()
    second = wheels.own_wheel(tmp_path / "two")
    assert second.read_bytes() == first
    with zipfile.ZipFile(second) as archive:
        names = set(archive.namelist())
    assert {f"advisor/_data/requirements/{name}" for name in wheels.LOCKS} <= names
    assert {f"advisor/kit/onsite/{name}" for name in ("box.py", "verify", "Dockerfile", "START-HERE.txt")} <= names


@pytest.mark.slow
def test_an_installation_makes_its_wheel_again(tmp_path: Path) -> None:
    """Takes an installation by pip, and the start of another Python; the installed sizer packs what was installed."""
    pytest.importorskip("wheel")
    built = wheels.own_wheel(tmp_path / "built")
    there = tmp_path / "there"
    pip = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "--quiet",
        "--no-deps",
        "--no-index",
        "--target",
        str(there),
        str(built),
    ]
    subprocess.run(pip, check=True, timeout=300)
    code = (
        "import sys; from pathlib import Path; from advisor.kit.wheels import own_wheel; "
        "print(own_wheel(Path(sys.argv[1])))"
    )
    environment = {"PATH": "/usr/bin:/bin", "PYTHONPATH": str(there)}
    run = [sys.executable, "-P", "-c", code, str(tmp_path / "again")]
    done = subprocess.run(run, capture_output=True, text=True, check=False, env=environment, cwd=tmp_path, timeout=300)
    assert done.returncode == 0, done.stderr

    def held(path: Path) -> dict[str, bytes]:
        with zipfile.ZipFile(path) as archive:
            return {name: archive.read(name) for name in archive.namelist() if not name.endswith("/RECORD")}

    assert held(Path(done.stdout.strip())) == held(built)
    next(there.glob("advisor/cli/kit.py")).write_text("changed")
    done = subprocess.run(run, capture_output=True, text=True, check=False, env=environment, cwd=tmp_path, timeout=300)
    assert "is not as it was installed; install sizer again" in done.stderr
