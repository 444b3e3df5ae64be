"""sizer: hardware-sizing advisor and capacity planner for deep-learning inference."""

import sys

__version__ = "0.1.0"

# openvino imports this package where it finds it: it forks the process and sends usage data to its maker. Nothing here
# may talk to a network unasked, and the fork has left hung copies behind. None makes the import fail, which openvino
# allows for.
sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
