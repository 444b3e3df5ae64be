"""Whether plan, scenario and machine of a verification belong together, and what the report says of them."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

from advisor.errors import InputError
from advisor.records.device import MAKER_RUNTIMES

if TYPE_CHECKING:
    from advisor.records.host import HostFacts
    from advisor.records.plan import Plan, PlanOption
    from advisor.records.scenario import Scenario

MOST_THREADS = 4096
"""Of one stage or of decoding: the threads of the largest machine that is thought possible."""


def check_configuration(path: Path, option: PlanOption, scenario: Scenario) -> None:
    """Refuse a configuration that cannot be run; nothing of a file may make a machine look too small.

    Raises
    ------
    InputError
        No or too many threads, or a device that no runtime drives; file and path inside in one line.
    """
    where = f"{path}: recommended.config"
    threads = option.config.decode.threads
    least = 1 if any(group.count and group.codec != "raw" for group in scenario.cameras) else 0
    if not least <= threads <= MOST_THREADS:
        raise InputError(
            f"{where}.decode.threads: {threads} is not from {least} to {MOST_THREADS}; plan the scenario again"
        )
    for name, config in option.config.stages.items():
        added = config.runtime == "openvino" and config.device != config.device.upper()  # its own are in capitals
        if added or config.runtime in MAKER_RUNTIMES.values():
            raise InputError(
                f"{where}.stages.{name}.device: {config.device} in {config.runtime}, which no runtime here "
                "drives: "
                "measure it with its maker's tools, or plan without candidates.add_accelerators"
            )
        for field in ("threads", "streams", "requests", "inter_op_threads"):
            value = getattr(config, field)
            if value is not None and value > MOST_THREADS:
                raise InputError(
                    f"{where}.stages.{name}.{field}: {value} is above {MOST_THREADS}; plan the scenario again"
                )


def other_scenario(path: Path, plan: Plan, scenario_file: Path) -> str | None:
    """Say that the scenario was changed since it was planned, or None.

    Raises
    ------
    InputError
        The plan names two scenarios: it was edited by hand.
    """
    if plan.inputs is not None and plan.inputs.scenario_sha256 != plan.scenario_sha256:
        raise InputError(f"{path}: scenario_sha256 and inputs.scenario_sha256 differ; the plan was changed, plan again")
    now = sha256_of(scenario_file)
    if now == plan.scenario_sha256:
        return None
    return (
        f"the scenario was changed since it was planned (sha256 {plan.scenario_sha256[:12]} then, {now[:12]} now): the "
        "plan's configuration is run, its figures are not held against this run; plan again"
    )


def not_this(plan: Plan, facts: HostFacts) -> str | None:
    """For a plan of ``this`` machine: say that it was made on another, or that it does not tell; None if it is this."""
    made_on = None if plan.inputs is None else plan.inputs.this
    if made_on == facts.fingerprint:
        return None
    told = "does not say which machine that was" if made_on is None else f"was made on another one ({made_on[:12]})"
    return (
        f"the plan is for the machine on which it was made and {told}; this is {facts.fingerprint[:12]}: its "
        "configuration is run, its figures are not held against this machine"
    )


def met(path: Path, plan: Plan, scenario_file: Path, facts: HostFacts, foreign: bool, changed: bool) -> str:
    """Which scenario, plan and box met, in one line of the report."""
    assert plan.recommended is not None
    box = " ".join((facts.cpu.brand or "processor without a name").split())
    state = "changed since planned" if changed else "as planned"
    return (
        f"met: scenario {plan.scenario} (sha256 {sha256_of(scenario_file)[:12]}, {state}); "
        f"plan {path.name} (sha256 {sha256_of(path)[:12]}, made {plan.created[:10]} by sizer "
        f"{plan.sizer_version} for {plan.recommended.platform}); box {box} (fingerprint {facts.fingerprint[:12]}, "
        f"{'not ' if foreign else ''}the planned one)"
    )


def sha256_of(path: Path) -> str:
    """SHA-256 of a file in hexadecimal digits."""
    return hashlib.sha256(path.read_bytes()).hexdigest()
