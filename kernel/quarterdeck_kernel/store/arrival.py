"""A run that comes from elsewhere: what a store is told of it, and the pieces it consists of."""

from collections.abc import AsyncIterator, Collection, Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

from quarterdeck_kernel.events.record import Record
from quarterdeck_kernel.store.batch import Head
from quarterdeck_kernel.store.snapshot import Snapshot
from quarterdeck_kernel.vocabulary.rows import ProjectionRows


class SealedBlob(NamedTuple):
    """A blob with the salt that its name commits to."""

    ref: str
    salt: bytes
    content: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """A run as it stood where it comes from. `parent` must be here already.

    Without `rows` it cannot be listed before it was rebuilt. Of the tombstones that come with it,
    `redacted` names those that an export made; it is looked at when all pieces were taken.
    """

    run_id: str
    tenant: str
    head: Head
    idempotency_key: str | None = None
    parent: Head | None = None
    rows: ProjectionRows | None = None
    redacted: Collection[int] = ()


Piece: TypeAlias = SealedBlob | Record | Snapshot
Pieces: TypeAlias = AsyncIterator[Sequence[Piece]]
"""The events of a run in order, tombstones included, each behind the blobs that it names; and
snapshots of it, wherever."""
