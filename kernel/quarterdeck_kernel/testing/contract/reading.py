"""Reading the log: pages of a run, of the workspace, the heads and the chain over them."""

# ruff: noqa: PLR2004 - expected numbers are clearest where they are compared

import asyncio

from quarterdeck_kernel.events.envelope import open_record
from quarterdeck_kernel.store.run_info import Checkpoint
from quarterdeck_kernel.testing.contract.stage import Contract
from quarterdeck_kernel.testing.logs import say, work


class ReadContract(Contract):
    """`read`, `read_workspace`, `heads`, `checkpoint`."""

    async def test_a_page_is_cut_from_the_log(self) -> None:
        """After < seq <= until, from either end, at most `limit`."""
        async with self.stage() as stage:
            log, _ = await stage.driven(events=9)
            read, records = stage.store.read, log.records
            assert await read("run-1", after=3) == records[3:]
            assert await read("run-1", until=3) == records[:3]
            assert await read("run-1", after=2, until=5) == records[2:5]
            assert await read("run-1", limit=4) == records[:4]
            assert await read("run-1", after=8, limit=4) == records[8:]
            assert await read("run-1", backwards=True, limit=2) == records[:-3:-1]
            assert await read("run-1", backwards=True, until=5, limit=2) == [records[4], records[3]]
            assert await read("run-1", backwards=True, until=5, after=3) == [records[4], records[3]]

    async def test_pages_outside_the_log_are_empty(self) -> None:
        """Behind the head, and between a bound and itself, there is nothing."""
        async with self.stage() as stage:
            log, _ = await stage.driven(events=3)
            read = stage.store.read
            assert await read("run-1", after=3) == []
            assert await read("run-1", after=99) == []
            assert await read("run-1", after=2, until=2) == []
            assert await read("run-1", after=2, until=1) == []
            assert await read("run-1", until=99) == log.records
            assert await read("run-1", until=99, backwards=True) == log.records[::-1]

    async def test_kinds_are_filtered(self) -> None:
        """Only events of the kinds asked for count towards the limit."""
        async with self.stage() as stage:
            log, lease = await stage.driven(events=3)
            for n in range(5):
                await stage.put(log, log.operate(say(key=f"m{n}")))
                await stage.put(log, log.drive(lease, work(n)))
            said = [record for record in log.records if record.kind == "operator_message"]
            read = stage.store.read
            assert await read("run-1", kinds={"operator_message"}) == said
            assert await read("run-1", kinds=["operator_message"], limit=2) == said[:2]
            down = await read("run-1", kinds=("operator_message",), limit=2, backwards=True)
            assert down == said[:-3:-1]
            assert await read("run-1", kinds={"operator_message"}, after=4, until=6) == [
                record for record in said if 4 < record.seq <= 6
            ]
            assert await read("run-1", kinds={"held"}) == []
            assert await read("run-1", kinds=()) == []

    async def test_facts_are_read_without_payloads(self) -> None:
        """Without payloads salt and payload are left out, and all else is the same."""
        async with self.stage() as stage:
            log = await stage.begun()
            await stage.put(log, log.operate(say("a secret", key="m1")))
            for backwards in (False, True):
                read = await stage.store.read("run-1", payloads=False, backwards=backwards)
                bare = [record._replace(salt=None, payload=None) for record in log.records]
                assert read == (bare[::-1] if backwards else bare)
            event = open_record(read[0], facts_only=True)
            assert event.kind == "operator_message"
            assert event.hash == log.records[1].hash.hex()

    async def test_the_workspace_is_read_in_the_order_of_commits(self) -> None:
        """Positions rise; a page resumes behind the last; the order of each run is kept."""
        async with self.stage() as stage:
            logs = [await stage.begun(f"run-{n}") for n in range(4)]
            for log in logs:
                log_batch = log.operate(say("1"), say("2"))
                await stage.put(log, log_batch)
            batches = [log.accept(log.operate(say("3"), say("4"))) for log in logs]
            await asyncio.gather(*(stage.store.append(batch) for batch in batches))
            events = await stage.store.read_workspace()
            positions = [position for position, _ in events]
            assert positions == sorted(set(positions))
            assert min(positions) > 0
            assert len(events) == 4 * 5
            for log in logs:
                assert [r for _, r in events if r.run_id == log.run_id] == log.records
            paged, after = [], 0
            while page := await stage.store.read_workspace(after=after, limit=3):
                assert len(page) <= 3
                paged += page
                after = page[-1][0]
            assert paged == events
            assert (await stage.store.checkpoint()).position == positions[-1]

    async def test_heads_are_paged_by_id(self) -> None:
        """Every run's head is listed once, in the order of ids."""
        async with self.stage() as stage:
            logs = [await stage.begun(f"run-{n}") for n in (3, 1, 4, 0, 2)]
            await stage.put(logs[0], logs[0].operate())
            expected = [log.head for log in sorted(logs, key=lambda log: log.run_id)]
            assert await stage.store.heads() == expected
            assert await stage.store.heads(limit=2) == expected[:2]
            assert await stage.store.heads(after="run-1", limit=2) == expected[2:4]
            assert await stage.store.heads(after="run-4") == []

    async def test_a_checkpoint_stands_for_every_head(self) -> None:
        """It stays the same while nothing is appended, and changes with every event."""
        async with self.stage() as stage:
            empty = await stage.store.checkpoint()
            assert empty.position == 0
            log = await stage.begun()
            seen = [empty]
            for _ in range(3):
                await stage.put(log, log.operate())
                seen.append(await stage.store.checkpoint())
                assert await stage.store.checkpoint() == seen[-1]
            assert len({link.link for link in seen}) == len(seen)
            assert len({link.workspace_id for link in seen}) == 1
            assert [link.position for link in seen] == sorted({link.position for link in seen})
            assert Checkpoint.parse(str(seen[-1])) == seen[-1]
