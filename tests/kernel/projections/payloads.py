"""Payloads with everything filled in that a test does not speak of."""

from typing import Any

from quarterdeck_kernel.canonical import digest
from quarterdeck_kernel.events.agent_events import ContextCompacted
from quarterdeck_kernel.events.control_events import Held
from quarterdeck_kernel.events.model_events import ModelCompleted, ModelFailed, ModelRequested
from quarterdeck_kernel.events.people_events import OperatorMessage, PauseRequested, PauseResolved
from quarterdeck_kernel.events.tool_events import ToolCompleted, ToolReconciled, ToolRequested
from quarterdeck_kernel.events.workflow_events import (
    WorkflowStepCompleted,
    WorkflowStepRequested,
)
from quarterdeck_kernel.projections.context_builder import Built, build
from quarterdeck_kernel.projections.rebuild import tool_message
from quarterdeck_kernel.projections.state import Conversation
from quarterdeck_kernel.vocabulary.messages import Message
from quarterdeck_kernel.vocabulary.usage import Usage


def tool(step_key: str = "t1", **changes: Any) -> ToolRequested:  # noqa: ANN401 - fields of a payload
    values = {
        "step_key": step_key,
        "tool": "pay",
        "version": "1",
        "effect": "once",
        "idempotency_key": f"key-{step_key}",
        "digest": "d",
        "arguments": {"a": 1},
        "preview": None,
        **changes,
    }
    return ToolRequested.model_validate(values)


def done(intent_seq: int, outcome: str = "success", **changes: Any) -> ToolCompleted:  # noqa: ANN401 - as above
    values = {
        "intent_seq": intent_seq,
        "outcome": outcome,
        "result": "fine" if outcome == "success" else None,
        "error": None if outcome == "success" else "broken",
        **changes,
    }
    payload = ToolCompleted.model_validate(values)
    return payload.model_copy(update={"message_digest": tool_message(payload).digest()})


def settled(intent_seq: int, verdict: str, **changes: Any) -> ToolReconciled:  # noqa: ANN401 - as above
    values = {
        "intent_seq": intent_seq,
        "verdict": verdict,
        "by": "operator",
        "result": "paid",
        "reason": "asked the bank",
        **changes,
    }
    payload = ToolReconciled.model_validate(values)
    return payload.model_copy(update={"message_digest": tool_message(payload).digest()})


def asked(step_key: str = "m1", built: Built | None = None, **changes: Any) -> ModelRequested:  # noqa: ANN401 - as above
    built = built or build(Conversation(), None, [Message(role="user", text="hello")])
    values = {
        "step_key": step_key,
        "fingerprint": "f",
        "model": "small-1",
        "context": built.context,
        "new_messages": built.new_messages,
        "new_tools": (),
        **changes,
    }
    return ModelRequested.model_validate(values)


def answered(request_seq: int, step_key: str = "m1", **changes: Any) -> ModelCompleted:  # noqa: ANN401 - as above
    message = Message(role="assistant", text=f"answer to {request_seq}")
    values = {
        "request_seq": request_seq,
        "step_key": step_key,
        "model": "small-1",
        "finish_reason": "stop",
        "usage": Usage(input_tokens=100, output_tokens=20),
        "cost_micros": 70,
        "duration_us": 1000,
        "message_digest": message.digest(),
        "message": message,
        **changes,
    }
    return ModelCompleted.model_validate(values)


def failed(request_seq: int, step_key: str = "m1", **changes: Any) -> ModelFailed:  # noqa: ANN401 - as above
    values = {
        "request_seq": request_seq,
        "step_key": step_key,
        "error": "transient",
        "final": True,
        "cost_micros": 0,
        "message": "429",
        **changes,
    }
    return ModelFailed.model_validate(values)


def compacted(summary_seq: int, built: Built) -> ContextCompacted:
    return ContextCompacted(
        summary_seq=summary_seq,
        context=built.context,
        tokens_before=1000,
        tokens_after=100,
        summary=built.new_messages[0],
    )


def pause(pause_id: str = "p1", **changes: Any) -> PauseRequested:  # noqa: ANN401 - as above
    values = {
        "pause_id": pause_id,
        "type": "approve",
        "step_key": f"step-{pause_id}",
        "tool": "pay",
        "digest": "d",
        "title": "pay 5",
        "details": None,
        "options": None,
        **changes,
    }
    return PauseRequested.model_validate(values)


def answer(pause_id: str = "p1", decision: str = "approved", **changes: Any) -> PauseResolved:  # noqa: ANN401 - as above
    values = {
        "pause_id": pause_id,
        "decision": decision,
        "digest": "d",
        "answer": None,
        "reason": None,
        **changes,
    }
    return PauseResolved.model_validate(values)


def said(key: str = "k", text: str | None = "hurry", **changes: Any) -> OperatorMessage:  # noqa: ANN401 - as above
    message = Message(role="user", text=text).digest() if text is not None else digest(None)
    values = {"key": key, "text": text, "message_digest": message, **changes}
    return OperatorMessage.model_validate(values)


def hold(by: str = "operator") -> Held:
    return Held.model_validate({"by": by, "reason": "wait"})


def step(step_key: str = "w1", **changes: Any) -> WorkflowStepRequested:  # noqa: ANN401 - as above
    values = {"step_key": step_key, "name": "load", "position": 1, "input": None, **changes}
    return WorkflowStepRequested.model_validate(values)


def step_done(intent_seq: int, outcome: str = "success") -> WorkflowStepCompleted:
    values = {"intent_seq": intent_seq, "outcome": outcome, "result": None, "error": None}
    return WorkflowStepCompleted.model_validate(values)
