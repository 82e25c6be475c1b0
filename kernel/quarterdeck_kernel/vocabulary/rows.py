"""Rows of the projections: what the one fold hands to a store, and what a store hands back.

They come by the thousand and are plain tuples. What makes them has checked its values; a store
checks what it reads back, for that comes from outside.
"""

from collections.abc import Sequence
from typing import Literal, NamedTuple

from quarterdeck_kernel.vocabulary.words import Mode, Need, NeedRank, Risk, Status


class FleetRow(NamedTuple):
    """One run as the fleet shows it. Everything in it follows from the run's events.

    `sort_us` orders runs of one rank: a deadline where one presses, else when it last changed.
    A fork of `fork_of` shares its events up to `fork_seq`.
    """

    run_id: str
    tenant: str
    agent: str
    objective: str
    status: Status
    need: Need
    rank: NeedRank
    sort_us: int
    created_us: int
    changed_us: int
    head_seq: int
    waits_for: str | None = None
    parent_run_id: str | None = None
    fork_of: str | None = None
    fork_seq: int | None = None
    depth: int = 0
    person: str | None = None
    model: str | None = None
    mode: Mode = "execute"
    turn: int = 0
    tokens: int = 0
    cost_micros: int = 0
    cost_unknown: bool = False
    budget_micros: int | None = None
    deadline_us: int | None = None
    cancel_requested_us: int | None = None
    read_only: str | None = None


class InboxRow(NamedTuple):
    """One thing that waits for a person: an open pause or an unknown outcome.

    `item_id` is the id of the pause, or `unknown:SEQ` of the intent within the run.
    """

    run_id: str
    item_id: str
    kind: Literal["pause", "unknown"]
    tenant: str
    agent: str
    title: str
    seq: int
    since_us: int
    tool: str | None = None
    risk: Risk | None = None
    deadline_us: int | None = None


class ContextRow(NamedTuple):
    """One message of a conversation, by place: where it stands, never what it says.

    `thread` is the seq of the request that began the list; `place` counts from 0. The message
    stands in event `seq`: the `part`-th new one it brings, or (-1) the one it holds itself.
    """

    thread: int
    place: int
    seq: int
    part: int
    digest: str


class StepRow(NamedTuple):
    """Where a step was last asked for, and where it ended."""

    step_key: str
    requested_seq: int
    completed_seq: int | None = None


class LedgerRow(NamedTuple):
    """What a run has used of one model or tool on one day; the name of a place, then the sums.

    A batch adds to it; a store hands out what it has come to. `person` is empty where nobody is
    known to have started the run.
    """

    day: str
    kind: str
    name: str
    tenant: str
    person: str
    agent: str
    cost_micros: int = 0
    unknown_costs: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    model_calls: int = 0
    tool_calls: int = 0
    busy_us: int = 0

    @property
    def place(self) -> tuple[str, str, str]:
        """Return what tells it from other rows of its run."""
        return self[:3]

    @classmethod
    def sum(cls, rows: "Sequence[LedgerRow]") -> "LedgerRow":
        """Return the row of a place with the sums of all its rows."""
        return cls(*rows[0][:6], *map(sum, zip(*(row[6:] for row in rows), strict=True)))


class ProjectionRows(NamedTuple):
    """What one batch of events changes beside the log, written in the same transaction.

    The ledger's rows are added to those there are, the others take their places.
    """

    fleet: FleetRow
    inbox_opened: tuple[InboxRow, ...] = ()
    inbox_closed: tuple[str, ...] = ()
    context: tuple[ContextRow, ...] = ()
    steps: tuple[StepRow, ...] = ()
    ledger: tuple[LedgerRow, ...] = ()
