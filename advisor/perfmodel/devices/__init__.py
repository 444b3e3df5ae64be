"""Time of a pass on devices other than an x86 CPU: one file per source of evidence, in order in ``registry.py``."""
