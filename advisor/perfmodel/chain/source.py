"""A link of the chain."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar

from .belief import Belief
from .question import Question

CPU = ("CPU", "AUTO", "BATCH:CPU")
"""How a runtime spells devices that end on the CPU."""


class EvidenceSource(ABC):
    """One kind of evidence on the time of a pass: takes what is believed so far, returns what is believed after it.

    A prediction is a fold over sources, from the least specific (a data sheet) to the most specific (this very
    configuration, measured here): a later source refines or replaces what earlier ones have said, and a source that
    knows nothing of a question returns the belief as it came.

    **To add a source**, write one class with :attr:`devices` and :meth:`update`. One that ships with the package gets a
    file in ``advisor/perfmodel/sources/`` and its line in ``sources/registry.py``; one from outside is given to
    ``Predictor.load(sources=[...])`` and comes after the shipped ones::

        class Datasheet(EvidenceSource):
            devices = ("GPU",)

            def update(self, question: Question, belief: Belief) -> Belief:
                time_s = question.table.flop / 4e12
                return replace(belief, log_time_s=log(time_s), low=-0.7, high=0.7, evidence=Evidence.SPEC)

    The first source that speaks of a device finds :data:`~advisor.perfmodel.chain.belief.NOTHING` and must state a
    whole belief. ``tests/perfmodel/test_added_source.py`` shows it.
    """

    devices: ClassVar[tuple[str, ...]]
    """Devices that it speaks of, as the beginnings of a runtime's names for them, in capitals."""

    @classmethod
    def speaks_of(cls, device: str) -> bool:
        """Whether it may know something of a device."""
        return device.upper().startswith(cls.devices)

    @abstractmethod
    def update(self, question: Question, belief: Belief) -> Belief:
        """Take this source's evidence into account; every question is of a device that it speaks of."""

    def update_many(self, questions: Sequence[Question], beliefs: Sequence[Belief]) -> list[Belief]:
        """The same for many questions at once, for sources that compute with arrays."""
        return [self.update(question, belief) for question, belief in zip(questions, beliefs, strict=True)]
