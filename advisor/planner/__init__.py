"""The cheapest hardware and configuration that carries a scenario, and why."""
