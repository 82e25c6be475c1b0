"""What a verification found."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

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
    """How far work upon many events has come."""

    events: int
    of: int


class Sound(NamedTuple):
    """An event that agrees with its hash and its place; `newest`: its run ends with it."""

    header: dict[str, Any]
    hash: bytes
    newest: bool


Follow = Callable[[Sequence[Sound]], Awaitable[None]]
"""Takes the sound events of a verification as it comes upon them, those of a run in order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """The result of a verification. `erased` lists events whose content is gone by decision.

    `deleted` is how many events went with runs that were deleted whole.
    """

    runs: int
    events: int
    erased: tuple[tuple[str, int], ...]
    fault: Fault | None
    deleted: int = 0

    @property
    def ok(self) -> bool:
        """Tell whether nothing is wrong."""
        return self.fault is None
