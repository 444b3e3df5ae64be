"""Measurements of a matrix as plain data, and back."""

from __future__ import annotations

from typing import Any

from advisor.errors import InputError
from advisor.measure.campaign.campaign import Campaign
from advisor.measure.items.footprint import FootprintItem
from advisor.measure.items.throughput import TimingItem
from advisor.measure.timing.harness import MeasureSpec
from advisor.records.config import LoadMode, RunConfig
from advisor.records.model import ModelFile


def to_data(campaign: Campaign, host_fingerprint: str) -> dict[str, Any]:
    """Models once, and each measurement with its key, what is said of it, and all that measuring it needs."""
    models: dict[str, int] = {}
    texts: list[Any] = []
    cells = []
    for entry in campaign.entries:
        item = entry.item
        if not isinstance(item, TimingItem | FootprintItem):
            raise InputError(f"{item.label}: is no measurement that a farm takes")
        text = item.model.model_dump_json()
        if text not in models:
            models[text] = len(models)
            texts.append(item.model.model_dump(mode="json"))
        cell: dict[str, Any] = {
            "kind": "timing" if isinstance(item, TimingItem) else "footprint",
            "key": item.key(host_fingerprint),
            "label": item.label,
            "estimate_s": entry.estimate_s,
            "model": models[text],
            "config": item.config.model_dump(mode="json", exclude_defaults=True),
        }
        if isinstance(item, TimingItem):
            cell |= {
                "mode": item.mode.model_dump(mode="json"),
                "spec": item.spec.model_dump(mode="json", exclude_defaults=True),
            }
        cells.append(cell)
    return {"models": texts, "cells": cells}


def from_data(item: dict[str, Any]) -> TimingItem | FootprintItem:
    """Measurement of one cell, in which ``model`` is the model itself."""
    model, config = ModelFile.model_validate(item["model"]), RunConfig.model_validate(item["config"])
    if item["kind"] == "footprint":
        return FootprintItem(model, config)
    return TimingItem(model, config, LoadMode.model_validate(item["mode"]), MeasureSpec.model_validate(item["spec"]))
