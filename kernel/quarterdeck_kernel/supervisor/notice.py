"""What a supervisor tells people of: it never raises what only concerns one run."""

from dataclasses import dataclass
from typing import Literal

What = Literal["taken_up", "ended", "stopped", "failed", "trouble"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """Something that happened to a run; `trouble` concerns the workspace, and has no run.

    `stopped` waits for somebody; `failed` is an error that nobody expected, and the run is held.
    `error` is what was raised, for whoever looks into it.
    """

    what: What
    text: str
    run_id: str | None = None
    error: BaseException | None = None
