"""A verdict as JUnit XML, for the CI of appliance makers: one test case per check."""

from __future__ import annotations

import xml.etree.ElementTree as ET

from advisor.records.verdict import Verdict


def render_junit(verdict: Verdict) -> str:
    """Failed checks are failures; checks that saw too little are skipped, and the suite says the verdict."""
    failures = sum(check.ok is False for check in verdict.checks)
    skipped = sum(check.ok is None for check in verdict.checks)
    suite = ET.Element(
        "testsuite",
        name=f"sizer verify {verdict.scenario}",
        tests=str(len(verdict.checks)),
        failures=str(failures),
        skipped=str(skipped),
        errors="0",
        time=f"{verdict.duration_s:.1f}",
        timestamp=verdict.created.rstrip("Z"),
    )
    properties = ET.SubElement(suite, "properties")
    ET.SubElement(properties, "property", name="verdict", value=verdict.verdict)
    ET.SubElement(properties, "property", name="reason", value=verdict.reason)
    for check in verdict.checks:
        case = ET.SubElement(suite, "testcase", classname=verdict.scenario, name=check.name)
        text = f"required {check.required}, measured {check.measured}. {check.advice}".strip()
        if check.ok is False:
            ET.SubElement(case, "failure", message=text).text = text
        elif check.ok is None:
            ET.SubElement(case, "skipped", message=text)
    ET.indent(suite)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(suite, encoding="unicode") + "\n"
