"""Two figures that are compared in one sentence: with digits enough to see that they differ, and their difference."""

from __future__ import annotations


def apart(first: float, second: float, digits: int = 2) -> tuple[str, str]:
    """Print both with the same number of significant digits, more than ``digits`` where they would read alike.

    A reader who sees "needs 4.2; 4.2 may be used" learns nothing; numbers that are equal to seven digits stay alike.
    """
    for wanted in range(digits, 8):
        texts = _plain(first, wanted), _plain(second, wanted)
        if texts[0] != texts[1]:
            break
    return texts


def amounts_apart(first: float, second: float) -> int:
    """Difference of two amounts as a reader makes it of the whole ones that are printed beside it, in their unit.

    581.4 and 312.8 are printed as 581 and 313: their difference is 268 to whoever checks it, and not 269.
    """
    return round(first) - round(second)


def _plain(value: float, digits: int) -> str:
    text = f"{value:.{digits}g}"
    return f"{value:,.0f}" if "e" in text and abs(value) >= 1.0 else text
