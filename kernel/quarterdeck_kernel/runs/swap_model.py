"""Letting a run ask another model, or with other parameters, from its next request on."""

from collections.abc import Mapping, Sequence

from pydantic import JsonValue

from quarterdeck_kernel.engine.boundary import over
from quarterdeck_kernel.engine.journal import Journal
from quarterdeck_kernel.engine.log_reader import opened
from quarterdeck_kernel.engine.settled import signed
from quarterdeck_kernel.errors import ConflictError, InvalidError
from quarterdeck_kernel.events.control_events import ModelSwapped
from quarterdeck_kernel.events.union import AnyEvent
from quarterdeck_kernel.projections.state import RunState
from quarterdeck_kernel.store.port import EventStore
from quarterdeck_kernel.tools.plain import plain
from quarterdeck_kernel.vocabulary.actor import Actor


async def swap_model(
    store: EventStore,
    journal: Journal,
    *,
    model: str | None,
    parameters: Mapping[str, JsonValue] | None,
    tier: str | None,
    revision: int | None,
    actor: Actor,
) -> RunState:
    """Change what is given, keep the rest. What a step insists on by itself it still gets.

    With `revision`, which is the one that was looked at, a change of somebody else since is told
    and not overwritten.
    """
    if model is not None and not model.strip():
        raise InvalidError("the name of the model is empty; name one, or leave it out to keep it")
    wanted = None if parameters is None else _plain(parameters)
    journal.ingress.check_fact(wanted, "the parameters of a model")

    def decide(state: RunState) -> Sequence[AnyEvent]:
        if state.terminal:
            raise over(state)
        now = state.conditions
        if revision is not None and revision != now.model_revision:
            raise _Moved
        name = model or now.model
        if name is None:
            raise InvalidError(f"run {journal.run_id!r} has no model yet; name one")
        swapped = ModelSwapped(
            model=name,
            # A tier belongs to its model.
            tier=tier or (now.tier if name == now.model else None),
            parameters=now.parameters if wanted is None else wanted,
            revision=now.model_revision + 1,
        )
        same = (swapped.model, swapped.tier, swapped.parameters)
        return [] if same == (now.model, now.tier, now.parameters) else [swapped]

    try:
        await journal.append(decide, actor=actor)
    except _Moved:
        raise await _changed_before(store, journal, revision) from None
    return journal.state


class _Moved(Exception):  # noqa: N818 - a signal out of `decide`, never seen outside
    """Somebody else has changed the model since it was looked at."""


def _plain(parameters: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
    checked = plain(dict(parameters), exact=True)
    assert isinstance(checked, dict), "a mapping is an object"
    return checked


async def _changed_before(
    store: EventStore, journal: Journal, revision: int | None
) -> ConflictError:
    now = journal.state.conditions
    records = await store.read(journal.run_id, kinds=("model_swapped",), backwards=True, limit=1)
    who = f", set by {signed(await opened(store, records[0]))}" if records else ""
    return ConflictError(
        f"the model of run {journal.run_id!r} is {now.model!r} at revision {now.model_revision}"
        f"{who}; the change was for revision {revision}: look again"
    )
