"""What a test needs of the machine that runs it."""

import os

import pytest

TWO_CORES = pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="one core grants one stream")
"""OpenVINO grants no more streams than the process may use cores."""
