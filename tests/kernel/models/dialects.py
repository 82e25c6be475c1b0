"""What an OpenAI-style and an Anthropic-style provider send, for the loopback server to play."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar, Protocol

from tests.kernel.models.loopback import End, Reply, as_events, as_json

Json = dict[str, object]


@dataclass(frozen=True)
class Said:
    """An answer, before it is written in a dialect."""

    text: str = ""
    calls: tuple[tuple[str | None, str, str], ...] = ()  # id, tool, arguments
    usage: bool = True
    finish: str | None = None  # the provider's own word


class Dialect(Protocol):
    """How a provider writes answers and errors."""

    model: str
    path: str
    ending: str  # found in the event that says how an answer ended

    def whole(self, said: Said) -> Reply: ...

    def events(self, said: Said) -> list[str]: ...

    def error(self, status: int, text: str = "no", /, *, kind: str = "error") -> Json: ...


class OpenAI:
    """Chat completions."""

    model = "openai/gpt-4o-mini"
    path = "/v1"
    ending = '"finish_reason": "'
    usage: ClassVar[Json] = {
        "prompt_tokens": 100,
        "completion_tokens": 20,
        "total_tokens": 120,
        "prompt_tokens_details": {"cached_tokens": 60},
        "completion_tokens_details": {"reasoning_tokens": 5},
    }

    def whole(self, said: Said) -> Reply:
        message: Json = {"role": "assistant", "content": said.text or None}
        if said.calls:
            message["tool_calls"] = [self._call(*call) for call in said.calls]
        choice: Json = {"index": 0, "message": message, "finish_reason": self._finish(said)}
        body = self._body("chat.completion", [choice])
        return as_json(body | ({"usage": self.usage} if said.usage else {}))

    def events(self, said: Said) -> list[str]:
        return list(self._events(said))

    def error(self, status: int, text: str = "no", /, *, kind: str = "error") -> Json:
        return {"error": {"message": text, "type": kind, "code": kind, "param": str(status)}}

    def _events(self, said: Said) -> Iterator[str]:
        yield self._delta({"role": "assistant", "content": ""})
        for word in said.text.split(" "):
            yield self._delta({"content": word + " "})
        for index, (call_id, tool, arguments) in enumerate(said.calls):
            call = self._call(call_id, tool, "") | {"index": index}
            yield self._delta({"tool_calls": [call]})
            for part in (arguments[:7], arguments[7:]):
                yield self._delta(
                    {"tool_calls": [{"index": index, "function": {"arguments": part}}]}
                )
        yield self._delta({}, finish=self._finish(said))
        if said.usage:
            yield _event(self._body("chat.completion.chunk", []) | {"usage": self.usage})
        yield "data: [DONE]\n\n"

    def _delta(self, delta: Json, *, finish: str | None = None) -> str:
        choice: Json = {"index": 0, "delta": delta, "finish_reason": finish}
        return _event(self._body("chat.completion.chunk", [choice]))

    def _finish(self, said: Said) -> str:
        return said.finish or ("tool_calls" if said.calls else "stop")

    def _call(self, call_id: str | None, tool: str, arguments: str) -> Json:
        call: Json = {"type": "function", "function": {"name": tool, "arguments": arguments}}
        return call if call_id is None else call | {"id": call_id}

    def _body(self, kind: str, choices: list[object]) -> Json:
        return {
            "id": "chatcmpl-1",
            "object": kind,
            "created": 1,
            "model": "gpt-4o-mini",
            "choices": choices,
        }


class Anthropic:
    """Messages."""

    model = "anthropic/claude-sonnet-4-5"
    path = ""
    ending = "message_delta"
    usage: ClassVar[Json] = {"input_tokens": 40, "cache_read_input_tokens": 60, "output_tokens": 20}

    def whole(self, said: Said) -> Reply:
        content: list[object] = [{"type": "text", "text": said.text}] if said.text else []
        content += [
            self._call(call_id, tool) | {"input": json.loads(arguments)}
            for call_id, tool, arguments in said.calls
        ]
        body = self._body() | {"content": content, "stop_reason": self._finish(said)}
        return as_json(body | {"usage": self.usage if said.usage else {}})

    def events(self, said: Said) -> list[str]:
        return list(self._events(said))

    def error(self, status: int, text: str = "no", /, *, kind: str = "error") -> Json:
        return {"type": "error", "error": {"type": kind, "message": text}, "status": status}

    def _events(self, said: Said) -> Iterator[str]:
        usage: Json = {"input_tokens": 40, "cache_read_input_tokens": 60, "output_tokens": 1}
        opening = self._body() | {"usage": usage if said.usage else {}}
        yield _named("message_start", message=opening)
        index = 0
        if said.text:
            yield _named(
                "content_block_start", index=index, content_block={"type": "text", "text": ""}
            )
            for word in said.text.split(" "):
                yield self._delta(index, {"type": "text_delta", "text": word + " "})
            yield _named("content_block_stop", index=index)
            index += 1
        for call_id, tool, arguments in said.calls:
            yield _named(
                "content_block_start", index=index, content_block=self._call(call_id, tool)
            )
            for part in (arguments[:7], arguments[7:]):
                yield self._delta(index, {"type": "input_json_delta", "partial_json": part})
            yield _named("content_block_stop", index=index)
            index += 1
        ending: Json = {"stop_reason": self._finish(said), "stop_sequence": None}
        yield _named(
            "message_delta", delta=ending, usage={"output_tokens": 20} if said.usage else {}
        )
        yield _named("message_stop")

    def _delta(self, index: int, delta: Json) -> str:
        return _named("content_block_delta", index=index, delta=delta)

    def _finish(self, said: Said) -> str:
        return said.finish or ("tool_use" if said.calls else "end_turn")

    def _call(self, call_id: str | None, tool: str) -> Json:
        call: Json = {"type": "tool_use", "name": tool, "input": {}}
        return call if call_id is None else call | {"id": call_id}

    def _body(self) -> Json:
        return {
            "id": "msg_1",
            "type": "message",
            "role": "assistant",
            "model": "claude-sonnet-4-5",
            "content": [],
            "stop_reason": None,
            "stop_sequence": None,
        }


def _event(value: Json) -> str:
    return f"data: {json.dumps(value)}\n\n"


def _named(name: str, **values: object) -> str:
    return f"event: {name}\n{_event({'type': name, **values})}"


def streamed(dialect: Dialect, said: Said) -> Reply:
    return as_events(dialect.events(said))


def cut(dialect: Dialect, said: Said, *, after: int, end: End) -> Reply:
    """Return a stream that ends too early: after so many events (or before the last ones)."""
    return as_events(dialect.events(said)[:after], end=end)
