"""The question: load case, demand, candidates, money."""
