"""What users own goes in: files of other programs become a scenario, or figures of a named machine."""
