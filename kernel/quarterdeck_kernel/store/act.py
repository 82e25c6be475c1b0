"""What was done to a workspace itself."""

from dataclasses import dataclass
from typing import Literal

from quarterdeck_kernel.vocabulary.actor import Actor


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """Content erased, a run deleted whole, a run taken in: by whom, when and why.

    `run_id` is None where the run of an erased event was deleted since.
    """

    number: int
    act: Literal["erase", "delete", "import"]
    run_id: str | None
    seq: int | None
    blob: str | None
    at_us: int
    actor: Actor
    reason: str
