"""Real, sealed logs for tests: batches as a journal would hand them to a store.

The builder keeps the head, so that every batch continues the one before. Building a batch changes
nothing; `accept` moves the head, once a store took it. The fleet row is derived here by a rule of
thumb, not by the kernel's fold: stores are tested without the projections.
"""

import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from quarterdeck_kernel.clock import Clock
from quarterdeck_kernel.events.envelope import Draft, Stamp, seal
from quarterdeck_kernel.events.payload import Payload
from quarterdeck_kernel.events.people_events import OperatorMessage, PauseRequested, PauseResolved
from quarterdeck_kernel.events.record import Record
from quarterdeck_kernel.events.run_events import RunForked, RunQueued, RunStarted
from quarterdeck_kernel.events.turn_events import PhaseEntered
from quarterdeck_kernel.store.batch import (
    AccountMove,
    Authority,
    Batch,
    Creation,
    Driver,
    Head,
    Unleased,
)
from quarterdeck_kernel.store.lease import Lease
from quarterdeck_kernel.testing.fake_clock import FakeClock
from quarterdeck_kernel.vocabulary.actor import AGENT, Actor
from quarterdeck_kernel.vocabulary.ids import new_id
from quarterdeck_kernel.vocabulary.rows import (
    ContextRow,
    FleetRow,
    InboxRow,
    ProjectionRows,
    StepRow,
)
from quarterdeck_kernel.vocabulary.words import Need, NeedRank, Status

ADA = Actor(kind="operator", name="ada", host="bridge", os_user="ada")
BEN = Actor(kind="operator", name="ben", host="engine-room", os_user="ben")

_LIFE: Mapping[str, tuple[Status, Need]] = {
    "run_queued": ("queued", "queued"),
    "run_forked": ("queued", "queued"),
    "run_started": ("running", "running"),
    "run_succeeded": ("succeeded", "done"),
    "run_failed": ("failed", "failed"),
    "run_cancelled": ("cancelled", "cancelled"),
    "run_timed_out": ("timed_out", "timed_out"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Beside:
    """What a batch changes beside the log.

    `fleet` overrides fields of the derived fleet row; `blob` names the blob that holds the
    content of the batch's first event.
    """

    opened: tuple[InboxRow, ...] = ()
    closed: tuple[str, ...] = ()
    context: tuple[ContextRow, ...] = ()
    steps: tuple[StepRow, ...] = ()
    moves: tuple[AccountMove, ...] = ()
    fleet: Mapping[str, object] = field(default_factory=dict)
    blob: str | None = None


NOTHING = Beside()


def queued(objective: str = "count the barrels", *, agent: str = "purser") -> RunQueued:
    """Return the payload a run begins with."""
    return RunQueued(agent=agent, model="offline", objective=objective, config={"tools": []})


def started() -> RunStarted:
    """Return the payload of a driver that takes a run up."""
    return RunStarted(holder="holder-1", kernel_version="0.1.0")


def work(turn: int = 1) -> PhaseEntered:
    """Return a small payload that only a driver may write."""
    return PhaseEntered(turn=turn, phase="deliberate")


def say(text: str = "carry on", *, key: str = "message-1") -> OperatorMessage:
    """Return a small payload that needs no lease."""
    return OperatorMessage(key=key, text=text)


def ask(pause_id: str = "pause-1") -> PauseRequested:
    """Return the payload of a run that waits for a person."""
    return PauseRequested(
        pause_id=pause_id,
        type="approve",
        step_key="step-1",
        tool="pay",
        title="Pay 10 doubloons?",
        details={"to": "the cooper"},
        options=("yes", "no"),
    )


def answer(pause_id: str = "pause-1") -> PauseResolved:
    """Return the payload of a person's answer."""
    return PauseResolved(pause_id=pause_id, decision="approved", answer=None, reason="it is due")


class LogBuilder:
    """Builds the log of one run."""

    def __init__(
        self,
        run_id: str = "run-1",
        *,
        tenant: str = "acme",
        agent: str = "purser",
        clock: Clock | None = None,
        seed: int | None = None,
        parent: Head | None = None,
    ) -> None:
        """Begin an empty log. With a `seed` the ids of its events are the same each time."""
        self.run_id = run_id
        self.tenant = tenant
        self.agent = agent
        self.clock = clock or FakeClock()
        self.parent = parent
        self.head: Head | None = parent
        self.records: list[Record] = []
        self.fleet: FleetRow | None = None
        self.items: dict[str, InboxRow] = {}
        self._random = None if seed is None else random.Random(f"{seed}/{run_id}")  # noqa: S311 - repeatable, not secret

    def batch(
        self,
        authority: Authority,
        payloads: tuple[Payload, ...],
        beside: Beside = NOTHING,
        *,
        actor: Actor = AGENT,
        on: Head | None = None,
    ) -> Batch:
        """Return a batch that continues the log, or another head that a writer builds `on`."""
        head = on or self.head
        epoch = authority.epoch if isinstance(authority, Driver) else None
        seq, prev = (head.seq, head.hash) if head else (0, None)
        records = []
        for place, payload in enumerate(payloads):
            stamp = Stamp(
                run_id=self.run_id,
                tenant=self.tenant,
                actor=actor,
                at_us=self.clock.now_us(),
                event_id=self._event_id(),
                epoch=epoch,
            )
            seq += 1
            blob = beside.blob if place == 0 else None
            record = seal(Draft.of(payload), stamp, seq=seq, prev=prev, blob=blob)
            prev = record.hash
            records.append(record)
        rows = ProjectionRows(
            fleet=self._fleet_row(payloads, beside, seq),
            inbox_opened=beside.opened,
            inbox_closed=beside.closed,
            context=beside.context,
            steps=beside.steps,
        )
        return Batch(
            run_id=self.run_id,
            expected=head,
            authority=authority,
            records=tuple(records),
            rows=rows,
            moves=beside.moves,
        )

    def create(
        self, *payloads: Payload, beside: Beside = NOTHING, idempotency_key: str | None = None
    ) -> Batch:
        """Return the batch that begins the run; a fork begins with what it was forked from."""
        right = Creation(tenant=self.tenant, idempotency_key=idempotency_key, parent=self.parent)
        return self.batch(right, payloads or (self._first(),), beside, actor=ADA)

    def drive(self, by: Lease | int, *payloads: Payload, beside: Beside = NOTHING) -> Batch:
        """Return a batch of the run's driver, whose lease or epoch is given."""
        epoch = by if isinstance(by, int) else by.epoch
        return self.batch(Driver(epoch=epoch), payloads or (work(),), beside)

    def operate(
        self,
        *payloads: Payload,
        stands: str | None = None,
        actor: Actor = ADA,
        beside: Beside = NOTHING,
    ) -> Batch:
        """Return a batch of a person, who has no lease."""
        return self.batch(Unleased(stands=stands), payloads or (say(),), beside, actor=actor)

    def accept(self, batch: Batch) -> Batch:
        """Move on behind a batch that was stored."""
        self.head = batch.head
        self.records.extend(batch.records)
        self.fleet = batch.rows.fleet
        self.items.update((row.item_id, row) for row in batch.rows.inbox_opened)
        for item_id in batch.rows.inbox_closed:
            self.items.pop(item_id, None)
        return batch

    def fork(
        self, run_id: str, at: int | None = None, *, tenant: str | None = None
    ) -> "LogBuilder":
        """Return the builder of a run that shares this one's events up to `at` (or the head)."""
        fork = LogBuilder(
            run_id,
            tenant=tenant or self.tenant,
            agent=self.agent,
            clock=self.clock,
            parent=self.at(at),
        )
        shared = self.records if at is None else [r for r in self.records if r.seq <= at]
        fork.records.extend(shared)
        return fork

    def at(self, seq: int | None = None) -> Head:
        """Return the head as it was behind event `seq`; it may belong to an ancestor's events."""
        record = self.records[-1] if seq is None else self.records[seq - 1]
        return Head(run_id=self.run_id, seq=record.seq, hash=record.hash)

    def item(self, item_id: str = "pause-1", **fields: object) -> InboxRow:
        """Return the inbox row of something that waits for a person."""
        values: dict[str, Any] = {
            "run_id": self.run_id,
            "item_id": item_id,
            "kind": "unknown" if item_id.startswith("unknown:") else "pause",
            "tenant": self.tenant,
            "agent": self.agent,
            "title": f"{item_id}?",
            "seq": (self.head.seq if self.head else 0) + 1,
            "since_us": self.clock.now_us(),
        }
        return InboxRow(**values | fields)

    def _first(self) -> Payload:
        if self.parent is None:
            return queued(agent=self.agent)
        return RunForked(
            parent_run_id=self.parent.run_id,
            parent_seq=self.parent.seq,
            parent_hash=self.parent.hash.hex(),
            changes={},
        )

    def _event_id(self) -> str:
        if self._random is None:
            return new_id()
        return f"{self._random.getrandbits(104):026x}"

    def _fleet_row(self, payloads: tuple[Payload, ...], beside: Beside, seq: int) -> FleetRow:
        status: Status = self.fleet.status if self.fleet else "queued"
        need: Need = self.fleet.need if self.fleet else "queued"
        for payload in payloads:
            status, need = _LIFE.get(str(payload.split()[0]["kind"]), (status, need))
        waiting = self.items | {row.item_id: row for row in beside.opened}
        kinds = {row.kind for item, row in waiting.items() if item not in beside.closed}
        if kinds:
            need = "unknown" if "unknown" in kinds else "waiting"
        elif need in {"unknown", "waiting"}:
            need = "running"
        now_us = self.clock.now_us()
        objective = getattr(payloads[0], "objective", None)
        values: dict[str, Any] = {
            "run_id": self.run_id,
            "tenant": self.tenant,
            "agent": self.agent,
            "objective": objective or (self.fleet.objective if self.fleet else ""),
            "status": status,
            "need": need,
            "sort_us": now_us,
            "parent_run_id": self.parent.run_id if self.parent else None,
            "created_us": self.fleet.created_us if self.fleet else now_us,
            "changed_us": now_us,
            "head_seq": seq,
        }
        values |= beside.fleet
        values.setdefault("rank", NeedRank[str(values["need"]).upper()])
        return FleetRow(**values)
