"""Events of a run's life."""

from typing import Literal

from pydantic import Field, JsonValue

from quarterdeck_kernel.events.payload import Erasable, Payload
from quarterdeck_kernel.vocabulary.ids import RunId
from quarterdeck_kernel.vocabulary.words import BudgetKind


class RunPayload(Payload):
    """What happens to a run as a whole."""


class RunQueued(RunPayload):
    """The first event of a run: what is to be done, by whom, within which bounds.

    `budgets` are those other than money.
    """

    kind: Literal["run_queued"] = "run_queued"
    agent: str
    workload: Literal["agent", "workflow"] = "agent"
    model: str | None = None
    tier: str | None = None
    parameters: dict[str, JsonValue] = Field(default_factory=dict)
    config_digest: str | None = None
    parent_run_id: RunId | None = None
    parent_intent_seq: int | None = None
    depth: int = 0
    budget_micros: int | None = None
    budgets: dict[BudgetKind, int] = Field(default_factory=dict)
    deadline_us: int | None = None
    max_run_time_us: int | None = None
    idempotency_key: str | None = None
    objective: Erasable[str]
    config: Erasable[dict[str, JsonValue]]


class RunStarted(RunPayload):
    """A driver took the run up for the first time."""

    kind: Literal["run_started"] = "run_started"
    holder: str
    kernel_version: str


class RunSucceeded(RunPayload):
    """The run reached its end; `answer` is what it produced."""

    kind: Literal["run_succeeded"] = "run_succeeded"
    answer: Erasable[JsonValue]


class RunFailed(RunPayload):
    """The run cannot go on; a partial answer is kept where there is one."""

    kind: Literal["run_failed"] = "run_failed"
    error: str
    message: Erasable[str]
    partial_answer: Erasable[JsonValue]


class RunCancelled(RunPayload):
    """The run stopped because somebody asked for it."""

    kind: Literal["run_cancelled"] = "run_cancelled"
    request_seq: int | None = None
    reason: Erasable[str]


class RunTimedOut(RunPayload):
    """A deadline or the maximum run time passed."""

    kind: Literal["run_timed_out"] = "run_timed_out"
    bound: Literal["deadline", "run_time"]
    bound_us: int


class RunForked(RunPayload):
    """The first own event of a fork: whose events 1..n it shares, and what it changed.

    `tool_result_seq` is an intent open at n whose outcome the fork is told right behind this: what
    the parent has as its result is not the fork's. With `asks_before_once` no effect that is `once`
    happens in the fork before a person has agreed: the parent may have done the same.
    """

    kind: Literal["run_forked"] = "run_forked"
    parent_run_id: RunId
    parent_seq: int
    parent_hash: str
    changed: tuple[
        Literal["objective", "model", "message", "tools", "tool_result", "code"], ...
    ] = ()
    model: str | None = None
    tool_result_seq: int | None = None
    asks_before_once: bool = False
    changes: Erasable[dict[str, JsonValue]]


class ForkMerged(RunPayload):
    """The content of a fork was brought into this run."""

    kind: Literal["fork_merged"] = "fork_merged"
    fork_run_id: RunId
    fork_seq: int
    fork_hash: str
    merged: Erasable[dict[str, JsonValue]]


class ResumeRequested(RunPayload):
    """Somebody asked that a run nobody drives be taken up."""

    kind: Literal["resume_requested"] = "resume_requested"
    note: Erasable[str]


class Acknowledged(RunPayload):
    """A person has seen the failure in event `seq`; it no longer counts as a need."""

    kind: Literal["acknowledged"] = "acknowledged"
    seq: int
    note: Erasable[str]


AnyRunEvent = (
    RunQueued
    | RunStarted
    | RunSucceeded
    | RunFailed
    | RunCancelled
    | RunTimedOut
    | RunForked
    | ForkMerged
    | ResumeRequested
    | Acknowledged
)
