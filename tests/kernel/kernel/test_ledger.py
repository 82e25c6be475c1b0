"""The ledger: what was used, by whom and for what, without a look at the events."""

from decimal import Decimal
from pathlib import Path

import pytest

from quarterdeck_kernel import Kernel, rebuild, verify
from quarterdeck_kernel.engine.journal import Journal
from quarterdeck_kernel.errors import InvalidError
from quarterdeck_kernel.events.run_events import RunForked
from quarterdeck_kernel.store.sqlite.store import SqliteStore
from tests.kernel.engine.deck import ADA, BEN, World, acting, kernel_of
from tests.kernel.engine.model_stage import Provider, says

DAY_US = 86_400_000_000


async def used(kernel: Kernel) -> None:
    """Let Ada and Ben use tools and a model, over two days."""
    for actor, agent, tenant in ((ADA, "cook", "acme"), (BEN, "purser", "beta")):
        run = await kernel.start_run(agent=agent, actor=actor, tenant=tenant, run_id=f"of-{agent}")
        await kernel.step_model(run=run, step_key="ask", prompt="hi")
        for number in range(2):
            await kernel.step_tool(
                run=run, step_key=f"{number}", tool="pay", arguments={"amount": number}
            )
            kernel._clock.advance(DAY_US)  # type: ignore[attr-defined]
        await kernel.finish_run(run)


async def test_it_is_parted_as_one_likes() -> None:
    model = Provider(says("a"), says("b", cost_micros=None))
    async with kernel_of(acting(World().acts, cost_micros=5), model=model) as kernel:
        await used(kernel)
        (whole,) = await kernel.ledger()
        assert (whole.cost, whole.unknown_costs) == (Decimal("0.000027"), 1)
        assert (whole.model_calls, whole.tool_calls, whole.input_tokens) == (2, 4, 6)
        assert whole.tenant is None
        by_tenant = {entry.tenant: entry.cost for entry in await kernel.ledger("tenant")}
        assert by_tenant == {"acme": Decimal("0.000017"), "beta": Decimal("0.000010")}
        people = [(entry.person, entry.agent) for entry in await kernel.ledger("person", "agent")]
        assert people == [("ada", "cook"), ("ben", "purser")]
        names = [(entry.kind, entry.name) for entry in await kernel.ledger("name")]
        assert names == [("model", "scripted"), ("tool", "pay")]
        days = await kernel.ledger("day", tenant="acme")
        assert [entry.tool_calls for entry in days] == [1, 1]
        assert sum(entry.tool_calls for entry in await kernel.ledger("month")) == 4
        (later,) = await kernel.ledger(since=str(days[1].period), tenant="acme")
        assert (later.tool_calls, later.model_calls) == (1, 0)
        assert [e.run_id for e in await kernel.ledger("run")] == ["of-cook", "of-purser"]
        assert await kernel.ledger(run_id="nobody's") == ()
        with pytest.raises(InvalidError, match="colour"):
            await kernel.ledger("colour")  # type: ignore[arg-type]


async def test_what_a_fork_shares_is_counted_once() -> None:
    async with kernel_of(acting(World().acts, cost_micros=5), model=Provider()) as kernel:
        await used(kernel)
        state = (await kernel.load_run("of-cook", tenant="acme")).state
        forked = RunForked(
            parent_run_id="of-cook",
            parent_seq=state.head_seq,
            parent_hash=state.head_hash,
            changes=None,
        )
        await Journal.fork(kernel.store, forked, actor=BEN, run_id="fork", clock=kernel._clock)
        fork = await kernel.load_run("fork", tenant="acme")
        await kernel.step_tool(run=fork, step_key="new", tool="pay", arguments={"amount": 9})
        costs = {entry.run_id: entry.cost for entry in await kernel.ledger("run", tenant="acme")}
        assert costs == {"of-cook": Decimal("0.000017"), "fork": Decimal("0.000005")}
        (ben,) = await kernel.ledger("person", run_id="fork")
        assert ben.person == "ben"
        assert (await verify(kernel.store)).ok


async def test_a_row_that_was_changed_is_found_and_made_anew(tmp_path: Path) -> None:
    async with kernel_of(acting(World().acts), at=tmp_path, model=Provider()) as kernel:
        await used(kernel)
        before = await kernel.ledger("run", "day", "name")
        store = kernel.store
        assert isinstance(store, SqliteStore)
        await store.writer._db.execute("UPDATE ledger SET cost_micros = 0")
        verdict = await verify(store)
        assert verdict.fault is not None
        assert "(ledger)" in verdict.fault.message
        for run_id in ("of-cook", "of-purser"):
            await rebuild(store, run_id)
        assert (await verify(store)).ok
        assert await kernel.ledger("run", "day", "name") == before
