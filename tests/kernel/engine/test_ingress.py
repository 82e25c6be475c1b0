"""Nothing private touches the disk, whatever door it comes in by; and each thing is told once."""

from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from quarterdeck_kernel import Kernel, Run, verify
from quarterdeck_kernel.engine.ingress import Ingress, Taken
from quarterdeck_kernel.engine.prompt_memory import PromptMemory
from quarterdeck_kernel.engine.secrets import Secrets
from quarterdeck_kernel.errors import NotFoundError
from quarterdeck_kernel.events.guard_events import GuardRedacted
from quarterdeck_kernel.guards.personal_data.scrubber import Scrubbed
from quarterdeck_kernel.testing.crash import Crashed, RaiseAt
from tests.kernel.engine.model_stage import Provider, events_of
from tests.kernel.engine.private_stage import (
    SECRET,
    Asks,
    Doors,
    comes_again,
    comes_in,
    on_disk,
    private,
    tools_of,
)


@asynccontextmanager
async def opened(folder: Path, doors: Doors, **wiring: Any) -> AsyncIterator[Kernel]:  # noqa: ANN401 - those of `Kernel`
    wiring.setdefault("secrets", {"WEATHER": SECRET})
    kernel = await Kernel.open(
        folder,
        model=Provider(*[doors.model] * 5),
        tools=tools_of(doors),
        guards=[Asks()],
        **wiring,
    )
    try:
        yield kernel
    finally:
        await kernel.close()


async def test_nothing_private_ever_touches_the_disk(tmp_path: Path) -> None:
    doors = Doors()
    async with opened(tmp_path, doors) as kernel:
        await comes_in(kernel, doors)
        # The log before it is tidied up, and behind it.
        assert on_disk(tmp_path) == set()
        await verify(kernel.store, "voyage")
    assert on_disk(tmp_path) == set()
    assert SECRET in doors.got
    assert not [text for text in doors.got if "private" in text]
    assert doors.sent[0].messages[0].text == "from [email]"
    heard = "".join(text or "" for text in doors.heard)
    assert heard == "It was [email] who wrote it, you know. "
    assert doors.told == ["[email]", ("saw [email] [secret]", {"from": "[email]"})]


async def test_without_a_policy_it_does_so_at_every_door_but_secrets_never(tmp_path: Path) -> None:
    # This is what shows that the test above would see it.
    doors = Doors()
    async with opened(tmp_path, doors, personal_data=None) as kernel:
        await comes_in(kernel, doors)
        doors_open = (
            "objective config prompt said call argument shown printed result key error-again "
            "error-never title approve preview edit reason question details answer error-lost "
            "reconciled evidence hold release signal given value end"
        )
        assert on_disk(tmp_path) == set(doors_open.split())


async def test_a_replay_appends_nothing_here_or_in_another_process(tmp_path: Path) -> None:
    doors = Doors()
    async with opened(tmp_path, doors) as kernel:
        await comes_in(kernel, doors)
        before = await events_of(kernel, "voyage")
        await comes_again(kernel, doors)
        assert len(await events_of(kernel, "voyage")) == len(before)
    async with opened(tmp_path, doors) as kernel:
        await comes_again(kernel, doors)
        assert await events_of(kernel, "voyage") == before
    assert len(doors.sent) == 1


async def test_a_check_sees_no_difference_between_what_code_has_and_what_was_stored(
    tmp_path: Path,
) -> None:
    doors = Doors()
    async with opened(tmp_path, doors) as kernel:

        async def code(run: Run) -> None:
            await kernel.step_model(run=run, step_key="m", prompt=f"from {private('prompt')}")
            to = {"to": private("argument")}
            await kernel.step_tool(run=run, step_key="t", tool="send", arguments=to)
            await kernel.finish_run(run, answer=f"told {private('end')}")

        run = await kernel.start_run(agent="purser")
        await code(run)
        report = await kernel.check(code, run=run.run_id)
        assert (report.equal, report.complete) == (True, True), report.sentence


async def test_what_was_taken_out_is_told_once_beside_what_it_was_taken_from(
    tmp_path: Path,
) -> None:
    doors = Doors()
    async with opened(tmp_path, doors) as kernel:
        await comes_in(kernel, doors)
        told = [e.payload for e in await events_of(kernel, "voyage") if e.kind == "guard_redacted"]
    counts = Counter(
        (said.where, said.step_key, word, n)
        for said in told
        if isinstance(said, GuardRedacted)
        for word, n in said.counts.items()
    )
    assert counts[("prompt", "m", "email", 1)] == 1
    assert counts[("output", "m", "email", 2)] == 1
    assert counts[("arguments", "t", "email", 2)] == 1
    assert not {said.guard for said in told if isinstance(said, GuardRedacted)} - {"personal_data"}


BROKEN: dict[str, tuple[object, str, object, set[str]]] = {
    "journal": (Ingress, "taken", lambda _, p: Taken(tuple(p), tuple(range(len(p)))), {"result"}),
    "prompts": (PromptMemory, "looked_through", lambda _, asked: asked, {"prompt"}),
    "messages": (
        Ingress,
        "message",
        lambda _, message, __: Scrubbed(message, {}, {}),
        {"prompt", "said", "call"},
    ),
    "arguments": (
        Ingress,
        "value",
        lambda _, value, __: Scrubbed(value, {}, {}),
        {"argument", "shown"},
    ),
    "secrets": (Secrets, "__call__", lambda *_: (), {"secret"}),
}


@pytest.mark.parametrize("part", BROKEN)
async def test_a_broken_part_would_be_seen_on_disk(
    part: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner, name, broken, leaks = BROKEN[part]
    monkeypatch.setattr(owner, name, broken)
    doors = Doors()
    async with opened(tmp_path, doors) as kernel:
        with suppress(Exception):
            await comes_in(kernel, doors)
        assert on_disk(tmp_path) >= leaks


@pytest.mark.parametrize(
    "point",
    [
        "engine.intent.before",
        "engine.intent.after",
        "engine.dispatch.before",
        "engine.dispatch.after",
        "engine.outcome.before",
        "engine.outcome.after",
        "journal.append.before",
        "journal.append.after",
        "engine.pause.after",
    ],
)
async def test_a_crash_anywhere_leaves_nothing_private_behind(point: str, tmp_path: Path) -> None:
    for nth in (1, 2, 3, 5, 8):
        doors, folder = Doors(), tmp_path / str(nth)
        async with opened(folder, doors) as kernel:
            with suppress(Crashed, Exception), RaiseAt(point, nth):
                await comes_in(kernel, doors)
            assert on_disk(folder) == set()
        async with opened(folder, doors) as kernel:
            with suppress(NotFoundError):
                run = await kernel.load_run("voyage")
                prompt = f"from {private('prompt')}"
                result = await kernel.step_model(run=run, step_key="m", prompt=prompt)
                assert "[email]" in result.text
        assert on_disk(folder) == set()
