"""Configuration of a run without a plan."""

from __future__ import annotations

from advisor.records.base import Precision
from advisor.records.config import RunConfig
from advisor.records.host import HostFacts
from advisor.records.scenario import Scenario


def default_configs(scenario: Scenario, facts: HostFacts, precision: Precision) -> dict[str, RunConfig]:
    """OpenVINO's throughput hint, limited to the cores that this process may use.

    Threads are not pinned: the stages share the cores, and pinned threads of two models would sit on the same ones.
    """
    cores = max(1, int(facts.limits.usable_cores or facts.cpu.threads or 1))
    return {
        stage.id: RunConfig(
            runtime="openvino", device="CPU", precision=precision, hint="throughput", threads=cores,
            batch=stage.batch.max, pinning=False,
        )
        for stage in scenario.stages
    }  # fmt: skip
