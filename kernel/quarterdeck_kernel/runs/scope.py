"""Changing which tools a run sees: staged, and in force from the next request of a turn on."""

from collections.abc import Collection, Sequence
from typing import Literal, get_args

from quarterdeck_kernel.engine.boundary import over
from quarterdeck_kernel.engine.journal import Journal
from quarterdeck_kernel.engine.log_reader import opened
from quarterdeck_kernel.errors import ConflictError, InvalidError
from quarterdeck_kernel.events.control_events import AgentChanged, ToolScopeChanged
from quarterdeck_kernel.events.envelope import Event
from quarterdeck_kernel.events.run_events import RunQueued
from quarterdeck_kernel.events.union import AnyEvent
from quarterdeck_kernel.projections.state import RunState
from quarterdeck_kernel.store.port import EventStore
from quarterdeck_kernel.vocabulary.actor import Actor

ToolFilter = Literal["all", "allow", "deny"]

CONTROL_TOOLS = frozenset({"finish", "ask"})
"""What an agent says to the kernel by: no filter reaches it."""


_LISTED = 20


async def change_scope(
    store: EventStore,
    journal: Journal,
    scope: ToolFilter,
    tools: Collection[str],
    *,
    known: Collection[str],
    for_turn: bool,
    revision: int | None,
    actor: Actor,
) -> Event:
    """Stage a filter. `known` are the tools that whoever asks knows of besides the run's own.

    With `revision` given it is the one that is to be followed: if somebody was faster, nothing
    is changed.
    """
    await check_scope(store, journal, scope, tools, known=known)

    def decide(state: RunState) -> Sequence[AnyEvent]:
        if state.terminal:
            raise over(state)
        current = state.conditions.scope_revision
        if revision is not None and revision != current:
            raise ConflictError(
                f"the tool scope of run {journal.run_id!r} is at revision {current}, not "
                f"{revision}; look again"
            )
        return [
            ToolScopeChanged(
                scope=scope,
                tools=tuple(sorted(set(tools))),
                for_turn=for_turn,
                revision=current + 1,
            )
        ]

    (event,) = await journal.append(decide, actor=actor)
    return event


async def check_scope(
    store: EventStore,
    journal: Journal,
    scope: ToolFilter,
    tools: Collection[str],
    *,
    known: Collection[str],
) -> None:
    """Refuse a filter that makes no sense for a run."""
    if scope not in get_args(ToolFilter):
        raise InvalidError(f"{scope!r} is no scope; say one of {get_args(ToolFilter)}")
    if (scope == "all") != (not tools):
        raise InvalidError("name tools to allow or deny, and none for the scope 'all'")
    control = sorted(CONTROL_TOOLS.intersection(tools))
    if control:
        raise InvalidError(
            f"{control!r} are control tools, which cannot be filtered; leave them out"
        )
    there = {*known, *await _pinned(store, journal)}
    unknown = sorted(set(tools) - there)
    if unknown:
        listed = ", ".join(sorted(there - CONTROL_TOOLS)[:_LISTED]) or "none"
        raise InvalidError(
            f"there are no tools {unknown!r} in run {journal.run_id!r}; name some of: {listed}"
        )


async def _pinned(store: EventStore, journal: Journal) -> set[str]:
    """Return the tools that the run's own configuration names, those of sub-agents included."""
    seq = (await journal.refresh()).conditions.config_seq
    if seq is None:
        return set()
    (record,) = await store.read(journal.run_id, after=seq - 1, until=seq)
    payload = (await opened(store, record)).payload
    assert isinstance(payload, RunQueued | AgentChanged), "only these bring a configuration"
    return _named(payload.config or {})


def _named(config: object) -> set[str]:
    if not isinstance(config, dict):
        return set()
    names: set[str] = set()
    for part in ("tools", "lends"):
        listed = config.get(part)
        names |= {str(name) for name in listed} if isinstance(listed, list) else set()
    children = config.get("sub_agents")
    for child in children if isinstance(children, list) else []:
        if isinstance(child, dict):
            names |= {str(child.get("name"))} | _named(child)
    return names
