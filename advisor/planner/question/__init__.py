"""What is asked: scenario, candidates, demand, money."""
