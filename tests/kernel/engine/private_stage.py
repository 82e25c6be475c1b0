"""A run in which something private comes in at every door, and a look at what is left on disk."""

import asyncio
import json
import re
from pathlib import Path

import pytest
from pydantic import JsonValue

from quarterdeck_kernel import (
    ALLOW,
    GuardKind,
    Kernel,
    Pause,
    ProposedCall,
    RetryPolicy,
    Run,
    Tool,
    ToolCall,
    ToolContext,
    Verdict,
    tool_of,
)
from quarterdeck_kernel.errors import (
    PermanentToolError,
    ReconciliationRequiredError,
    RunPausedError,
    ToolFailedError,
    TransientToolError,
)
from quarterdeck_kernel.kernel.flow import Flow
from quarterdeck_kernel.models.port import ModelAnswer, ModelRequest, TextListener
from quarterdeck_kernel.runs.resolve import Decision
from tests.kernel.engine.deck import ADA
from tests.kernel.engine.model_stage import says

_PRIVATE = re.compile(rb"([a-z-]{1,16})(?:@|[\\]+u0040)private\.example")
SECRET = "not-a-real-secret-of-weather"  # noqa: S105 - visibly fake
NAME = "{{secret:WEATHER}}"


def private(place: str) -> str:
    """Return an address that is told from all others: by what came in where."""
    return f"{place}@private.example"


class Asks:
    """A guard that asks a person about every call of the tool `approved`."""

    name = "asks"
    kind: GuardKind = "approval"

    def judge(self, call: ProposedCall) -> Verdict:
        return Pause(title=f"send to {private('title')}?") if call.tool == "approved" else ALLOW


class Doors:
    """What happens in the world: it gets and gives private things, and remembers what it got."""

    def __init__(self) -> None:
        self.got: list[str] = []
        self.sent: list[ModelRequest] = []
        self.heard: list[str | None] = []
        self.told: list[object] = []

    async def model(self, request: ModelRequest, listener: TextListener | None) -> ModelAnswer:
        self.sent.append(request)
        said = f"It was {private('said')} who wrote it, you know. "
        for at in range(0, len(said), 3):
            if listener is not None:
                listener(said[at : at + 3])
            await asyncio.sleep(0)
        spelt = json.dumps({"to": private("call")}).replace("@", "\\u0040")
        return says(said, ToolCall(call_id="c", tool="send", arguments=spelt))

    async def send(self, to: str, key: str = "") -> object:
        """Send a letter."""
        self.got += [to, key]
        print("to", private("printed"), key)  # noqa: T201 - kept beside the outcome
        return {"to": private("result"), private("key"): [key], "long": "x" * 20_000}

    async def fail(self, context: ToolContext, key: str = "") -> object:
        """Fail in one of three ways."""
        self.got.append(key)
        text = f"no {private('error-' + context.step_key)} {key}"
        kinds = {"lost": ConnectionError, "never": PermanentToolError}
        raise kinds.get(context.step_key, TransientToolError)(text)

    async def approved(self, to: str) -> str:
        """Send a letter that a person has agreed to."""
        self.got.append(to)
        return to


async def comes_in(kernel: Kernel, doors: Doors) -> Run:
    """Let something private come in at every door; return the run."""
    run = await kernel.start_run(
        agent="purser",
        objective=f"write to {private('objective')}",
        config={"owner": private("config")},
        run_id="voyage",
    )
    await kernel.step_model(
        run=run, step_key="m", prompt=f"from {private('prompt')}", listener=doors.heard.append
    )
    calls = {"to": private("argument"), "key": NAME}
    await kernel.step_tool(run=run, step_key="t", tool="send", arguments=calls)
    for way in ("again", "never"):
        with pytest.raises(ToolFailedError):
            await kernel.step_tool(run=run, step_key=way, tool="fail", arguments={"key": NAME})
    await _asked(kernel, run, doors)
    await _lost(kernel, run)
    await kernel.hold(run, reason=f"ask {private('hold')}", actor=ADA)
    await kernel.release(run, reason=f"asked {private('release')}", actor=ADA)
    await kernel.signal(run, "mail", data={"from": private("signal")}, actor=ADA)
    await kernel.run_workflow(voyage, doors.told, run=run)
    return run


async def comes_again(kernel: Kernel, doors: Doors) -> None:
    """Run the same code again, when all of it is on record."""
    run = await kernel.load_run("voyage")
    await kernel.step_model(run=run, step_key="m", prompt=f"from {private('prompt')}")
    calls = {"to": private("argument"), "key": NAME}
    await kernel.step_tool(run=run, step_key="t", tool="send", arguments=calls)
    for way in ("again", "never"):
        with pytest.raises(ToolFailedError):
            await kernel.step_tool(run=run, step_key=way, tool="fail", arguments={"key": NAME})
    for key in ("ok", "ed"):
        to = {"to": private("approve")}
        await kernel.step_tool(run=run, step_key=key, tool="approved", arguments=to)
    await kernel.pause(run=run, step_key="q", title=f"is it {private('question')}?")
    await kernel.step_tool(run=run, step_key="lost", tool="fail", arguments={"key": NAME})
    await kernel.run_workflow(voyage, doors.told, run=run)


async def _asked(kernel: Kernel, run: Run, doors: Doors) -> None:
    edit: JsonValue = {"to": private("edit")}
    decisions: list[tuple[str, Decision, JsonValue]] = [
        ("ok", "approved", None),
        ("ed", "edited", edit),
    ]
    for key, decision, answer in decisions:
        to = {"to": private("approve")}
        with pytest.raises(RunPausedError) as asked:
            await kernel.step_tool(run=run, step_key=key, tool="approved", arguments=to)
        reason = f"says {private('reason')}"
        pause_id = asked.value.pause_id
        await kernel.resume(
            run, pause_id, decision=decision, answer=answer, reason=reason, actor=ADA
        )
        await kernel.step_tool(run=run, step_key=key, tool="approved", arguments=to)
    title = f"is it {private('question')}?"
    details: JsonValue = {"of": private("details")}
    with pytest.raises(RunPausedError) as question:
        await kernel.pause(run=run, step_key="q", title=title, details=details)
    await kernel.resume(run, question.value.pause_id, answer=private("answer"), actor=ADA)
    doors.told.append((await kernel.pause(run=run, step_key="q", title="?")).value)


async def _lost(kernel: Kernel, run: Run) -> None:
    with pytest.raises(ReconciliationRequiredError):
        await kernel.step_tool(run=run, step_key="lost", tool="fail", arguments={"key": NAME})
    await kernel.reconcile_tool(
        run=run,
        step_key="lost",
        verdict="done",
        result={"sent": private("reconciled"), "with": SECRET},
        reason=f"{private('evidence')} told me",
        actor=ADA,
    )


async def voyage(flow: Flow, told: list[object]) -> str:
    async def look(given: str) -> str:
        assert given == private("given"), "code works with what it has; what it says is kept clean"
        return f"saw {private('value')} {SECRET}"

    seen = await flow.step("look", look, private("given"))
    data = await flow.signal("mail")
    await flow.step("tell", lambda: told.append((seen, data)))
    return f"all of {private('end')}"


def tools_of(doors: Doors) -> list[Tool]:
    return [
        tool_of(
            doors.send,
            secrets=["WEATHER"],
            effect="idempotent",
            preview=lambda to: f"{to} {private('shown')}",
        ),
        tool_of(doors.fail, secrets=["WEATHER"], effect="once", retry=RetryPolicy(tries=1)),
        tool_of(
            doors.approved,
            secrets=["WEATHER"],
            effect="once",
            preview=lambda to: f"{to} {private('preview')}",
        ),
    ]


def on_disk(folder: Path) -> set[str]:
    """Return what of all that came in stands in some file of a workspace."""
    found: set[str] = set()
    for path in folder.rglob("*"):
        data = path.read_bytes() if path.is_file() else b""
        if SECRET.encode() in data:
            found.add("secret")
        found.update(place.decode() for place in _PRIVATE.findall(data))
    return found
