"""Parts that all records share: strict base class, numbers with bounds, intervals, evidence, sources."""

from __future__ import annotations

import ast
import datetime
import hashlib
import inspect
import math
import textwrap
from enum import StrEnum
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self, TypeGuard

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

if TYPE_CHECKING:
    from pydantic import GetJsonSchemaHandler
    from pydantic.json_schema import JsonSchemaValue
    from pydantic_core import CoreSchema


class Record(BaseModel):
    """Immutable, refuses unknown keys, NaN and infinity. The text below a field is its description in the schema."""

    # Refused values are not repeated: pydantic cuts them, and a cut address is no longer known as one with a password.
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, hide_input_in_errors=True)

    @classmethod
    def __get_pydantic_json_schema__(cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        # pydantic's own way (use_attribute_docstrings) reads the source of every record at each start: 0.2 s.
        schema = handler(core_schema)
        properties = handler.resolve_ref_schema(schema).get("properties", {})
        texts = _texts_below_fields(cls)
        for name, field in cls.model_fields.items():
            written = properties.get(field.alias or name)
            if written is not None and name in texts:
                written.setdefault("description", texts[name])
        return schema


def _texts_below_fields(record: type[Record]) -> dict[str, str]:
    """Text below each field of a record and of those that it extends, cleaned as a docstring is."""
    texts: dict[str, str] = {}
    for cls in reversed(record.__mro__):
        if issubclass(cls, Record) and cls is not Record:
            (tree,) = ast.parse(textwrap.dedent(inspect.getsource(cls))).body
            assert isinstance(tree, ast.ClassDef)
            for line, below in pairwise(tree.body):
                if isinstance(line, ast.AnnAssign) and isinstance(line.target, ast.Name) and _is_text(below):
                    texts[line.target.id] = inspect.cleandoc(ast.literal_eval(below.value))
    return texts


def _is_text(line: ast.stmt) -> TypeGuard[ast.Expr]:
    return isinstance(line, ast.Expr) and isinstance(line.value, ast.Constant) and isinstance(line.value.value, str)


class KeyedRecord(Record):
    """A record that is looked up by what it says: equal contents have equal keys, whatever their names."""

    @cached_property
    def key(self) -> str:
        """SHA-256 over the contents, worked out once per object (0.4 ms for a model of 150 kernels)."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()

    def __copy__(self) -> Self:
        # model_copy(update=...) starts from here: the copy's contents, and so what was worked out of them, may differ.
        copied = super().__copy__()
        copied._forget_worked_out()
        return copied

    def __deepcopy__(self, memo: dict[int, object] | None = None) -> Self:
        copied = super().__deepcopy__(memo)
        copied._forget_worked_out()
        return copied

    def _forget_worked_out(self) -> None:
        """Drop the key and other cached properties, which lie beside the fields."""
        for name in self.__dict__.keys() - type(self).model_fields.keys():
            del self.__dict__[name]


# Numbers are strict so that YAML's ``true`` does not become 1 and "15" does not become 15.
Count = Annotated[int, Field(strict=True, ge=0)]
PositiveCount = Annotated[int, Field(strict=True, ge=1)]
Quantity = Annotated[float, Field(strict=True, ge=0)]
PositiveQuantity = Annotated[float, Field(strict=True, gt=0)]
Fraction = Annotated[float, Field(strict=True, ge=0, le=1)]
Percent = Annotated[float, Field(strict=True, ge=0, le=100)]

Precision = Literal["f32", "bf16", "f16", "int8"]
CpuPrecision = Literal["f32", "bf16", "int8"]
"""What x86 cores compute in; f16 is for devices."""
RuntimeName = Literal[
    "openvino", "onnxruntime", "ncnn", "litert", "torch", "tvm", "fake", "hailort", "rknn", "tensorrt", "edgetpu",
]  # fmt: skip
"""The last four are makers' own, of their devices: predicted from published figures, run by nothing here."""
# In ascending order of width and capability for x86, then for Arm; the caps that oneDNN understands are a subset.
SimdLevel = Literal[
    "scalar", "sse42", "avx", "avx2", "avx2_vnni", "avx512", "avx512_vnni", "avx512_bf16", "amx",
    "neon", "neon_dotprod", "neon_i8mm", "sve",
]  # fmt: skip


BF16_LEVELS: tuple[SimdLevel, ...] = ("avx512_bf16", "amx")
"""SIMD levels with bf16 arithmetic; on chips without it the runtimes refuse to compile a model in bf16."""


class Evidence(StrEnum):
    """What a figure rests on, best first (docs/glossary.md)."""

    MEASURED = "measured"
    PUBLISHED = "published"
    ANCHORED = "anchored"
    SPEC = "spec"
    UNKNOWN = "unknown"

    @property
    def rank(self) -> int:
        """0 for measured to 4 for unknown; the evidence of a sum is its largest rank."""
        return list(Evidence).index(self)


def weakest(evidence: list[Evidence]) -> Evidence:
    """Return the evidence class of something that rests on all of ``evidence``."""
    return max(evidence, key=lambda item: item.rank, default=Evidence.UNKNOWN)


Z90 = 1.2815515655446004
"""90 % quantile of the standard normal distribution; source: scipy.stats.norm.ppf(0.9)."""


class Interval(Record):
    """10 %, 50 % and 90 % quantile of what is believed about one quantity; the unit is in the field's name."""

    p10: float
    p50: float
    p90: float

    @model_validator(mode="after")
    def _ordered(self) -> Interval:
        if not self.p10 <= self.p50 <= self.p90:
            raise ValueError(f"quantiles out of order: p10={self.p10}, p50={self.p50}, p90={self.p90}")
        return self

    @classmethod
    def exact(cls, value: float) -> Interval:
        """Interval of a quantity that is known."""
        return cls(p10=value, p50=value, p90=value)

    def scaled(self, factor: float) -> Interval:
        """Multiply by a non-negative factor."""
        return Interval(p10=self.p10 * factor, p50=self.p50 * factor, p90=self.p90 * factor)

    def reciprocal(self, numerator: float = 1.0) -> Interval:
        """Interval of ``numerator / x`` for positive x: the ends change places."""
        return Interval(p10=numerator / self.p90, p50=numerator / self.p50, p90=numerator / self.p10)


FORMERLY_NEVER_MS = 1.0e9
"""What documents of sizer up to 0.2.0.dev0 hold for the latency of frames that are never done [ms]."""


def latency_or_never(value_ms: Any) -> Any:
    """Return None for a latency without end: infinity, or the figure that stood for it in older documents."""
    return None if isinstance(value_ms, int | float) and value_ms >= FORMERLY_NEVER_MS else value_ms


LatencyMs = Annotated[float | None, BeforeValidator(latency_or_never)]
"""Latency in milliseconds; None: without end, as the work is never done: the box does not keep up."""


class LatencyInterval(Record):
    """10 %, 50 % and 90 % quantile of what is believed about a latency in milliseconds; None: without end."""

    p10: LatencyMs
    p50: LatencyMs
    p90: LatencyMs

    @model_validator(mode="after")
    def _ordered(self) -> LatencyInterval:
        ends = [math.inf if value is None else value for value in (self.p10, self.p50, self.p90)]
        if ends != sorted(ends):
            raise ValueError(f"quantiles out of order: p10={self.p10}, p50={self.p50}, p90={self.p90}")
        return self


class Tail(Record):
    """Latency percentiles in milliseconds, as the JSON contract prints them; None: without end."""

    p50: LatencyMs
    p95: LatencyMs
    p99: LatencyMs


ValueKind = Literal["measured", "vendor", "published", "assumed"]

OfferKind = Literal["offer", "list", "street", "msrp", "deal", "estimate", "assumed"]
"""Offer: made to the user. List: a seller's page or price list. Street: what a survey saw asked. MSRP: the maker's
suggested price. Deal: for a short time. Estimate: somebody's guess. Assumed: sizer's own."""
PriceBasis = Literal["net", "gross"]
"""Without the tax of the country, or with it."""


class Sourced(Record):
    """A catalogue number: where it comes from, of which kind it is and as of when."""

    value: float
    low: float | None = None
    high: float | None = None
    """10 and 90 % quantile of what is sold under the name, in the unit of ``value``; None: not known to differ."""
    kind: ValueKind
    source: Annotated[str, Field(min_length=3)]
    date: datetime.date

    @model_validator(mode="after")
    def _ordered(self) -> Sourced:
        low, high = self.low, self.high
        if (low is None) != (high is None) or (low is not None and high is not None and not low <= self.value <= high):
            raise ValueError(f"low {low}, value {self.value} and high {high}: give both ends, value between them")
        return self


class SourcedText(Record):
    """A catalogue fact that is a word, with the same duties as a number."""

    value: str
    kind: ValueKind
    source: Annotated[str, Field(min_length=3)]
    date: datetime.date
