"""Intervals from the errors on machines that were left out: machines vary, and models vary on each of them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from advisor.records.base import Z90, Interval
from advisor.records.calibration import ErrorBand

Array = NDArray[np.float64]
_NARROWEST = 0.03
"""Repeats of published figures differ by this much (log): a narrower interval across machines would claim too much."""
_TAIL = 0.1
_USUAL_INNER = 0.12
ASSUMED_SHARE = 0.5
"""Machine's share of an error's variance where it cannot be estimated: on one machine alone what all of its models have
in common cannot be told from what is a model's own. Source: project assumption, not measured."""
BETWEEN_BELIEF, WITHIN_BELIEF, MEAN_BELIEF = 4.0, 4.0, 2.0
"""Units' worth of belief in the parent's spread between units, in its spread within one, and in no bias."""


FEW = 3
"""A model that fewer machines than this have figures of is known less well than others."""
_CLASS = 3
"""Machines from which on a class of them is known by itself: two that happen to be predicted well say little."""


@dataclass(frozen=True)
class Units:
    """Errors of a group, per unit (machine, or model): median, and the deviation that the rows' 10-90 % stands for.

    Each unit has one vote whatever its rows; quantiles, so that outlying rows weigh little.
    """

    names: tuple[str, ...]
    middle: Array
    inner: Array
    rows: NDArray[np.int64]

    @classmethod
    def of(cls, errors: Array, units: Sequence[str]) -> Units:
        """Group rows by unit; a unit of one or two rows shows no spread of its own (NaN)."""
        names, index = np.unique(list(units), return_inverse=True)
        parts = [errors[index == i] for i in range(len(names))]
        return cls(
            tuple(str(name) for name in names),
            np.array([float(np.median(part)) for part in parts]),
            np.array([_inner(part) for part in parts]),
            np.array([len(part) for part in parts]),
        )

    def without(self, names: Collection[str]) -> Units:
        """The same without some units."""
        keep = np.array([name not in names for name in self.names], dtype=bool)
        kept = tuple(name for name in self.names if name not in names)
        return Units(kept, self.middle[keep], self.inner[keep], self.rows[keep])

    def spread(self) -> tuple[float, float]:
        """Root mean square between and within units."""
        known = self.inner[np.isfinite(self.inner)]
        within = float(np.sqrt(np.mean(known**2))) if len(known) else _USUAL_INNER
        return float(np.sqrt(np.mean(self.middle**2))), within


def merged(parts: Iterable[Units]) -> Units:
    """Units of several groups together."""
    every = list(parts)
    return Units(
        tuple(name for part in every for name in part.names),
        np.concatenate([part.middle for part in every]),
        np.concatenate([part.inner for part in every]),
        np.concatenate([part.rows for part in every]),
    )


def _inner(errors: Array) -> float:
    if len(errors) < 3:
        return float("nan")
    spread = float(np.quantile(errors, 0.9) - np.quantile(errors, 0.1)) / (2.0 * Z90)
    # A range of few rows falls short of the true one by about (n - 1) / (n + 1).
    return spread * (len(errors) + 1) / (len(errors) - 1)


def centre_and_half(units: Units, parent: Units) -> tuple[float, float]:
    r"""Middle and half width of P10-P90 of the log error on a row of a unit that was never seen.

    With m units of medians x_j and inner deviations w_j, and the parent group's spreads s_b and s_w as belief:

    .. math::

        \mu = \frac{\sum x_j}{m + k}, \quad
        b^2 = \frac{\nu s_b^2 + \sum (x_j - \mu)^2}{\nu + m}, \quad
        w^2 = \frac{\lambda s_w^2 + \sum w_j^2}{\lambda + m}, \quad
        \mu \pm t_{0.9,\, \nu + m} \sqrt{b^2 (1 + 1/(m + k)) + w^2}

    so a group of few units is wide twice: by its parent's spread and by Student's quantile. Source: Gelman et al.
    (2013), Bayesian Data Analysis, section 3.3 (normal data, conjugate prior) and 5.4 (hierarchical normal model).
    """
    from scipy.special import stdtrit

    between, within = parent.spread()
    count = len(units.names)
    mean = float(units.middle.sum() / (count + MEAN_BELIEF))
    inner = units.inner[np.isfinite(units.inner)]
    b2 = (BETWEEN_BELIEF * between**2 + float(((units.middle - mean) ** 2).sum())) / (BETWEEN_BELIEF + count)
    w2 = (WITHIN_BELIEF * within**2 + float((inner**2).sum())) / (WITHIN_BELIEF + len(inner))
    quantile = float(stdtrit(BETWEEN_BELIEF + count, 1.0 - _TAIL))
    return mean, quantile * float(np.sqrt(b2 * (1.0 + 1.0 / (count + MEAN_BELIEF)) + w2))


def band(
    key: str,
    units: Units,
    parent: Units,
    factor: float = 1.0,
    machine_share: float = ASSUMED_SHARE,
    *,
    standing: Units | None = None,
) -> ErrorBand:
    """Band of :func:`centre_and_half`, its half width times ``factor``, never narrower than published noise.

    ``standing``: units that stand for the band, where they are more than its own.
    """
    mean, half = centre_and_half(units, parent)
    counted = units if standing is None else standing
    return ErrorBand(
        key=key,
        low=min(mean - factor * half, -_NARROWEST),
        high=max(mean + factor * half, _NARROWEST),
        machine_share=machine_share,
        machines=len(counted.names),
        rows=int(counted.rows.sum()),
    )


def weighted_quantile(values: Array, weights: Array, q: float) -> float:
    """Smallest value whose share of the total weight reaches ``q``."""
    # A share that equals q but for the rounding of its sum has reached it.
    return float(np.quantile(values, max(q - 1e-12, 0.0), weights=weights, method="inverted_cdf"))


class ErrorWidth(NamedTuple):
    """How far true times lie from predictions: 10 and 90 % quantile of the log error, and what models share of it."""

    low: float
    high: float
    machine_share: float
    """Share of the error's variance that all models on the machine have in common."""

    @classmethod
    def of(cls, item: ErrorBand) -> ErrorWidth:
        """That of a band."""
        return cls(item.low, item.high, item.machine_share)

    @property
    def extent(self) -> float:
        """Distance from end to end."""
        return self.high - self.low

    def united(self, other: ErrorWidth) -> ErrorWidth:
        """What holds both: the outer ends, with the share of the wider one."""
        share = max(self, other, key=lambda item: item.extent).machine_share
        return ErrorWidth(min(self.low, other.low), max(self.high, other.high), share)

    def within(self, other: ErrorWidth) -> ErrorWidth:
        """What lies in both: the inner ends, with the share of the narrower one."""
        share = min(self, other, key=lambda item: item.extent).machine_share
        return ErrorWidth(max(self.low, other.low), min(self.high, other.high), share)

    def joined(self, other: ErrorWidth) -> ErrorWidth:
        """Both errors at once, independent of each other: ends in quadrature, shares weighed by their variances."""
        low, high = -float(np.hypot(self.low, other.low)), float(np.hypot(self.high, other.high))
        return ErrorWidth(low, high, joint_share(self, other))


def joint_share(*parts: ErrorWidth) -> float:
    r"""Machine's share of a sum of independent errors, :math:`\sum s_i v_i / \sum v_i`, the variances v by extent.

    A half where all are certain: nothing is there to be shared.
    """
    variances = [part.extent**2 for part in parts]
    total = sum(variances)
    return (
        sum(v * part.machine_share for v, part in zip(variances, parts, strict=True)) / total
        if total > 0
        else ASSUMED_SHARE
    )


class Bands:
    """Looks up the band of a prediction by what it rests on."""

    def __init__(self, bands: Sequence[ErrorBand]) -> None:
        self._bands = {item.key: item for item in bands}

    def find(self, simd: str, precision: str, mode: str) -> ErrorWidth:
        """Log error of a machine known by its data sheet alone.

        A class that no machine stands for has the band of classes that were left out whole, and so has one of a machine
        or two, or its own ends where these lie further out. For a class of power all machines of that power stand.
        """
        own = self._bands.get(f"{simd}/{precision}/{mode}")
        if own is not None and own.machines >= _CLASS:
            return ErrorWidth.of(own)
        new = self.new(precision, mode)
        return new if own is None else new.united(ErrorWidth.of(own))

    def new(self, precision: str, mode: str) -> ErrorWidth:
        """The same for a machine of a class or vendor without any published figure."""
        return ErrorWidth.of(self._bands.get(f"new/{precision}/{mode}") or self._bands["new/*/*"])

    def published(self, precision: str, mode: str) -> ErrorWidth:
        """Log error of a chip with published figures of this very model."""
        return ErrorWidth.of(self._bands.get(f"published/{precision}/{mode}") or self._bands["published/*/*"])

    def anchored(self, simd: str, precision: str, mode: str) -> ErrorWidth:
        """Log error of a chip with published figures of other models.

        A chip that stands alone in its class learns less from others: its band is that of chips whose class had been
        taken away (``lone``).
        """
        own = self._bands.get(f"anchored/{simd}/{precision}/{mode}")
        if own is not None and own.machines > 1:
            return ErrorWidth.of(own)
        lone = self._bands.get(f"lone/{precision}/{mode}") or self._bands.get("lone/*/*")
        if lone is None:
            lone = self._bands.get(f"anchored/{precision}/{mode}") or self._bands["anchored/*/*"]
        return ErrorWidth.of(lone) if own is None else ErrorWidth.of(lone).united(ErrorWidth.of(own))

    def spec(self, simd: str, precision: str, mode: str, machines: int, *, unlike: bool = False) -> ErrorWidth:
        """Log error of a model that so many machines have figures of, on one known by its data sheet.

        ``unlike``: the machine is unlike all that have figures, and so no better known than a class left out whole. Of
        models without a figure: errors with machine and family left out together, where several machines of the
        class have them.
        """
        own = self._bands.get(f"unpublished/{simd}/{precision}/{mode}")
        if machines == 0 and not unlike and own is not None and own.machines >= _CLASS:
            return ErrorWidth.of(own)
        width = self.find(simd, precision, mode)
        if unlike:
            width = width.united(self.new(precision, mode))
        if machines == 0:
            # No class to go by: what is not known of the machine and of the model, as if they were independent.
            return width.joined(self.unseen(precision))
        few = self._bands.get(f"few/{precision}") if machines < FEW else None
        return width if few is None else width.united(ErrorWidth.of(few))

    def once(self, simd: str, precision: str, mode: str) -> ErrorWidth:
        """Log error of an unpublished model that was measured on one other machine, on one known by its data sheet.

        The residual process has taken the measurement in. Its own noise is that of a published figure; of a class that
        no machine stands for, or one or two, nothing is known but the error without it.
        """
        own = self._bands.get(f"once/{simd}/{precision}/{mode}")
        return self.spec(simd, precision, mode, 0) if own is None or own.machines < _CLASS else ErrorWidth.of(own)

    def unseen(self, precision: str) -> ErrorWidth:
        """Log error of models that no fitted row knows, on machines that are known."""
        return ErrorWidth.of(self._bands.get(f"unseen/{precision}") or self._bands["unseen/f32"])


def around(median: float, low: float, high: float) -> Interval:
    """Interval of a positive quantity from log distances ``low`` <= 0 <= ``high``."""
    return Interval(
        p10=float(median * np.exp(min(low, 0.0))), p50=float(median), p90=float(median * np.exp(max(high, 0.0)))
    )
