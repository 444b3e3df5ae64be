from __future__ import annotations

import pytest
from pydantic import ValidationError

from advisor.records.plan import Plan
from tests.report.samples import shop_plan, tied_plan


def test_a_plan_of_0_1_is_read() -> None:
    """Version 0.1 wrote a key ``versions`` that was always empty."""
    document = shop_plan().model_dump(mode="json", by_alias=True)
    assert Plan.model_validate(document | {"versions": {}}) == shop_plan()
    with pytest.raises(ValidationError, match="versions"):
        Plan.model_validate(document | {"versions": {"openvino": "2026.1"}})


def test_a_plan_without_ties_and_ladder_is_read() -> None:
    """Version 0.1 knew neither, nor the expected cost."""
    document = shop_plan().model_dump(mode="json", by_alias=True)
    del document["ties"]
    for option in (document["recommended"], *document["alternatives"]):
        del option["ladder"], option["expected_cost"]
    read = Plan.model_validate(document)
    assert read.ties == ()
    assert read.recommended is not None
    assert (read.recommended.ladder, read.recommended.expected_cost) == ((), None)


def test_ties_and_ladder_survive_a_file() -> None:
    plan = tied_plan()
    assert plan.ties
    assert plan.recommended is not None
    assert plan.recommended.ladder
    assert Plan.model_validate_json(plan.model_dump_json(by_alias=True)) == plan
