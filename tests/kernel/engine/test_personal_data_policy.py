"""What is blocked, and what is off: at each place, on record, and the same when it is replayed."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import JsonValue

from quarterdeck_kernel import Event, Kernel, RetryPolicy, Run, Tool, ToolCall, tool_of
from quarterdeck_kernel.errors import (
    DeniedError,
    DriftError,
    InvalidError,
    ModelPermanentError,
    RunPausedError,
    ToolFailedError,
)
from quarterdeck_kernel.events.guard_events import GuardDenied, GuardRedacted
from quarterdeck_kernel.events.model_events import ModelFailed
from quarterdeck_kernel.guards.personal_data.policy import PersonalDataPolicy
from quarterdeck_kernel.testing.fake_clock import FakeClock
from quarterdeck_kernel.vocabulary.messages import Message
from tests.kernel.engine.deck import ADA, events, length
from tests.kernel.engine.model_stage import Provider, events_of, says
from tests.kernel.engine.private_stage import on_disk, private

MAIL = private("anybody")


def policy(**places: JsonValue) -> PersonalDataPolicy:
    return PersonalDataPolicy.model_validate(places)


async def opened(folder: Path, provider: Provider, *tools: Tool, **wiring: Any) -> Kernel:  # noqa: ANN401 - those of `Kernel`
    return await Kernel.open(folder, model=provider, tools=tools, clock=FakeClock(), **wiring)


async def _kinds(kernel: Kernel, run: Run) -> list[str]:
    return [event.kind for event in (await events(kernel, run))[2:]]


def _counts(log: list[Event]) -> list[dict[str, int]]:
    return [e.payload.counts for e in log if isinstance(e.payload, GuardRedacted)]


async def test_a_blocked_prompt_is_denied_on_record_and_asks_nobody(tmp_path: Path) -> None:
    provider = Provider()
    async with await opened(tmp_path, provider, personal_data=policy(prompt="block")) as kernel:
        run = await kernel.start_run(agent="purser")
        for _ in range(2):
            with pytest.raises(DeniedError, match=r"as prompt: email \(1\)"):
                await kernel.step_model(run=run, step_key="m", prompt=f"ask {MAIL}")
        assert await _kinds(kernel, run) == ["guard_denied"]
        assert not provider.asked
        assert not on_disk(tmp_path)


async def test_a_blocked_argument_is_denied_on_record_and_calls_nothing(tmp_path: Path) -> None:
    calls: list[str] = []

    async def note(to: str) -> str:
        calls.append(to)
        return to

    places = policy(arguments={"email": "block"})
    tools = [tool_of(note, effect="once")]
    async with await opened(tmp_path, Provider(), *tools, personal_data=places) as kernel:
        run = await kernel.start_run(agent="purser")
        for _ in range(2):
            with pytest.raises(DeniedError, match=r"'note' was denied by personal_data: .*email"):
                await kernel.step_tool(run=run, step_key="t", tool="note", arguments={"to": MAIL})
        assert await _kinds(kernel, run) == ["guard_denied"]
        assert not calls
        assert not on_disk(tmp_path)


async def test_a_blocked_answer_is_withheld_and_paid_for(tmp_path: Path) -> None:
    provider = Provider(says(f"ask {MAIL}"))
    heard: list[str | None] = []
    async with await opened(tmp_path, provider, personal_data=policy(output="block")) as kernel:
        run = await kernel.start_run(agent="purser")
        for _ in range(2):
            with pytest.raises(ModelPermanentError, match=r"withheld: .* as output: email \(1\)"):
                await kernel.step_model(run=run, step_key="m", prompt="who?", listener=heard.append)
        log = await events(kernel, run)
        assert [e.kind for e in log[2:]] == ["model_requested", "model_failed", "guard_denied"]
        failed, denied = log[3].payload, log[4].payload
        assert isinstance(failed, ModelFailed)
        assert isinstance(denied, GuardDenied)
        assert (failed.cost_micros, failed.final) == (7, True)
        assert len(provider.asked) == 1
        assert not on_disk(tmp_path)


async def test_a_blocked_result_is_withheld_though_the_call_was_made(tmp_path: Path) -> None:
    calls: list[str] = []

    async def look() -> str:
        calls.append("look")
        print(MAIL)  # noqa: T201 - kept beside the outcome
        return MAIL

    tools = [tool_of(look, effect="once")]
    places = policy(result="block")
    async with await opened(tmp_path, Provider(), *tools, personal_data=places) as kernel:
        run = await kernel.start_run(agent="purser")
        for replayed in (False, True):
            result = await kernel.step_tool(run=run, step_key="t", tool="look", arguments={})
            assert (result.value, result.readable, result.replayed) == (None, False, replayed)
            assert "withheld" in result.message.text
        assert calls == ["look"]
        assert _counts(await events(kernel, run)) == [{"email": 2}]
        assert not on_disk(tmp_path)


async def test_what_a_person_says_is_refused_where_it_is_blocked_and_nothing_changes(
    tmp_path: Path,
) -> None:
    async with await opened(tmp_path, Provider(), personal_data=policy(prompt="block")) as kernel:
        with pytest.raises(InvalidError, match="email"):
            await kernel.start_run(agent="purser", objective=f"ask {MAIL}")
        run = await kernel.start_run(agent="purser", objective="ask")
        with pytest.raises(RunPausedError) as asked:
            await kernel.pause(run=run, step_key="q", title="who?")
        before = await events(kernel, run)
        with pytest.raises(InvalidError, match="leave it out"):
            await kernel.resume(run, asked.value.pause_id, answer=MAIL, actor=ADA)
        assert await events(kernel, run) == before
        await kernel.resume(run, asked.value.pause_id, answer="nobody", actor=ADA)
        assert not on_disk(tmp_path)


async def test_what_is_off_in_one_place_is_left_there_alone(tmp_path: Path) -> None:
    provider = Provider(says(MAIL))
    async with await opened(
        tmp_path, provider, personal_data=policy(prompt={"email": "off"})
    ) as kernel:
        run = await kernel.start_run(agent="purser")
        result = await kernel.step_model(run=run, step_key="m", prompt=f"{MAIL} 4111111111111111")
    assert provider.asked[0].messages[0].text == f"{MAIL} [card]"
    assert result.text == "[email]"


async def test_a_long_conversation_is_told_of_once_and_looked_through_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    provider = Provider(*[says(f"call {n}@private.example") for n in range(40)])
    looked: list[str] = []
    async with await opened(tmp_path, provider) as kernel:
        look = kernel.ingress.message

        def message(message: Message, place: Any) -> Any:  # noqa: ANN401 - as the one it stands for
            looked.append(message.text)
            return look(message, place)

        monkeypatch.setattr(kernel.ingress, "message", message)
        run = await kernel.start_run(agent="purser")
        talk = [Message(role="user", text=f"I am {MAIL}")]
        for turn in range(40):
            # Made anew each time, as code does that keeps its own history.
            sent = [Message(role=m.role, text=m.text) for m in talk]
            result = await kernel.step_model(run=run, step_key=f"m{turn}", messages=sent)
            talk += [result.message, Message(role="user", text=f"and {turn}@private.example?")]
        log = await events_of(kernel, run)
    told = [
        (e.payload.where, e.payload.counts) for e in log if isinstance(e.payload, GuardRedacted)
    ]
    assert told.count(("prompt", {"email": 1})) == 40
    assert told.count(("output", {"email": 1})) == 40
    # Each question and each answer.
    assert len(looked) == 40 + 40
    assert provider.asked[-1].messages[0].text == "I am [email]"


async def test_another_process_tells_nothing_of_what_stands_on_record_again(
    tmp_path: Path,
) -> None:
    talk = [Message(role="user", text=f"I am {MAIL}")]
    async with await opened(tmp_path, Provider()) as kernel:
        run = await kernel.start_run(agent="purser", run_id="voyage")
        result = await kernel.step_model(run=run, step_key="m1", messages=talk)
    talk += [result.message, Message(role="user", text="and now?")]
    async with await opened(tmp_path, Provider()) as kernel:
        run = await kernel.load_run("voyage")
        await kernel.step_model(run=run, step_key="m2", messages=talk)
        assert _counts(await events_of(kernel, run)) == [{"email": 1}]


async def test_a_model_that_spells_an_address_in_its_calls_is_understood(tmp_path: Path) -> None:
    call = ToolCall(
        call_id="c", tool="mail", arguments='{"to":"any\\u0062ody\\u0040private.example"}'
    )
    async with await opened(tmp_path, Provider(says("", call))) as kernel:
        run = await kernel.start_run(agent="purser")
        result = await kernel.step_model(run=run, step_key="m", prompt="mail")
        assert result.tool_calls[0].arguments == '{"to": "[email]"}'
        data = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
        assert b"private.example" not in data


@pytest.mark.parametrize("before", [None, PersonalDataPolicy()], ids=["off", "on"])
@pytest.mark.parametrize("after", [None, PersonalDataPolicy()], ids=["off", "on"])
async def test_what_has_ended_is_found_again_under_another_policy(
    before: PersonalDataPolicy | None, after: PersonalDataPolicy | None, tmp_path: Path
) -> None:
    calls: list[str] = []

    async def note(to: str) -> str:
        calls.append(to)
        return "noted"

    tools = [tool_of(note, effect="once")]
    provider = Provider()

    async def code(kernel: Kernel, run: Run, mail: str) -> None:
        prompt = f"ask {mail} of {{}}"
        await kernel.step_model(run=run, step_key="m", prompt=prompt)
        await kernel.step_tool(run=run, step_key="t", tool="note", arguments={"to": mail})

    async with await opened(tmp_path, provider, *tools, personal_data=before) as kernel:
        run = await kernel.start_run(agent="purser", run_id="voyage")
        await code(kernel, run, MAIL)
    async with await opened(tmp_path, provider, *tools, personal_data=after) as kernel:
        run = await kernel.load_run("voyage")
        seen = await length(kernel, run)
        await code(kernel, run, MAIL)
        assert await length(kernel, run) == seen
        assert (len(calls), len(provider.asked)) == (1, 1)
        with pytest.raises(DriftError):
            await kernel.step_model(run=run, step_key="m", prompt=f"tell {MAIL} of {{}}")
        named = {"to": f"to {MAIL}"}
        with pytest.raises(DriftError):
            await kernel.step_tool(run=run, step_key="t", tool="note", arguments=named)
    if before is None and after is None:
        async with await opened(tmp_path, provider, *tools, personal_data=None) as kernel:
            run = await kernel.load_run("voyage")
            with pytest.raises(DriftError):
                await code(kernel, run, private("somebody-else"))


async def test_nothing_is_tried_again_under_another_key(tmp_path: Path) -> None:
    async def lose(to: str) -> None:
        raise ConnectionError(to)

    tools = [tool_of(lose, effect="idempotent", retry=RetryPolicy(tries=1))]
    async with await opened(tmp_path, Provider(), *tools, personal_data=None) as kernel:
        run = await kernel.start_run(agent="purser", run_id="voyage")
        with pytest.raises(ToolFailedError):
            await kernel.step_tool(run=run, step_key="t", tool="lose", arguments={"to": MAIL})
    async with await opened(tmp_path, Provider(), *tools) as kernel:
        run = await kernel.load_run("voyage")
        with pytest.raises(DriftError):
            await kernel.step_tool(run=run, step_key="t", tool="lose", arguments={"to": MAIL})
