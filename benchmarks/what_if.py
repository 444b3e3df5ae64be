"""What-if on a plan's page against plans at the same settings: real catalogue and scenarios, in a real browser.

Settings are drawn for a scenario that ships as somebody at the page would turn its controls. Each is planned anew as
``sizer plan`` would from a file that says so, as far as the decision goes: same candidates, search and ties.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import random
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from advisor.errors import Inconclusive
from advisor.records.candidates import PriceOverride
from advisor.records.scenario import Scenario

from .common import header, table

if TYPE_CHECKING:
    from advisor.planner.question.inputs import Candidate, PlanInputs
    from advisor.records.surface import WhatIfSurface

SCENARIOS = ("store-analytics", "nvr-motion", "factory-line", "traffic-intersection", "shelf-ocr")
"""Those that ship, have cameras and are of one site."""
SETTINGS, QUICK_SETTINGS = 40, 2
"""Of each scenario."""
SHARE = 0.4
"""Of the controls that somebody turns at once."""
CONFIDENCES = (50, 60, 70, 80, 85, 90, 95)
DAY = dt.date(2026, 11, 29)
"""Of the prices."""
SEED = 16
_ASK = """setting => {
  const answer = window.sizerWhatIf.decide(setting), chosen = answer.chosen;
  return {outside: window.sizerWhatIf.outside(setting), close: answer.close.map(item => [item.box.id, item.count]),
    chosen: chosen && {box: chosen.box.id, count: chosen.count, price: chosen.price.value, p: chosen.probability},
    ties: answer.ties.map(item => [item.box.id, item.count])};
}"""

Setting = dict[str, Any]
Answer = dict[str, Any]


@dataclass(frozen=True)
class Asked:
    """One setting with both answers."""

    scenario: str
    setting: Setting
    page: Answer
    plan: Answer | None
    turned: tuple[str, ...]
    """Controls that differ from the plan."""

    @property
    def outcome(self) -> str:
        """How the page's answer lies to the plan's."""
        mine, theirs = self.page["chosen"], self.plan
        if mine is None or theirs is None:
            alike = mine is None and theirs is None
            return "same" if alike else "too close" if self.page["close"] else "wrong"
        if _boxes(mine) == _boxes(theirs):
            return "same"
        if _boxes(mine) in theirs["ties"] or _boxes(theirs) in self.page["ties"]:
            return "tie"
        return "too close" if self.page["close"] else "wrong"

    @property
    def points_off(self) -> float | None:
        """Difference of the probabilities of the same boxes [points]."""
        mine, theirs = self.page["chosen"], self.plan
        if mine is None or theirs is None or _boxes(mine) != _boxes(theirs):
            return None
        return float(abs(mine["p"] - theirs["p"]) * 100.0)

    @property
    def price_off(self) -> float | None:
        """Difference of the prices of the recommended boxes, as a share of the plan's."""
        mine, theirs = self.page["chosen"], self.plan
        return None if mine is None or theirs is None else float(mine["price"] / theirs["price"] - 1.0)


def _boxes(answer: Answer) -> list[Any]:
    return [answer["box"], answer["count"]]


class Planned:
    """A plan of a shipped scenario with its page, and the plan at any other settings."""

    def __init__(self, scenario: str) -> None:
        from advisor.planner.plan import plan
        from advisor.report.html import render_plan_html
        from advisor.store.catalogue import Catalogue
        from advisor.workflows.context import open_store, probing, silent
        from advisor.workflows.plan_inputs import PlanRequest, prepare
        from advisor.workflows.what_if import surface_of

        request = PlanRequest(scenario, measure=False, offers="shipped", as_of=DAY)
        with probing() as facts, open_store(None) as store:
            self.inputs: PlanInputs = prepare(request, store, facts.result, None, silent)
        kept: list[Any] = []
        made = plan(self.inputs, keep=lambda *given: kept.append(given))
        study, candidates = kept[0]
        surface = surface_of(study, candidates, made)
        if surface is None:
            raise Inconclusive(f"{scenario}: its page answers no what-if")
        self.surface: WhatIfSurface = surface
        self.html = render_plan_html(made.model_copy(update={"asked": self.inputs.scenario}), surface)
        self.catalogue = Catalogue.load()

    def changed(self, setting: Setting) -> Scenario:
        """The scenario as its file would be at these settings."""
        from advisor.planner.answer.surface.experiment import changed

        asked = self.inputs.scenario
        groups = [group.group for group in asked.cameras]
        cameras, fps = (dict(zip(groups, setting[name], strict=True)) for name in ("cameras", "fps"))
        other = changed(asked, cameras, fps, setting["objects"])
        plain = tuple(name for name in asked.accuracy.precisions if name != "int8") or ("f32",)
        precisions = {"precisions": (*plain, "int8") if setting["int8"] else plain}
        margin = {"headroom_pct": setting["headroom"], "confidence_pct": setting["confidence"]}
        devices = asked.candidates.devices
        if setting["devices"] is not asked.names_devices:
            devices = ("CPU", "GPU", "NPU") if setting["devices"] else ()
        prices = {
            box: PriceOverride(value=float(price), date=DAY, source="own price")
            for box, price in setting["prices"].items()
        }
        return other.model_copy(
            update={
                "accuracy": other.accuracy.model_copy(update=precisions),
                "margin": other.margin.model_copy(update=margin),
                "candidates": other.candidates.model_copy(update={"devices": devices, "prices": prices}),
            }
        )

    def answer(self, setting: Setting) -> Answer | None:
        """What is recommended at these settings; None: nothing holds."""
        from advisor.planner.answer.alternatives import explore
        from advisor.planner.answer.sites import largest_case
        from advisor.planner.answer.ties import decide, list_ties
        from advisor.planner.question.alike_groups import with_groups_merged
        from advisor.planner.question.candidates import admit, at_site
        from advisor.planner.search.study import Study
        from advisor.workflows.plan_devices import with_devices

        scenario = self.changed(setting)
        bare: list[Candidate] = [replace(item, devices=()) for item in self.inputs.candidates]
        found = with_devices(scenario, bare, self.catalogue)
        inputs = with_groups_merged(replace(self.inputs, scenario=scenario, candidates=found))
        scenario = inputs.scenario
        inputs = replace(inputs, candidates=tuple(at_site(scenario, item) for item in inputs.candidates))
        study = Study(inputs, largest_case(scenario))
        admitted, _ = admit(scenario, inputs.candidates, inputs.today)
        study.prepare(admitted)
        decision = decide(study, admitted, explore(study, admitted))
        if decision is None:
            return None
        solution = decision.chosen.solution
        count = solution.judged.count
        deployment = decision.chosen.deployment
        return {
            "box": solution.candidate.platform.id, "count": count,
            "price": study.price(solution.candidate, count).value, "p": decision.chosen.probability,
            "ties": [[tie.platform, tie.count - study.case.spare_boxes] for tie in list_ties(decision)],
            "way": str(deployment.model.variant[1:]),
            "setup": {name: f"{option.config.device} {option.config.precision} batch {option.config.batch} "
                      f"x{option.config.streams} t{option.config.threads}"
                      for name, option in deployment.setup.choice.items()},
        }  # fmt: skip


def settings_of(surface: WhatIfSurface, rng: random.Random) -> tuple[Setting, tuple[str, ...]]:
    """Settings within what the page offers, and the controls that were turned for them."""
    setting: Setting = {
        "cameras": [group.count for group in surface.groups], "fps": [group.fps for group in surface.groups],
        "objects": 1.0, "headroom": surface.headroom_pct, "confidence": surface.confidence_pct,
        "growth": surface.growth_cameras, "int8": surface.int8_asked, "devices": surface.devices_asked, "prices": {},
    }  # fmt: skip
    controls = ["cameras", "fps", "headroom", "confidence", "int8", "price"]
    controls += ["objects"] if surface.objects else []
    controls += ["devices"] if surface.devices_offered else []
    turned = [name for name in controls if rng.random() < SHARE] or [rng.choice(controls)]
    if "cameras" in turned:
        most = int(surface.cameras_most * sum(group.count for group in surface.groups))
        while True:
            counts = [max(0, round(group.count * rng.uniform(0.4, surface.cameras_most))) for group in surface.groups]
            if 1 <= sum(counts) <= most:
                break
        setting["cameras"] = counts
    if "fps" in turned:
        setting["fps"] = [round(rng.uniform(group.fps_nodes[0], group.fps_nodes[-1]), 2) for group in surface.groups]
        setting["fps"] = [
            min(max(fps, group.fps_nodes[0]), group.fps_nodes[-1])
            for fps, group in zip(setting["fps"], surface.groups, strict=True)
        ]
    if "objects" in turned:
        setting["objects"] = rng.choice(surface.objects_nodes)
    if "headroom" in turned:
        setting["headroom"] = float(rng.randrange(0, 65, 5))
    if "confidence" in turned:
        setting["confidence"] = float(rng.choice(CONFIDENCES))
    for name in ("int8", "devices"):
        if name in turned:
            setting[name] = not setting[name]
    if "price" in turned:
        box = rng.choice(surface.boxes)
        setting["prices"] = {box.id: float(max(20, round(box.price * rng.uniform(0.5, 1.3))))}
    return setting, tuple(turned)


@contextmanager
def _browser() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    program = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if program is None:
        raise Inconclusive("no Chromium on this machine (apt-get install chromium)")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        try:
            yield browser
        finally:
            browser.close()


def ask_all(scenarios: Sequence[str], settings: int, seed: int = SEED) -> Iterator[Asked]:
    """Ask page and planner for so many settings of each scenario, one after the other."""
    with _browser() as browser, tempfile.TemporaryDirectory(prefix="sizer-what-if-") as folder:
        for scenario in scenarios:
            planned = Planned(scenario)
            file = Path(folder) / f"{scenario}.html"
            file.write_text(planned.html, "utf-8")
            context = browser.new_context(offline=True)
            page = context.new_page()
            page.goto(file.as_uri())
            rng = random.Random(f"{seed} {scenario}")
            for _ in range(settings):
                setting, turned = settings_of(planned.surface, rng)
                yield Asked(scenario, setting, page.evaluate(_ASK, setting), planned.answer(setting), turned)
            context.close()


def run(quick: bool = False) -> str:
    """Markdown of the comparison."""
    asked = list(ask_all(SCENARIOS, QUICK_SETTINGS if quick else SETTINGS))
    return "\n\n".join([header(f"{len(asked)} settings of {len(SCENARIOS)} scenarios, seed {SEED}."), summary(asked)])


def summary(asked: Sequence[Asked]) -> str:
    """Tables of outcomes and of how far probabilities and prices are off, by scenario and by control."""
    rows = [_row(name, [item for item in asked if item.scenario == name]) for name in SCENARIOS]
    rows.append(_row("all", asked))
    controls = sorted({name for item in asked for name in item.turned})
    by_control = [_row(name, [item for item in asked if name in item.turned]) for name in controls]
    heads = ["same boxes", "a listed tie", "too close", "wrong", "price off by more than 2 %",
             "points off: P50", "P90", "most"]  # fmt: skip
    parts = [
        table(["scenario", "settings", *heads], [row for row in rows if row is not None]),
        table(["control turned", "settings", *heads], [row for row in by_control if row is not None]),
    ]
    wrong = [item for item in asked if item.outcome == "wrong"]
    if wrong:
        parts.append("Wrong, each with the page's boxes and the plan's:\n\n" + "\n".join(map(_wrong, wrong)))
    return "\n\n".join(parts)


def _row(name: str, asked: Sequence[Asked]) -> list[str] | None:
    if not asked:
        return None
    outcomes = Counter(item.outcome for item in asked)
    points = sorted(item.points_off for item in asked if item.points_off is not None)
    same = [item for item in asked if item.outcome == "same" and item.price_off is not None]
    dear = sum(abs(item.price_off or 0.0) > 0.02 for item in same)
    told = ["-"] * 3
    if points:
        told = [f"{points[min(int(share * len(points)), len(points) - 1)]:.1f}" for share in (0.5, 0.9, 1.0)]
    kinds = [str(outcomes[kind]) for kind in ("same", "tie", "too close", "wrong")]
    return [name, str(len(asked)), *kinds, str(dear), *told]


def _wrong(item: Asked) -> str:
    def words(answer: Answer | None) -> str:
        if answer is None:
            return "nothing holds"
        return f"{answer['count']} x {answer['box']} at {answer['price']:.0f}, {answer['p'] * 100:.0f} %"

    return f"- {item.scenario}, {', '.join(item.turned)}: page {words(item.page['chosen'])}; plan {words(item.plan)}"


def main() -> None:
    """Ask at so many settings, write one line of JSON each, and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--settings", type=int, default=SETTINGS, help="of each scenario")
    parser.add_argument("--scenario", action="append", choices=SCENARIOS)
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("-o", "--output", type=Path, help="lines of JSON, one for each setting, as they come")
    given = parser.parse_args()
    asked = []
    for item in ask_all(given.scenario or SCENARIOS, given.settings, given.seed):
        asked.append(item)
        line = {**vars(item), "outcome": item.outcome, "points_off": item.points_off}
        text = json.dumps(line)
        if given.output is None:
            print(text, file=sys.stderr)
        else:
            with given.output.open("a", encoding="utf-8") as stream:
                stream.write(text + "\n")
    print(summary(asked))


if __name__ == "__main__":
    main()
