"""Going on in a fork where code was changed: behind all that it asks for as before.

The fork's id follows from what it shares and from what was asked for. So whoever runs the same
code against the same record comes to the same fork, from whichever process, and whether they are
the first or the hundredth to do so.
"""

from quarterdeck_kernel import canonical
from quarterdeck_kernel.clock import Clock
from quarterdeck_kernel.engine.boundary import over, stopped
from quarterdeck_kernel.engine.journal import Journal
from quarterdeck_kernel.engine.log_reader import state_at
from quarterdeck_kernel.errors import DriftError, RunExistsError, RunNotFoundError
from quarterdeck_kernel.events.run_events import RunForked
from quarterdeck_kernel.projections.open_items import Lineage
from quarterdeck_kernel.projections.state import RunState
from quarterdeck_kernel.store.port import EventStore
from quarterdeck_kernel.vocabulary.actor import KERNEL

_ID_DIGITS = 26


async def fork_before(
    store: EventStore, journal: Journal, drift: DriftError, *, clock: Clock
) -> Journal:
    """Return the fork in which the step that drifts was never asked for: found, or made now."""
    seq = await _last_before(store, journal.run_id, drift)
    shared = await state_at(store, journal.run_id, seq)
    lineage = Lineage(shared.identity.run_id, seq, shared.head_hash)
    fork_id = _id_of(lineage, drift)
    try:
        return await _found(store, journal, fork_id, lineage, clock)
    except RunNotFoundError:
        _check_may_fork(await journal.refresh())
    forked = RunForked(
        parent_run_id=journal.run_id,
        parent_seq=seq,
        parent_hash=shared.head_hash,
        changed=("code",),
        changes={"step": drift.step_key, "recorded": drift.recorded, "offered": drift.offered},
    )
    try:
        return await Journal.fork(
            store, forked, actor=KERNEL, run_id=fork_id, clock=clock, ingress=journal.ingress
        )
    except RunExistsError:
        # Another process, which came to the same place, was faster.
        return await _found(store, journal, fork_id, lineage, clock)


def _id_of(lineage: Lineage, drift: DriftError) -> str:
    digest = canonical.digest([*lineage, drift.step_key, drift.digest])
    return f"fork-{digest[:_ID_DIGITS]}"


async def _last_before(store: EventStore, run_id: str, drift: DriftError) -> int:
    """Return the event before the step was first asked for: tries and questions count, too."""
    first = drift.seq
    while (row := await store.step(run_id, drift.step_key, until=first - 1)) is not None:
        first = row.requested_seq
    return first - 1


async def _found(
    store: EventStore, parent: Journal, fork_id: str, lineage: Lineage, clock: Clock
) -> Journal:
    journal = await Journal.load(
        store, fork_id, tenant=parent.tenant, clock=clock, ingress=parent.ingress
    )
    if journal.state.identity.lineage != lineage:
        raise RunExistsError(
            f"run {fork_id!r} has the id of a fork of {lineage.parent_run_id!r} behind event "
            f"#{lineage.parent_seq}, and is none; what asks for a new run must not name it so",
            run_id=fork_id,
        )
    return journal


def _check_may_fork(state: RunState) -> None:
    """Raise if a person or a bound has stopped the run: nothing goes on from it by itself."""
    if state.status in {"cancelled", "timed_out"}:
        raise over(state)
    error = stopped(state, decided=True, asks=True)
    if error is not None and not state.terminal:
        raise error
