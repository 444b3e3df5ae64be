"""Names of models, and the order in which sources are asked."""

from advisor.perfmodel.devices.question import DeviceAnswer, DeviceQuestion, DeviceSource, first_answer, squashed
from advisor.records.base import Evidence

from .makers import graphics, question


class Says(DeviceSource):
    families = ("xe-lp",)

    def __init__(self, source: str | None) -> None:
        self._source = source

    def answer(self, question: DeviceQuestion) -> DeviceAnswer | None:
        if self._source is None:
            return None
        return DeviceAnswer(0.0, (-0.1, 0.1), None, (-0.1, 0.1), Evidence.PUBLISHED, self._source)


def test_spellings_of_one_model_are_one_name() -> None:
    assert squashed("like:yolo_v8n") == squashed("YOLOv8n") == squashed("yolo-v8-n") == "yolov8n"
    assert squashed("resnet-50") != squashed("resnet-18")


def test_the_first_source_that_knows_answers() -> None:
    answer = first_answer([Says(None), Says("a"), Says("b")], question(graphics()))
    assert answer is not None
    assert answer.source == "a"


def test_a_source_is_not_asked_of_other_families() -> None:
    assert first_answer([Says("a")], question(graphics(family="xe2"))) is None
