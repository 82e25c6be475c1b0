"""Context as a difference: whatever is asked can be read back as it was sent, and costs its news.

Random conversations are held through the kernel, which is opened anew in between; then every
request is rebuilt from the log and compared with what the provider was sent.
"""

import random
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from quarterdeck_kernel.engine import log_reader, model_memory, request_reader
from quarterdeck_kernel.engine.erasure import erase
from quarterdeck_kernel.engine.model_ask import Purpose
from quarterdeck_kernel.engine.request_reader import request_sent, tools_sent
from quarterdeck_kernel.errors import IntegrityError
from quarterdeck_kernel.events.model_events import ModelRequested
from quarterdeck_kernel.events.people_events import OperatorMessage
from quarterdeck_kernel.kernel.kernel import Kernel
from quarterdeck_kernel.kernel.run import Run
from quarterdeck_kernel.projections.rebuild import message_of, tool_message
from quarterdeck_kernel.vocabulary.actor import operator
from quarterdeck_kernel.vocabulary.messages import Message, ToolCall
from tests.kernel.engine.model_stage import Stage, events_of, says

ADA = operator("ada")
TURNS = 150
TOOLS = ("alpha", "beta", "gamma")


def equip(kernel: Kernel) -> None:
    for name in TOOLS:

        @kernel.tool(name=name, effect="read")
        def tool(given: str) -> str:
            """Look at something."""
            return f"seen: {given}"


class Talker:
    """Holds a random conversation, move by move, as an agent with a wandering mind would."""

    def __init__(self, stage: Stage, seed: int) -> None:
        self.stage = stage
        self.random = random.Random(seed)
        self.talk: list[Message] = [Message(role="system", text="You are a purser. " * 30)]
        self.steps = 0
        self.text = 0
        self.tools: list[str] = []
        self.kernel: Kernel
        self.run: Run
        self.moves: list[Callable[[], Awaitable[None]]] = [
            *[self.turn] * 8,
            *[self.call] * 5,
            self.operator_says,
            self.user_says,
            self.edit,
            self.drop,
            self.summarise,
            self.aside,
            self.repeat,
            self.anew,
            self.reopen,
            self.other_tools,
            self.shuffle,
        ]

    def said(self, words: int = 20) -> str:
        text = " ".join(self.random.choices("abcdefghij", k=words))
        return f"{self.random.getrandbits(64):x} {text}"

    async def play(self, moves: int) -> None:
        self.kernel = await self.stage.kernel()
        equip(self.kernel)
        self.run = await self.kernel.start_run(agent="purser", run_id="run")
        for _ in range(moves):
            await self.random.choice(self.moves)()

    async def ask(self, messages: list[Message], purpose: Purpose = "turn") -> Message:
        self.steps += 1
        calls = [ToolCall(call_id=f"c{self.steps}", tool="alpha", arguments='{"given": "x"}')]
        self.stage.provider.plays[:] = [says(self.said(), *calls * self.random.randint(0, 1))]
        tools = self.tools if purpose == "turn" else self.random.sample(TOOLS, 1)
        result = await self.kernel.step_model(
            run=self.run,
            step_key=f"step {self.steps}",
            messages=list(messages),
            tools=tools,
            purpose=purpose,
        )
        message: Message = result.message
        return message

    async def turn(self) -> None:
        self.talk.append(await self.ask(self.talk))

    async def call(self) -> None:
        self.steps += 1
        result = await self.kernel.step_tool(
            run=self.run,
            step_key=f"step {self.steps}",
            tool=self.random.choice(TOOLS),
            arguments={"given": self.said()},
            call_id=f"c{self.steps}",
        )
        event = await self.run.driver.event(result.seq)
        self.talk.append(message_of(event))

    async def operator_says(self) -> None:
        message = Message(role="user", text=self.said())
        self.steps += 1
        event = OperatorMessage(
            key=f"key {self.steps}", text=message.text, message_digest=message.digest()
        )
        journal = await self.kernel.journal(self.run)
        await journal.append(lambda _: [event], actor=ADA)
        # Whoever hands an operator's message on has read it.
        await self.run.driver.refresh()
        self.talk.append(message)

    async def user_says(self) -> None:
        self.talk.append(Message(role="user", text=self.said()))

    async def edit(self) -> None:
        at = self.random.randrange(len(self.talk))
        self.talk[at] = Message(role="user", text=self.said())

    async def drop(self) -> None:
        del self.talk[: self.random.randrange(len(self.talk))]

    async def summarise(self) -> None:
        kept = self.talk[-self.random.randint(1, 5) :]
        self.talk = [Message(role="system", text=f"summary {self.said()}"), *kept]

    async def aside(self) -> None:
        start = self.random.randrange(len(self.talk))
        extra = Message(role="user", text=f"aside {self.said()}")
        await self.ask([*self.talk[start:], extra], self.random.choice(("other", "extraction")))

    async def repeat(self) -> None:
        self.talk += self.random.choices(self.talk, k=self.random.randint(1, 3))

    async def shuffle(self) -> None:
        self.random.shuffle(self.talk)

    async def anew(self) -> None:
        self.talk = [Message(role="user", text=self.said())]

    async def other_tools(self) -> None:
        self.tools = self.random.sample(TOOLS, self.random.randint(0, 3))

    async def reopen(self) -> None:
        asked = self.stage.provider.asked
        await self.kernel.close()
        self.kernel = await self.stage.kernel()
        self.stage.provider.asked = asked
        equip(self.kernel)
        self.run = await self.kernel.load_run("run")


async def _checked(talker: Talker) -> None:
    """Compare every request on record with what was sent, and what it brought with the record."""
    events = await events_of(talker.kernel, "run")
    requests = [event for event in events if isinstance(event.payload, ModelRequested)]
    asked = talker.stage.provider.asked
    assert len(requests) == len(asked)
    held: set[str] = set()
    at = 0
    base: list[str] = []
    for event, sent in zip(requests, asked, strict=True):
        payload = event.payload
        assert isinstance(payload, ModelRequested)
        rebuilt = await request_sent(talker.kernel.store, "run", event.seq)
        assert rebuilt.request == sent
        assert rebuilt.erased == ()
        assert await tools_sent(talker.kernel.store, "run", event.seq) == sent.tools
        while at < event.seq - 1:
            digest = getattr(events[at].payload, "message_digest", None)
            held |= {digest} if digest is not None else set()
            at += 1
        brought = [message.digest() for message in payload.new_messages or ()]
        assert not held & set(brought), "a message of an event is never brought again"
        # One that the base holds is brought again only to be said a further time.
        digests = [message.digest() for message in sent.messages]
        for digest in set(brought) & set(base):
            assert digests.count(digest) > 1 or digest not in base[: len(digests)]
        if payload.purpose == "turn":
            base = digests


@pytest.mark.parametrize("seed", range(12))
async def test_every_request_is_read_back_as_it_was_sent(stage: Stage, seed: int) -> None:
    talker = Talker(stage, seed)
    try:
        await talker.play(60)
        await _checked(talker)
        assert len(stage.provider.asked) > 10
    finally:
        await talker.kernel.close()


async def test_a_memory_that_confuses_two_messages_would_be_caught(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    true = model_memory.ModelMemory._pieces

    def careless(self: model_memory.ModelMemory, *given: object) -> object:
        pieces = true(self, *given)  # type: ignore[arg-type]
        return pieces[1:] if len(pieces) > 3 else pieces

    monkeypatch.setattr(model_memory.ModelMemory, "_pieces", careless)
    talker = Talker(stage, 3)
    try:
        await talker.play(60)
        with pytest.raises(AssertionError):
            await _checked(talker)
    finally:
        await talker.kernel.close()


async def test_a_reader_that_takes_the_latest_tools_for_those_then_would_be_caught(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    true = log_reader.state_at
    monkeypatch.setattr(
        request_reader, "state_at", lambda store, run_id, _until: true(store, run_id)
    )
    talker = Talker(stage, 5)
    try:
        await talker.play(60)
        with pytest.raises((AssertionError, IntegrityError)):
            await _checked(talker)
    finally:
        await talker.kernel.close()


async def test_tools_that_change_back_and_forth_are_those_that_were_sent(stage: Stage) -> None:
    offers: list[tuple[list[str], Purpose]] = [
        ([], "turn"),
        (["alpha"], "turn"),
        (["alpha"], "turn"),
        (["beta"], "other"),
        (["alpha"], "other"),
        ([], "other"),
        (["alpha"], "turn"),
        ([], "turn"),
        ([], "turn"),
        (["beta", "alpha"], "turn"),
        (["alpha", "beta"], "extraction"),
        (["alpha"], "turn"),
    ]
    async with await stage.kernel() as kernel:
        equip(kernel)
        run = await kernel.start_run(agent="purser", run_id="run")
        talk = [Message(role="user", text="begin")]
        for number, (tools, purpose) in enumerate(offers):
            result = await kernel.step_model(
                run=run, step_key=f"s{number}", messages=talk, tools=tools, purpose=purpose
            )
            if purpose == "turn":
                talk = [*talk, result.message]
        requests = [
            e for e in await events_of(kernel, run) if isinstance(e.payload, ModelRequested)
        ]
        for event, (tools, _), sent in zip(requests, offers, stage.provider.asked, strict=True):
            found = await tools_sent(kernel.store, "run", event.seq)
            assert found == sent.tools
            assert [tool.name for tool in found or ()] == sorted(tools)
        brought = [
            len(e.payload.new_tools or ())
            for e in requests
            if isinstance(e.payload, ModelRequested)
        ]
        assert brought == [0, 1, 0, 1, 0, 0, 0, 0, 0, 2, 0, 1]


async def test_what_was_erased_is_shown_as_erased_and_replays_as_an_error(stage: Stage) -> None:
    async with await stage.kernel(says("a secret"), says("noted")) as kernel:
        equip(kernel)
        run = await kernel.start_run(agent="purser", run_id="run")
        first = await kernel.step_model(run=run, step_key="a", prompt="tell", tools=["alpha"])
        talk = [Message(role="user", text="tell"), first.message]
        second = await kernel.step_model(run=run, step_key="b", messages=talk, tools=["alpha"])
        await kernel.let_go(run)
        await erase(kernel.store, "run", first.seq, actor=ADA, reason="privacy")
        await erase(kernel.store, "run", first.request_seq, actor=ADA, reason="privacy")
        run = await kernel.load_run("run")
        with pytest.raises(Exception, match=r"answer of step 'a' was erased \(event #4\)"):
            await kernel.step_model(run=run, step_key="a", prompt="tell", tools=["alpha"])
        again = await kernel.step_model(run=run, step_key="b", messages=talk, tools=["alpha"])
        assert again.replayed
        sent = await request_sent(kernel.store, "run", second.request_seq)
        assert set(sent.erased) == {first.seq, first.request_seq, second.request_seq}
        assert [message.text for message in sent.request.messages] == [
            "[erased: event #3]",
            "[erased: event #4]",
        ]
        assert len(stage.provider.asked) == 2


async def test_a_tools_message_is_what_its_event_says(stage: Stage) -> None:
    async with await stage.kernel() as kernel:
        equip(kernel)
        run = await kernel.start_run(agent="purser")
        result = await kernel.step_tool(
            run=run, step_key="t", tool="alpha", arguments={"given": "\u202e\x00"}, call_id="c"
        )
        event = await run.driver.event(result.seq)
        message = message_of(event)
        assert message == tool_message(event.payload)  # type: ignore[arg-type]
        await kernel.step_model(run=run, step_key="m", messages=[message])
        request = (await events_of(kernel, run))[-2].payload
        assert isinstance(request, ModelRequested)
        assert request.new_messages == ()


async def test_a_long_conversation_costs_its_text_and_little_an_event(
    stage: Stage, tmp_path: Path
) -> None:
    bare = Stage(tmp_path / "bare")
    await (await bare.kernel()).close()
    prose = random.Random(1)
    text_bytes = 0

    def said(least: int, most: int) -> str:
        nonlocal text_bytes
        size = prose.randint(least, most)
        text_bytes += size
        return "".join(prose.choices("abcdefghijklmnopqrstuvwxyz ", k=size))

    async with await stage.kernel() as kernel:
        equip(kernel)
        run = await kernel.start_run(agent="purser")
        talk = [Message(role="system", text=said(2_048, 2_048))]
        for turn in range(TURNS):
            given = said(100, 300)
            call = ToolCall(call_id=f"c{turn}", tool="alpha", arguments="{}")
            stage.provider.plays[:] = [says(said(400, 1_500), call)]
            result = await kernel.step_model(
                run=run, step_key=f"m{turn}", messages=talk, tools=TOOLS
            )
            tool = await kernel.step_tool(
                run=run,
                step_key=f"t{turn}",
                tool="alpha",
                arguments={"given": given},
                call_id=f"c{turn}",
            )
            text_bytes += len(given) + 6
            message = Message(role="tool", text=f"seen: {given}", call_id=f"c{turn}")
            talk += [result.message, message]
            assert tool.seq
        events = run.state.head_seq
        await kernel.finish_run(run)
    # The tables of a workspace with nothing in it are no part of a conversation.
    size = _size(stage) - _size(bare)
    assert size <= 1.1 * text_bytes + 1_200 * events, (size - 1.1 * text_bytes) / events


def _size(stage: Stage) -> int:
    return sum(file.stat().st_size for file in stage.folder.glob("*.db*"))
