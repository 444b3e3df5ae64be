"""Model files and questions to campaigns, for the tests of what is measured."""

from advisor.measure.campaign.campaign import Campaign
from advisor.records.model import ModelFile


def file(name: str, shape: tuple[int, ...] = (1, 3, 320, 544)) -> ModelFile:
    return ModelFile(
        reference=name, name=name, family="test", kind="file", path=f"{name}.onnx", sha256=name * 3, input_shape=shape
    )


def of_kind(campaign: Campaign, kind: type) -> list[object]:
    return [entry.item for entry in campaign.entries if isinstance(entry.item, kind)]
