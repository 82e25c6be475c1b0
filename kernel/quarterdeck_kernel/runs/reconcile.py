"""Settling an unknown outcome by hand: done, failed, or to be tried again under the same key."""

from collections.abc import Sequence
from typing import Literal, get_args

from pydantic import JsonValue

from quarterdeck_kernel.engine.journal import Journal
from quarterdeck_kernel.errors import InvalidError
from quarterdeck_kernel.events.envelope import Event
from quarterdeck_kernel.events.tool_events import ToolReconciled
from quarterdeck_kernel.events.union import AnyEvent
from quarterdeck_kernel.projections.inbox import unknown_item
from quarterdeck_kernel.projections.rebuild import tool_message
from quarterdeck_kernel.projections.state import RunState
from quarterdeck_kernel.tools.plain import plain
from quarterdeck_kernel.vocabulary.actor import Actor

Verdict = Literal["done", "failed", "retry"]


async def reconcile(
    journal: Journal,
    intent_seq: int,
    *,
    verdict: Verdict,
    result: JsonValue,
    reason: str | None,
    actor: Actor,
) -> Event:
    """Settle an unknown outcome. Who comes second is told who was first, and when."""
    if verdict not in get_args(Verdict):
        raise InvalidError(f"{verdict!r} is no verdict; say one of {get_args(Verdict)}")
    if verdict == "failed" and not reason:
        raise InvalidError("say why it is known to have failed: give a reason")
    if verdict == "done" and not reason:
        raise InvalidError("say how it is known to be done: give the evidence as the reason")
    kept = plain(result, exact=True) if verdict == "done" else None

    def decide(state: RunState) -> Sequence[AnyEvent]:
        item = state.unknowns[intent_seq]
        settled = ToolReconciled(
            intent_seq=intent_seq,
            call_id=item.call_id,
            verdict=verdict,
            by="operator",
            result=kept,
            reason=reason,
        )
        if verdict == "retry":
            return [settled]
        return [settled.model_copy(update={"message_digest": tool_message(settled).digest()})]

    (event,) = await journal.append(decide, actor=actor, stands=unknown_item(intent_seq))
    return event
