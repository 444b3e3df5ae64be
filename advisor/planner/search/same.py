"""Items told apart by which they are, for what is kept of records whose contents are long to hash and compare."""

from __future__ import annotations

from typing import Generic, TypeVar

ItemT = TypeVar("ItemT")


class Same(Generic[ItemT]):
    """Equal to another one of the very same item, which it holds so that no later item takes its place in memory."""

    __slots__ = ("item",)

    def __init__(self, item: ItemT) -> None:
        self.item = item

    def __hash__(self) -> int:
        return id(self.item)

    def __eq__(self, other: object) -> bool:
        return type(other) is Same and self.item is other.item
