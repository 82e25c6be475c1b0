"""Typed answers: from what a model said to a value of the type asked for."""

import re
from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import cache
from typing import Any

from pydantic import JsonValue, TypeAdapter, ValidationError

from quarterdeck_kernel.engine.model_ask import AskedModel, ModelResult
from quarterdeck_kernel.errors import InvalidAnswerError
from quarterdeck_kernel.vocabulary.messages import Message

_FENCED = re.compile(r"^\s*```[a-zA-Z0-9]*\s*\n(.*?)\n?\s*```\s*$", re.DOTALL)
_PROBLEMS = 5

REPAIRS = 2
"""How often a model is asked to mend an answer that does not fit."""


@cache
def adapter(kind: type) -> TypeAdapter[Any]:
    """Return what validates a type; made once, it takes as long as a small import."""
    return TypeAdapter(kind)


def schema_of(kind: type) -> dict[str, JsonValue]:
    """Return the JSON schema that a model is asked to keep to."""
    return adapter(kind).json_schema()


def parsed(kind: type, text: str) -> tuple[object, str | None]:
    """Return the value in a model's answer, or None and what is wrong with it."""
    fenced = _FENCED.match(text)
    try:
        return adapter(kind).validate_json(fenced.group(1) if fenced else text), None
    except ValidationError as error:
        problems = [
            f"{'.'.join(map(str, item['loc'])) or 'the answer'}: {item['msg']}"
            for item in error.errors(include_url=False, include_input=False)[:_PROBLEMS]
        ]
        return None, "; ".join(problems)


async def typed(
    ask: Callable[[AskedModel], Awaitable[ModelResult]], asked: AskedModel, kind: type
) -> ModelResult:
    """Return an answer with the value in it; one that does not fit is asked to be mended.

    Every asking is a step of its own, under a key that follows from the first.
    """
    step_key, number = asked.step_key, 0
    while True:
        result = await ask(asked)
        value, problem = parsed(kind, result.text)
        if problem is None:
            return replace(result, value=value)
        if number == REPAIRS:
            text = f"the answer of {step_key!r} does not fit, even mended: {problem}"
            raise InvalidAnswerError(text, seq=result.seq)
        number += 1
        asked = replace(
            asked,
            step_key=f"{step_key}/repair:{number}",
            messages=_repair(asked.messages, result.message, problem),
            purpose="repair",
        )


def _repair(messages: tuple[Message, ...], said: Message, problem: str) -> tuple[Message, ...]:
    """Return the conversation that asks a model to mend its answer."""
    asks = Message(
        role="user",
        text=(
            f"That answer cannot be used: {problem}. Answer again with JSON that fits the schema, "
            "and nothing else."
        ),
    )
    return (*messages, said, asks)
