"""Keys of machines and models: what is looked up by them is looked up by contents."""

from copy import deepcopy

import pytest

from advisor.records.device import DeviceSpec
from advisor.records.machine import MachineSpec
from advisor.records.model import ModelWork
from tests.perfmodel.makers import kernel, machine, work


@pytest.mark.parametrize("make", [machine, work])
def test_equal_contents_have_equal_keys_and_dumps_hold_none(make) -> None:
    one, same = make(), make()
    assert one.key == same.key
    assert one == same
    assert hash(one) == hash(same)
    assert "key" not in one.model_dump()


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (machine("box", tdp_w=65.0), machine("box", tdp_w=66.0)),
        (machine("box"), machine("box", uncertain=("tdp_w",))),
        (work([kernel(0)]), work([kernel(0, flop=3e8)])),
        (work([kernel(0)]), work([kernel(0)], batch=2)),
    ],
)
def test_records_of_one_name_and_other_contents_have_other_keys(one, other) -> None:
    assert one.key != other.key


def test_a_changed_copy_has_a_key_of_its_own_even_after_the_original_told_its_key() -> None:
    original = machine()
    known = original.key
    assert original.model_copy(update={"tdp_w": 15.0}).key == machine(tdp_w=15.0).key != known
    assert original.model_copy(update={"tdp_w": 15.0}, deep=True).key == machine(tdp_w=15.0).key
    assert deepcopy(original).key == original.model_copy().key == known


def test_a_changed_copy_of_a_device_has_facts_of_its_own_even_after_the_original_told_its_facts() -> None:
    original = DeviceSpec(id="gpu", machine="box", chip=None, name="GPU", kind="igpu", family="xe-lp")
    moved, other = original.model_copy(update={"machine": "rack"}), original.facts
    assert moved.facts == other == original.model_copy(update={"machine": ""})
    assert original.model_copy(update={"family": "xe2"}).facts.family == "xe2"
    assert original.model_copy(update={"machine": "this"}).facts.machine == "this"


def test_a_key_survives_being_written_and_read_back() -> None:
    assert MachineSpec.model_validate_json(machine().model_dump_json()).key == machine().key
    assert ModelWork.model_validate_json(work().model_dump_json()).key == work().key
