"""The fleet: order of need, adrift from leases, pages without gaps, filters."""

# ruff: noqa: PLR2004 - expected numbers are clearest where they are compared

from typing import Any

from quarterdeck_kernel.errors import RunNotFoundError
from quarterdeck_kernel.store.listing import FleetFilter
from quarterdeck_kernel.store.port import EventStore
from quarterdeck_kernel.testing.contract.stage import Contract, Stage, raises
from quarterdeck_kernel.testing.logs import Beside, LogBuilder, started
from quarterdeck_kernel.vocabulary.rows import FleetRow
from quarterdeck_kernel.vocabulary.words import Need, NeedRank

_STORED = [rank.name.lower() for rank in NeedRank if rank is not NeedRank.ADRIFT]


def _ids(rows: tuple[FleetRow, ...]) -> list[str]:
    return [row.run_id for row in rows]


async def _run(
    stage: Stage, run_id: str, need: str, *, tenant: str = "acme", **fleet: object
) -> LogBuilder:
    """Store a run that the fold would give this need, and these other fields of its fleet row."""
    return await stage.begun(run_id, tenant=tenant, beside=Beside(fleet={"need": need, **fleet}))


async def _all_pages(store: EventStore, where: FleetFilter | None, limit: int) -> list[FleetRow]:
    rows: list[FleetRow] = []
    page = await store.fleet(where, limit=limit)
    while True:
        assert len(page.rows) <= limit
        rows += page.rows
        if page.after is None:
            return rows
        assert page.rows, "a cursor goes with rows"
        page = await store.fleet(where, after=page.after, limit=limit)


class ListingContract(Contract):
    """`fleet` and `projections`."""

    async def test_a_row_comes_back_as_it_was_stored(self) -> None:
        """With every field of it, and as the last batch left it."""
        async with self.stage() as stage:
            fleet: dict[str, Any] = {
                "person": "ada",
                "model": "offline",
                "mode": "verify",
                "turn": 4,
                "tokens": 1200,
                "cost_micros": 900,
                "cost_unknown": True,
                "budget_micros": 5_000,
                "deadline_us": stage.clock.now_us() + 5,
                "waits_for": "child-1",
                "depth": 2,
                "parent_run_id": "mother",
                "read_only": "a newer version wrote here",
            }
            log = await _run(stage, "run-1", "held", **fleet)
            assert (await stage.store.fleet()).rows == (log.fleet,)
            stage.clock.advance(1_000)
            await stage.put(log, log.operate(beside=Beside(fleet={"need": "done", "turn": 5})))
            assert (await stage.store.fleet()).rows == (log.fleet,)
            assert (await stage.store.projections("run-1")).fleet == log.fleet

    async def test_runs_come_in_the_order_of_need(self) -> None:
        """By rank; within a rank by `sort_us`; the driven and the adrift by their leases."""
        async with self.stage() as stage:
            base_us = stage.clock.now_us()
            for n, need in enumerate(reversed(_STORED)):
                for late in (1, 0):
                    run_id = f"{need}-{late}"
                    log = await _run(stage, run_id, need, sort_us=base_us + 100 * late - n)
                    if need == "running":
                        await _run(stage, f"adrift-{late}", need, sort_us=base_us + 100 * late)
                        lease = await stage.store.claim(run_id)
                        keep = Beside(fleet={"sort_us": base_us + 100 * late})
                        await stage.put(log, log.drive(lease, started(), beside=keep))
            expected = [f"{rank.name.lower()}-{late}" for rank in NeedRank for late in (0, 1)]
            rows = (await stage.store.fleet()).rows
            assert _ids(rows) == expected
            assert [row.need for row in rows] == [run_id[:-2] for run_id in expected]
            for limit in (1, 2, 3, 7):
                paged = await _all_pages(stage.store, None, limit)
                assert [row.run_id for row in paged] == expected

    async def test_adrift_follows_from_the_lease(self) -> None:
        """Running without a live lease is adrift, and comes before what is held."""
        async with self.stage() as stage:
            await _run(stage, "held", "held")
            log = await _run(stage, "run-1", "running")

            async def shown() -> list[tuple[str, str]]:
                return [(row.run_id, row.need) for row in (await stage.store.fleet()).rows]

            adrift = [("run-1", "adrift"), ("held", "held")]
            running = [("held", "held"), ("run-1", "running")]
            assert await shown() == adrift
            lease = await stage.store.claim("run-1")
            assert await shown() == running
            row = next(r for r in (await stage.store.fleet()).rows if r.run_id == "run-1")
            assert row.rank == NeedRank.RUNNING
            stage.clock.advance(lease.deadline_us - stage.clock.boot_us() + 1)
            assert await shown() == adrift
            await stage.store.renew()
            assert await shown() == running
            await stage.store.release(lease)
            assert await shown() == adrift
            assert (await stage.store.projections("run-1")).fleet == log.fleet

    async def test_other_needs_do_not_ask_for_a_lease(self) -> None:
        """What waits, failed or is queued without a driver is not adrift."""
        async with self.stage() as stage:
            for need in _STORED:
                if need != "running":
                    await _run(stage, need, need)
            assert "adrift" not in {row.need for row in (await stage.store.fleet()).rows}

    async def test_pages_have_neither_gaps_nor_doubles(self) -> None:
        """Also among equals, and where the leases of half of them are live."""
        async with self.stage() as stage:
            needs = ("running", "held", "queued", "running", "failed")
            for n in range(40):
                await _run(stage, f"run-{n:02}", needs[n % 5], sort_us=n % 3)
                if n % 10 == 3:
                    await stage.store.claim(f"run-{n:02}")
            whole = _ids((await stage.store.fleet()).rows)
            assert len(set(whole)) == 40
            for limit in (1, 3, 8, 39, 40, 41):
                rows = await _all_pages(stage.store, None, limit)
                assert [row.run_id for row in rows] == whole, f"limit {limit}"

    async def test_a_page_goes_on_though_rows_moved(self) -> None:
        """Rows that stay in place are seen once, whatever moves before the cursor."""
        async with self.stage() as stage:
            logs = [await _run(stage, f"run-{n}", "held", sort_us=n) for n in range(6)]
            first = await stage.store.fleet(limit=3)
            assert _ids(first.rows) == ["run-0", "run-1", "run-2"]
            gone = Beside(fleet={"need": "done"})
            await stage.put(logs[0], logs[0].operate(beside=gone))
            await stage.put(logs[2], logs[2].operate(beside=gone))
            second = await stage.store.fleet(after=first.after, limit=3)
            assert _ids(second.rows) == ["run-3", "run-4", "run-5"]

    async def test_an_empty_workspace_has_an_empty_page(self) -> None:
        """No rows, no cursor."""
        async with self.stage() as stage:
            page = await stage.store.fleet()
            assert (page.rows, page.after) == ((), None)
            with raises(RunNotFoundError):
                await stage.store.projections("run-1")

    async def test_other_orders(self) -> None:
        """The newest first; the dearest first; both in pages."""
        async with self.stage() as stage:
            costs = (30, 10, 50, 10, 40)
            for n, cost_micros in enumerate(costs):
                stage.clock.advance(1_000)
                await _run(stage, f"run-{n}", "held", cost_micros=cost_micros)
            newest, cost = FleetFilter(order="newest"), FleetFilter(order="cost")
            expected = ["run-4", "run-3", "run-2", "run-1", "run-0"]
            for limit in (1, 2, 5):
                rows = await _all_pages(stage.store, newest, limit)
                assert [row.run_id for row in rows] == expected
                rows = await _all_pages(stage.store, cost, limit)
                assert [row.cost_micros for row in rows] == sorted(costs, reverse=True)
                assert len({row.run_id for row in rows}) == 5


class FilterContract(Contract):
    """The filters of `fleet`."""

    async def test_each_filter(self) -> None:
        """Needs, tenant, agent, person, parent, cost."""
        async with self.stage() as stage:
            await _run(stage, "a", "held", person="ada", cost_micros=5)
            await _run(stage, "b", "failed", agent="bosun", cost_micros=50)
            await _run(stage, "c", "queued", tenant="rival", person="ben")
            await _run(stage, "d", "done", parent_run_id="a", cost_micros=500)
            for where, expected in (
                (FleetFilter(needs=frozenset({"held", "done"})), ["a", "d"]),
                (FleetFilter(needs=frozenset({"cancelled"})), []),
                (FleetFilter(tenant="rival"), ["c"]),
                (FleetFilter(agent="bosun"), ["b"]),
                (FleetFilter(person="ada"), ["a"]),
                (FleetFilter(parent_run_id="a"), ["d"]),
                (FleetFilter(min_cost_micros=50), ["b", "d"]),
                (FleetFilter(min_cost_micros=51), ["d"]),
                (FleetFilter(tenant="acme", needs=frozenset({"failed", "queued"})), ["b"]),
                (FleetFilter(), ["a", "b", "c", "d"]),
            ):
                for limit in (1, 2, 200):
                    rows = await _all_pages(stage.store, where, limit)
                    assert sorted(row.run_id for row in rows) == expected, f"{where} by {limit}"

    async def test_text_is_looked_for(self) -> None:
        """In the objective, the agent and the id; case and wildcards mean nothing."""
        async with self.stage() as stage:
            await _run(stage, "run-1", "held", objective="Count the BARRELS")
            await _run(stage, "run-2", "held", objective="tip 100% of_it", agent="Barrel-man")
            await _run(stage, "barrel-3", "held", objective="Zähle die FÄSSER")
            for text, expected in (
                ("barrel", {"run-1", "run-2", "barrel-3"}),
                ("the barrels", {"run-1"}),
                ("RUN-", {"run-1", "run-2"}),
                ("100%", {"run-2"}),
                ("of_it", {"run-2"}),
                ("ofxit", set()),
                ("%", {"run-2"}),
                ("fässer", {"barrel-3"}),
                ("' OR 1=1 --", set()),
            ):
                page = await stage.store.fleet(FleetFilter(text=text))
                assert set(_ids(page.rows)) == expected, text

    async def test_adrift_can_be_asked_for(self) -> None:
        """Filters know adrift from running as the rows do."""
        async with self.stage() as stage:
            for n in range(6):
                await _run(stage, f"run-{n}", "running")
                if n % 2:
                    await stage.store.claim(f"run-{n}")
            await _run(stage, "held", "held")
            expectations: tuple[tuple[Need, list[str]], ...] = (
                ("adrift", ["run-0", "run-2", "run-4"]),
                ("running", ["run-1", "run-3", "run-5"]),
            )
            for need, expected in expectations:
                where = FleetFilter(needs=frozenset({need}))
                for limit in (1, 2, 200):
                    rows = await _all_pages(stage.store, where, limit)
                    assert sorted(row.run_id for row in rows) == expected
                    assert {row.need for row in rows} == {need}
