"""Structured answers: taken out of the finished work by asking once more, with a schema.

A phase of its own, because tools and a schema do not go together with every provider. Where it
fails the agent's text stands, and what went wrong stands beside it.
"""

import json
from collections.abc import Sequence

from pydantic import JsonValue

from quarterdeck_kernel.agent.agent import Agent
from quarterdeck_kernel.engine.model_ask import AskedModel
from quarterdeck_kernel.engine.schema_check import misfit
from quarterdeck_kernel.engine.unfenced import unfenced
from quarterdeck_kernel.errors import DeniedError, ModelError
from quarterdeck_kernel.vocabulary.messages import Message

REPAIRS = 2
"""How often a model is asked to mend what does not fit."""

_ENVELOPES = frozenset({"answer", "data", "result", "output", "response", "json"})
_PROMPT = "Give your answer as JSON that fits the schema, and nothing else. Your answer was:\n\n"


async def extracted(agent: Agent, text: str) -> dict[str, JsonValue]:
    """Return the agent's answer with the data that its schema asks for, or why there is none."""
    schema = agent.spec.answer_schema
    assert schema is not None, "only what was asked for is extracted"
    messages = [
        Message(role="system", text="You turn the outcome of some work into data."),
        *_work(agent.conversation.messages),
        Message(role="user", text=f"{_PROMPT}{text}"),
    ]
    problem = ""
    for number in range(REPAIRS + 1):
        asked = AskedModel(
            step_key=f"extract-{agent.driver.state.turn}/{number}",
            messages=tuple(messages),
            answer_schema=schema,
            purpose="extraction" if number == 0 else "repair",
            retry=agent.spec.retry,
        )
        try:
            result = await agent.host.model(agent.driver, asked)
        except (ModelError, DeniedError) as error:
            return {"text": text, "data": None, "problem": str(error)}
        data, problem = fitting(schema, result.text)
        if not problem:
            return {"text": text, "data": data, "problem": None}
        mend = f"That does not fit: {problem}. Answer again with JSON that does, and nothing else."
        said = [result.message] if result.text.strip() else []
        messages = [*messages, *said, Message(role="user", text=mend)]
    return {"text": text, "data": None, "problem": problem}


def fitting(schema: dict[str, JsonValue], text: str) -> tuple[JsonValue, str]:
    """Return the data in a model's answer, and what is wrong with it: nothing, if it fits."""
    try:
        data: JsonValue = json.loads(unfenced(text))
    except (ValueError, RecursionError) as error:
        return None, f"it is no JSON: {error}"
    problem = misfit(schema, data)
    if problem and isinstance(data, dict) and len(data) == 1:
        (name, inside), *_ = data.items()
        if name in _ENVELOPES and misfit(schema, inside) is None:
            return inside, ""
    return data, problem or ""


def _work(messages: Sequence[Message]) -> list[Message]:
    """Return the objective: the rest is in the answer, and calls belong to tools not offered."""
    return list(messages[:1])
