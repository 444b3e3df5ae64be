from __future__ import annotations

from advisor.host import host_facts
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
