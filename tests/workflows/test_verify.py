from __future__ import annotations

import pytest

from advisor.host import host_facts
from advisor.workflows.verify import _other_machine


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
