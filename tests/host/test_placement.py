"""Pinning in processes of their own: what this process may use stays as it is."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

from advisor.host.placement import cpus_of, environment
from advisor.host.tree import Tree
from advisor.records.host_settings import NOTHING_ASKED, EffectiveHost, HostSettings, as_list
from tests.needs import TWO_CORES

PROGRAM = """
import sys, threading
from advisor.host.placement import apply, read_back
from advisor.records.host_settings import HostSettings
stop = threading.Event()
early = threading.Thread(target=stop.wait, daemon=True)
early.start()
apply(HostSettings.model_validate_json(sys.argv[1]))
import os
assert os.sched_getaffinity(early.native_id) == os.sched_getaffinity(0)
print(read_back().model_dump_json())
"""


def pinned(settings: HostSettings, *, before: str = "") -> EffectiveHost:
    done = subprocess.run(
        [sys.executable, "-c", before + PROGRAM, settings.model_dump_json()],
        capture_output=True, text=True, check=False, env={**os.environ, **(environment(settings) or {})},
    )  # fmt: skip
    if done.returncode:
        raise RuntimeError(done.stderr)
    return EffectiveHost.model_validate_json(done.stdout)


@TWO_CORES
def test_threads_from_before_and_later_run_where_they_were_sent() -> None:
    first, *_ = sorted(os.sched_getaffinity(0))
    found = pinned(HostSettings(cpuset=(first,), omp_threads=3))
    assert found.cpuset == (first,)
    assert found.omp_threads == 3


@TWO_CORES
def test_nothing_gives_a_process_back_what_was_taken_from_it() -> None:
    first, second, *_ = sorted(os.sched_getaffinity(0))
    taken = f"import os; os.sched_setaffinity(0, {{{first}}})\n"
    assert pinned(HostSettings(cpuset=(first, second)), before=taken).cpuset == (first,)
    with pytest.raises(RuntimeError, match="is granted none"):
        pinned(HostSettings(cpuset=(second,)), before=taken)


def test_nothing_asked_changes_nothing() -> None:
    assert pinned(NOTHING_ASKED).cpuset == tuple(sorted(os.sched_getaffinity(0)))


def test_memory_is_bound_and_read_back_from_the_kernel() -> None:
    if not Path("/sys/devices/system/node/node0").exists():
        pytest.skip("this kernel knows no NUMA nodes")
    with contextlib.suppress(RuntimeError):  # a container whose profile of system calls forbids it, and says so
        assert pinned(HostSettings(numa_nodes=(0,))).numa_nodes == (0,)
        return
    with pytest.raises(RuntimeError, match="SYS_NICE"):
        pinned(HostSettings(numa_nodes=(0,)))


def test_an_openmp_library_is_asked_for_its_threads() -> None:
    """scikit-learn brings one; it takes its number from the environment."""
    found = pinned(HostSettings(omp_threads=1), before="import sklearn.utils._openmp_helpers\n")
    assert set(found.openmp_libraries.values()) == {1}


def test_cpus_of_nodes_come_from_the_kernel(tmp_path: Path) -> None:
    for node, cpus in ((0, "0-3,8-11"), (1, "4-7,12-15")):
        folder = tmp_path / f"sys/devices/system/node/node{node}"
        folder.mkdir(parents=True)
        (folder / "cpulist").write_text(cpus + "\n")
    (tmp_path / "sys/devices/system/cpu").mkdir(parents=True)
    tree = Tree(tmp_path)
    assert cpus_of((1,), tree) == {4, 5, 6, 7, 12, 13, 14, 15}
    assert cpus_of((2,), tree) == set()


def test_numbers_are_spelled_as_the_kernel_does() -> None:
    assert as_list((7, 0, 1, 2, 9, 10)) == "0-2,7,9-10"
    assert as_list(()) == ""
