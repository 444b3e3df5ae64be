"""sizer: hardware-sizing advisor and capacity planner for deep-learning inference.

``advisor.plan(...)``, ``predict``, ``verify``, ``measurements`` and ``catalog`` are those of :mod:`advisor.api`,
which is loaded when one of them is first used: ``import advisor`` alone loads nothing else.
"""

import os
import sys

# Type checkers take it for that of `typing`, which takes longer to load than Ctrl-C may be left unwatched.
TYPE_CHECKING = False

__version__ = "0.2.0.dev0"

__all__ = ["__version__", "catalog", "measurements", "plan", "predict", "verify"]

# openvino imports this package where it finds it: it forks the process and sends usage data to its maker. Nothing here
# may talk to a network unasked, and the fork has left hung copies behind. None makes the import fail, which openvino
# allows for.
sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
# onnxruntime reads this once, while it is imported, in this process and in every one that it starts: without it, it
# writes a device id and a database of events under the user's cache and sends them to its maker.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"

if TYPE_CHECKING:
    from advisor.api import catalog, measurements, plan, predict, verify
else:
    # Hidden from type checkers, to whom a module with __getattr__ has every name.
    def __getattr__(name: str) -> object:
        """Load the API when one of its functions is first used (PEP 562)."""
        if name not in __all__:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from importlib import import_module

        return getattr(import_module("advisor.api"), name)

    def __dir__() -> list[str]:
        """Names for completion in notebooks, those among them that are not loaded yet."""
        return sorted({*globals(), *__all__})
