"""A micro-benchmark as a campaign knows it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, ClassVar

from advisor.measure.items.item import MeasureContext, SingleJobItem, WorkerSetup
from advisor.measure.items.throughput import runtime_imports
from advisor.measure.timing import micro_record
from advisor.measure.timing.keys import runtime_version
from advisor.measure.worker.job import JobOutcome
from advisor.records.base import Precision, RuntimeName
from advisor.records.config import SimdCap
from advisor.records.measurement import MicroBenchmark, MicroFailure
from advisor.runtimes.openvino_config import worker_environment

OPEN_S = 0.2
"""Expected time to build and open the small network [s]."""
_TIMEOUT_S = 60.0


@dataclass(frozen=True)
class MicroItem(SingleJobItem):
    """One micro-benchmark to take."""

    plural: ClassVar[str] = "micro-benchmarks"

    name: str
    kind: str
    """One of :data:`advisor.measure.items.micro.worker.FAMILIES`."""
    runtime: RuntimeName
    precision: Precision = "f32"
    simd_cap: SimdCap | None = None
    threads: int = 1
    options: Mapping[str, float] = field(default_factory=dict, hash=False)
    duration_s: float = 0.35

    @property
    def label(self) -> str:
        return self.name

    @property
    def process(self) -> tuple[str, SimdCap | None]:
        """Same runtime and cap; siblings need a worker that may run on their core alone before it loads the runtime."""
        return f"{self.runtime} on siblings" if self.kind == "siblings" else self.runtime, self.simd_cap

    @property
    def estimate_s(self) -> float:
        return self.duration_s + OPEN_S

    def key(self, host_fingerprint: str) -> str:
        """Key of the one result: measured once per machine, runtime version and options."""
        parameters = {
            "version": runtime_version(self.runtime),
            **{name: f"{value:g}" for name, value in self.options.items()},
        }
        return micro_record.micro_key(self.name, host_fingerprint, parameters)

    def keys(self, host_fingerprint: str) -> tuple[str, ...]:
        return (self.key(host_fingerprint),)

    def worker(self) -> WorkerSetup:
        return WorkerSetup(
            "advisor.measure.items.micro.worker:micro_job",
            _TIMEOUT_S,
            worker_environment(self.simd_cap),
            runtime_imports(self.runtime),
        )

    def payloads(self, context: MeasureContext) -> Mapping[str, dict[str, Any]]:
        return {self.key(context.host_fingerprint): asdict(self)}

    def to_result(self, outcome: JobOutcome, host_fingerprint: str) -> MicroBenchmark | MicroFailure:
        return micro_record.to_result(outcome, self.name, host_fingerprint)
