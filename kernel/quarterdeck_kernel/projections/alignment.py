"""Two runs side by side: their steps, aligned by key in the order they were taken.

Pure: whoever reads the logs makes the lines. Keys are the same wherever the same code takes the
same step, so a run and its fork align as far as they go alike, and so do two runs of one agent.
"""

from collections.abc import Sequence
from difflib import SequenceMatcher
from typing import Literal, NamedTuple

Parting = Literal["asked", "answered", "only_a", "only_b"]
"""How a pair differs: something else was asked for, something else came of it, or one has none."""


class StepLine(NamedTuple):
    """A step of a run: what was asked for and what came of it, as digests, and what it took.

    `seq` is where it was first asked for, `ended_seq` where it ended. However often it was tried,
    it is one step. Digests leave out what tells runs apart (ids, times); None: not there any more.
    """

    key: str
    kind: Literal["model", "tool", "step", "pause", "end"]
    name: str
    seq: int
    asked: str | None = None
    answered: str | None = None
    ended_seq: int | None = None
    outcome: str | None = None
    tries: int = 1
    cost_micros: int | None = 0
    duration_us: int = 0


class Pair(NamedTuple):
    """The same step of two runs, or one that only one of them has; None where they are alike."""

    a: StepLine | None
    b: StepLine | None
    parting: Parting | None

    @property
    def key(self) -> str:
        """Return the key of the step."""
        line = self.a or self.b
        return line.key if line is not None else ""


def align(a: Sequence[StepLine], b: Sequence[StepLine]) -> tuple[Pair, ...]:
    """Return the steps of two runs in pairs, each run's in its own order."""
    pairs: list[Pair] = []
    matcher = SequenceMatcher(
        None, [line.key for line in a], [line.key for line in b], autojunk=False
    )
    for tag, a_start, a_stop, b_start, b_stop in matcher.get_opcodes():
        if tag == "equal":
            both = zip(a[a_start:a_stop], b[b_start:b_stop], strict=True)
            pairs += [Pair(mine, theirs, _parting(mine, theirs)) for mine, theirs in both]
            continue
        pairs += [Pair(line, None, "only_a") for line in a[a_start:a_stop]]
        pairs += [Pair(None, line, "only_b") for line in b[b_start:b_stop]]
    return tuple(pairs)


def first_parting(pairs: Sequence[Pair]) -> Pair | None:
    """Return the first pair that differs."""
    return next((pair for pair in pairs if pair.parting is not None), None)


def _parting(a: StepLine, b: StepLine) -> Parting | None:
    if (a.kind, a.name) != (b.kind, b.name) or _differ(a.asked, b.asked):
        return "asked"
    if a.outcome != b.outcome or _differ(a.answered, b.answered):
        return "answered"
    return None


def _differ(one: str | None, other: str | None) -> bool:
    """Tell whether two digests are known to differ; what was erased may have been the same."""
    return one is not None and other is not None and one != other
