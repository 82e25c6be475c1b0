"""The state of a run: all that is bounded and follows from its events.

Owns the shape, the cheap copy and the stored form. It must not grow with the length of a run:
what is over is not kept, and what is open is bounded by `legality`.
"""

from dataclasses import dataclass, field
from functools import cache

from pydantic import TypeAdapter

from quarterdeck_kernel import canonical
from quarterdeck_kernel.projections.conditions import Conditions
from quarterdeck_kernel.projections.open_items import (
    TERMINAL,
    AllowedCall,
    AllowedRetry,
    CancelRequest,
    Child,
    Failure,
    Hold,
    Identity,
    ModelIntent,
    OpenPause,
    OpenUnknown,
    Place,
    Timer,
    ToolIntent,
    UnusedMessage,
    WorkflowIntent,
)
from quarterdeck_kernel.projections.spend import NOTHING_USED, Mark, Spend
from quarterdeck_kernel.projections.vitals import Vitals
from quarterdeck_kernel.vocabulary.words import BudgetKind, Mode, Phase, Status


@dataclass(slots=True)
class Conversation:
    """Where the run's messages stand.

    `last` is the list that the agent's next turn goes on from. `threads` are those that can be
    extended in place: their length, by the seq that began them. `used` says which were used
    when, so that the least recent is dropped first. `tools_seq` is the request that last brought
    the whole list of tool schemas.
    """

    last: Place | None = None
    threads: dict[int, int] = field(default_factory=dict)
    used: dict[int, int] = field(default_factory=dict)
    tools_seq: int | None = None
    tools_digest: str | None = None

    def copy(self) -> "Conversation":
        """Return an equal one to change."""
        return Conversation(
            self.last, self.threads.copy(), self.used.copy(), self.tools_seq, self.tools_digest
        )


@dataclass(slots=True)
class RunState:
    """What folding a run's events gives. Whoever holds one reads it; only `fold` makes others.

    `turn_began` and `answer_came` are what had been used when the turn began, and when the newest
    answer of a turn came. `recent_calls` are the digests of the last tool calls, in order; `warned`
    the budgets whose nearing end people were warned of.
    """

    head_seq: int = 0
    head_hash: str = ""
    identity: Identity = field(default_factory=Identity)
    status: Status = "queued"
    created_us: int = 0
    started_us: int | None = None
    ended_us: int | None = None
    changed_us: int = 0
    deadline_us: int | None = None
    holds: dict[int, Hold] = field(default_factory=dict)
    cancel: CancelRequest | None = None
    failure: Failure | None = None
    circuit_open: bool = False
    phase: Phase | None = None
    turn: int = 0
    turn_began: Mark = NOTHING_USED
    answer_came: Mark = NOTHING_USED
    pauses: dict[str, OpenPause] = field(default_factory=dict)
    unknowns: dict[int, OpenUnknown] = field(default_factory=dict)
    tool_intents: dict[int, ToolIntent] = field(default_factory=dict)
    model_intents: dict[int, ModelIntent] = field(default_factory=dict)
    workflow_intents: dict[int, WorkflowIntent] = field(default_factory=dict)
    timers: dict[str, Timer] = field(default_factory=dict)
    children: dict[str, Child] = field(default_factory=dict)
    messages: dict[str, UnusedMessage] = field(default_factory=dict)
    allowed_calls: dict[str, AllowedCall] = field(default_factory=dict)
    allowed_retries: dict[int, AllowedRetry] = field(default_factory=dict)
    conditions: Conditions = field(default_factory=Conditions)
    spend: Spend = field(default_factory=Spend)
    vitals: Vitals = field(default_factory=Vitals)
    conversation: Conversation = field(default_factory=Conversation)
    read_only: str | None = None
    recent_calls: tuple[str, ...] = ()
    warned: tuple[str, ...] = ()

    def copy(self) -> "RunState":
        """Return an equal state that can be changed without touching this one."""
        return RunState(
            self.head_seq,
            self.head_hash,
            self.identity,
            self.status,
            self.created_us,
            self.started_us,
            self.ended_us,
            self.changed_us,
            self.deadline_us,
            self.holds.copy(),
            self.cancel,
            self.failure,
            self.circuit_open,
            self.phase,
            self.turn,
            self.turn_began,
            self.answer_came,
            self.pauses.copy(),
            self.unknowns.copy(),
            self.tool_intents.copy(),
            self.model_intents.copy(),
            self.workflow_intents.copy(),
            self.timers.copy(),
            self.children.copy(),
            self.messages.copy(),
            self.allowed_calls.copy(),
            self.allowed_retries.copy(),
            self.conditions.copy(),
            self.spend.copy(),
            self.vitals.copy(),
            self.conversation.copy(),
            self.read_only,
            self.recent_calls,
            self.warned,
        )

    @property
    def terminal(self) -> bool:
        """Tell whether the run is over for good."""
        return self.status in TERMINAL

    @property
    def blocked(self) -> bool:
        """Tell whether no new intent may be written but one that a decision allows."""
        return bool(self.pauses or self.unknowns or self.holds)

    @property
    def hold(self) -> Hold | None:
        """Return the hold to be told of first: a person's, else the oldest."""
        if not self.holds:
            return None
        return min(self.holds.values(), key=lambda hold: (hold.by != "operator", hold.seq))

    @property
    def mode(self) -> Mode:
        """Return what the run is about now."""
        return self.vitals.mode(asks=bool(self.pauses), finished=self.status in TERMINAL)

    @property
    def budgets_left(self) -> dict[BudgetKind, int]:
        """Return what is left of each budget of the run; below zero where it was overrun."""
        spend, left = self.spend, dict[BudgetKind, int]()
        for kind, bound in self.conditions.budgets.items():
            if bound.limit is not None:
                left[kind] = bound.limit - spend.used(kind) - spend.set_aside(kind)
        return left

    @property
    def unacknowledged_failure_seq(self) -> int | None:
        """Return the event a person has to acknowledge, if there is one."""
        failure = self.failure
        return failure.seq if failure is not None and not failure.acknowledged else None

    def dump(self) -> str:
        """Return the stored form: canonical, so that equal states have equal texts."""
        return canonical.encode(_adapter().dump_python(self, mode="json"))

    @staticmethod
    def load(text: str) -> "RunState":
        """Return the state of a stored form that this fold version wrote."""
        return _adapter().validate_json(text)


@cache
def _adapter() -> TypeAdapter[RunState]:
    return TypeAdapter(RunState)  # built when first needed: it takes as long as an import
