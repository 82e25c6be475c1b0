"""Typed answers: from what a model said to a value of the type asked for."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import cache
from typing import Any

from pydantic import JsonValue, TypeAdapter, ValidationError
from pydantic.errors import PydanticUserError

from quarterdeck_kernel.engine.listening import tell
from quarterdeck_kernel.engine.model_ask import AskedModel, ModelResult
from quarterdeck_kernel.engine.unfenced import unfenced
from quarterdeck_kernel.errors import InvalidAnswerError, InvalidError
from quarterdeck_kernel.vocabulary.limits import PROBLEM_CHARS
from quarterdeck_kernel.vocabulary.messages import Message

_PROBLEMS = 5
_PLACE_CHARS = 100

REPAIRS = 2
"""How often a model is asked to mend an answer that does not fit."""


@cache
def adapter(kind: type) -> TypeAdapter[Any]:
    """Return what validates a type; made once, it takes as long as a small import."""
    return TypeAdapter(kind)


def schema_of(kind: type) -> dict[str, JsonValue]:
    """Return the JSON schema that a model is asked to keep to."""
    try:
        return adapter(kind).json_schema()
    except (PydanticUserError, TypeError) as error:
        raise InvalidError(f"no answer can be asked for as {kind!r}: {error}") from error


def parsed(kind: type, text: str) -> tuple[object, str | None]:
    """Return the value in a model's answer, or None and what is wrong with it."""
    try:
        return adapter(kind).validate_json(unfenced(text)), None
    except ValidationError as error:
        problems = [
            f"{'.'.join(map(str, item['loc']))[:_PLACE_CHARS] or 'the answer'}: {item['msg']}"
            for item in error.errors(include_url=False, include_input=False)[:_PROBLEMS]
        ]
        return None, "; ".join(problems)[:PROBLEM_CHARS]


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
        tell(asked, None)
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
