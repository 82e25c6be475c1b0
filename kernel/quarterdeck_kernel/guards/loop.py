"""The guard against loops: the same calls again and again, one or several in turn.

What it counts is folded from the log, so that a restart forgets nothing of it.
"""

from collections.abc import Sequence
from typing import NamedTuple

from quarterdeck_kernel.guards.chain import GuardKind
from quarterdeck_kernel.guards.proposed import ProposedCall
from quarterdeck_kernel.guards.verdict import ALLOW, Deny, Verdict, Warn
from quarterdeck_kernel.vocabulary.limits import LOOP_WINDOW


class Repetition(NamedTuple):
    """How many calls at the end only repeat those `period` before them, and how many those are."""

    period: int
    repeats: int


class LoopGuard:
    """Warns of a call that is made a third time in a row, and lets no fifth one pass.

    `warn_at` and `block_at` count equal calls in a row. Of several calls in turn as many must
    repeat earlier ones; and they are warned of when they have come round once, and blocked when
    they have come round twice. Calls without a digest are those of a workflow's code, which may
    wait for something by asking again and again.
    """

    name: str = "loop"
    kind: GuardKind = "loop"

    def __init__(self, *, warn_at: int = 3, block_at: int = 5) -> None:
        self._warn = warn_at - 1
        self._block = block_at - 1

    def judge(self, call: ProposedCall) -> Verdict:
        """Judge a call by those before it."""
        recent = call.state.recent_calls
        if not call.input_digest or (not call.ahead and call.input_digest not in recent):
            return ALLOW
        calls = (*recent, *(other.input_digest for other in call.ahead), call.input_digest)
        warned: Verdict = ALLOW
        for period, repeats in repetitions(calls[-LOOP_WINDOW:]):
            same = f"this same call to {call.tool!r}" if period == 1 else f"these {period} calls"
            if repeats >= max(self._block, 2 * period):
                reason = f"{same} came {repeats // period + 1} times in a row; do something else"
                return Deny(reason=reason, rule="repeated")
            if warned is ALLOW and repeats >= max(self._warn, period):
                times = repeats // period + 1
                reason = (
                    f"{same} came {times} times in a row, with the same input; if nothing new "
                    "came of it, do something else: it will be refused soon"
                )
                warned = Warn(reason=reason, rule="repeating", tells_model=True)
        return warned


def repetitions(calls: Sequence[str]) -> list[Repetition]:
    """Return what repeats at the end of a series, by ascending period."""
    found: list[Repetition] = []
    newest = len(calls) - 1
    for period in range(1, len(calls) // 2 + 1):
        at = newest
        while at >= period and calls[at] == calls[at - period]:
            at -= 1
        if newest - at:
            found.append(Repetition(period, newest - at))
    return found
