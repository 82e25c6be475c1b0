"""Compaction: what stays byte for byte, what is never parted, and that it fits."""

from pathlib import Path

import pytest

from quarterdeck_kernel import AgentSpec, CompactionPolicy, Message, Section, ToolCall
from quarterdeck_kernel.agent import compaction
from quarterdeck_kernel.agent.compaction import tail_start
from quarterdeck_kernel.agent.prompt import build_prompt, request_tokens
from quarterdeck_kernel.errors import RunHeldError
from quarterdeck_kernel.events.agent_events import ContextCompacted
from tests.kernel.agent.agents import (
    HoldsAtTurn,
    Player,
    Said,
    calls,
    crewed,
    finishes,
    kinds,
    of_kind,
    says,
    started,
)
from tests.kernel.engine.deck import World, acting

FEW = CompactionPolicy(at_messages=8, keep_messages=2)
SAILOR = AgentSpec(name="sailor", prompt="You sail.", tools=("pay",), compaction=FEW)


def parted(messages: tuple[Message, ...]) -> bool:
    """Tell whether a result stands without its call, or a call without its results."""
    open_calls: set[str] = set()
    for message in messages:
        if message.role == "tool":
            if message.call_id not in open_calls:
                return True
            open_calls.discard(message.call_id or "")
        elif open_calls:
            return True
        open_calls |= {call.call_id for call in message.tool_calls}
    return bool(open_calls)


def paying(turns: int) -> list[Said]:
    return [calls(("pay", {"amount": n}), ("pay", {"amount": -n})) for n in range(1, turns + 1)]


def talking(turns: int) -> list[Said]:
    return [calls(("pay", {"amount": number}), text="y" * 600) for number in range(turns)]


async def test_the_beginning_and_the_end_stay_byte_for_byte_and_nothing_is_parted() -> None:
    model = Player(*paying(6), finishes())
    async with crewed(model, acting(World().acts)) as kernel:
        run = await started(kernel, SAILOR)
        assert (await kernel.run_agent(run)).status == "succeeded"
        turns = model.turns
        assert not any(parted(asked.messages) for asked in turns)
        assert max(len(asked.messages) for asked in turns) < 14
        assert all(asked.messages[:2] == turns[0].messages for asked in turns)
        events = await of_kind(kernel, run, "context_compacted")
        assert events
        for event in events:
            payload = event.payload
            assert isinstance(payload, ContextCompacted)
            assert payload.tokens_after < payload.tokens_before
            assert (await run.driver.event(payload.summary_seq)).kind == "model_completed"
        at = next(n for n, a in enumerate(turns) if "Summary of" in str(a.messages[2:3]))
        before, after = turns[at - 1].messages, turns[at].messages
        kept = before[-3:]
        assert after[3 : 3 + len(kept)] == kept


async def test_a_run_taken_up_behind_a_compaction_goes_on_from_it(tmp_path: Path) -> None:
    rules = [*paying(4), says("hm"), finishes()]
    guard = HoldsAtTurn(4)
    first = Player(*rules)
    async with crewed(first, acting(World().acts), at=tmp_path, guards=[guard]) as kernel:
        run = await started(kernel, SAILOR, run_id="r")
        with pytest.raises(RunHeldError):
            await kernel.run_agent(run)
        assert (await kinds(kernel, run))[-2:] == ["context_compacted", "held"]
        await kernel.release(run)
    second = Player(*rules[3:])
    async with crewed(second, acting(World().acts), at=tmp_path) as kernel:
        assert (await kernel.run_agent(await kernel.load_run("r"))).status == "succeeded"
        assert len(second.turns) == 3
        assert "Summary of" in second.turns[0].messages[2].text
        assert second.turns[0].messages[-1].text == '{"paid":-3}'
        assert not parted(second.turns[0].messages)


async def test_it_is_brought_down_to_fit_the_window() -> None:
    policy = CompactionPolicy(at_window=0.5, keep_messages=4)
    spec = SAILOR.model_copy(update={"compaction": policy, "max_turns": 40})
    model = Player(*talking(20), finishes(), summary="x" * 40_000, window_tokens=2_000)
    async with crewed(model, acting(World().acts)) as kernel:
        run = await started(kernel, spec)
        assert (await kernel.run_agent(run)).status == "succeeded"
        events = await of_kind(kernel, run, "context_compacted")
        assert len(events) > 1
        assert all(e.payload.tokens_after <= 500 for e in events)  # type: ignore[union-attr]


async def test_a_window_that_is_smaller_than_was_known_is_met_by_compacting() -> None:
    spec = SAILOR.model_copy(update={"compaction": None})
    model = Player(*talking(8), finishes("fits"))
    async with crewed(model, acting(World().acts)) as kernel:
        run = await started(kernel, spec)
        model._window = 900
        model.known = False
        assert (await kernel.run_agent(run)).answer == "fits"
        assert "context_compacted" in await kinds(kernel, run)
        assert not any(parted(asked.messages) for asked in model.turns)


async def test_what_fits_nowhere_fails_the_run() -> None:
    model = Player(finishes(), window_tokens=10)
    async with crewed(model) as kernel:
        run = await started(kernel, AgentSpec(name="sailor", prompt="x" * 400))
        result = await kernel.run_agent(run)
        assert (result.status, result.error) == ("failed", "context_overflow")


async def test_where_no_summary_is_to_be_had_the_oldest_turns_are_left_out() -> None:
    model = Player(*talking(11), finishes(), summary=None, window_tokens=1_200)
    async with crewed(model, acting(World().acts)) as kernel:
        run = await started(kernel, SAILOR.model_copy(update={"compaction": CompactionPolicy()}))
        assert (await kernel.run_agent(run)).status == "succeeded"
        turns = model.turns
        assert all(not parted(asked.messages) for asked in turns)
        assert all(asked.messages[1].text == "sail" for asked in turns)
        assert len(turns[-1].messages) < 20


def test_a_tail_never_begins_at_a_tools_result() -> None:
    call = ToolCall(call_id="c", tool="pay", arguments="{}")
    messages = [
        Message(role="system", text="s"),
        Message(role="user", text="u"),
        Message(role="assistant", text="a"),
        Message(role="user", text="n"),
        Message(role="assistant", tool_calls=(call,)),
        Message(role="tool", text="1", call_id="c"),
        Message(role="tool", text="2", call_id="d"),
    ]
    assert tail_start(messages, 1) == 4
    assert tail_start(messages, 4) == 3
    assert tail_start(messages, 5) is None


async def test_parting_call_and_result_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The mutant: the tail begins wherever the count says."""
    monkeypatch.setattr(compaction, "tail_start", lambda messages, keep: len(messages) - keep)
    with pytest.raises(AssertionError):
        await test_the_beginning_and_the_end_stay_byte_for_byte_and_nothing_is_parted()


# -- the prompt


def test_what_does_not_fit_is_left_out_in_the_order_of_its_kinds() -> None:
    kinds_ = ("facts", "worldview", "documents", "episodic")
    sections = tuple(
        Section.model_validate({"kind": kind, "text": f"{kind} " * 40}) for kind in kinds_
    )
    spec = AgentSpec(name="s", identity="I am", prompt="Must stand", sections=sections)
    talk = [Message(role="user", text="objective")]
    for number in range(3):
        talk += [
            Message(role="assistant", text=f"{number} " * 100),
            Message(role="user", text="go"),
        ]
    left = []
    for window in (2_000, 700, 600, 500, 420, 300, 120):
        prompt = build_prompt(spec, talk, window_tokens=window)
        text = prompt.messages[0].text
        assert text.startswith("I am\n\nMust stand")
        assert prompt.messages[1].text == "objective"
        left.append(([kind for kind in kinds_ if kind in text], len(prompt.messages)))
        fits = request_tokens(prompt.messages) <= window - window // 8
        assert fits or len(prompt.messages) == 3
    assert left[0] == (list(kinds_), 8)
    kept = [len(names) for names, _ in left]
    assert kept == sorted(kept, reverse=True)
    assert all(names == list(kinds_)[: len(names)] for names, _ in left)
    assert all(length == 8 for names, length in left if names)
    assert left[-1] == ([], 3)


def test_only_the_newest_turns_of_a_history_are_sent_and_the_objective_once() -> None:
    spec = AgentSpec(name="s", history_turns=2)
    talk = [Message(role="user", text="objective")]
    for number in range(5):
        talk += [
            Message(role="assistant", text=f"a{number}"),
            Message(role="user", text=f"u{number}"),
        ]
    prompt = build_prompt(spec, talk)
    assert [m.text for m in prompt.messages[1:]] == ["objective", "u2", "a3", "u3", "a4", "u4"]
    assert AgentSpec(name="s").history_turns == 50


def test_identity_prompt_memory_skills_and_history_stand_in_this_order() -> None:
    from quarterdeck_kernel import Skill

    spec = AgentSpec(name="s", identity="IDENTITY", prompt="PROMPT")
    skill = Skill(name="SKILL", summary="x")
    prompt = build_prompt(
        spec, [Message(role="user", text="HISTORY")], notes=["MEMORY"], skills=[skill]
    )
    text = "".join(message.text for message in prompt.messages)
    places = [text.index(word) for word in ("IDENTITY", "PROMPT", "MEMORY", "SKILL", "HISTORY")]
    assert places == sorted(places)
