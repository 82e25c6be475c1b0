"""What a verification found."""

from dataclasses import dataclass
from typing import Literal

FaultKind = Literal[
    "changed",
    "missing",
    "inserted",
    "truncated",
    "head_mismatch",
    "blob_changed",
    "blob_missing",
    "projection_differs",
    "rewound",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """The first thing that is wrong: where, of what kind, and in a sentence."""

    kind: FaultKind
    run_id: str | None
    seq: int | None
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a verification has come."""

    events: int
    of: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """The result of a verification. `erased` lists events whose content is gone by decision."""

    runs: int
    events: int
    erased: tuple[tuple[str, int], ...]
    fault: Fault | None

    @property
    def ok(self) -> bool:
        """Tell whether nothing is wrong."""
        return self.fault is None
