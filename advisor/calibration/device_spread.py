"""How much of what one device's figures are off by is the device's own: variances between and within devices."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .device_errors import Errors


@dataclass(frozen=True)
class Spread:
    """Variances of log errors on devices that the fit had not seen."""

    between: float
    """Of what a whole device is off by."""
    within: float
    """Of single figures about their device's own."""

    def share(self, figures: int) -> float:
        """Share of the mean error of ``figures`` figures that is taken for the device's: 0 to 1.

        The best linear prediction of a random effect. Source: Robinson (1991), That BLUP is a good thing, Statistical
        Science 6, section 1.
        """
        return self.between / (self.between + self.within / figures) if self.between > 0.0 else 0.0


def spread_of(found: Errors) -> Spread:
    """Spread of errors by devices and lists, by the method of moments about the formula (mean 0), which none moves.

    Within devices: squares about each device's mean, by their degrees of freedom. Between: squared means less what the
    figures' own spread adds to them; every device has one vote. Source: Searle, Casella and McCulloch (1992), Variance
    Components, chapter 3.

    Raises
    ------
    ValueError
        No device has two figures.
    """
    names = np.array(found.shared)
    groups = [found.errors[names == name] for name in sorted(set(found.shared))]
    freedom = sum(len(group) - 1 for group in groups)
    if freedom == 0:
        raise ValueError("the spread within devices needs a device with two figures")
    within = sum(float(((group - group.mean()) ** 2).sum()) for group in groups) / freedom
    between = float(np.mean([group.mean() ** 2 - within / len(group) for group in groups]))
    return Spread(max(between, 0.0), within)
