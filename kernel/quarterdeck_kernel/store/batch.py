"""What is appended at once: events of one run, with the right to write them.

A batch is stored whole or not at all. Its fences are checked in the statement that writes it:
the head it was built upon (seq *and* hash), the authority of its writer, the room in the accounts.
"""

from dataclasses import dataclass
from typing import NamedTuple

from quarterdeck_kernel.errors import InvalidError, LimitExceededError
from quarterdeck_kernel.events.record import Record
from quarterdeck_kernel.events.unleased import UNLEASED_KINDS
from quarterdeck_kernel.vocabulary.limits import BATCH_EVENTS, RUN_EVENTS
from quarterdeck_kernel.vocabulary.rows import ProjectionRows


class Head(NamedTuple):
    """Where a run's log ends: its newest event and that event's hash."""

    run_id: str
    seq: int
    hash: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Creation:
    """The right to begin a run: granted once an id, and once an idempotency key of a tenant.

    `parent` is the event a fork branches from; the fork's own events begin behind it.
    """

    tenant: str
    idempotency_key: str | None = None
    parent: Head | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Driver:
    """The right of the lease's holder, good for as long as the epoch is the newest."""

    epoch: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Unleased:
    """The right of a person (or of a driver that lost its lease) to add what needs no lease.

    `stands` names the item of the inbox that is answered; it must still be open.
    """

    stands: str | None = None


Authority = Creation | Driver | Unleased


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountMove:
    """A change to an account in the transaction of the events that cause it.

    Both amounts are differences. A `guarded` move is refused, and its batch with it, when
    spent + reserved + `reserve` would pass the account's limit.
    """

    account: str
    reserve: int = 0
    spend: int = 0
    guarded: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Events that follow each other in one run, and what they change beside the log.

    `expected` is the head the events were sealed upon; for the first events of a run it is None,
    or the parent's event that a fork branches from.
    """

    run_id: str
    expected: Head | None
    authority: Authority
    records: tuple[Record, ...]
    rows: ProjectionRows
    moves: tuple[AccountMove, ...] = ()

    def __post_init__(self) -> None:
        """Refuse a batch that no store may accept, whatever it holds."""
        if not self.records:
            raise InvalidError("a batch needs at least one event")
        if len(self.records) > BATCH_EVENTS:
            message = (
                f"a batch of {len(self.records)} events; the limit is {BATCH_EVENTS}: split it"
            )
            raise LimitExceededError(message)
        first = 1 if self.expected is None else self.expected.seq + 1
        for seq, record in enumerate(self.records, first):
            if record.seq != seq or record.run_id != self.run_id:
                message = (
                    f"event #{record.seq} of run {record.run_id!r} does not follow: "
                    f"#{seq} of run {self.run_id!r} is next"
                )
                raise InvalidError(message)
        if self.records[-1].seq >= RUN_EVENTS:
            message = f"run {self.run_id!r} has reached {RUN_EVENTS:,} events; go on in a fork"
            raise LimitExceededError(message)
        if isinstance(self.authority, Unleased):
            leased = {record.kind for record in self.records} - UNLEASED_KINDS
            if leased:
                message = f"only the driver of a run may write {sorted(leased)}; claim its lease"
                raise InvalidError(message)

    @property
    def head(self) -> Head:
        """Return the head of the run once the batch is stored."""
        last = self.records[-1]
        return Head(run_id=self.run_id, seq=last.seq, hash=last.hash)

    @property
    def previous_hashes(self) -> tuple[bytes | None, ...]:
        """Return, for each event, the hash it must find as the head's."""
        before = None if self.expected is None else self.expected.hash
        return (before, *(record.hash for record in self.records[:-1]))
