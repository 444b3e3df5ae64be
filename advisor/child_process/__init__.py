"""Child interpreters that report to their parent in JSON lines: one half for the parent, one for the child.

Measurement and verification run what may crash or hang in such processes. Nothing here knows what they do.
"""
