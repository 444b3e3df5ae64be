from __future__ import annotations

import hashlib
import signal
from pathlib import Path

import pytest

import advisor
from advisor.errors import StoreError
from advisor.host import host_facts
from advisor.records.plan import Plan
from advisor.workflows.verify import VerifyRequest, _hashes, _kept, _other_machine, _stop_on_interrupt, _versions
from tests.report.samples import verdict


def facts_of(brand: str) -> object:
    here = host_facts()
    return here.model_copy(update={"cpu": here.cpu.model_copy(update={"brand": brand})})


@pytest.mark.parametrize(
    ("platform", "brand", "same"),
    [
        ("intel-core-i7-8700", "Intel(R) Core(TM) i7-8700 CPU @ 3.20GHz", True),
        ("intel-core-i7-8700", "Intel(R) Core(TM) i7-8700T CPU @ 2.40GHz", False),
        ("mini-pc-i7-11800h-16-gb", "11th Gen Intel(R) Core(TM) i7-11800H @ 2.30GHz", True),
        ("mini-pc-i7-11800h-16-gb", "AMD EPYC", False),
    ],
)
def test_a_plan_is_held_against_its_own_kind_of_machine_only(platform: str, brand: str, same: bool) -> None:
    warning = _other_machine(platform, facts_of(brand))  # type: ignore[arg-type]
    assert (warning is None) is same
    if warning is not None:
        assert platform in warning
        assert brand in warning


def made(version: str) -> Plan:
    return Plan.model_construct(sizer_version=version)


def test_a_plan_of_another_version_is_a_warning() -> None:
    assert _versions(made(advisor.__version__)) == ()
    (warning,) = _versions(made("0.0.1"))
    assert "0.0.1" in warning
    assert "plan again" in warning


def test_a_store_that_cannot_be_written_costs_no_verdict() -> None:
    class Full:
        def put_run(self, kind: str, document: object) -> str:
            raise StoreError("store /x: disk is full; free some space")

    kept = _kept(verdict("FAIL"), Full())  # type: ignore[arg-type]
    assert kept.verdict == "FAIL"
    assert kept.warnings[-1] == "not kept in the store: store /x: disk is full; free some space"


def test_the_first_signal_asks_and_the_second_interrupts() -> None:
    # The handlers are called as the interpreter would call them: a real signal could end the test run.
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    with _stop_on_interrupt() as stop:
        on_term, on_int = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)
        assert callable(on_term)
        assert callable(on_int)
        assert not stop.is_set()
        on_term(signal.SIGTERM, None)
        assert stop.is_set()
        with pytest.raises(KeyboardInterrupt):
            on_int(signal.SIGINT, None)
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before


def test_a_hang_up_asks_too_unless_nohup_ignores_it() -> None:
    with _stop_on_interrupt() as stop:
        asked = signal.getsignal(signal.SIGHUP)
        assert callable(asked)
        asked(signal.SIGHUP, None)
        assert stop.is_set()
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with _stop_on_interrupt():
            assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)


def test_files_that_said_what_to_do_are_hashed(tmp_path: Path) -> None:
    scenario = tmp_path / "s.yaml"
    scenario.write_text("scenario: s\n")
    found = _hashes(VerifyRequest(scenario=str(scenario), plan_file=tmp_path / "none.json"))
    assert found == {"scenario": hashlib.sha256(b"scenario: s\n").hexdigest()}
    assert _hashes(VerifyRequest(scenario="store-analytics")) == {}
