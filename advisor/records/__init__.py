"""Frozen records: everything that is read from or written to a file, one file per record."""
