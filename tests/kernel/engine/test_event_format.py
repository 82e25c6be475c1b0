"""The event format as one story: redact, refer to context, compact, fork, erase, verify, hand on.

What it holds is expensive to change once logs exist. The conversation is checked against a copy
that the test keeps for itself; the handed-on log is checked from its lines alone.
"""

import asyncio
import json
from pathlib import Path

from quarterdeck_kernel import EventStore, Journal, verify
from quarterdeck_kernel.engine.erasure import erase
from quarterdeck_kernel.engine.log_reader import opened
from quarterdeck_kernel.events.agent_events import ContextCompacted
from quarterdeck_kernel.events.envelope import Event, open_record
from quarterdeck_kernel.events.guard_events import GuardRedacted
from quarterdeck_kernel.events.model_events import ModelCompleted, ModelRequested
from quarterdeck_kernel.events.record import Record, recomputed_hash
from quarterdeck_kernel.events.run_events import RunForked
from quarterdeck_kernel.projections.context_builder import (
    Base,
    Built,
    Cut,
    EventMessage,
    build,
    extend,
)
from quarterdeck_kernel.projections.conversation import context_of, spans
from quarterdeck_kernel.projections.rebuild import Rebuilt, rebuild
from quarterdeck_kernel.projections.threads import place_of
from quarterdeck_kernel.vocabulary.messages import Context, Message
from quarterdeck_kernel.vocabulary.rows import ContextRow
from quarterdeck_kernel.vocabulary.usage import Usage
from tests.kernel.engine.acts import ADA, driven, started, write

SYSTEM = Message(role="system", text="You are the purser of a ship. " * 40)


async def rows_of(store: EventStore, run_id: str, seq: int, context: Context) -> list[ContextRow]:
    rows: list[ContextRow] = []
    for span in spans(place_of(seq, context)):
        page = await store.context(
            run_id, span.thread, before=span.stop, limit=span.stop - span.start
        )
        rows += page
    return rows


async def event_at(store: EventStore, run_id: str, seq: int) -> Event:
    (record,) = await store.read(run_id, after=seq - 1, until=seq)
    return await opened(store, record)


async def sent(store: EventStore, run_id: str, seq: int) -> Rebuilt:
    """Return the list of messages that event `seq` sent, rebuilt from references."""
    context = context_of(await event_at(store, run_id, seq))
    assert context is not None
    rows = await rows_of(store, run_id, seq, context)
    events = {row.seq: await event_at(store, run_id, row.seq) for row in rows}
    return rebuild(seq, context, rows, events)


class Talk:
    """A conversation written to a log by reference, and copied whole beside it."""

    def __init__(self, store: EventStore, journal: Journal) -> None:
        self.store = store
        self.journal = journal
        self.copy: list[Message] = []
        self.lists: dict[int, list[Message]] = {}
        self.pending: list[EventMessage | Message] = []

    async def base(self) -> Base | None:
        last = self.journal.state.conversation.last
        if last is None:
            return None
        context = context_of(await event_at(self.store, self.journal.run_id, last.seq))
        assert context is not None
        rows = await rows_of(self.store, self.journal.run_id, last.seq, context)
        return Base(last, tuple(rows))

    async def say(self, text: str) -> None:
        message = Message(role="user", text=text)
        self.pending.append(message)
        self.copy.append(message)

    async def turn(self, number: int, answer: str) -> int:
        built = extend(self.journal.state.conversation, await self.base(), self.pending)
        seq = await write(self.journal, request(f"turn-{number}", built))
        self.lists[seq] = list(self.copy)
        message = Message(role="assistant", text=answer)
        reply = await write(self.journal, answered(seq, f"turn-{number}", message))
        self.copy.append(message)
        self.pending = [EventMessage(reply, message.digest())]
        return seq

    async def compact(self, summary_seq: int, keep: int) -> int:
        base = await self.base()
        assert base is not None
        summary = Message(role="user", text="so far: all barrels were counted")
        kept = base.place.length - keep
        pieces = (Cut(0, 1), summary, Cut(kept, base.place.length))
        built = build(self.journal.state.conversation, base, pieces)
        seq = await write(
            self.journal,
            ContextCompacted(
                summary_seq=summary_seq,
                context=built.context,
                tokens_before=900,
                tokens_after=100,
                summary=summary,
            ),
        )
        before = self.copy[: base.place.length]
        self.copy = [before[0], summary, *before[kept:], *self.copy[base.place.length :]]
        return seq


def request(step: str, built: Built) -> ModelRequested:
    return ModelRequested(
        step_key=step,
        fingerprint=f"print-{step}",
        model="small-1",
        context=built.context,
        new_messages=built.new_messages,
        new_tools=(),
    )


def answered(seq: int, step: str, message: Message) -> ModelCompleted:
    return ModelCompleted(
        request_seq=seq,
        step_key=step,
        model="small-1",
        finish_reason="stop",
        usage=Usage(input_tokens=10, output_tokens=5),
        cost_micros=12,
        duration_us=1_000,
        message_digest=message.digest(),
        message=message,
    )


async def conversation(store: EventStore, turns: int) -> Talk:
    talk = Talk(store, await driven(store))
    talk.pending, talk.copy = [SYSTEM], [SYSTEM]
    for number in range(turns):
        await talk.say(f"question {number}: how many barrels are in hold {number}?")
        await talk.turn(number, f"answer {number}: there are {number * 7} barrels")
    return talk


async def test_every_request_is_rebuilt_as_it_was_sent(store: EventStore) -> None:
    talk = await conversation(store, 12)
    for seq, messages in talk.lists.items():
        assert list((await sent(store, "run", seq)).messages) == messages


async def test_a_log_grows_with_what_is_new(store: EventStore) -> None:
    """The bytes of a turn late in the conversation are those of one at its beginning."""
    talk = await conversation(store, 40)
    requests = await store.read("run", kinds=["model_requested"])
    sizes = [len(record.header) + len(record.payload or "") for record in requests]
    assert max(sizes[1:]) - min(sizes[1:]) < 100
    assert SYSTEM.text not in "".join(record.payload or "" for record in requests[1:])
    assert len(talk.lists) == 40


async def test_compaction_keeps_the_first_message_and_the_tail(store: EventStore) -> None:
    talk = await conversation(store, 6)
    await talk.compact(summary_seq=5, keep=4)
    await talk.say("and now?")
    seq = await talk.turn(6, "all is well")
    rebuilt = await sent(store, "run", seq)
    assert list(rebuilt.messages) == talk.lists[seq]
    assert rebuilt.messages[0] == SYSTEM
    assert rebuilt.messages[1].text.startswith("so far")


async def test_the_whole_story(store: EventStore, tmp_path: Path) -> None:
    talk = await conversation(store, 5)
    redacted = GuardRedacted(guard="privacy", where="prompt", counts={"email": 1})
    await write(talk.journal, redacted)
    await talk.say("write to <email> that the barrels are counted")
    secret_seq = await talk.turn(5, "done")
    await talk.compact(summary_seq=secret_seq, keep=3)
    await talk.say("what is left to do?")
    at = await talk.turn(6, "nothing")
    parent = (await store.run("run")).head
    forked = RunForked(
        parent_run_id="run",
        parent_seq=parent.seq,
        parent_hash=parent.hash.hex(),
        changed=("message",),
        changes={"message": "try again"},
    )
    fork = await Journal.fork(store, forked, actor=ADA, run_id="fork")
    await fork.claim()
    await write(fork, started())
    branch = Talk(store, fork)
    branch.copy, branch.pending = list(talk.copy), list(talk.pending)
    await branch.say("try again")
    seq = await branch.turn(7, "as you wish")
    assert list((await sent(store, "fork", seq)).messages) == branch.lists[seq]
    assert (await verify(store)).ok

    await talk.journal.release()
    await erase(store, "run", secret_seq, actor=ADA, reason="a customer asked for it")
    verdict = await verify(store)
    assert verdict.ok
    assert verdict.erased == (("run", secret_seq),)
    rebuilt = await sent(store, "run", at)
    assert rebuilt.erased == (secret_seq,)
    assert [m for m in rebuilt.messages if "<email>" in m.text] == []
    assert list((await sent(store, "fork", seq)).messages)[-1] == branch.lists[seq][-1]
    await _handed_on(store, tmp_path / "fork.jsonl", secret_seq)


async def _handed_on(store: EventStore, file: Path, erased_seq: int) -> None:
    """Write a log out line by line, read it back elsewhere, and check it from its bytes alone."""
    lines = [
        json.dumps([value.hex() if isinstance(value, bytes) else value for value in record])
        for record in await store.read("fork")
    ]
    await asyncio.to_thread(file.write_text, "\n".join(lines), encoding="utf-8")
    before: str | None = None
    for line in (await asyncio.to_thread(file.read_text, encoding="utf-8")).splitlines():
        run_id, seq, kind, at_us, header, salt, payload, commitment, digest = json.loads(line)
        record = Record(
            run_id,
            seq,
            kind,
            at_us,
            header,
            bytes.fromhex(salt) if salt else None,
            payload,
            bytes.fromhex(commitment) if commitment else None,
            bytes.fromhex(digest),
        )
        assert recomputed_hash(record) == record.hash
        event = open_record(record)
        assert event.prev == before
        assert (event.content == "erased") == (seq == erased_seq)
        before = event.hash
