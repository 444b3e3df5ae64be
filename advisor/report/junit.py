"""A verdict as JUnit XML, for the CI of appliance makers: one test case per check, and one for the verdict itself."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET

from advisor.records.verdict import Check, Verdict

# Characters that XML 1.0 cannot hold at all (section 2.2), such as escape sequences in the stderr of a worker.
_FORBIDDEN = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def render_junit(verdict: Verdict) -> str:
    """Failed checks are failures; checks that saw too little are skipped.

    The case ``verdict`` fails on FAIL and is an error on INCONCLUSIVE, so that a run that ended without any failed
    check (a crash, too much noise) is never green.
    """
    failures = sum(check.ok is False for check in verdict.checks) + (verdict.verdict == "FAIL")
    suite = ET.Element(
        "testsuite",
        name=_clean(f"sizer verify {verdict.scenario}"),
        tests=str(len(verdict.checks) + 1),
        failures=str(failures),
        skipped=str(sum(check.ok is None for check in verdict.checks)),
        errors=str(int(verdict.verdict == "INCONCLUSIVE")),
        time=f"{verdict.duration_s:.1f}",
        timestamp=verdict.created[:19],
    )
    properties = ET.SubElement(suite, "properties")
    for name, value in (("verdict", verdict.verdict), ("reason", verdict.reason), ("sizer", verdict.sizer_version)):
        ET.SubElement(properties, "property", name=name, value=_clean(value))
    whole = ET.SubElement(suite, "testcase", classname=_clean(verdict.scenario), name="verdict")
    reason = _clean(f"{verdict.verdict}: {verdict.reason}")
    if verdict.verdict == "FAIL":
        ET.SubElement(whole, "failure", message=reason).text = reason
    elif verdict.verdict == "INCONCLUSIVE":
        ET.SubElement(whole, "error", message=reason).text = reason
    for check in verdict.checks:
        case = ET.SubElement(suite, "testcase", classname=_clean(verdict.scenario), name=_clean(check.name))
        if check.ok is False:
            ET.SubElement(case, "failure", message=_words(check)).text = _words(check)
        elif check.ok is None:
            ET.SubElement(case, "skipped", message=_words(check))
    ET.indent(suite)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(suite, encoding="unicode") + "\n"


def _words(check: Check) -> str:
    bound = f" (bound {check.bound})" if check.bound else ""
    return _clean(f"required {check.required}, measured {check.measured}{bound}. {check.advice}".strip())


def _clean(text: str) -> str:
    return _FORBIDDEN.sub("\ufffd", text)
