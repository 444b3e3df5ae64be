"""The answer for its reader: options, alternatives, rejected platforms, what breaks first."""
