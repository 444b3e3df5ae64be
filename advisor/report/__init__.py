"""Finished records in, text out: terminal, HTML, CSV, JUnit, configuration exports. No arithmetic beyond units."""
