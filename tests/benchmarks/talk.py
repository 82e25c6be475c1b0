"""A conversation as agents have them: requests by reference, answers, tool calls and results."""

import random
from collections.abc import Callable

from quarterdeck_kernel import canonical
from quarterdeck_kernel.events.model_events import ModelCompleted, ModelRequested
from quarterdeck_kernel.events.run_events import RunQueued, RunStarted
from quarterdeck_kernel.events.tool_events import ToolCompleted, ToolRequested
from quarterdeck_kernel.events.union import AnyEvent
from quarterdeck_kernel.projections.context_builder import Base, EventMessage, extend, listed
from quarterdeck_kernel.projections.rebuild import tool_message
from quarterdeck_kernel.projections.state import RunState
from quarterdeck_kernel.vocabulary.messages import (
    Context,
    Message,
    Segment,
    ToolCall,
    ToolSchema,
    context_digest,
)
from quarterdeck_kernel.vocabulary.usage import Usage

_LETTERS = "abcdefghijklmnopqrstuvwxyzäöé"


class Prose:
    """Text that nobody wrote: words, lines, a quotation now and then; seeded, never the same."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self._words = [
            "".join(self._random.choices(_LETTERS, k=self._random.randint(2, 10)))
            for _ in range(4_000)
        ]

    def text(self, least: int, most: int | None = None) -> str:
        """Return between `least` and `most` bytes of it."""
        size = self._random.randint(least, most or least)
        words = self._random.choices(self._words, k=size // 4 + 1)
        pieces = [
            f'"{word}"' if place % 31 == 0 else word + ("\n" if place % 11 == 0 else " ")
            for place, word in enumerate(words)
        ]
        return "".join(pieces).encode()[:size].decode(errors="ignore")

    def key(self) -> str:
        """Return something that looks like a hash."""
        return f"{self._random.getrandbits(256):064x}"


def beginning() -> tuple[RunQueued, RunStarted]:
    """Return the first two events of a run."""
    queued = RunQueued(
        agent="cleaner", model="small-1", objective="bring the hold in order", config={"tools": []}
    )
    return queued, RunStarted(holder="bench", kernel_version="0.1.0")


class Talk:
    """The four events of a turn, one after another, for as long as anyone asks.

    After `compact_every` turns a new list is begun, as after a compaction. `text_bytes` counts
    what was said, each text once.
    """

    def __init__(self, seed: int = 1, *, compact_every: int | None = None) -> None:
        self.text_bytes = 0
        self._prose = Prose(seed)
        self._compact_every = compact_every
        self._turn = 0
        self._base: Base | None = None
        self._additions: list[EventMessage | Message] = []
        self._call: ToolCall | None = None
        self._arguments: dict[str, str] = {}
        self._system = Message(role="system", text=self._said(self._prose.text(2_048)))
        self._steps: tuple[Callable[[RunState], AnyEvent], ...] = (
            self._request,
            self._answer,
            self._ask,
            self._result,
        )
        self._next = 0

    def payload(self, state: RunState) -> AnyEvent:
        """Return what comes behind `state`."""
        step = self._steps[self._next]
        self._next = (self._next + 1) % len(self._steps)
        return step(state)

    def _said(self, text: str) -> str:
        self.text_bytes += len(text.encode())
        return text

    def _request(self, state: RunState) -> ModelRequested:
        seq = state.head_seq + 1
        if self._compact_every and self._turn % self._compact_every == 0:
            self._base = None
        self._turn += 1
        if self._base is None:
            user = Message(role="user", text=self._said(self._prose.text(300, 600)))
            self._additions = [self._system, user]
        built = extend(state.conversation, self._base, self._additions)
        tools, schemas = self._tool_list()
        self._base = listed(seq, built.context, self._base)
        return ModelRequested(
            step_key=f"turn-{self._turn}/model",
            fingerprint=self._prose.key(),
            model="small-1",
            context=built.context,
            tools=tools,
            parameters={"temperature": 0.2, "max_tokens": 4096},
            window_tokens=128_000,
            estimate_micros=1_500,
            new_messages=built.new_messages,
            new_tools=schemas,
        )

    def _tool_list(self) -> tuple[Context | None, tuple[ToolSchema, ...]]:
        if self._base is not None:
            return None, ()
        schemas = tuple(
            ToolSchema(
                name=name,
                description=self._said(self._prose.text(300)),
                parameters={"type": "object", "properties": {"path": {"type": "string"}}},
            )
            for name in ("read_file", "write_file", "search", "run")
        )
        digests = [canonical.digest(schema.model_dump(mode="json")) for schema in schemas]
        context = Context(
            segments=(Segment(source="new", start=0, stop=len(schemas)),),
            length=len(schemas),
            digest=context_digest(digests),
            digests=tuple(digests),
        )
        return context, schemas

    def _answer(self, state: RunState) -> ModelCompleted:
        self._arguments = {"path": f"hold/{self._turn}.txt", "query": self._prose.text(100, 300)}
        arguments = self._said(canonical.encode(self._arguments))
        self._call = ToolCall(call_id=f"call-{self._turn}", tool="search", arguments=arguments)
        text = self._said(self._prose.text(400, 1_500))
        message = Message(role="assistant", text=text, tool_calls=(self._call,))
        digest = message.digest()
        self._additions = [EventMessage(state.head_seq + 1, digest)]
        return ModelCompleted(
            request_seq=state.head_seq,
            step_key=f"turn-{self._turn}/model",
            model="small-1",
            finish_reason="tool_calls",
            usage=Usage(input_tokens=2_000, output_tokens=300, cached_tokens=1_500),
            cost_micros=1_234,
            duration_us=900_000,
            tool_calls=1,
            message_digest=digest,
            message=message,
        )

    def _ask(self, state: RunState) -> ToolRequested:
        assert self._call is not None, "an answer comes before its call"
        return ToolRequested(
            step_key=f"turn-{self._turn}/tool-1",
            tool="search",
            version="1.0.0",
            effect="read",
            idempotency_key=self._prose.key(),
            digest=self._prose.key(),
            call_id=self._call.call_id,
            model_seq=state.head_seq,
            turn=self._turn,
            capability="files.read",
            timeout_us=30_000_000,
            arguments=dict(self._arguments),
            preview=None,
        )

    def _result(self, state: RunState) -> ToolCompleted:
        assert self._call is not None, "an answer comes before its result"
        payload = ToolCompleted(
            intent_seq=state.head_seq,
            call_id=self._call.call_id,
            outcome="success",
            duration_us=12_345,
            result=self._said(self._prose.text(1_024, 2_048)),
            error=None,
        )
        digest = tool_message(payload).digest()
        self._additions.append(EventMessage(state.head_seq + 1, digest))
        return payload.model_copy(update={"message_digest": digest})
