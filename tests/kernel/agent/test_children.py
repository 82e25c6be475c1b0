"""Sub-agents: children of a run, with its tenant, its budget and no more than its rights."""

import asyncio
from pathlib import Path

import pytest
from pydantic import ValidationError

from quarterdeck_kernel import AgentSpec, FleetFilter, Kernel, Run
from quarterdeck_kernel.agent.children import child_run_id
from quarterdeck_kernel.errors import LeaseHeldError
from quarterdeck_kernel.events.tool_events import ToolRequested
from tests.kernel.agent.agents import (
    calls,
    crewed,
    finishes,
    kinds,
    of_kind,
    scripted,
    started,
    told,
)
from tests.kernel.engine.deck import SECOND_US, WatchedClock, World, acting, events

READER = AgentSpec(name="reader", prompt="You read.", tools=("read",))
LEAD = AgentSpec(name="lead", prompt="You lead.", lends=("read",), sub_agents=(READER,))
ASKING = AgentSpec(name="reader", prompt="You read.")


def led(*child: object, lead: object = None) -> object:
    """Return a model for both: the parent delegates once, and finishes."""
    rules = [
        calls(("reader", {"task": "page 3"}), when={"anywhere": "You lead.", "turns": 0}),
        lead or finishes("read it all", when={"anywhere": "You lead."}),
        *child,
    ]
    return scripted(*rules)  # type: ignore[arg-type]


async def child_of(kernel: Kernel, run: Run) -> Run:
    (begun,) = await of_kind(kernel, run, "child_started")
    return await kernel.load_run(begun.payload.child_run_id)  # type: ignore[union-attr]


async def test_a_sub_agent_runs_as_a_child_and_its_answer_is_the_result() -> None:
    world = World()
    model = led(calls(("read", {})), finishes("it says: sail"))
    tool = acting(world.acts, name="read", effect="read")
    async with crewed(model, tool) as kernel:  # type: ignore[arg-type]
        run = await kernel.start_agent(
            LEAD, "read the book", tenant="local", budgets={"micros": 1_000}
        )
        assert (await kernel.run_agent(run)).answer == "read it all"
        child = await child_of(kernel, run)
        identity = child.state.identity
        assert (identity.parent_run_id, identity.depth, identity.agent) == (run.run_id, 1, "reader")
        assert identity.objective == "page 3"
        assert child.state.status == "succeeded"
        assert world.count == 1
        assert child.state.conditions.limit("micros").limit == 1_000
        (ended,) = await of_kind(kernel, run, "child_finished")
        assert ended.payload.status == "succeeded"  # type: ignore[union-attr]
        assert run.state.children == {}
        (asked,) = await of_kind(kernel, run, "tool_requested")
        assert isinstance(asked.payload, ToolRequested)
        assert child.run_id == child_run_id(run.run_id, asked.payload.idempotency_key)
        assert identity.parent_intent_seq == asked.seq


async def test_a_childs_pause_stops_the_child_alone_and_its_parent_shows_what_it_waits_for() -> (
    None
):
    lead = AgentSpec(name="lead", prompt="You lead.", sub_agents=(ASKING,))
    model = led(calls(("ask", {"question": "Aloud?"})), finishes("read"))
    async with crewed(model) as kernel:  # type: ignore[arg-type]
        run = await started(kernel, lead)
        task = asyncio.create_task(kernel.run_agent(run))
        inbox = await kernel.store.inbox()
        while not inbox.rows:
            position = (await kernel.store.read_workspace(limit=1_000))[-1][0]
            await kernel.store.wait(after=position, timeout_s=5)
            inbox = await kernel.store.inbox()
        (item,) = inbox.rows
        fleet = await kernel.store.fleet(FleetFilter())
        parent = next(row for row in fleet.rows if row.run_id == run.run_id)
        assert (parent.need, parent.waits_for) == ("running", "child reader")
        await kernel.resume(item.run_id, item.item_id, answer="no")
        assert (await task).status == "succeeded"


async def test_a_child_that_fails_is_told_to_the_parents_model() -> None:
    spec = LEAD.model_copy(update={"sub_agents": (READER.model_copy(update={"max_turns": 1}),)})
    model = led(calls(("read", {}), times=None))
    tool = acting(World().acts, name="read", effect="read")
    async with crewed(model, tool) as kernel:  # type: ignore[arg-type]
        run = await started(kernel, spec)
        assert (await kernel.run_agent(run)).status == "succeeded"
        last = [a for a in model.asked if "You lead." in a.messages[0].text][-1]  # type: ignore[attr-defined]
        assert "reader ended as failed" in told(last.messages)[0]
        (ended,) = await of_kind(kernel, run, "child_finished")
        assert ended.payload.status == "failed"  # type: ignore[union-attr]


async def test_cancelling_the_parent_cancels_its_child() -> None:
    world = World()
    model = led(calls(("read", {})), finishes())
    tool = acting(world.waits, name="read", effect="read")
    async with crewed(model, tool) as kernel:  # type: ignore[arg-type]
        run = await started(kernel, LEAD)
        task = asyncio.create_task(kernel.run_agent(run))
        await world.wait_for_call()
        child = await child_of(kernel, run)
        await kernel.cancel(run)
        while child.state.cancel is None:
            await kernel.store.wait(after=child.state.head_seq, run_id=child.run_id, timeout_s=5)
            await child.driver.refresh()
        world.door.set()
        assert (await task).status == "cancelled"
        assert child.state.status == "cancelled"


@pytest.mark.parametrize(("deadline_s", "end"), [(None, "cancelled"), (7, "timed_out")])
async def test_a_parent_that_ends_while_nobody_drives_it_ends_its_waiting_child(
    tmp_path: Path, deadline_s: int | None, end: str
) -> None:
    update = {"sub_agents": (ASKING,), "lends": (), "deadline_s": deadline_s}
    clock = WatchedClock()
    spec = LEAD.model_copy(update=update)
    rules = (calls(("ask", {"question": "Which?"})), finishes())
    async with crewed(led(*rules), at=tmp_path, clock=clock) as kernel:  # type: ignore[arg-type]
        run = await started(kernel, spec)
        task = asyncio.create_task(kernel.run_agent(run))
        while not (await kernel.store.inbox()).rows:
            await kernel.store.wait(after=run.state.head_seq, timeout_s=1)
        task.cancel()
        await asyncio.wait([task])
    async with crewed(led(*rules), at=tmp_path, clock=clock) as kernel:  # type: ignore[arg-type]
        run = await kernel.load_run(run.run_id)
        (child_id,) = run.state.children
        if deadline_s is None:
            await kernel.cancel(run)
        clock.advance(7 * SECOND_US)
        assert (await kernel.run_agent(run)).status == end
        child = (await kernel.load_run(child_id)).state
        assert child.terminal
        assert not (await kernel.store.inbox()).rows
        # What the child has spent its parent has, too, and nothing is set aside any more.
        run = await kernel.load_run(run.run_id)
        assert run.state.children == {}
        last = [e for e in await events(kernel, run) if e.kind == "child_finished"]
        assert [(e.payload.status, e.payload.head_seq) for e in last] == [  # type: ignore[union-attr]
            (child.status, child.head_seq)
        ]
        assert run.state.spend.total_micros >= child.spend.total_micros


async def test_a_process_that_stops_while_its_child_works_goes_on_with_both(tmp_path: Path) -> None:
    world = World()
    rules = (calls(("read", {})), finishes("it says: sail"))
    tool = acting(world.waits, name="read", effect="read")
    async with crewed(led(*rules), tool, at=tmp_path) as kernel:  # type: ignore[arg-type]
        run = await started(kernel, LEAD, run_id="r")
        task = asyncio.create_task(kernel.run_agent(run))
        await world.wait_for_call()
        task.cancel()
        await asyncio.wait([task])
    world.door.set()
    async with crewed(led(*rules), tool, at=tmp_path) as kernel:  # type: ignore[arg-type]
        run = await kernel.load_run("r")
        assert (await kernel.run_agent(run)).answer == "read it all"
        assert (await kinds(kernel, run)).count("child_started") == 1
        assert (await kinds(kernel, run)).count("child_finished") == 1
        assert len(await kernel.store.heads()) == 2


async def test_a_child_that_somebody_else_drives_is_waited_for() -> None:
    world = World()
    model = led(calls(("read", {})), finishes("it says: sail"))
    tool = acting(world.waits, name="read", effect="read")
    async with crewed(model, tool) as kernel:  # type: ignore[arg-type]
        run = await started(kernel, LEAD, run_id="r")
        task = asyncio.create_task(kernel.run_agent(run))
        await world.wait_for_call()
        child = await child_of(kernel, run)
        with pytest.raises(LeaseHeldError):
            await kernel.run_agent(child)
        task.cancel()
        await asyncio.wait([task])
        other = asyncio.create_task(kernel.run_agent(child))
        await world.wait_for_call()
        task = asyncio.create_task(kernel.run_agent(run))
        world.door.set()
        assert (await other).answer == "it says: sail"
        assert (await task).answer == "read it all"


async def test_a_child_sees_no_tool_that_its_parent_may_not_use() -> None:
    model = led(finishes("nothing to read with"))
    tool = acting(World().acts, name="read", effect="read")
    async with crewed(model, tool) as kernel:  # type: ignore[arg-type]
        run = await started(kernel, LEAD)
        await kernel.scope(run, "deny", ["read"])
        await kernel.run_agent(run)
        asked = [a for a in model.asked if "You read." in a.messages[0].text]  # type: ignore[attr-defined]
        assert [{t.name for t in a.tools} for a in asked] == [{"ask", "finish"}]


async def test_a_child_spends_no_more_than_its_parent_has_left() -> None:
    cheap = READER.model_copy(update={"budget_micros": 300})
    spec = LEAD.model_copy(update={"sub_agents": (cheap,)})
    model = led(
        {
            "answer": {
                "calls": [{"tool": "finish", "arguments": {"answer": "x"}}],
                "cost_micros": 120,
            }
        }
    )
    tool = acting(World().acts, name="read", effect="read")
    async with crewed(model, tool) as kernel:  # type: ignore[arg-type]
        run = await kernel.start_agent(spec, "read", budgets={"micros": 1_000})
        await kernel.run_agent(run)
        (begun,) = await of_kind(kernel, run, "child_started")
        assert begun.payload.allotment_micros == 300  # type: ignore[union-attr]
        assert (await child_of(kernel, run)).state.conditions.limit("micros").limit == 300
        assert run.state.spend.children_micros == 120


async def test_children_that_are_called_at_once_share_what_their_parent_has_left() -> None:
    cheap = READER.model_copy(update={"name": "clerk", "budget_micros": 100})
    spec = LEAD.model_copy(update={"sub_agents": (READER, cheap)})
    at_once = [("reader", {"task": f"page {page}"}) for page in (1, 2)]
    rules = [
        calls(*at_once, ("clerk", {"task": "a note"}), when={"anywhere": "You lead.", "turns": 0}),
        calls(("reader", {"task": "the rest"}), when={"anywhere": "You lead.", "turns": 1}),
        finishes("read it all", when={"anywhere": "You lead."}),
        finishes("read"),
    ]
    tool = acting(World().acts, name="read", effect="read")
    async with crewed(scripted(*rules), tool) as kernel:
        run = await kernel.start_agent(spec, "read", budgets={"micros": 900})
        assert (await kernel.run_agent(run)).answer == "read it all"
        begun = await of_kind(kernel, run, "child_started")
        given = [e.payload.allotment_micros or 0 for e in begun]  # type: ignore[union-attr]
        # Who asks for less gets that; who comes later, and alone, gets all there is.
        low, *shares = sorted(given[:3])
        assert low == 100
        assert all(300 <= share <= 450 for share in shares)
        assert given[3:] == [900]
        assert run.state.children == {}


def test_a_sub_agent_that_may_do_more_than_its_parent_is_refused() -> None:
    with pytest.raises(ValidationError, match="may do more"):
        AgentSpec(name="lead", sub_agents=(READER,))
    with pytest.raises(ValidationError, match="needs a name"):
        AgentSpec(name="lead", tools=("reader", "read"), sub_agents=(READER,))
    with pytest.raises(ValidationError, match="tools of the kernel"):
        AgentSpec(name="lead", tools=("finish",))


async def test_sub_agents_stand_only_so_deep() -> None:
    spec = AgentSpec(name="a5", prompt="deep 6")
    for depth in range(5, -1, -1):
        spec = AgentSpec(
            name=f"a{depth}x" if depth else "top", prompt=f"deep {depth}", sub_agents=(spec,)
        )
    rules = [
        calls((child.name, {"task": "go"}), when={"anywhere": each.prompt, "turns": 0})
        for each, child in _pairs(spec)
    ]
    model = scripted(*rules, finishes(times=None))
    async with crewed(model) as kernel:
        run = await started(kernel, spec)
        assert (await kernel.run_agent(run)).status == "succeeded"
        assert len(await kernel.store.heads()) == 6
        assert any(
            "deep; do this yourself" in text for a in model.asked for text in told(a.messages)
        )


def _pairs(spec: AgentSpec) -> list[tuple[AgentSpec, AgentSpec]]:
    return [(spec, child) for child in spec.sub_agents] + [
        pair for child in spec.sub_agents for pair in _pairs(child)
    ]
