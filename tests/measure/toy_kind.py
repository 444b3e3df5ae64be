"""A kind of measurement that sizer does not have: how long the standard library takes to hash some bytes.

It stands outside of the package and is all that such a kind needs; worker and campaign learn of it from here alone.
"""

import hashlib
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from advisor.measure.items.item import MeasureContext, SingleJobItem, WorkerSetup
from advisor.measure.timing import micro_record
from advisor.measure.worker.job import JobOutcome, each
from advisor.records.measurement import MicroBenchmark, MicroFailure


@dataclass(frozen=True)
class HashItem(SingleJobItem):
    """Time to hash ``size_bytes``."""

    size_bytes: int
    algorithm: str = "sha256"

    @property
    def name(self) -> str:
        return f"hash/{self.algorithm}/{self.size_bytes}"

    @property
    def label(self) -> str:
        return f"hash {self.size_bytes} bytes"

    @property
    def process(self) -> str:
        return "hash"

    @property
    def estimate_s(self) -> float:
        return 0.1

    def keys(self, host_fingerprint: str) -> tuple[str, ...]:
        return (micro_record.micro_key(self.name, host_fingerprint, {}),)

    def worker(self) -> WorkerSetup:
        return WorkerSetup("tests.measure.toy_kind:hash_job", timeout_s=30.0)

    def payloads(self, context: MeasureContext) -> Mapping[str, dict[str, Any]]:
        (key,) = self.keys(context.host_fingerprint)
        return {key: {"name": self.name, "algorithm": self.algorithm, "size_bytes": self.size_bytes}}

    def to_result(self, outcome: JobOutcome, host_fingerprint: str) -> MicroBenchmark | MicroFailure:
        return micro_record.to_result(outcome, self.name, host_fingerprint)


def _hash(payload: dict[str, Any]) -> dict[str, Any]:
    data = bytes(payload["size_bytes"])
    times_s = []
    for _ in range(5):
        start_s = time.perf_counter()
        hashlib.new(payload["algorithm"], data)
        times_s.append(time.perf_counter() - start_s)
    return micro_record.figure(payload["name"], times_s, "s", bytes=payload["size_bytes"])


hash_job = each(_hash)
