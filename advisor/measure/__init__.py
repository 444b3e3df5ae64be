"""Measuring: worker processes, harness, micro-benchmarks, clips, decode, campaign."""
