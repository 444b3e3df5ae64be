"""The command line: the only place that reads arguments, prints and exits."""

INTERRUPTED = 3
"""Exit code of every command that Ctrl-C ends (contract)."""
