"""Machines that were measured: kernels, anchors, and what neighbours did to the measurements."""
