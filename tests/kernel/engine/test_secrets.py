"""Secrets by name: the name is stored, shown and approved; the value reaches the tool alone."""

import base64
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import JsonValue

from quarterdeck_kernel import (
    NOT_DONE,
    Done,
    Kernel,
    ProposedCall,
    RetryPolicy,
    Run,
    ToolContext,
    ToolResult,
    Verdict,
    tool_of,
)
from quarterdeck_kernel.engine.secrets import PREFIX, Secrets
from quarterdeck_kernel.errors import (
    InvalidError,
    ReconciliationRequiredError,
    ToolArgumentsError,
    ToolFailedError,
)
from quarterdeck_kernel.events.tool_events import ToolCompleted, ToolRequested
from quarterdeck_kernel.guards.chain import GuardKind
from quarterdeck_kernel.guards.verdict import ALLOW
from tests.kernel.engine.deck import events, kernel_of, story

VALUE = 'not "really" a\nsecret/of+weather'
MAY = ["WEATHER", "TIDES", "WEATHER_PASSWORD", "PATH", f"{PREFIX}WEATHER", "PIN", "A"]
NAMED = {"key": "Bearer {{secret:WEATHER}}", "body": [{"deep": "{{ secret:WEATHER }}"}]}


class World:
    """Takes what it is given, and says it again in every way."""

    def __init__(self) -> None:
        self.got: list[tuple[str, object]] = []

    async def echo(self, key: str, body: list[dict[str, str]]) -> object:
        self.got.append((key, body))
        print(key)  # noqa: T201 - kept beside the outcome
        return {"said": key, key: body, "spelt": repr(key)}

    async def raises(self, context: ToolContext, key: str) -> None:
        self.got.append((key, context.attempt))
        raise ConnectionError(f"cannot sign in with {key!r}")


_ANY = tool_of(World().echo, version="1", secrets=MAY)


class Notes:
    """A guard that remembers what it was shown."""

    name = "notes"
    kind: GuardKind = "policy"

    def __init__(self) -> None:
        self.shown: list[ProposedCall] = []

    def judge(self, call: ProposedCall) -> Verdict:
        self.shown.append(call)
        return ALLOW


def leaks(folder: Path) -> bool:
    """Tell whether a piece of the value stands in any file of a folder."""
    data = b"".join(p.read_bytes() for p in folder.rglob("*") if p.is_file())
    assert b"WEATHER" in data, "the name is to be there"
    return b"secret/of+weather" in data or b"really" in data


async def test_a_tool_gets_the_value_and_nobody_else_sees_more_than_the_name(
    tmp_path: Path,
) -> None:
    world, notes = World(), Notes()
    tool = tool_of(world.echo, secrets=MAY, effect="once", preview=lambda key: f"sends {key}")
    async with kernel_of(tool, at=tmp_path, guards=[notes], secrets={"WEATHER": VALUE}) as kernel:
        run = await kernel.start_run(agent="purser")
        result = await kernel.step_tool(run=run, step_key="s", tool="echo", arguments=NAMED)
        assert world.got == [(f"Bearer {VALUE}", [{"deep": VALUE}])]
        assert notes.shown[0].arguments == NAMED
        assert notes.shown[0].preview == "sends Bearer {{secret:WEATHER}}"
        assert result.value == {
            "said": "Bearer [secret]",
            "Bearer [secret]": [{"deep": "[secret]"}],
            "spelt": "'Bearer [secret]'",
        }
        intent, outcome = (e.payload for e in (await events(kernel, run))[2:4])
        assert isinstance(intent, ToolRequested)
        assert isinstance(outcome, ToolCompleted)
        assert intent.arguments == NAMED
        assert outcome.printed == "Bearer [secret]\n"
        assert not leaks(tmp_path)
    assert not leaks(tmp_path)


async def test_an_error_that_tells_a_secret_is_kept_without_it(tmp_path: Path) -> None:
    world = World()
    tool = tool_of(world.raises, secrets=MAY, effect="read", retry=RetryPolicy(tries=1))
    async with kernel_of(tool, at=tmp_path, secrets={"WEATHER": VALUE}) as kernel:
        run = await kernel.start_run(agent="purser")
        with pytest.raises(ToolFailedError, match=r"sign in with '\[secret\]'"):
            await _named(kernel, run, "raises")
        assert world.got == [(VALUE, 1)]
        assert not leaks(tmp_path)


async def test_an_unknown_secret_is_told_before_anything_is_opened() -> None:
    world = World()
    tool = tool_of(world.raises, secrets=MAY, effect="once")
    async with kernel_of(tool, secrets={"WEATHER": VALUE, "MAIL": "another-fake"}) as kernel:
        run = await kernel.start_run(agent="purser")
        with pytest.raises(ToolArgumentsError, match=r"no secret 'TIDES' \(known: MAIL, WEATHER\)"):
            await _named(kernel, run, "raises", "{{secret:TIDES}}")
        assert await story(kernel, run) == []
        assert world.got == []


async def test_a_step_on_record_needs_its_secret_no_more(tmp_path: Path) -> None:
    world = World()
    tool = tool_of(world.echo, secrets=MAY, effect="once")
    async with kernel_of(tool, at=tmp_path, secrets={"WEATHER": VALUE}) as kernel:
        run = await kernel.start_run(agent="purser", run_id="voyage")
        first = await kernel.step_tool(run=run, step_key="s", tool="echo", arguments=NAMED)
    async with kernel_of(tool, at=tmp_path, secrets={}) as kernel:
        run = await kernel.load_run("voyage")
        again = await kernel.step_tool(run=run, step_key="s", tool="echo", arguments=NAMED)
    assert (again.value, again.replayed) == (first.value, True)
    assert len(world.got) == 1


async def test_a_secret_that_is_gone_when_the_call_is_made_is_not_dispatched() -> None:
    world = World()
    asked: list[str] = []

    def once(name: str) -> str | None:
        asked.append(name)
        return VALUE if len(asked) == 1 else None

    tool = tool_of(world.raises, secrets=MAY, effect="once")
    async with kernel_of(tool, secrets=once) as kernel:
        run = await kernel.start_run(agent="purser")
        with pytest.raises(Exception, match="no secret 'WEATHER'"):
            await _named(kernel, run, "raises")
        assert await story(kernel, run) == ["intent 1", "not_dispatched"]
        assert world.got == []


async def test_a_probe_gets_the_value_too_and_what_it_finds_is_kept_without(
    tmp_path: Path,
) -> None:
    world = World()
    probed: list[str] = []

    def probe(key: str) -> object:
        probed.append(key)
        return Done({"found": key}) if probed else NOT_DONE

    tool = tool_of(world.raises, secrets=MAY, effect="once", probe=probe)
    async with kernel_of(tool, at=tmp_path, secrets={"WEATHER": VALUE}) as kernel:
        run = await kernel.start_run(agent="purser")
        with pytest.raises(ReconciliationRequiredError):
            await _named(kernel, run, "raises")
        result = await _named(kernel, run, "raises")
        assert probed == [VALUE]
        assert result.value == {"found": "[secret]"}
        assert not leaks(tmp_path)


async def test_the_environment_is_open_only_under_its_prefix(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(f"{PREFIX}WEATHER", VALUE)
    monkeypatch.setenv("WEATHER_PASSWORD", "never-to-be-named")
    world = World()
    async with kernel_of(tool_of(world.echo, secrets=MAY, effect="once")) as kernel:
        run = await kernel.start_run(agent="purser")
        await kernel.step_tool(run=run, step_key="s", tool="echo", arguments=NAMED)
        assert world.got[0][0] == f"Bearer {VALUE}"
        for name in ("WEATHER_PASSWORD", "PATH", f"{PREFIX}WEATHER"):
            named = {"key": f"{{{{secret:{name}}}}}", "body": []}
            with pytest.raises(ToolArgumentsError, match="no secret"):
                await kernel.step_tool(run=run, step_key=name, tool="echo", arguments=named)


def test_a_secret_too_short_to_be_told_from_other_text_is_refused() -> None:
    secrets = Secrets({"PIN": "1234"})
    problem = secrets.problem(_ANY, {"pin": ["{{secret:PIN}}"]})
    assert problem is not None
    assert "1234" not in str(problem)
    with pytest.raises(ToolArgumentsError, match="shorter than 8"):
        secrets.resolved(_ANY, {"pin": "{{secret:PIN}}"})


def test_keys_are_no_place_for_secrets_and_values_are_resolved_once() -> None:
    secrets = Secrets({"A": "{{secret:B}}", "B": "not-to-be-reached"})
    given: dict[str, JsonValue] = {"{{secret:B}}": "{{secret:A}}", "n": 3}
    assert secrets.resolved(_ANY, given) == {"{{secret:B}}": "{{secret:B}}", "n": 3}


def test_a_secret_is_found_however_it_is_spelt() -> None:
    secrets = Secrets({"WEATHER": VALUE})
    for spelt in (
        VALUE,
        r"not \"really\" a\nsecret/of+weather",
        "not%20%22really%22%20a%0Asecret/of%2Bweather",
        VALUE.upper(),
        VALUE.encode().hex(),
    ):
        found = list(secrets(f"\u0130 see {spelt}."))
        assert any((start, stop) == (6, 6 + len(spelt)) for start, stop, _ in found), spelt


@given(st.binary(max_size=8), st.binary(max_size=8), st.sampled_from(["plain", "url"]))
def test_a_secret_in_base64_is_found_wherever_it_begins(
    before: bytes, after: bytes, alphabet: str
) -> None:
    encode = base64.b64encode if alphabet == "plain" else base64.urlsafe_b64encode
    encoded = encode(before + VALUE.encode() + after).decode()
    # Of characters that it shares with its neighbours nothing can be told.
    whole = -(-len(before) * 8 // 6), (len(before) + len(VALUE)) * 8 // 6
    assert whole in {(start, stop) for start, stop, _ in Secrets({"WEATHER": VALUE})(encoded)}


async def test_a_tool_is_sent_no_secret_but_those_declared_with_it() -> None:
    world = World()
    tools = (
        tool_of(world.echo, effect="once", secrets=["MAIL"]),
        tool_of(world.raises, effect="once"),
    )
    async with kernel_of(*tools, secrets={"WEATHER": VALUE, "MAIL": "another-fake"}) as kernel:
        run = await kernel.start_run(agent="purser")
        with pytest.raises(ToolArgumentsError, match=r"'WEATHER' \(it may be sent: MAIL\)"):
            await kernel.step_tool(run=run, step_key="e", tool="echo", arguments=NAMED)
        with pytest.raises(ToolArgumentsError, match=r"'WEATHER' \(it may be sent: none\)"):
            await _named(kernel, run, "raises")
        assert await story(kernel, run) == []
        assert world.got == []


@pytest.mark.parametrize("secrets", ["WEATHER", [1]])
def test_secrets_are_declared_as_names(secrets: Any) -> None:  # noqa: ANN401 - what is not right
    with pytest.raises(InvalidError, match="give a list of their names"):
        tool_of(World().echo, secrets=secrets)


async def _named(
    kernel: Kernel, run: Run, tool: str, key: str = "{{secret:WEATHER}}"
) -> ToolResult:
    return await kernel.step_tool(run=run, step_key="s", tool=tool, arguments={"key": key})
