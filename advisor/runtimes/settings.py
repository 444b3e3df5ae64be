"""Settings of a :class:`RunConfig` that a runtime does not have: refused by name, never ignored."""

from __future__ import annotations

from collections.abc import Mapping

from advisor.errors import RuntimeRefusal
from advisor.records.config import RunConfig

_REASONS = {
    "simd_cap": "its kernels query the processor themselves; it cannot be capped",
    "hint_requests": "hints are OpenVINO's",
    "auto_batch_timeout_s": "it does not batch by itself",
    "pinning": "it pins no threads",
    "core_type": "it places threads by itself",
    "layout": "it chooses layouts itself",
    "inter_op_threads": "it runs one operator at a time",
    "intra_op_affinities": "it pins no threads",
    "spinning": "how its threads wait is not to be set",
    "execution_mode": "it runs one operator at a time",
    "arena": "the memory arena is ONNX Runtime's",
    "quantisation": "it quantises nothing by itself",
    "torch_mode": "it is PyTorch's",
}


def refuse_foreign(
    config: RunConfig, runtime: str, own: frozenset[str], reasons: Mapping[str, str] | None = None
) -> None:
    """Refuse every optional setting that a runtime does not have.

    Parameters
    ----------
    config
        What was requested; a setting that is None was not.
    runtime
        Its name, for the message.
    own
        Names of the settings that it has, of those that not every runtime has.
    reasons
        What to say of a setting instead of the general reason.

    Raises
    ------
    RuntimeRefusal
        One line that names setting, value and reason.
    """
    if config.hint != "none":
        raise RuntimeRefusal(f"hint {config.hint}: {runtime} has no hints; give threads and streams")
    for name, reason in {**_REASONS, **(reasons or {})}.items():
        value = getattr(config, name)
        if name not in own and value is not None:
            raise RuntimeRefusal(f"{name} {value}: not for {runtime}: {reason}")
