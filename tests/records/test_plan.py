from __future__ import annotations

import pytest
from pydantic import ValidationError

from advisor.records.plan import Plan
from tests.report.samples import shop_plan


def test_a_plan_of_0_1_is_read() -> None:
    """Version 0.1 wrote a key ``versions`` that was always empty."""
    document = shop_plan().model_dump(mode="json", by_alias=True)
    assert Plan.model_validate(document | {"versions": {}}) == shop_plan()
    with pytest.raises(ValidationError, match="versions"):
        Plan.model_validate(document | {"versions": {"openvino": "2026.1"}})
