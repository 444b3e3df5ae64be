"""How a time is taken: blocks, interference, reference work, statistics."""
