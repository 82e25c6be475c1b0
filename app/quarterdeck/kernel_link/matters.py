"""Reads one item of the inbox whole: what is asked, what came before, what became of it."""

from collections.abc import Sequence
from dataclasses import replace

from pydantic import JsonValue

from quarterdeck.views.forms import diff
from quarterdeck.views.log_line import LogLine
from quarterdeck.views.log_lines import log_lines
from quarterdeck.views.matter import Earlier, Kind, Matter
from quarterdeck_kernel import Event, EventStore, state_at
from quarterdeck_kernel.engine.log_reader import opened
from quarterdeck_kernel.engine.settled import settlement
from quarterdeck_kernel.events.model_events import ModelCompleted
from quarterdeck_kernel.events.people_events import PauseRequested, PauseResolved
from quarterdeck_kernel.events.tool_events import ToolCompleted, ToolEvidence, ToolRequested
from quarterdeck_kernel.projections.state import RunState

_BEFORE = 6
_LOOKED_BACK = 100
_UNKNOWN = "unknown:"
_APPROVALS = frozenset({"approved", "granted", "edited"})
_COMPARED = ("arguments", "preview", "preconditions", "rules")


async def read_matter(
    store: EventStore, run_id: str, item_id: str, known: Matter | None = None
) -> Matter | None:
    """Return an item as it is now; None: there is no such item. `known` is what was read before."""
    state = await state_at(store, run_id)
    seq = await _opened_at(store, state, item_id, known)
    if seq is None:
        return None
    event = known.opened if known is not None else await _event(store, run_id, seq)
    pause = state.pauses.get(item_id)
    unknown = state.unknowns.get(seq) if item_id.startswith(_UNKNOWN) else None
    still_open = pause is not None or unknown is not None
    matter = Matter(
        run_id=run_id,
        item_id=item_id,
        kind=_kind(event),
        tenant=state.identity.tenant,
        agent=state.identity.agent,
        parent=state.identity.parent_run_id,
        model=state.conditions.model,
        opened=event,
        pause=pause or (known.pause if known is not None else None),
        unknown=unknown or (known.unknown if known is not None else None),
        settled=None if still_open else await settlement(store, run_id, item_id),
        lease=await store.lease(run_id),
        why=known.why if known is not None else await _why(store, run_id, seq),
        before=known.before if known is not None else await _before(store, run_id, seq),
    )
    if matter.kind == "unknown":
        return await _with_evidence(store, matter)
    return await _with_arguments(store, matter, known)


async def _opened_at(
    store: EventStore, state: RunState, item_id: str, known: Matter | None
) -> int | None:
    if known is not None:
        return known.opened.seq
    if item_id.startswith(_UNKNOWN):
        return int(item_id.removeprefix(_UNKNOWN))
    if (pause := state.pauses.get(item_id)) is not None:
        return pause.seq
    kinds = ("pause_requested",)
    for event in await _backwards(store, state.identity.run_id, kinds, state.head_seq):
        if isinstance(event.payload, PauseRequested) and event.payload.pause_id == item_id:
            return event.seq
    return None


def _kind(event: Event) -> Kind:
    asked = event.payload
    if not isinstance(asked, PauseRequested):
        return "unknown"
    return "call" if asked.digest is not None else "question"


async def _with_arguments(store: EventStore, matter: Matter, known: Matter | None) -> Matter:
    """Add what would run now, and an approval before that is void."""
    asked = matter.asked
    assert asked is not None, "a pause asks"
    edited = matter.pause.edited_seq if matter.pause is not None else None
    answer = await _event(store, matter.run_id, edited) if edited is not None else None
    arguments: JsonValue = None
    if answer is not None and isinstance(answer.payload, PauseResolved):
        arguments = answer.payload.answer
    elif isinstance(asked.details, dict):
        arguments = asked.details.get("arguments", asked.details)
    earlier = known.earlier if known is not None else await _earlier(store, matter, asked)
    return replace(matter, arguments=arguments, edited=answer, earlier=earlier)


async def _with_evidence(store: EventStore, matter: Matter) -> Matter:
    kinds = ("tool_completed", "tool_evidence")
    records = await store.read(matter.run_id, after=matter.opened.seq, kinds=kinds)
    events = [await opened(store, record) for record in records]
    evidence, outcome = [], None
    for event in events:
        match event.payload:
            case ToolEvidence(intent_seq=seq) if seq == matter.opened.seq:
                evidence.append(event)
            case ToolCompleted(intent_seq=seq) if seq == matter.opened.seq:
                outcome = event
            case _:
                pass
    return replace(matter, evidence=tuple(evidence), outcome=outcome)


async def _earlier(store: EventStore, matter: Matter, asked: PauseRequested) -> Earlier | None:
    """Return the approval of this step that stood before it was asked again."""
    kinds = ("pause_requested", "pause_resolved", "tool_requested")
    answers: dict[str, Event] = {}
    used: dict[str, int] = {}
    for event in await _backwards(store, matter.run_id, kinds, matter.opened.seq - 1):
        match event.payload:
            case PauseResolved(closes=True) as answer:
                answers[answer.pause_id] = event
            case ToolRequested(pause_id=str(pause_id)):
                used[pause_id] = event.seq
            case PauseRequested(step_key=key) as before if key == asked.step_key:
                found = answers.get(before.pause_id)
                if found is None or not isinstance(found.payload, PauseResolved):
                    return None
                if found.payload.decision not in _APPROVALS:
                    return None
                differences = _differences(before, found.payload, asked)
                return Earlier(
                    event=found, differences=differences, used_seq=used.get(before.pause_id)
                )
            case _:
                pass
    return None


def _differences(
    before: PauseRequested, answer: PauseResolved, now: PauseRequested
) -> tuple[str, ...]:
    """Return what an approval was for that is not so any more."""
    old = before.details if isinstance(before.details, dict) else {}
    new = now.details if isinstance(now.details, dict) else {}
    if answer.decision == "edited":
        old = {**old, "arguments": answer.answer}
    found = [
        difference
        for name in _COMPARED
        for difference in diff({name: old.get(name)}, {name: new.get(name)})
    ]
    if before.tool_version != now.tool_version:
        found.append(f"the tool's code: v{before.tool_version} → v{now.tool_version}")
    if before.effect != now.effect:
        found.append(f"its effect: {before.effect} → {now.effect}")
    return tuple(found)


async def _why(store: EventStore, run_id: str, seq: int) -> str | None:
    """Return what the model said when it asked for this, in this turn."""
    for event in await _backwards(store, run_id, ("model_completed",), seq - 1, limit=1):
        said = event.payload
        if isinstance(said, ModelCompleted) and said.message is not None:
            return said.message.text or None
    return None


async def _before(store: EventStore, run_id: str, seq: int) -> tuple[LogLine, ...]:
    records = await store.read(run_id, until=seq - 1, limit=_BEFORE, backwards=True)
    events: Sequence[Event] = [await opened(store, record) for record in reversed(records)]
    return tuple(log_lines(events))


async def _backwards(
    store: EventStore, run_id: str, kinds: tuple[str, ...], until: int, limit: int = _LOOKED_BACK
) -> list[Event]:
    records = await store.read(run_id, until=until, limit=limit, backwards=True, kinds=kinds)
    return [await opened(store, record) for record in records]


async def _event(store: EventStore, run_id: str, seq: int) -> Event:
    (record,) = await store.read(run_id, after=seq - 1, until=seq)
    return await opened(store, record)
