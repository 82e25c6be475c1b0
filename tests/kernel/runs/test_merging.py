"""Bringing a fork's result back, and what a fork of a sub-agent may spend."""

from pathlib import Path

import pytest

from quarterdeck_kernel import AgentSpec, ForkChanges, Kernel, Moments, Run
from quarterdeck_kernel.errors import ConflictError, InvalidError
from quarterdeck_kernel.events.agent_events import ArtifactWritten
from quarterdeck_kernel.runs import fork_at
from quarterdeck_kernel.tools.builtin.catalogue import builtin_tools
from quarterdeck_kernel.tools.builtin.root import Root
from quarterdeck_kernel.vocabulary.tenant import Tenant
from tests.kernel.agent.agents import Player, Said, calls, crewed, finishes, of_kind, started
from tests.kernel.agent.test_children import LEAD, child_of, led
from tests.kernel.engine.deck import World, acting

OURS = Tenant(tenant_id="local", capabilities=frozenset({"write_files"}), budget_micros=1_000_000)
WRITER = AgentSpec(name="writer", tools=("write_file",), model="small")


def writes(path: str, text: str) -> Said:
    return calls(("write_file", {"path": path, "text": text}))


async def written(kernel: Kernel, run: Run | str) -> dict[str, str]:
    """Return what the files of a run hold at its head, by the log."""
    run_id = run if isinstance(run, str) else run.run_id
    head = (await kernel.store.run(run_id)).head.seq
    files = await Moments(kernel.store).files(run_id, head)
    return {
        path: (await kernel.store.blob(file.ref)).decode() if file.ref else ""
        for path, file in files.items()
    }


async def test_the_answer_and_the_files_of_a_fork_come_back_as_events(tmp_path: Path) -> None:
    model = Player(
        writes("a.txt", "one"),
        calls(("ask", {"question": "Go on?"})),
        writes("a.txt", "two"),
        writes("b.txt", "new"),
        finishes("rewritten"),
        finishes("thanks"),
    )
    async with crewed(model, *builtin_tools(Root(tmp_path)), tenants=[OURS]) as kernel:
        run = await started(kernel, WRITER)
        with pytest.raises(Exception, match="waits for a person"):
            await kernel.run_agent(run)
        at = (await of_kind(kernel, run, "artifact_written"))[0].seq + 1
        state = await kernel.fork(run, at, changes=ForkChanges(message="rewrite it"), run_id="f")
        assert state.pauses == {}
        fork = await kernel.load_run("f")
        with pytest.raises(ConflictError, match="once it has succeeded"):
            await kernel.merge(fork)
        await kernel.run_agent(fork)
        event = await kernel.merge(fork)
        assert event.kind == "fork_merged"
        assert await written(kernel, run) == {"a.txt": "two", "b.txt": "new"}
        merged = [e.payload for e in await of_kind(kernel, run, "artifact_written")][1:]
        assert all(isinstance(p, ArtifactWritten) and p.intent_seq is None for p in merged)
        with pytest.raises(ConflictError, match=f"merged already, as event #{event.seq}"):
            await kernel.merge("f")
        (pause,) = (await kernel.load_run(run.run_id)).state.pauses
        await kernel.resume(run, pause, answer="yes")
        assert (await kernel.run_agent(run)).answer == "thanks"
        heard = [m.text for m in model.asked[-1].messages]
        assert heard[-1] == "A fork of this run was merged into it. Its answer:\nrewritten"
        assert (await kernel.store.verify()).ok


async def test_a_fork_is_merged_into_a_run_that_is_over_and_changes_nothing_about_it() -> None:
    model = Player(finishes("one"), finishes("two"))
    async with crewed(model) as kernel:
        run = await started(kernel, AgentSpec(name="sailor"))
        await kernel.run_agent(run)
        with pytest.raises(InvalidError, match="is no fork"):
            await kernel.merge(run)
        await kernel.fork(run, 1, run_id="f")
        await kernel.run_agent(await kernel.load_run("f"))
        await kernel.merge("f")
        over = (await kernel.load_run(run.run_id)).state
        assert (over.status, over.messages) == ("succeeded", {})
        (merged,) = await of_kind(kernel, run, "fork_merged")
        assert merged.payload.merged == {"answer": "two", "files": []}  # type: ignore[union-attr]


# -- sub-agents


async def child_forked(kernel: Kernel, *run_ids: str) -> tuple[Run, list[int | None]]:
    """Let a lead delegate and end; fork its child, and return what each fork may spend."""
    run = await kernel.start_agent(LEAD, "read", tenant="local", budgets={"micros": 1_000})
    await kernel.run_agent(run)
    child = await child_of(kernel, run)
    spent = child.state.spend.total_micros
    limits = []
    for run_id in run_ids:
        state = await kernel.fork(child, child.state.head_seq, run_id=run_id)
        assert state.identity.parent_run_id == run.run_id
        limit = state.conditions.limit("micros").limit
        limits.append(None if limit is None else limit - spent)
    return run, limits


READING = (calls(("read", {}), cost=300), finishes("it says: sail"))


async def test_forks_of_a_sub_agent_share_what_is_left_of_its_allotment() -> None:
    tool = acting(World().acts, name="read", effect="read")
    async with crewed(led(*READING), tool) as kernel:  # type: ignore[arg-type]
        run, limits = await child_forked(kernel, "f", "g")
        left = run.state.budgets_left["micros"]
        assert 0 < left < 1_000
        assert limits == [left, 0]


async def test_a_fork_that_forgets_whose_money_it_is_spends_it_twice(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def forgets(*_given: object) -> None:
        return None

    monkeypatch.setattr(fork_at, "allotment", forgets)
    tool = acting(World().acts, name="read", effect="read")
    async with crewed(led(*READING), tool) as kernel:  # type: ignore[arg-type]
        run, limits = await child_forked(kernel, "f", "g")
        assert sum(limit or 0 for limit in limits) > run.state.budgets_left["micros"]


async def test_a_fork_of_a_sub_agent_whose_parent_is_at_work_begins_without_money() -> None:
    tool = acting(World().acts, name="read", effect="read")
    model = led(*READING, lead=calls(("ask", {"question": "?"}), when={"anywhere": "You lead."}))
    async with crewed(model, tool) as kernel:  # type: ignore[arg-type]
        run = await kernel.start_agent(LEAD, "read", tenant="local", budgets={"micros": 1_000})
        with pytest.raises(Exception, match="waits for a person"):
            await kernel.run_agent(run)
        child = await child_of(kernel, run)
        plan = await kernel.plan_fork(child, child.state.head_seq)
        assert (plan.left_micros, plan.budget_micros) == (0, child.state.spend.total_micros)
        await kernel.fork(child, child.state.head_seq, run_id="f")
        # Nobody's tool waits for it: it is driven as a run of its own.
        host = kernel.supervisor()
        row = (await kernel.store.projections("f")).fleet
        assert await host._lookout.wants_driver(row)
        assert not await host._lookout.wants_driver(row._replace(fork_of=None))
        await kernel.change_budget("f", limit=5_000, reason="look again")
        assert (await kernel.load_run("f")).state.budgets_left["micros"] > 0
