"""A run's log sealed in bulk: what the journal does, without a flush for each event."""

from quarterdeck_kernel.events.envelope import Draft, Event, Stamp, seal, sealed_event
from quarterdeck_kernel.events.record import Record
from quarterdeck_kernel.events.union import AnyEvent
from quarterdeck_kernel.projections.charges import ledger_rows
from quarterdeck_kernel.projections.legality import refusal
from quarterdeck_kernel.projections.rows import projection_rows
from quarterdeck_kernel.projections.run_state import FOLD_VERSION, empty, fold
from quarterdeck_kernel.store.batch import Authority, Batch, Driver, Head
from quarterdeck_kernel.store.snapshot import Snapshot
from quarterdeck_kernel.vocabulary.actor import AGENT, Actor
from quarterdeck_kernel.vocabulary.ids import new_id
from quarterdeck_kernel.vocabulary.rows import LedgerRow

ANNE = Actor(kind="operator", name="anne", host="bridge", os_user="anne")
START_US = 1_767_225_600_000_000


class SealedLog:
    """Real events, refused where they are illegal and folded as they come."""

    def __init__(
        self,
        run_id: str,
        *,
        tenant: str = "acme",
        at_us: int = START_US,
        step_us: int = 1_000,
    ) -> None:
        self.run_id = run_id
        self.tenant = tenant
        self.state = empty()
        self.epoch: int | None = None
        self._at_us = at_us
        self._step_us = step_us
        self._before = self.state
        self._events: list[Event] = []
        self._records: list[Record] = []
        self._ledger: list[LedgerRow] = []

    def add(self, payload: AnyEvent, *, actor: Actor = AGENT) -> None:
        """Seal one event behind the others."""
        self._at_us += self._step_us
        stamp = Stamp(
            run_id=self.run_id,
            tenant=self.tenant,
            actor=actor,
            at_us=self._at_us,
            event_id=new_id(),
            epoch=self.epoch,
        )
        reason = refusal(self.state, payload, stamp)
        assert reason is None, reason
        draft = Draft.of(payload)
        prev = bytes.fromhex(self.state.head_hash) if self.state.head_seq else None
        record = seal(draft, stamp, seq=self.state.head_seq + 1, prev=prev)
        event = sealed_event(draft, stamp, record, prev)
        before, self.state = self.state, fold(self.state, (event,))
        self._ledger += ledger_rows(before, self.state, event)
        self._events.append(event)
        self._records.append(record)

    def batch(self, authority: Authority | None = None) -> Batch:
        """Return what was added since the last batch, by its driver unless said otherwise."""
        before, after = self._before, self.state
        events, records, ledger = self._events, self._records, self._ledger
        self._before, self._events, self._records, self._ledger = after, [], [], []
        expected = None
        if before.head_seq:
            digest = bytes.fromhex(before.head_hash)
            expected = Head(run_id=self.run_id, seq=before.head_seq, hash=digest)
        return Batch(
            run_id=self.run_id,
            expected=expected,
            authority=authority or Driver(epoch=self.epoch or 0),
            records=tuple(records),
            rows=projection_rows(before, after, events, ledger=ledger),
        )

    def snapshot(self) -> Snapshot:
        """Return a snapshot behind the newest event."""
        return Snapshot(
            run_id=self.run_id,
            seq=self.state.head_seq,
            hash=bytes.fromhex(self.state.head_hash),
            fold_version=FOLD_VERSION,
            state=self.state.dump(),
        )
