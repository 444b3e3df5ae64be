"""A plan that is made again simulates only what changed, and says the same."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from advisor.simulate import SimSpec, kept
from advisor.workflows.plan import plan_scenario
from advisor.workflows.plan_inputs import PlanRequest

from .test_works import BOXES, SCENARIO


def test_a_plan_that_is_made_again_simulates_only_what_changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIZER_HOME", str(tmp_path))
    monkeypatch.delenv("SIZER_CACHE", raising=False)
    simulated: list[SimSpec] = []
    simulate = kept.simulate

    def counting(spec: SimSpec, *more: Any) -> Any:
        simulated.append(spec)
        return simulate(spec, *more)

    monkeypatch.setattr(kept, "simulate", counting)

    def planned(text: str) -> tuple[dict[str, Any], int]:
        (tmp_path / "tiny.yaml").write_text(text)
        simulated.clear()
        found = plan_scenario(
            PlanRequest(str(tmp_path / "tiny.yaml"), on=BOXES, measure=False), store_url=f"sqlite:///{tmp_path}/s.db"
        )
        document: dict[str, Any] = found.model_dump(mode="json")
        return {key: value for key, value in document.items() if key not in {"id", "created"}}, len(simulated)

    first, all_runs = planned(SCENARIO)
    assert all_runs > 0
    assert planned(SCENARIO) == (first, 0)
    more, others = planned(SCENARIO.replace("count: 4", "count: 5"))
    assert others > 0
    (tmp_path / "cache" / "simulator" / "runs.sqlite3").unlink()
    assert planned(SCENARIO.replace("count: 4", "count: 5"))[0] == more
