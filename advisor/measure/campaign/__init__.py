"""What to measure and in which order: scenarios, the two-minute look, matrices; resumable."""
