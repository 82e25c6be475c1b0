"""What a run's state holds of things that are not over: values, never changed in place.

Tuples with names, because a fold makes one for every intent: they cost a fraction of a model and
cannot be changed behind a state's back. What is closed is not kept; its event stands in the log.
"""

import unicodedata
from typing import Literal, NamedTuple

from quarterdeck_kernel.vocabulary.reservation import NOTHING, Reservation
from quarterdeck_kernel.vocabulary.words import Effect, PauseType, Risk, Status

EvidenceVerdict = Literal["done", "not_done", "cannot_tell"]
Decision = Literal["approved", "granted", "edited"]


class Lineage(NamedTuple):
    """Whose events a fork shares, up to which, and the last one's hash."""

    parent_run_id: str
    parent_seq: int
    parent_hash: str


class Identity(NamedTuple):
    """What a run is: fixed by its first event, and by `run_forked` for a fork."""

    run_id: str = ""
    tenant: str = ""
    agent: str = ""
    workload: Literal["agent", "workflow"] = "agent"
    person: str | None = None
    objective: str | None = None
    parent_run_id: str | None = None
    parent_intent_seq: int | None = None
    depth: int = 0
    max_run_time_us: int | None = None
    idempotency_key: str | None = None
    lineage: Lineage | None = None
    os_user: str | None = None


class Hold(NamedTuple):
    """A stop that lasts until it is released by naming `seq`."""

    seq: int
    by: Literal["operator", "guardrail", "budget", "breaker"]
    reason: str | None
    since_us: int


class CancelRequest(NamedTuple):
    """Somebody asked that the run stop."""

    seq: int
    now: bool
    at_us: int


class Person(NamedTuple):
    """Who somebody is: what they call themselves, and what the operating system says."""

    name: str | None
    login: str

    def is_same(self, other: "Person") -> bool:
        """Tell whether two may be one: under a name, or as a user of any host, nobody counts twice.

        A name is only claimed. So it counts for the one who bears it as a user, and however it is
        spelt.
        """
        return self.login == other.login or not self.names.isdisjoint(other.names)

    @property
    def names(self) -> frozenset[str]:
        """Return every name somebody goes by: the one that is claimed, and that of the user."""
        user, _, host = self.login.rpartition("@")
        # Where the system said nothing the login is one of nobody.
        known = (self.name, user if host != "None" else None)
        spelt = (unicodedata.normalize("NFKC", name).casefold().strip() for name in known if name)
        return frozenset(spelt)


class OpenPause(NamedTuple):
    """A pause nobody has answered. `agreed` are the people of whom more must follow."""

    pause_id: str
    seq: int
    type: PauseType
    step_key: str
    since_us: int
    title: str | None = None
    tool: str | None = None
    call_id: str | None = None
    digest: str | None = None
    risk: Risk | None = None
    expires_at_us: int | None = None
    people_needed: int = 1
    agreed: tuple[Person, ...] = ()
    token_hash: str | None = None
    edited_seq: int | None = None


class AllowedCall(NamedTuple):
    """A call that an answered pause allows once, and that was not made yet.

    `edited_seq` is the answer that has its arguments, if a person changed them.
    """

    pause_id: str
    decision_seq: int
    decision: Decision
    step_key: str
    tool: str
    digest: str | None
    edited_seq: int | None = None


class OpenUnknown(NamedTuple):
    """An effect that may or may not have happened. An `inherited` one cannot be tried again.

    `earlier` are the intents under the same key that were unknown before it and tried again: if
    one of them is found to have been done, so has this.
    """

    intent_seq: int
    kind: Literal["tool", "workflow"]
    step_key: str
    name: str
    idempotency_key: str
    attempt: int
    since_us: int
    call_id: str | None = None
    risk: Risk | None = None
    reserved: Reservation = NOTHING
    inherited: bool = False
    evidence: EvidenceVerdict | None = None
    evidence_seq: int | None = None
    earlier: tuple[int, ...] = ()


class AllowedRetry(NamedTuple):
    """One further try.

    `decided`: by a person or a probe, so that it must be named; otherwise the tool itself
    certified, with a transient error, that nothing had happened. `unknown` is what was decided
    about: it comes back if the try is not to be made after all.
    """

    intent_seq: int
    decision_seq: int
    step_key: str
    idempotency_key: str
    attempt: int
    decided: bool
    unknown: OpenUnknown | None = None

    @property
    def overtaken(self) -> bool:
        """Tell whether it was learnt since the decision that the effect had happened."""
        known = self.unknown
        return (
            known is not None
            and known.evidence == "done"
            and (known.evidence_seq or 0) > self.decision_seq
        )


class ToolIntent(NamedTuple):
    """A tool call whose outcome is not recorded yet.

    `allowed` and `retry` are the permissions it used up; they come back if it is not dispatched.
    """

    seq: int
    step_key: str
    tool: str
    effect: Effect
    idempotency_key: str
    digest: str
    attempt: int
    since_us: int
    call_id: str | None = None
    risk: Risk = "low"
    timeout_us: int | None = None
    reserved: Reservation = NOTHING
    allowed: AllowedCall | None = None
    retry: AllowedRetry | None = None
    evidence: EvidenceVerdict | None = None
    evidence_seq: int | None = None
    input_digest: str | None = None

    @property
    def overtaken(self) -> bool:
        """Tell whether it is a further try that is known by now not to be needed."""
        return self.retry is not None and self.retry.overtaken


class WorkflowIntent(NamedTuple):
    """A workflow step whose outcome is not recorded yet."""

    seq: int
    step_key: str
    name: str
    position: int
    effect: Effect
    since_us: int


class Place(NamedTuple):
    """Where a list of messages is found: `shared` of them in `thread`, the rest under `seq`."""

    seq: int
    thread: int
    shared: int
    length: int


class ModelIntent(NamedTuple):
    """A model request whose answer is not recorded yet. `attempt` is the try under way."""

    seq: int
    step_key: str
    fingerprint: str
    model: str
    purpose: str
    attempt: int
    since_us: int
    place: Place
    reserved: Reservation = NOTHING


class Timer(NamedTuple):
    """A time the run waits for."""

    seq: int
    fires_at_us: int


class UnusedMessage(NamedTuple):
    """What an operator said and no answered request has carried yet."""

    seq: int
    key: str
    digest: str | None
    carried_by: int | None = None


class Grant(NamedTuple):
    """Calls of a tool that may run without asking; the constraints stand in event `seq`."""

    seq: int
    tool: str
    pause_id: str
    terms: str = ""


class Child(NamedTuple):
    """A sub-agent at work."""

    seq: int
    agent: str
    intent_seq: int | None
    allotment_micros: int | None


class Overlay(NamedTuple):
    """A narrower view of the tools, for one turn."""

    scope: Literal["all", "allow", "deny"]
    tools: tuple[str, ...]
    revision: int


class Limit(NamedTuple):
    """A bound and how often it was changed."""

    limit: int | None
    revision: int


class Failure(NamedTuple):
    """How a run ended that did not reach its end, and whether a person has seen it."""

    seq: int
    error: str
    acknowledged: bool = False


TERMINAL: frozenset[Status] = frozenset({"succeeded", "failed", "cancelled", "timed_out"})
"""States of a run that are final."""
