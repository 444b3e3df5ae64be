"""A compiled model's kernels and its file's own counts, put together as :class:`ModelWork`."""

from __future__ import annotations

from collections.abc import Sequence

from advisor.records.config import RunConfig
from advisor.records.model import Kernel, ModelFile, ModelWork

from .reader import GraphFacts


def model_work(
    model: ModelFile,
    config: RunConfig,
    facts: GraphFacts,
    kernels: Sequence[Kernel],
    *,
    runtime_version: str,
    activation_bytes: float,
) -> ModelWork:
    """Put kernels and file together.

    Parameters
    ----------
    model, config
        What was compiled and how; the record's precision, batch and SIMD cap are those of ``config``.
    facts
        Of the file in its own precision at batch 1: its operations times the batch become ``flop``.
    kernels, activation_bytes
        Of the compiled model at the batch of ``config``.

    Notes
    -----
    ``weight_bytes`` is the sum over kernels at the precision that the runtime keeps weights in; weights that two
    kernels share count twice.
    """
    return ModelWork(
        model=model.name,
        sha256=model.sha256,
        kind=model.kind,
        family=model.family,
        runtime=config.runtime,
        runtime_version=runtime_version,
        precision=config.precision,
        batch=config.batch,
        simd_cap=config.simd_cap,
        kernels=tuple(kernels),
        flop=facts.flop * config.batch,
        weight_bytes=float(sum(kernel.weight_bytes for kernel in kernels)),
        activation_bytes=activation_bytes,
    )
