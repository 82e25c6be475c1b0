"""Decisions through the link, upon a real store, about runs that another process drives."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from quarterdeck.kernel_link.clerk import Facade
from quarterdeck.kernel_link.link import KernelLink
from quarterdeck.kernel_link.workspace import Workspace
from quarterdeck.views.decisions import Decision, Verb
from quarterdeck.views.inbox_rows import name_of
from quarterdeck.views.matter import Matter
from quarterdeck.views.matter_text import body
from quarterdeck_kernel import (
    Actor,
    Decisions,
    Done,
    EventStore,
    Kernel,
    Pause,
    ProposedCall,
    Run,
    ToolContext,
    tool_of,
)
from quarterdeck_kernel.errors import (
    AlreadySettledError,
    ConflictError,
    ReconciliationRequiredError,
    RunPausedError,
)
from quarterdeck_kernel.guards.verdict import Verdict
from tests.app.inbox_stage import ADA, BEN
from tests.app.test_kernel_link import until


class Asking:
    """A guard that lets people decide about every call."""

    name = "asking"
    kind = "policy"

    def __init__(self, people: int = 1) -> None:
        self.people = people

    def judge(self, call: ProposedCall) -> Verdict:
        return Pause(title=f"{call.tool}?", risk="low", people_needed=self.people)


@asynccontextmanager
async def linked(
    folder: Path, actor: Actor = ADA, facade: Facade = Decisions
) -> AsyncIterator[KernelLink]:
    link = KernelLink(Workspace(folder), actor=actor, facade=facade)
    reading = asyncio.create_task(link.run())
    yield link
    reading.cancel()
    await asyncio.wait([reading])


async def first(link: KernelLink) -> Matter:
    """Return the first item of the inbox, once it was read."""
    await until(lambda: link.glimpse().inbox)
    name = name_of(link.glimpse().inbox[0])
    await until(lambda: link.matter(*name))
    matter = link.matter(*name)
    assert matter is not None
    return matter


def said(matter: Matter, verb: Verb, *, reason: str | None = None) -> Decision:
    return Decision(
        run_id=matter.run_id, item_id=matter.item_id, verb=verb, digest=matter.digest, reason=reason
    )


async def call(kernel: Kernel, run: Run, amount: int = 1) -> object:
    arguments = {"amount": amount}
    return (await kernel.step_tool(run=run, step_key="s", tool="pay", arguments=arguments)).value


def paying(stands_on: list[int]) -> object:
    async def pay(amount: int) -> int:
        return amount

    def preconditions() -> object:
        return {"balance": stands_on[0]}

    return tool_of(pay, name="pay", effect="once", version="1", preconditions=preconditions)


@asynccontextmanager
async def driver(folder: Path, balance: list[int], *, people: int = 1) -> AsyncIterator[Kernel]:
    kernel = await Kernel.open(folder, tools=[paying(balance)], guards=[Asking(people)])  # type: ignore[list-item]
    try:
        yield kernel
    finally:
        await kernel.close()


async def test_an_approval_from_the_screen_lets_the_driver_elsewhere_go_on(tmp_path: Path) -> None:
    async with driver(tmp_path, [10]) as kernel, linked(tmp_path) as link:
        run = await kernel.start_run(agent="purser")
        with pytest.raises(RunPausedError):
            await call(kernel, run)
        matter = await first(link)
        assert "amount" in body(matter, None)
        assert await link.decide(said(matter, "approved")) == "approved (#4)"
        assert await call(kernel, run) == 1


async def test_two_terminals_the_second_is_told_who_was_first(tmp_path: Path) -> None:
    async with driver(tmp_path, [10]) as kernel:
        run = await kernel.start_run(agent="purser")
        with pytest.raises(RunPausedError):
            await call(kernel, run)
        async with linked(tmp_path, ADA) as one, linked(tmp_path, BEN) as other:
            matter, same = await first(one), await first(other)
            await other.decide(said(same, "rejected", reason="no"))
            with pytest.raises(AlreadySettledError, match="rejected by operator:ben on host2"):
                await one.decide(said(matter, "approved"))
            await until(lambda: (m := one.matter(*matter.name)) and m.settled)
            closed = one.matter(*matter.name)
            assert closed is not None
            assert closed.settled is not None
            assert closed.settled.actor.name == "ben"


async def test_an_approval_that_is_void_is_explained(tmp_path: Path) -> None:
    balance = [10]
    async with driver(tmp_path, balance) as kernel, linked(tmp_path) as link:
        run = await kernel.start_run(agent="purser")
        with pytest.raises(RunPausedError):
            await call(kernel, run)
        before = await first(link)
        await link.decide(said(before, "approved"))
        balance[0] = 3
        with pytest.raises(RunPausedError):
            await call(kernel, run)
        await until(
            lambda: link.glimpse().inbox and link.glimpse().inbox[0].item_id != before.item_id
        )
        text = body(await first(link), None)
        assert "approved before by ada" in text
        assert "void and was never used" in text
        assert "preconditions.balance: 10 → 3" in text


async def test_two_people_are_two_different_people(tmp_path: Path) -> None:
    async with driver(tmp_path, [10], people=2) as kernel:
        run = await kernel.start_run(agent="purser")
        with pytest.raises(RunPausedError):
            await call(kernel, run)
        async with linked(tmp_path, ADA) as one, linked(tmp_path, BEN) as other:
            matter = await first(one)
            assert "another person is needed" in await one.decide(said(matter, "approved"))
            agreed = one.matter(*matter.name)
            assert agreed is not None
            assert agreed.pause is not None
            assert [person.name for person in agreed.pause.agreed] == ["ada"]
            assert agreed.content(body(agreed, None)) != matter.content(body(matter, None))
            await other.decide(said(await first(other), "approved"))
        assert await call(kernel, run) == 1


async def test_a_digest_that_was_edited_meanwhile_is_not_approved(tmp_path: Path) -> None:
    async with driver(tmp_path, [10], people=2) as kernel, linked(tmp_path) as link:
        run = await kernel.start_run(agent="purser")
        with pytest.raises(RunPausedError) as paused:
            await call(kernel, run)
        matter = await first(link)
        await kernel.resume(
            run, paused.value.pause_id, decision="edited", answer={"amount": 7}, actor=BEN
        )
        with pytest.raises(ConflictError, match="edited by operator:ben"):
            await link.decide(said(matter, "approved"))
        await until(lambda: (m := link.matter(*matter.name)) and m.edited)
        edited = link.matter(*matter.name)
        assert edited is not None
        assert edited.arguments == {"amount": 7}
        assert "edited by ben" in body(edited, None)


def breaking(found: list[object]) -> object:
    async def pay(amount: int) -> int:
        raise ConnectionResetError(str(amount))

    async def probe(context: ToolContext, amount: int) -> object:
        found.append((context.idempotency_key, amount))
        return Done(amount)

    return tool_of(pay, name="pay", effect="once", version="1", probe=probe)


async def in_doubt(folder: Path, tool: object) -> None:
    async with await Kernel.open(folder, tools=[tool]) as kernel:  # type: ignore[list-item]
        run = await kernel.start_run(agent="purser")
        with pytest.raises(ReconciliationRequiredError):
            await call(kernel, run)


async def settle_without_tools(folder: Path, verb: Verb) -> Matter:
    async with linked(folder) as link:
        matter = await first(link)
        assert not matter.can_probe
        assert "not known in this process" in body(matter, None)
        await link.decide(said(matter, verb, reason="the bank's statement"))
        await until(lambda: (m := link.matter(*matter.name)) and m.settled)
        closed = link.matter(*matter.name)
        assert closed is not None
        return closed


@pytest.mark.parametrize("verb", ["done", "failed", "retry"])
async def test_an_unknown_outcome_is_settled_where_no_tool_is_known(
    tmp_path: Path, verb: Verb
) -> None:
    async def pay(amount: int) -> int:
        raise ConnectionResetError(str(amount))

    await in_doubt(tmp_path, tool_of(pay, name="pay", effect="once", version="1"))
    closed = await settle_without_tools(tmp_path, verb)
    assert closed.settled is not None
    assert getattr(closed.settled.payload, "verdict", None) == verb


async def test_a_probe_is_asked_where_the_tool_is_known_and_the_run_is_let_go(
    tmp_path: Path,
) -> None:
    found: list[object] = []
    tool = breaking(found)

    async def unprobed(amount: int) -> int:
        raise ConnectionResetError(str(amount))

    await in_doubt(tmp_path, tool_of(unprobed, name="pay", effect="once", version="1"))

    def facade(store: EventStore) -> Decisions:
        return Kernel(store, tools=[tool])  # type: ignore[list-item]

    async with linked(tmp_path, facade=facade) as link:
        matter = await first(link)
        assert matter.can_probe
        assert "the probe says done" in await link.decide(said(matter, "probe"))
        assert len(found) == 1
        await until(lambda: not link.glimpse().inbox)
        await until(lambda: link.glimpse().rows[0].need == "adrift")


async def test_an_item_that_nobody_can_read_is_told_as_being_read(tmp_path: Path) -> None:
    async with linked(tmp_path) as link:
        await until(lambda: link.glimpse().loaded)
        assert link.matter("no-run", "no-item") is None
