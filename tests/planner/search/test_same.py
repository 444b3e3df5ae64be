from __future__ import annotations

from functools import lru_cache

from advisor.planner.search.same import Same


def test_equal_items_are_told_apart_and_one_item_is_itself() -> None:
    first, second = [1.0], [1.0]
    assert Same(first) == Same(first)
    assert hash(Same(first)) == hash(Same(first))
    assert Same(first) != Same(second)
    assert Same(first) != first


def test_what_is_kept_of_an_item_is_found_again_for_it_alone() -> None:
    asked = []

    @lru_cache(maxsize=2)
    def length(of: Same[list[float]]) -> int:
        asked.append(of.item)
        return len(of.item)

    known, other = [1.0, 2.0], [1.0, 2.0]
    assert [length(Same(item)) for item in (known, known, other)] == [2, 2, 2]
    assert asked == [known, other]
    assert asked[0] is known
    assert asked[1] is other
