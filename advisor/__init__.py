"""sizer: hardware-sizing advisor and capacity planner for deep-learning inference."""

__version__ = "0.1.0"
