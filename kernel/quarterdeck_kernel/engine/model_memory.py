"""What a driver remembers of its run's conversation, so that a request is stored as a difference.

Whoever asks hands over the whole list of messages. Most of it stands in the log already: in the
list of the request before, in an answer, in a tool's outcome. This finds out what, by digests, so
that a request adds only what is new. It holds digests and places, never what was said.
"""

from collections.abc import Sequence
from typing import NamedTuple

from quarterdeck_kernel.engine.log_reader import rows_of
from quarterdeck_kernel.events.envelope import open_record
from quarterdeck_kernel.events.model_events import ModelCompleted
from quarterdeck_kernel.events.people_events import OperatorMessage
from quarterdeck_kernel.events.tool_events import ToolCompleted, ToolReconciled
from quarterdeck_kernel.projections.context_builder import (
    Base,
    Built,
    Cut,
    EventMessage,
    Piece,
    build,
    listed,
)
from quarterdeck_kernel.projections.conversation import HELD
from quarterdeck_kernel.projections.state import RunState
from quarterdeck_kernel.store.port import EventStore
from quarterdeck_kernel.vocabulary.messages import Context, Message, Segment, ToolSchema
from quarterdeck_kernel.vocabulary.messages import context_digest as digest_of_all

_KINDS = ("model_completed", "tool_completed", "tool_reconciled", "operator_message")
_HELD = 4_096
"""Messages of events that are remembered beside the list of the last request: far more than a
turn brings. One that was forgotten is stored again, nothing worse."""

_PAGE = 256
"""Events opened between two awaits: a few milliseconds of the loop's time."""


class Digests(NamedTuple):
    """The digests of what a request is made of."""

    messages: list[str]
    tools: list[str]

    @property
    def of_messages(self) -> str:
        """Return the hash over the whole list of messages."""
        return digest_of_all(self.messages)

    @property
    def of_tools(self) -> str:
        """Return the hash over the whole list of tools."""
        return digest_of_all(self.tools)


class ModelMemory:
    """Finds what of a request is on record. One per driver; used behind its gate."""

    def __init__(self, store: EventStore, run_id: str) -> None:
        self._store = store
        self._run_id = run_id
        self._base: Base | None = None
        self._held: dict[str, int] = {}
        self._seen = 0
        self._messages: list[tuple[Message, str]] = []
        self._tools: dict[int, tuple[ToolSchema, str]] = {}

    def digests(self, messages: Sequence[Message], tools: Sequence[ToolSchema]) -> Digests:
        """Return all digests; of the same objects as last time they are known already."""
        known = self._messages
        fresh: list[tuple[Message, str]] = []
        for place, message in enumerate(messages):
            if place < len(known) and known[place][0] is message:
                fresh.append(known[place])
            else:
                fresh.append((message, message.digest()))
        self._messages = fresh
        schemas = {id(tool): self._tools.get(id(tool)) or (tool, tool.digest()) for tool in tools}
        self._tools = schemas
        return Digests([d for _, d in fresh], [schemas[id(tool)][1] for tool in tools])

    async def built(
        self, state: RunState, messages: Sequence[Message], digests: Digests, *, main: bool
    ) -> Built:
        """Return a request's list as a difference to what is on record."""
        await self._catch_up(state)
        waiting: dict[str, list[int]] = {}
        for said in state.messages.values():
            if said.carried_by is None and said.digest is not None:
                waiting.setdefault(said.digest, []).append(said.seq)
        pieces = self._pieces(messages, digests.messages, waiting)
        return build(state.conversation, self._base, pieces, main=main)

    def requested(self, seq: int, context: Context) -> None:
        """Note the request of a turn: what follows builds upon its list."""
        self._base = listed(seq, context, self._base)

    def tools_context(self, state: RunState, built: Built, digests: Digests) -> Context | None:
        """Return how the list of tools is put together; None where the base has the same."""
        known = state.conversation.tools_digest
        if built.context.base is None:
            same = not digests.tools
        else:
            same = digests.of_tools == known or (known is None and not digests.tools)
        if same:
            return None
        count = len(digests.tools)
        whole = (Segment(source="new", start=0, stop=count),) if count else ()
        return Context(
            segments=whole, length=count, digest=digests.of_tools, digests=tuple(digests.tools)
        )

    async def _catch_up(self, state: RunState) -> None:
        last = state.conversation.last
        if last is not None and (self._base is None or self._base.place.seq != last.seq):
            rows = await rows_of(self._store, self._run_id, last)
            self._base = Base(last, tuple(rows))
            self._held.update((row.digest, row.seq) for row in rows if row.part == HELD)
            self._seen = self._seen or last.seq
        # However long the run was driven without a model: no more than can be held is read.
        self._seen = max(self._seen, state.head_seq - _HELD)
        while self._seen < state.head_seq:
            records = await self._store.read(
                self._run_id,
                after=self._seen,
                until=state.head_seq,
                limit=_PAGE,
                kinds=_KINDS,
                payloads=False,
            )
            for record in records:
                payload = open_record(record, facts_only=True).payload
                match payload:
                    case (
                        ModelCompleted(message_digest=str(digest))
                        | ToolCompleted(message_digest=str(digest))
                        | ToolReconciled(message_digest=str(digest))
                        | OperatorMessage(message_digest=str(digest))
                    ):
                        self._held[digest] = record.seq
                    case _:
                        pass
            self._seen = records[-1].seq if records else state.head_seq
        while len(self._held) > _HELD:
            del self._held[next(iter(self._held))]

    def _pieces(
        self, messages: Sequence[Message], digests: Sequence[str], waiting: dict[str, list[int]]
    ) -> list[Piece]:
        """Cut what the base holds, name what an event holds, bring the rest.

        What operators said and no request has carried yet is `waiting`: each of its events is
        named once, even if two say the same.
        """
        base = [row.digest for row in self._base.rows] if self._base is not None else []
        shared = 0
        while shared < min(len(base), len(digests)) and base[shared] == digests[shared]:
            shared += 1
        pieces: list[Piece] = [Cut(0, shared)] if shared else []
        places: dict[str, int] = {}
        if shared < len(base):
            places = {digest: place for place, digest in enumerate(base[shared:], shared)}
        at = shared
        while at < len(digests):
            start = places.get(digests[at])
            if start is not None:
                stop, first = start, at
                while stop < len(base) and at < len(digests) and base[stop] == digests[at]:
                    stop, at = stop + 1, at + 1
                assert at > first, "the base holds at least the message that was found in it"
                pieces.append(Cut(start, stop))
                continue
            unused = waiting.get(digests[at])
            seq = unused.pop(0) if unused else self._held.get(digests[at])
            pieces.append(EventMessage(seq, digests[at]) if seq is not None else messages[at])
            at += 1
        return pieces
