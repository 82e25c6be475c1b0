"""Payloads that the tests of the engine write, by what they mean."""

from pydantic import JsonValue

from quarterdeck_kernel import EventStore, Journal, RunState
from quarterdeck_kernel.events.people_events import OperatorMessage, PauseRequested, PauseResolved
from quarterdeck_kernel.events.run_events import RunQueued, RunStarted, RunSucceeded
from quarterdeck_kernel.events.tool_events import ToolCompleted, ToolRequested
from quarterdeck_kernel.events.union import AnyEvent
from quarterdeck_kernel.vocabulary.actor import Actor

ADA = Actor(kind="operator", name="ada", host="bridge", os_user="ada")
BEN = Actor(kind="operator", name="ben", host="engine-room", os_user="ben")


def queued(objective: str = "count the barrels", key: str | None = None) -> RunQueued:
    return RunQueued(agent="purser", objective=objective, config={}, idempotency_key=key)


def requested(step: str, arguments: dict[str, JsonValue] | None = None) -> ToolRequested:
    return ToolRequested(
        step_key=step,
        tool="pay",
        version="1",
        effect="once",
        idempotency_key=f"key-{step}",
        digest="d" * 64,
        arguments=arguments or {},
        preview=None,
    )


def completed(intent_seq: int, result: JsonValue = "done") -> ToolCompleted:
    return ToolCompleted(intent_seq=intent_seq, outcome="success", result=result, error=None)


def unknown(intent_seq: int) -> ToolCompleted:
    return ToolCompleted(
        intent_seq=intent_seq, outcome="unknown_outcome", cause="crash", result=None, error=None
    )


def pause(pause_id: str) -> PauseRequested:
    return PauseRequested(
        pause_id=pause_id,
        type="approve",
        step_key=f"step-{pause_id}",
        title="delete old branches",
        details=None,
        options=None,
    )


def approval(pause_id: str) -> PauseResolved:
    return PauseResolved(pause_id=pause_id, decision="approved", answer=None, reason=None)


def said(key: str) -> OperatorMessage:
    return OperatorMessage(key=key, text="carry on")


def succeeded() -> RunSucceeded:
    return RunSucceeded(answer="42")


def started() -> RunStarted:
    return RunStarted(holder="here", kernel_version="test")


async def driven(store: EventStore, run_id: str = "run", objective: str = "count") -> Journal:
    """Return the journal of a run that was started and is driven by it."""
    journal = await Journal.begin(store, queued(objective), tenant="acme", actor=ADA, run_id=run_id)
    await journal.claim()
    await write(journal, started())
    return journal


async def write(journal: Journal, *payloads: AnyEvent, actor: Actor = ADA) -> int:
    """Write payloads whatever the state; return the seq of the last."""

    def decide(_state: RunState) -> tuple[AnyEvent, ...]:
        return payloads

    return (await journal.append(decide, actor=actor))[-1].seq
