from __future__ import annotations

import xml.etree.ElementTree as ET

from advisor.report.junit import render_junit

from .samples import MARKUP, verdict


def test_one_case_per_check_and_one_for_the_verdict() -> None:
    suite = ET.fromstring(render_junit(verdict()))
    counts = {name: int(suite.attrib[name]) for name in ("tests", "failures", "skipped", "errors")}
    assert counts == {"tests": 4, "failures": 2, "skipped": 1, "errors": 0}
    cases = {case.attrib["name"]: case for case in suite.iter("testcase")}
    assert list(cases) == ["verdict", "camera_fps", "drops", "latency_p99"]
    failure = cases["camera_fps"].find("failure")
    assert failure is not None
    assert failure.attrib["message"] == "required >= 15, measured 11.2 (bound 11.0). fewer cameras"
    assert cases["latency_p99"].find("skipped") is not None
    assert list(cases["drops"]) == []
    assert suite.attrib["timestamp"] == "2026-11-21T08:00:00"
    properties = {item.attrib["name"]: item.attrib["value"] for item in suite.iter("property")}
    assert properties == {"verdict": "FAIL", "reason": "camera aisle-2 is too slow", "sizer": "0.1.0"}


def test_a_pass_is_green() -> None:
    good = verdict("PASS", checks=verdict().checks[1:2])
    suite = ET.fromstring(render_junit(good))
    assert (suite.attrib["failures"], suite.attrib["errors"], suite.attrib["tests"]) == ("0", "0", "2")


def test_a_run_that_broke_off_is_never_green() -> None:
    crash = ET.fromstring(render_junit(verdict("FAIL", checks=(), reason="worker killed by signal 9")))
    assert crash.attrib["failures"] == "1"
    unsure = ET.fromstring(render_junit(verdict("INCONCLUSIVE", checks=())))
    assert unsure.attrib["errors"] == "1"
    assert unsure.find("testcase/error") is not None


def test_what_xml_cannot_hold_is_replaced_and_markup_is_text() -> None:
    suite = ET.fromstring(render_junit(verdict(reason=f"\x1b[31m{MARKUP}\x00")))
    error = suite.find("testcase/failure")
    assert error is not None
    assert error.text == f"FAIL: \ufffd[31m{MARKUP}\ufffd"
