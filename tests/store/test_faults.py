from __future__ import annotations

from typing import Annotated, Any, Literal

import pytest
from pydantic import AfterValidator, BaseModel, Field, ValidationError

from advisor.store.faults import fault_words


def refuse(value: str) -> str:
    raise ValueError(f"{value} is refused by a rule of ours")


class Everything(BaseModel):
    over: float = Field(default=1, gt=0.5)
    least: float = Field(default=1, ge=1)
    under: float = Field(default=1, lt=2.0**40)
    most: int = Field(default=1, le=24)
    ruled: Annotated[str, AfterValidator(refuse)] = ""
    choice: Literal["a", "b"] = "a"
    several: tuple[int, ...] = Field(default=(1, 2), min_length=2)
    some: tuple[int, ...] = Field(default=(1,), min_length=1)
    owed: int


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({}, "is missing and has no default"),
        ({"owed": 1, "over": 0.5}, "must be greater than 0.5"),
        ({"owed": 1, "least": 0}, "must be greater than or equal to 1"),
        ({"owed": 1, "under": 2**41}, "must be less than 1099511627776"),
        ({"owed": 1, "most": 25}, "must be less than or equal to 24"),
        ({"owed": 1, "several": [1]}, "must have at least 2 items"),
        ({"owed": 1, "some": []}, "must have at least 1 item"),
        ({"owed": 1, "ruled": "x"}, "x is refused by a rule of ours"),
    ],
)
def test_each_fault_has_our_words(values: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError) as caught:
        Everything.model_validate(values)
    assert [fault_words(fault) for fault in caught.value.errors()] == [words]


def test_a_fault_that_is_not_known_here_keeps_pydantics_words_in_our_form() -> None:
    with pytest.raises(ValidationError) as caught:
        Everything.model_validate({"owed": 1, "choice": "c"})
    (fault,) = caught.value.errors()
    assert fault_words(fault) == fault["msg"].replace("Input should be", "must be")
