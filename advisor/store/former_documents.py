"""Documents as sizer 0.1 wrote them, brought to the form of this version.

Written out field by field, not taken from the records: those will move on, this may not.
"""

from __future__ import annotations

from typing import Any

# Version 0.1 joined them into a timing for reports; they were never stored with one.
_OF_FOOTPRINTS = ("cached_compile_s", "memory_baseline_bytes", "memory_per_stream_bytes")


def measurement_with_kind(document: dict[str, Any]) -> dict[str, Any]:
    """Give a measurement of 0.1 its kind, and only the fields of that kind; one that has a kind stays as it is.

    Parameters
    ----------
    document : dict
        A measurement as JSON values. Version 0.1 had one record with optional fields: kernels mean a profile, a
        footprint means a footprint.

    Notes
    -----
    A failure of 0.1 holds neither, so that what was attempted is unknown. It becomes a timing, as which 0.1
    reported it, until a campaign asks for a profile or footprint under its key
    (:meth:`advisor.store.measurements.MeasurementStore.adopt`).
    """
    if "kind" in document:
        return document
    values = dict(document)
    timing, kernels = values.pop("timing", None), values.pop("kernels", ())
    pass_s, footprint = values.pop("pass_s", None), values.pop("footprint", None)
    if footprint is not None:
        values.pop("mode")
        return {**values, "kind": "footprint", "footprint": footprint}
    if kernels:
        values.pop("mode")
        return {**values, "kind": "profile", "kernels": kernels, "pass_s": pass_s}
    if timing is not None:
        timing = {name: value for name, value in timing.items() if name not in _OF_FOOTPRINTS}
    return {**values, "kind": "timing", "timing": timing}


def box_with_kinds(document: dict[str, Any]) -> dict[str, Any]:
    """Bring a measured box of schema sizer.box/1 to sizer.box/2, whose measurements have kinds."""
    measurements = document.get("measurements", ())
    if not isinstance(measurements, list | tuple):
        return {**document, "schema": "sizer.box/2"}  # the record says what is wrong with it
    upgraded = [measurement_with_kind(item) if isinstance(item, dict) else item for item in measurements]
    return {**document, "schema": "sizer.box/2", "measurements": upgraded}
