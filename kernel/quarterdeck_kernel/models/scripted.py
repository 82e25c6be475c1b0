"""The scripted model: deterministic, offline, and a full provider to whoever asks through the port.

Tests, the demo and users' own tests are answered by it. The same request gets the same answer, ids
of calls included, in this process and in the next one; the one exception are failures that stand
for the first tries only (see `script.Rule`).
"""

import asyncio
from collections import Counter, deque
from collections.abc import Mapping
from typing import Final

from quarterdeck_kernel.canonical import digest, encode
from quarterdeck_kernel.clock import Clock, SystemClock, sleep
from quarterdeck_kernel.errors import (
    ContextOverflowError,
    ModelError,
    ModelPermanentError,
    ModelTimeoutError,
    ModelTransientError,
)
from quarterdeck_kernel.models.counting import counted_tokens
from quarterdeck_kernel.models.port import ModelAnswer, ModelRequest, TextListener
from quarterdeck_kernel.models.request_check import check_request
from quarterdeck_kernel.models.script import Answer, Failure, Rule, Script
from quarterdeck_kernel.models.script_match import Standing, matching
from quarterdeck_kernel.vocabulary.messages import Message, ToolCall
from quarterdeck_kernel.vocabulary.price import Price
from quarterdeck_kernel.vocabulary.usage import Usage

_SHOWN_CHARS = 200
_ID_CHARS = 16
_ERRORS: Final[Mapping[str, type[ModelError]]] = {
    "transient": ModelTransientError,
    "timeout": ModelTimeoutError,
    "permanent": ModelPermanentError,
    "overflow": ContextOverflowError,
}


class ScriptedModel:
    """Implements `port.ModelPort` by playing a script."""

    def __init__(self, script: Script, *, clock: Clock | None = None, remember: int = 0) -> None:
        """Play `script`; `asked` keeps the last `remember` requests, for a test to look at."""
        self._script = script
        self._clock = clock or SystemClock()
        self._tries: Counter[tuple[int, str]] = Counter()
        self.asked: deque[ModelRequest] = deque(maxlen=remember)

    async def complete(
        self, request: ModelRequest, *, listener: TextListener | None = None
    ) -> ModelAnswer:
        """Play the first rule that applies; ModelPermanentError if there is none."""
        check_request(request)
        self.asked.append(request)
        input_tokens = counted_tokens(request.messages)
        self._check_window(request, input_tokens)
        key = _request_key(request)
        rule = self._rule(request, key)
        if rule.latency_us:
            await sleep(self._clock, rule.latency_us)
        if rule.failure is not None:
            await self._tell(rule, rule.failure.after_text, listener)
            if rule.failure.kind == "silence":
                await asyncio.get_running_loop().create_future()
            raise _error(request, rule.failure)
        assert rule.answer is not None, "a rule without a failure has an answer"
        await self._tell(rule, rule.answer.text, listener)
        return _answered(request, rule.answer, key=key, input_tokens=input_tokens)

    def window_tokens(self, model: str) -> int | None:  # noqa: ARG002 - one window for every name
        """Return what the script says."""
        return self._script.window_tokens

    def price(self, model: str) -> Price | None:  # noqa: ARG002 - one price for every name
        """Return what the script says."""
        return self._script.price

    async def close(self) -> None:
        """Let go of nothing."""

    def _check_window(self, request: ModelRequest, input_tokens: int) -> None:
        window = self._script.window_tokens
        if window is not None and input_tokens > window:
            message = (
                f"{request.model!r} takes in {window} tokens and was sent {input_tokens}; compact "
                "the conversation, or give the script a larger window"
            )
            raise ContextOverflowError(message, status=400)

    def _rule(self, request: ModelRequest, key: str) -> Rule:
        for place, rule in matching(self._script, request):
            if rule.answer is not None or rule.times is None:
                return rule
            # Counted when a try begins: one that is cancelled was a try.
            if self._tries[place, key] < rule.times:
                self._tries[place, key] += 1
                return rule
        raise ModelPermanentError(_ran_out(self._script, request))

    async def _tell(self, rule: Rule, text: str, listener: TextListener | None) -> None:
        if listener is None:
            return
        for start in range(0, len(text), rule.piece_chars):
            if start and rule.piece_us:
                await sleep(self._clock, rule.piece_us)
            listener(text[start : start + rule.piece_chars])


def _answered(request: ModelRequest, answer: Answer, *, key: str, input_tokens: int) -> ModelAnswer:
    calls = tuple(
        ToolCall(
            call_id=f"call_{key[:_ID_CHARS]}_{index}",
            tool=call.tool,
            arguments=call.arguments if isinstance(call.arguments, str) else encode(call.arguments),
        )
        for index, call in enumerate(answer.calls)
    )
    message = Message(role="assistant", text=answer.text, tool_calls=calls)
    return ModelAnswer(
        message=message,
        finish_reason=answer.finish_reason or ("tool_calls" if calls else "stop"),
        usage=answer.usage
        or Usage(input_tokens=input_tokens, output_tokens=counted_tokens((message,))),
        cost_micros=answer.cost_micros,
        model=request.model,
    )


def _error(request: ModelRequest, failure: Failure) -> ModelError:
    return _ERRORS[failure.kind](
        f"{request.model!r} failed ({failure.kind}): {failure.message}",
        status=failure.status,
        retry_after_us=failure.retry_after_us,
    )


def _ran_out(script: Script, request: ModelRequest) -> str:
    """Say that nothing applies, and show what was asked as the rules see it."""
    standing = Standing(())
    for message in request.messages:
        standing.hear(message)
    said = standing.last_said
    shown = said if len(said) <= _SHOWN_CHARS else f"{said[:_SHOWN_CHARS]}…"
    return (
        f"the script ran out: none of its {len(script.rules)} rules applies (any more) to this "
        f"request to {request.model!r}: said {shown!r}, answered {sorted(standing.answered)!r} "
        f"({standing.results} results), {standing.turns} turns, offered "
        f"{sorted(tool.name for tool in request.tools)!r}, schema asked: "
        f"{request.answer_schema is not None}; add a rule, or let one apply more often"
    )


def _request_key(request: ModelRequest) -> str:
    """Return a digest of what was asked; plain lists, because this runs for every call."""
    return digest(
        [
            request.model,
            request.answer_schema,
            [tool.name for tool in request.tools],
            [
                [
                    message.role,
                    message.text,
                    message.call_id,
                    [[call.call_id, call.tool, call.arguments] for call in message.tool_calls],
                ]
                for message in request.messages
            ],
        ]
    )
