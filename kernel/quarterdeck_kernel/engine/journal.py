"""The journal: the only writer of events.

It holds the folded state of one run, and turns what somebody decides into sealed events, the rows
that follow from them, and one batch for the store. A decision is a function of the state: when
another writer was faster, the journal folds what is new and asks again, so nothing is written
upon a state that is gone, and an outcome is never lost to a race.
"""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import NamedTuple

from quarterdeck_kernel.clock import Clock, SystemClock
from quarterdeck_kernel.crash_point import crash_point
from quarterdeck_kernel.engine.ingress import BARE, Ingress
from quarterdeck_kernel.engine.log_reader import advanced, base_rows, state_at
from quarterdeck_kernel.engine.settled import already_settled
from quarterdeck_kernel.errors import (
    AlreadySettledError,
    HeadMovedError,
    IllegalMoveError,
    InvalidError,
    NotOwnedError,
    RunReadOnlyError,
    StoreError,
)
from quarterdeck_kernel.events.envelope import Draft, Event, Stamp, seal, sealed_event
from quarterdeck_kernel.events.record import Record
from quarterdeck_kernel.events.run_events import RunForked, RunQueued
from quarterdeck_kernel.events.union import AnyEvent
from quarterdeck_kernel.projections.charges import account_moves, ledger_rows
from quarterdeck_kernel.projections.legality import refusal
from quarterdeck_kernel.projections.rows import BaseRows, projection_rows
from quarterdeck_kernel.projections.run_state import FOLD_VERSION, empty, fold
from quarterdeck_kernel.projections.state import RunState
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
from quarterdeck_kernel.store.port import EventStore
from quarterdeck_kernel.store.snapshot import Snapshot
from quarterdeck_kernel.vocabulary.actor import AGENT, Actor
from quarterdeck_kernel.vocabulary.ids import checked_name, new_id
from quarterdeck_kernel.vocabulary.limits import INLINE_PAYLOAD_BYTES, SNAPSHOT_EVERY
from quarterdeck_kernel.vocabulary.rows import ContextRow, LedgerRow

_TRIES = 100
"""How often a decision is made anew before giving up. Each loss means that another writer of the
same run succeeded in the time of one append; a hundred in a row means that something is wrong."""

Decide = Callable[[RunState], Sequence[AnyEvent]]
"""What to write, given the state it will stand upon. Nothing to write is an empty sequence."""


class Sealed(NamedTuple):
    """A batch in the making: what it leads to, and what it consists of."""

    state: RunState
    events: tuple[Event, ...]
    records: tuple[Record, ...]
    bases: BaseRows
    ledger: tuple[LedgerRow, ...]
    moves: tuple[AccountMove, ...]


class Journal:
    """The log of one run, to write to. Made by `begin`, `fork` or `load`."""

    def __init__(
        self,
        store: EventStore,
        run_id: str,
        tenant: str,
        state: RunState,
        clock: Clock,
        ingress: Ingress,
    ) -> None:
        """Take over a state that was folded before."""
        self.ingress = ingress
        self.run_id = run_id
        self.tenant = tenant
        self.lease: Lease | None = None
        self._store = store
        self._clock = clock
        self._state = state
        self._stale = False
        self._turn = asyncio.Lock()

    @property
    def state(self) -> RunState:
        """Return the state behind the newest event this journal knows of."""
        return self._state

    # -- making one

    @classmethod
    async def begin(
        cls,
        store: EventStore,
        queued: RunQueued,
        *,
        tenant: str,
        actor: Actor,
        run_id: str | None = None,
        clock: Clock | None = None,
        ingress: Ingress = BARE,
    ) -> "Journal":
        """Begin a run; its id is issued, or given and free."""
        name = checked_name(run_id, "the run id") if run_id is not None else new_id()
        owner = checked_name(tenant, "the tenant")
        journal = cls(store, name, owner, empty(), clock or SystemClock(), ingress)
        creation = Creation(tenant=owner, idempotency_key=queued.idempotency_key)
        await journal._write((queued,), actor=actor, authority=creation)
        return journal

    @classmethod
    async def fork(
        cls,
        store: EventStore,
        forked: RunForked,
        *,
        behind: Sequence[AnyEvent] = (),
        actor: Actor,
        run_id: str | None = None,
        clock: Clock | None = None,
        ingress: Ingress = BARE,
    ) -> "Journal":
        """Begin a run that shares the first events of another, with what stands `behind` that.

        An event that the parent itself shares is forked from the run which wrote it.
        """
        name = checked_name(run_id, "the run id") if run_id is not None else new_id()
        info = await store.run(forked.parent_run_id)
        state = await state_at(store, forked.parent_run_id, forked.parent_seq)
        if (state.head_seq, state.head_hash) != (forked.parent_seq, forked.parent_hash):
            raise InvalidError(
                f"run {forked.parent_run_id!r} has no event #{forked.parent_seq} with that hash"
            )
        forked = forked.model_copy(update={"parent_run_id": state.identity.run_id})
        journal = cls(store, name, info.tenant, state, clock or SystemClock(), ingress)
        parent = Head(
            run_id=forked.parent_run_id,
            seq=forked.parent_seq,
            hash=bytes.fromhex(forked.parent_hash),
        )
        creation = Creation(tenant=info.tenant, parent=parent)
        await journal._write((forked, *behind), actor=actor, authority=creation)
        return journal

    @classmethod
    async def load(
        cls,
        store: EventStore,
        run_id: str,
        *,
        tenant: str | None = None,
        clock: Clock | None = None,
        ingress: Ingress = BARE,
    ) -> "Journal":
        """Load a run that exists, from its newest snapshot and what came after.

        With `tenant` given, a run of another tenant is refused.
        """
        info = await store.run(run_id)
        if tenant is not None and tenant != info.tenant:
            raise NotOwnedError(
                f"tenant {tenant!r} has no run {run_id!r}; the fleet lists what it has"
            )
        state = await state_at(store, run_id)
        return cls(store, run_id, info.tenant, state, clock or SystemClock(), ingress)

    # -- driving

    async def claim(self) -> Lease:
        """Take the run's lease: from here on this journal writes as its driver."""
        self.lease = await self._store.claim(self.run_id)
        self._stale = True
        return self.lease

    async def release(self) -> None:
        """Give the lease back."""
        if self.lease is not None:
            lease, self.lease = self.lease, None
            await self._store.release(lease)

    # -- writing

    async def append(
        self,
        decide: Decide,
        *,
        actor: Actor = AGENT,
        stands: str | None = None,
    ) -> tuple[Event, ...]:
        """Write what `decide` says, deciding again whenever the run has moved on meanwhile.

        `stands` names the item of the inbox that a person answers. Concurrent calls on one
        journal take turns. Returns the events written. AccountRefusedError: an account has no
        room for what an intent would reserve, and nothing was written.
        """
        async with self._turn:
            for _ in range(_TRIES):
                await self._refresh()
                try:
                    return await self._decided(decide, actor, stands)
                except HeadMovedError:
                    continue
                except (IllegalMoveError, AlreadySettledError) as error:
                    if await self._moved():
                        continue
                    if isinstance(error, AlreadySettledError):
                        told = await already_settled(self._store, self.run_id, error.item_id)
                        raise told from error
                    raise
        raise HeadMovedError(
            f"run {self.run_id!r} moved on {_TRIES} times while this was decided; "
            "something writes to it without pause"
        )

    async def _decided(self, decide: Decide, actor: Actor, stands: str | None) -> tuple[Event, ...]:
        if stands is not None and not self._open(stands):
            raise AlreadySettledError(f"{stands!r} is not open", item_id=stands)
        payloads = tuple(decide(self._state))
        if not payloads:
            return ()
        authority: Authority = (
            Driver(epoch=self.lease.epoch) if self.lease is not None else Unleased(stands=stands)
        )
        return await self._write(payloads, actor=actor, authority=authority)

    async def _moved(self) -> bool:
        """Tell whether others had written what this journal did not know of; fold it.

        What is refused upon a state that is gone may be right upon the one there is.
        """
        known = self._state.head_seq
        self._stale = True
        await self._refresh()
        return self._state.head_seq != known

    async def refresh(self) -> RunState:
        """Fold what others have written meanwhile; return the state."""
        async with self._turn:
            self._stale = True
            await self._refresh()
            return self._state

    def _open(self, item_id: str) -> bool:
        kind, _, number = item_id.partition(":")
        if kind == "unknown" and number.isdecimal():
            return int(number) in self._state.unknowns
        return item_id in self._state.pauses

    async def _refresh(self) -> None:
        if self._stale:
            self._state = await advanced(self._store, self.run_id, self._state)
            self._stale = False

    async def _write(
        self, payloads: Sequence[AnyEvent], *, actor: Actor, authority: Authority
    ) -> tuple[Event, ...]:
        before = self._state
        taken = self.ingress.taken(payloads)
        sealed = await self._sealed(taken.payloads, actor, authority)
        expected = (
            Head(run_id=self.run_id, seq=before.head_seq, hash=bytes.fromhex(before.head_hash))
            if before.head_seq
            else None
        )
        batch = Batch(
            run_id=self.run_id,
            expected=expected,
            authority=authority,
            records=sealed.records,
            rows=projection_rows(before, sealed.state, sealed.events, sealed.bases, sealed.ledger),
            moves=sealed.moves,
        )
        # Until the store has answered nothing is known, whoever cancels or fails this.
        self._stale = before.head_seq > 0
        crash_point("journal.append.before")
        await self._store.append(batch)
        crash_point("journal.append.after")
        self._stale = False
        self._state = sealed.state
        if before.head_seq // SNAPSHOT_EVERY != sealed.state.head_seq // SNAPSHOT_EVERY:
            # Only a short cut: the events are on disk, whatever becomes of it.
            with suppress(StoreError):
                await self._snapshot()
        # What was taken out is told behind: whoever wrote gets the events they wrote.
        return tuple(sealed.events[at] for at in taken.asked_for)

    async def _sealed(
        self, payloads: Sequence[AnyEvent], actor: Actor, authority: Authority
    ) -> Sealed:
        """Seal each payload upon the state behind the one before it."""
        state = self._state
        events: list[Event] = []
        records: list[Record] = []
        bases: dict[int, Sequence[ContextRow]] = {}
        ledger: list[LedgerRow] = []
        moves: list[AccountMove] = []
        prev = bytes.fromhex(state.head_hash) if state.head_seq else None
        for payload in payloads:
            stamp = Stamp(
                run_id=self.run_id,
                tenant=self.tenant,
                actor=actor,
                at_us=self._clock.now_us(),
                event_id=new_id(),
                epoch=authority.epoch if isinstance(authority, Driver) else None,
            )
            self._refuse(state, payload, stamp)
            draft = Draft.of(payload)
            blob = None
            if len(draft.text) > INLINE_PAYLOAD_BYTES:
                blob = await self._store.put_blob(self.tenant, draft.data)
            record = seal(draft, stamp, seq=state.head_seq + 1, prev=prev, blob=blob)
            event = sealed_event(draft, stamp, record, prev)
            bases.update(await base_rows(self._store, self.run_id, state, event))
            before, state = state, fold(state, (event,))
            ledger += ledger_rows(before, state, event)
            moves += account_moves(before, state, event)
            events.append(event)
            records.append(record)
            prev = record.hash
        return Sealed(state, tuple(events), tuple(records), bases, tuple(ledger), tuple(moves))

    def _refuse(self, state: RunState, payload: AnyEvent, stamp: Stamp) -> None:
        if state.read_only is not None:
            raise RunReadOnlyError(state.read_only)
        reason = refusal(state, payload, stamp)
        if reason is not None:
            raise IllegalMoveError(f"run {self.run_id!r}: {reason}")

    async def _snapshot(self) -> None:
        state = self._state
        await self._store.put_snapshot(
            Snapshot(
                run_id=self.run_id,
                seq=state.head_seq,
                hash=bytes.fromhex(state.head_hash),
                fold_version=FOLD_VERSION,
                state=state.dump(),
            )
        )
