"""Everything but the time of a pass: memory, power, decoding, passes after a pause."""
