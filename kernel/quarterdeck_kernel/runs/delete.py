"""Deleting a finished run whole: what is left is the act, and its places in the chain.

Nobody may drive it meanwhile, so its lease is taken first. A run that another one needs stays: a
fork shares its events, a parent that still works may ask for what its child found.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from quarterdeck_kernel.engine.log_reader import state_at
from quarterdeck_kernel.errors import (
    ConflictError,
    IllegalMoveError,
    RunNeededError,
    RunNotFoundError,
)
from quarterdeck_kernel.projections.state import RunState
from quarterdeck_kernel.store.batch import Head
from quarterdeck_kernel.store.listing import FleetFilter
from quarterdeck_kernel.store.port import EventStore
from quarterdeck_kernel.vocabulary.actor import Actor
from quarterdeck_kernel.vocabulary.words import Need

_NEEDS_NOBODY: frozenset[Need] = frozenset({"done", "cancelled"})
"""Failures that nobody has acknowledged yet are kept, however old they are."""


async def delete(store: EventStore, run_id: str, *, actor: Actor, reason: str) -> int:
    """Delete a run that is over; return how many events went with it."""
    run_id = (await store.run(run_id)).run_id
    lease = await store.claim(run_id)
    try:
        state = await state_at(store, run_id)
        if not state.terminal:
            raise IllegalMoveError(
                f"run {run_id!r} is {state.status}: only a run that is over can be deleted; "
                "cancel it first"
            )
        await _check_parent(store, state)
        head = Head(run_id=run_id, seq=state.head_seq, hash=bytes.fromhex(state.head_hash))
        shared = (await store.run(run_id)).parent
        await store.delete(lease, head, actor=actor, reason=reason)
    finally:
        await store.release(lease)
    return head.seq - (shared.seq if shared is not None else 0)


async def _check_parent(store: EventStore, state: RunState) -> None:
    parent = state.identity.parent_run_id
    if parent is None:
        return
    try:
        works = not (await state_at(store, (await store.run(parent)).run_id)).terminal
    except RunNotFoundError:
        return
    if works:
        raise RunNeededError(
            f"run {state.identity.run_id!r} cannot be deleted: it is a sub-agent of {parent!r}, "
            "which is not over; it may still ask what was found"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Overdue:
    """A run that is over since longer than it is to be kept."""

    run_id: str
    ended_us: int


async def overdue(store: EventStore, before_us: int) -> list[Overdue]:
    """Return the runs that changed last before a time and are over, the oldest first."""
    where, after = FleetFilter(needs=_NEEDS_NOBODY), None
    found: list[Overdue] = []
    while True:
        page = await store.fleet(where, after=after)
        found += [
            Overdue(run_id=row.run_id, ended_us=row.changed_us)
            for row in page.rows
            if row.changed_us < before_us
        ]
        after = page.after
        if after is None:
            return sorted(found, key=lambda each: (each.ended_us, each.run_id))


async def delete_overdue(
    store: EventStore, runs: Sequence[Overdue], *, actor: Actor, reason: str
) -> tuple[list[str], dict[str, str]]:
    """Delete runs; return those deleted, and why others were not.

    What was needed only by one that went in the same go is tried again.
    """
    deleted: list[str] = []
    waiting = [each.run_id for each in runs]
    while True:
        kept: dict[str, str] = {}
        for run_id in waiting:
            try:
                await delete(store, run_id, actor=actor, reason=reason)
                deleted.append(run_id)
            except (ConflictError, IllegalMoveError) as error:
                kept[run_id] = str(error)
        if len(kept) == len(waiting):
            return deleted, kept
        waiting = list(kept)
