"""Forms in which price lists come, one per file; :mod:`.registry` lists them."""
