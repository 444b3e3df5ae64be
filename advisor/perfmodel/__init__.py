"""Predicts what was not measured, and says how sure: time, memory and power of a model on a machine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .here.measurements import WorkSource
    from .predictor import Predictor

__all__ = ["Predictor", "WorkSource"]


def __getattr__(name: str) -> Any:
    """Load the predictor on first use, so that importing the package stays light."""
    if name == "Predictor":
        from .predictor import Predictor

        return Predictor
    if name == "WorkSource":
        from .here.measurements import WorkSource

        return WorkSource
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
