"""What a box needs to run one scenario: scenario and plan, models with their int8 copies, clips, catalogue entries.

Everything is named as it will lie below the kit's folder; files of sizer's cache keep their place below ``cache/``, and
those of the user's data below ``data/``.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from advisor.addresses import HIDDEN, hidden, without_secrets
from advisor.addresses import source as source_address
from advisor.errors import InputError
from advisor.runtimes.registry import INSTALLED
from advisor.store.files import document_text, read_document, yaml_text
from advisor.workflows.met import check_configuration, other_scenario, sha256_of

if TYPE_CHECKING:
    from advisor.records.config import RunConfig
    from advisor.records.model import ModelFile
    from advisor.records.plan import Plan, PlanOption
    from advisor.records.scenario import CameraGroup, Scenario

CACHE, DATA = "cache", "data"
"""Folders that the box copies to where its sizer looks for built models and for the user's catalogue."""
SCENARIO, PLAN, MATRIX = "scenario.yaml", "plan.json", "measure.yaml"
_SHOWN = 12


@dataclass
class Contents:
    """Files of a kit: what each holds, or where it lies on the desk."""

    files: dict[str, bytes | Path] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    platform: str = ""
    planned_scenario_sha256: str = ""
    plan_sha256: str = ""

    def add(self, name: str, content: bytes | Path) -> None:
        """Take a file in; the same one twice is one."""
        self.files[name] = content


def gather(scenario_name: str, plan_file: Path, seed: int, measure: bool) -> Contents:
    """Everything about one scenario and its plan that the box needs.

    Parameters
    ----------
    scenario_name : str
        Scenario file, or the name of one that ships.
    plan_file : Path
        A plan of exactly this scenario, with a recommendation.
    seed : int
        Of the run, for the clips that stand for cameras.
    measure : bool
        Whether the box measures the planned models afterwards.

    Raises
    ------
    InputError
        The plan is of another scenario or recommends nothing that one box can run, a file is missing, a model runs in a
        runtime whose packages are not locked, or an address with a password is left in a document.
    """
    from advisor.records.plan import Plan
    from advisor.store.scenario import load_scenario, scenario_file
    from advisor.verification.setup import check_sources
    from advisor.workflows.stage_models import resolve_stages

    file = scenario_file(scenario_name)
    scenario, plan = load_scenario(scenario_name), read_document(plan_file, Plan)
    option = _option(plan_file, plan, scenario, file)
    check_sources(scenario)
    found = Contents(
        platform=option.platform, planned_scenario_sha256=sha256_of(file), plan_sha256=sha256_of(plan_file)
    )
    models = resolve_stages(scenario, str(file))
    references = {stage: _model(found, model, option.config.stages[stage]) for stage, model in models.items()}
    site = _at_the_site(scenario, references, _sources(found, scenario))
    _documents(found, site, scenario, file, plan, plan_file)
    _clips(found, site, seed, hardware=option.config.decode.device == "hardware")
    _catalogue_entries(found, option.platform)
    if measure:
        _matrix(found, site, option)
    return found


def _option(path: Path, plan: Plan, scenario: Scenario, file: Path) -> PlanOption:
    """What one box is to run, as the plan recommends it."""
    if plan.scenario != scenario.scenario:
        raise InputError(
            f"{path}: is a plan of scenario {plan.scenario!r}, not of {scenario.scenario!r}; plan it again"
        )
    if other_scenario(path, plan, file) is not None:
        raise InputError(f"{path}: {file} was changed since it was planned; plan it again")
    option = plan.recommended
    if option is None:
        raise InputError(
            f"{path}: recommends no equal boxes, so there is no configuration for one; plan with --on, or "
            "a scenario of the cameras and stages of one box"
        )
    check_configuration(path, option, scenario)
    for stage in scenario.stages:
        config = option.config.stages.get(stage.id)
        if config is None:
            raise InputError(f"{path}: configures no stage {stage.id}; plan the scenario again")
        if config.runtime not in INSTALLED:
            raise InputError(
                f"{path}: stage {stage.id} runs in {config.runtime}, whose packages a kit cannot bring; plan it with "
                f"one of {', '.join(sorted(INSTALLED))}"
            )
    return option


def _model(found: Contents, model: ModelFile, config: RunConfig) -> str | None:
    """Take in the file that a stage runs; returns its reference in the kit, None where the name stays."""
    from advisor.measure.items.tasks import model_path
    from advisor.store.paths import cache_dir

    path = Path(model.path)
    if model.kind == "file":
        folder = f"models/{model.sha256[:_SHOWN]}"
        for part in model_parts(path):
            found.add(f"{folder}/{_below(part, path.parent)}", part)
        reference: str | None = f"{folder}/{path.name}"
        source = str(reference)
    else:
        source = f"{CACHE}/{path.relative_to(cache_dir()).as_posix()}"
        found.add(source, path)
        found.add(str(Path(source).with_suffix(".json")), path.with_suffix(".json"))
        reference = None
    if config.precision == "int8":
        copy = model_path(model, config)
        _int8_copy(found, copy, path, source)
        if config.runtime == "onnxruntime":
            from advisor.runtimes.quantise import variant_for

            _int8_copy(found, variant_for(copy, "onnxruntime"), path, source)
    return reference


def _int8_copy(found: Contents, copy: Path, original: Path, source: str) -> None:
    """Take in a quantised copy with its note, which then names the original in the kit; int8 files have none."""
    from advisor.runtimes.quantise import read_sidecar

    if copy == original:
        return
    known = read_sidecar(copy)
    assert known is not None  # int8_model writes it before the copy
    known.pop("took_s", None)  # of this desk; without it equal copies make equal kits
    found.add(f"{CACHE}/int8/{copy.name}", copy)
    note = json.dumps({**known, "source": source}, indent=1)
    found.add(f"{CACHE}/int8/{copy.with_suffix('.json').name}", note.encode())


def model_parts(path: Path) -> Iterable[Path]:
    """Files that belong to a model: the graph, and those with its weights."""
    from advisor.graph.onnx_parts import weight_files

    ending = path.suffix.lower()
    yield path
    if ending == ".onnx":
        yield from weight_files(path)
    for graph, weights in ((".xml", ".bin"), (".pdmodel", ".pdiparams")):
        if ending == graph and path.with_suffix(weights).is_file():
            yield path.with_suffix(weights)


def _below(part: Path, folder: Path) -> str:
    """Name of a part relative to the model's folder, where the model looks for it."""
    name = part.relative_to(folder)
    if ".." in name.parts:
        raise InputError(f"model weights {part}: lie outside {folder}; copy the model and its weights into one folder")
    return name.as_posix()


def _sources(found: Contents, scenario: Scenario) -> dict[str, tuple[str, ...]]:
    """Sources of each camera group in the kit: files are taken in, addresses with secrets are left out."""
    kept = {}
    for group in scenario.cameras:
        sources = [_source(found, text) for text in group.source]
        whole = [text for text in sources if text is not None]
        kept[group.group] = tuple(whole) if len(whole) == len(sources) else ()
        if len(whole) < len(sources):
            found.notes.append(f"camera group {group.group}: {_left_out(group)}; a clip stands for its cameras")
        elif any(source_address(text).live for text in whole):
            found.notes.append(f"camera group {group.group}: the box plays the cameras' own streams")
    return kept


def _left_out(group: CameraGroup) -> str:
    if any(without_secrets(text)[1] for text in group.source if source_address(text).path is None):
        return "its addresses hold what may be a password and were left out"
    return "its sources are devices or pipes of this machine and were left out"


def _source(found: Contents, text: str) -> str | None:
    """Source in the kit; None where it must not or cannot go along."""
    address = source_address(text)
    if address.path is None:
        return None if without_secrets(text)[1] else text
    if address.live:
        return None
    name = f"clips/{sha256_of(address.path)[:_SHOWN]}-{address.path.name.replace(':', '_')}"
    found.add(name, address.path)
    return name


def _at_the_site(
    scenario: Scenario, references: Mapping[str, str | None], sources: Mapping[str, tuple[str, ...]]
) -> Scenario:
    """Return the scenario with the kit's own files in the place of the desk's."""
    cameras = tuple(
        group if group.source == sources[group.group] else group.model_copy(update={"source": sources[group.group]})
        for group in scenario.cameras
    )
    stages = tuple(
        stage if references[stage.id] is None else stage.model_copy(update={"model": references[stage.id]})
        for stage in scenario.stages
    )
    return scenario.model_copy(update={"cameras": cameras, "stages": stages})


def _documents(found: Contents, site: Scenario, scenario: Scenario, file: Path, plan: Plan, plan_file: Path) -> None:
    """Take in scenario and plan: as they are, or where something was replaced with the plan bound to what it became."""
    text, planned = file.read_text(encoding="utf-8-sig"), plan_file.read_text(encoding="utf-8-sig")
    if site == scenario and hidden(text) == text:
        found.add(SCENARIO, file)
        found.add(PLAN, plan_file)
    else:
        from advisor.store.scenario import parse_scenario

        text = yaml_text(site)
        parse_scenario(text, f"{file}, as written for the kit")
        sha256 = hashlib.sha256(text.encode()).hexdigest()
        inputs = None if plan.inputs is None else plan.inputs.model_copy(update={"scenario_sha256": sha256})
        planned = document_text(plan.model_copy(update={"scenario_sha256": sha256, "inputs": inputs}))
        found.add(SCENARIO, text.encode())
        found.add(PLAN, planned.encode())
    for path, content in ((file, text), (plan_file, planned)):
        if f"{HIDDEN}@" in hidden(content):
            raise InputError(f"{path}: holds what looks like an address with a password; take it out and plan again")


def _clips(found: Contents, site: Scenario, seed: int, hardware: bool) -> None:
    """Take in the clips that the run will ask for; decoding in hardware is tried on those of live cameras, too."""
    from advisor.store.paths import cache_dir
    from advisor.verification.setup import feeds_of
    from advisor.verification.sources import clip_for

    for feed in feeds_of(site, seed=seed):
        coded = feed.is_camera and feed.codec != "raw"
        if coded and (feed.source is None or (feed.live and hardware)):
            clip = clip_for(feed, cache_dir() / "verify" / "clips", seed)
            for path in (clip, clip.with_name(clip.name + ".json")):
                found.add(f"{CACHE}/verify/clips/{path.name}", path)


def _catalogue_entries(found: Contents, platform: str) -> None:
    """Take in what only this desk's catalogue knows of the planned box, or the box would not know itself."""
    from advisor.store.catalogue import Catalogue, user_catalogue_dir
    from advisor.workflows.market import with_products

    catalogue = with_products(Catalogue.load(), [platform])
    names = {"processors": platform}
    if platform in catalogue.platform_ids():
        entry = catalogue.platform(platform)
        names = {"platforms": platform, "processors": entry.processor}
        if entry.product is not None:
            names["products"] = entry.product
    folder = user_catalogue_dir()
    for kind, name in names.items():
        path = folder / kind / f"{name}.yaml"
        if path.is_file():
            found.add(f"{DATA}/{folder.name}/{kind}/{path.name}", path)


def _matrix(found: Contents, site: Scenario, option: PlanOption) -> None:
    """Take in what is measured of the models on the box: each as planned. Matrix files know no input shapes."""
    cells = []
    for stage in site.stages:
        config = option.config.stages[stage.id]
        if stage.input is not None:
            found.notes.append(f"stage {stage.id}: not measured by itself, its model has an input of an open size")
            continue
        mode = {"kind": "async" if (config.streams or 1) > 1 else "sync"}
        cells.append({"model": stage.model, "config": config.model_dump(mode="json", exclude_none=True), "mode": mode})
    if cells:
        # JSON is YAML, and the same everywhere.
        found.add(MATRIX, json.dumps({"footprint": False, "measurements": cells}, indent=1).encode())
