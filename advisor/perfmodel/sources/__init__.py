"""The shipped sources of evidence, one per file; ``registry.py`` puts them in order."""
