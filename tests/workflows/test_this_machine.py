from __future__ import annotations

from advisor.host import host_facts
from advisor.store.catalogue import Catalogue
from advisor.workflows.plan_candidates import candidates_named
from advisor.workflows.this_machine import local_candidate


def test_unknown_memory_channels_are_not_called_measured() -> None:
    facts = host_facts()
    facts = facts.model_copy(update={"memory": facts.memory.model_copy(update={"channels": None})})
    channels = local_candidate(facts).platform.memory_channels_populated
    assert channels.kind == "assumed"
    assert "unknown" in channels.source


def test_known_memory_channels_are_taken_over() -> None:
    facts = host_facts()
    facts = facts.model_copy(update={"memory": facts.memory.model_copy(update={"channels": 2})})
    channels = local_candidate(facts).platform.memory_channels_populated
    assert (channels.value, channels.kind) == (2.0, "measured")


def test_a_processor_is_planned_as_the_boxes_that_have_it_each_once() -> None:
    catalogue = Catalogue.load()
    found = candidates_named(("intel-processor-n100", "mini-pc-n100-8-gb"), catalogue, host_facts())
    ids = [item.platform.id for item in found]
    assert "mini-pc-n100-8-gb" in ids
    assert len(ids) == len(set(ids)) > 1
    assert {item.platform.processor for item in found} == {"intel-processor-n100"}
    assert all(item.platform.price_usd is not None for item in found)


def test_a_processor_that_no_box_has_is_the_bare_chip_without_a_price() -> None:
    catalogue = Catalogue.load()
    boxed = {box.processor for box in catalogue.platforms()}
    chip = next(name for name in catalogue.processor_ids() if name not in boxed)
    (bare,) = candidates_named((chip,), catalogue, host_facts())
    assert bare.platform.id == chip
    assert bare.platform.price_usd is None
