"""Kits for sites without network: packed and read on the desk, carried out on the box (``onsite/``)."""
