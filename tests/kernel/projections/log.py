"""A log in memory for tests: seals real events, asks `refusal` first, folds as it goes."""

from quarterdeck_kernel.errors import IllegalMoveError
from quarterdeck_kernel.events.envelope import Draft, Event, Stamp, open_record, seal, sealed_event
from quarterdeck_kernel.events.record import Record
from quarterdeck_kernel.events.run_events import RunForked, RunQueued, RunStarted
from quarterdeck_kernel.events.union import AnyEvent
from quarterdeck_kernel.projections.legality import refusal
from quarterdeck_kernel.projections.run_state import RunState, empty, fold
from quarterdeck_kernel.vocabulary.actor import KERNEL, Actor

SECOND = 1_000_000
ANNE = Actor(kind="operator", name="anne", host="bridge", os_user="anne")
BEN = Actor(kind="operator", name="ben", host="bridge", os_user="ben")


class Log:
    """One run's events, and the state behind them."""

    def __init__(self, run_id: str = "run") -> None:
        self.run_id = run_id
        self.state: RunState = empty()
        self.events: list[Event] = []
        self.records: list[Record] = []
        self.at_us = 1_700_000_000 * SECOND

    def stamp(self, actor: Actor) -> Stamp:
        return Stamp(
            run_id=self.run_id,
            tenant="acme",
            actor=actor,
            at_us=self.at_us,
            event_id=f"e{self.state.head_seq + 1}",
        )

    def refusal(self, payload: AnyEvent, actor: Actor = KERNEL) -> str | None:
        return refusal(self.state, payload, self.stamp(actor))

    def add(self, payload: AnyEvent, actor: Actor = KERNEL, *, legal: bool = True) -> int:
        """Append one event and return its seq; an illegal one is refused unless asked for."""
        self.at_us += SECOND
        reason = self.refusal(payload, actor)
        if legal and reason is not None:
            raise IllegalMoveError(reason)
        draft, stamp = Draft.of(payload), self.stamp(actor)
        prev = bytes.fromhex(self.state.head_hash) if self.state.head_seq else None
        record = seal(draft, stamp, seq=self.state.head_seq + 1, prev=prev)
        event = sealed_event(draft, stamp, record, prev)
        self.records.append(record)
        self.events.append(event)
        self.state = fold(self.state, [event])
        return event.seq

    def fork(self, seq: int, run_id: str = "fork", **changes: object) -> "Log":
        """Return a new log that shares events 1 to `seq`."""
        child = Log(run_id)
        child.events, child.records = self.events[:seq], self.records[:seq]
        child.state = fold(empty(), child.events)
        child.at_us = self.at_us
        forked = {
            "parent_run_id": self.run_id,
            "parent_seq": seq,
            "parent_hash": child.state.head_hash,
            "changes": None,
            **changes,
        }
        child.add(RunForked.model_validate(forked), ANNE)
        return child

    def facts(self) -> list[Event]:
        return [open_record(record, facts_only=True) for record in self.records]

    def read(self) -> list[Event]:
        return [open_record(record) for record in self.records]


def queued(**changes: object) -> RunQueued:
    values = {"agent": "cleaner", "objective": "tidy up", "config": None, **changes}
    return RunQueued.model_validate(values)


def running(run_id: str = "run", **changes: object) -> Log:
    """Return the log of a run that a driver has just taken up."""
    log = Log(run_id)
    log.add(queued(**changes), ANNE)
    log.add(RunStarted(holder="h", kernel_version="1"))
    return log
