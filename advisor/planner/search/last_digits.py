"""Comparisons that do not hang on last digits.

The functions of numpy, of BLAS and of the C library differ in their last bits with the processor's instruction set, and
sums with the order of their terms. Where two options cost the same, the order of the options decides, on every machine
alike.
"""

from __future__ import annotations

import math
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

Values = TypeVar("Values", float, NDArray[np.float64])
_BITS = 33
"""Of 53: those in which two machines agree, which are ten decimal digits."""
SAME = 2.0**-_BITS
_LARGE = 2.0**1000
"""What is rounded up from here on may be no number any more."""


def settled(values: Values) -> Values:
    """Round to the digits in which machines agree."""
    if isinstance(values, float) and abs(values) < _LARGE:  # numpy takes twenty times as long for one number
        part, power = math.frexp(values)
        return math.ldexp(round(part * 2.0**_BITS) / 2.0**_BITS, power)
    mantissa, exponent = np.frexp(values)
    rounded = np.ldexp(np.round(mantissa * 2.0**_BITS) / 2.0**_BITS, exponent)
    return float(rounded) if isinstance(values, float) else rounded


def less(value: float, than: float) -> bool:
    """Whether a positive value is less by more than its last digits."""
    return value < than * (1.0 - SAME)
