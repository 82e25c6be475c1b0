"""Closed lists of words that events, state and rows share."""

from enum import IntEnum
from typing import Final, Literal

Status = Literal["queued", "running", "succeeded", "failed", "cancelled", "timed_out"]
"""Where a run stands in its life; the last four are final."""

Need = Literal[
    "unknown",
    "waiting",
    "failed",
    "timed_out",
    "adrift",
    "held",
    "running",
    "queued",
    "done",
    "cancelled",
]
"""The one word the screen shows for a run: the most pressing of what applies."""


class NeedRank(IntEnum):
    """The order of need, as it is stored. Adrift is not stored: it depends on leases."""

    UNKNOWN = 0
    WAITING = 1
    FAILED = 2
    TIMED_OUT = 3
    ADRIFT = 4
    HELD = 5
    RUNNING = 6
    QUEUED = 7
    DONE = 8
    CANCELLED = 9


Effect = Literal["read", "idempotent", "once"]
Risk = Literal["low", "medium", "high"]
Phase = Literal["perceive", "deliberate", "gate", "execute", "commit", "reflect", "rest"]
Mode = Literal["ask_human", "recover", "sleep", "explore", "verify", "execute"]
PauseType = Literal[
    "confirm", "approve", "choose", "input", "upload", "reauth", "apply_changes", "custom"
]
BUDGET_GUARD: Final = "budget"
"""The name of the guard whose warnings the fold remembers."""

BudgetKind = Literal["micros", "tokens", "model_calls", "tool_calls", "wall_time_us"]
