"""Micro-benchmarks of the machine through a runtime: one file per family, listed in :mod:`.worker`."""
