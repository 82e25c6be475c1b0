"""What stands beside the log: the inbox, conversations, steps, snapshots, blobs."""

# ruff: noqa: PLR2004 - expected numbers are clearest where they are compared

import asyncio

from quarterdeck_kernel.errors import BlobNotFoundError
from quarterdeck_kernel.store.snapshot import Snapshot
from quarterdeck_kernel.testing.contract.stage import Contract, raises
from quarterdeck_kernel.testing.logs import Beside, LogBuilder, ask
from quarterdeck_kernel.vocabulary.rows import ContextRow, InboxRow, StepRow


class InboxContract(Contract):
    """`inbox`, and the items of `projections`."""

    async def test_items_come_by_deadline_then_age(self) -> None:
        """The nearest deadline first, then the oldest; in pages without gaps or doubles."""
        async with self.stage() as stage:
            now_us = stage.clock.now_us()
            plan = (("b", None, 5), ("c", None, 7), ("a", 90, 9), ("d", 30, 8), ("e", 90, 1))
            for run_id, deadline_us, since_us in plan:
                log = stage.log(run_id)
                item = log.item(
                    deadline_us=None if deadline_us is None else now_us + deadline_us,
                    since_us=now_us + since_us,
                )
                await stage.put(log, log.create(beside=Beside(opened=(item,))))
            for limit in (1, 2, 5, 200):
                seen: list[str] = []
                after = None
                while True:
                    page = await stage.store.inbox(after=after, limit=limit)
                    seen += [row.run_id for row in page.rows]
                    after = page.after
                    if after is None:
                        break
                assert seen == ["d", "e", "a", "b", "c"], f"limit {limit}"

    async def test_items_of_one_run_at_one_time(self) -> None:
        """Several items opened at once are all listed, and closed one by one."""
        async with self.stage() as stage:
            log, lease = await stage.driven()
            items = tuple(log.item(f"pause-{n}", title=f"item {n}") for n in range(5))
            await stage.put(log, log.drive(lease, ask(), beside=Beside(opened=items)))
            rows: list[InboxRow] = []
            after = None
            for _ in range(3):
                page = await stage.store.inbox(after=after, limit=2)
                rows += page.rows
                after = page.after
            assert after is None
            assert sorted(rows, key=lambda row: row.item_id) == list(items)
            kept = (await stage.store.projections("run-1")).inbox_opened
            assert sorted(kept, key=lambda row: row.item_id) == list(items)
            await stage.put(log, log.operate(beside=Beside(closed=("pause-1", "pause-3"))))
            left = {row.item_id for row in (await stage.store.inbox()).rows}
            assert left == {"pause-0", "pause-2", "pause-4"}
            opened = (await stage.store.projections("run-1")).inbox_opened
            assert {row.item_id for row in opened} == left

    async def test_an_item_belongs_to_its_run_and_tenant(self) -> None:
        """The same item id in two runs is two items; a tenant sees its own."""
        async with self.stage() as stage:
            for run_id, tenant in (("run-1", "acme"), ("run-2", "rival")):
                log = stage.log(run_id, tenant=tenant)
                item = log.item("unknown:3")
                await stage.put(log, log.create(beside=Beside(opened=(item,))))
            assert len((await stage.store.inbox()).rows) == 2
            assert [r.run_id for r in (await stage.store.inbox(tenant="rival")).rows] == ["run-2"]
            assert (await stage.store.inbox(tenant="nobody")).rows == ()
            await stage.put(log, log.operate(beside=Beside(closed=("unknown:3",))))
            assert [r.run_id for r in (await stage.store.inbox()).rows] == ["run-1"]

    async def test_one_batch_closes_and_opens(self) -> None:
        """Closing what was never open is harmless."""
        async with self.stage() as stage:
            log, lease = await stage.driven()
            await stage.put(log, log.drive(lease, ask(), beside=Beside(opened=(log.item("old"),))))
            beside = Beside(opened=(log.item("new"),), closed=("old", "never"))
            await stage.put(log, log.drive(lease, ask(), beside=beside))
            assert [row.item_id for row in (await stage.store.inbox()).rows] == ["new"]


def _place(place: int, *, thread: int = 2, seq: int = 2, digest: str = "") -> ContextRow:
    return ContextRow(thread=thread, place=place, seq=seq, part=-1, digest=digest or f"d{place}")


class ContextContract(Contract):
    """`context` and `step`."""

    async def test_the_last_places_are_read_in_order(self) -> None:
        """The last `limit` before `before`, lowest first; threads do not mix."""
        async with self.stage() as stage:
            log, lease = await stage.driven()
            rows = tuple(_place(n) for n in range(10))
            other = tuple(_place(n, thread=5) for n in range(3))
            for some in (rows[:4], rows[4:], other):
                await stage.put(log, log.drive(lease, beside=Beside(context=some)))
            context = stage.store.context
            assert await context("run-1", 2) == list(rows)
            assert await context("run-1", 2, limit=3) == list(rows[7:])
            assert await context("run-1", 2, before=7, limit=3) == list(rows[4:7])
            assert await context("run-1", 2, before=2, limit=9) == list(rows[:2])
            assert await context("run-1", 2, before=0) == []
            assert await context("run-1", 5) == list(other)
            assert await context("run-1", 9) == []

    async def test_a_place_is_written_again(self) -> None:
        """A request that cuts its base shorter replaces what stood behind the cut."""
        async with self.stage() as stage:
            log, lease = await stage.driven()
            rows = tuple(_place(n) for n in range(3))
            await stage.put(log, log.drive(lease, beside=Beside(context=rows)))
            newer = _place(2, seq=4, digest="newer")
            await stage.put(log, log.drive(lease, beside=Beside(context=(newer,))))
            assert await stage.store.context("run-1", 2) == [*rows[:2], newer]

    async def test_a_step_is_found_where_it_was_last_asked_for(self) -> None:
        """First asked for, then completed, then asked for again."""
        async with self.stage() as stage:
            log, lease = await stage.driven()
            await stage.begun("run-2")
            assert await stage.store.step("run-1", "pay") is None
            for row in (
                StepRow(step_key="pay", requested_seq=3),
                StepRow(step_key="pay", requested_seq=3, completed_seq=4),
                StepRow(step_key="pay", requested_seq=5),
            ):
                await stage.put(log, log.drive(lease, beside=Beside(steps=(row,))))
                assert await stage.store.step("run-1", "pay") == row
            assert await stage.store.step("run-1", "pay", until=4) == StepRow("pay", 3, 4)
            assert await stage.store.step("run-1", "pay", until=3) == StepRow("pay", 3)
            assert await stage.store.step("run-1", "pay", until=2) is None
            assert await stage.store.step("run-1", "PAY") is None
            assert await stage.store.step("run-2", "pay") is None


def _snapshot(log: LogBuilder, seq: int, *, version: int = 1, state: str = "") -> Snapshot:
    head = log.at(seq)
    return Snapshot(
        run_id=log.run_id,
        seq=seq,
        hash=head.hash,
        fold_version=version,
        state=state or f'{{"{log.run_id}":{seq}}}',
    )


class SnapshotContract(Contract):
    """`put_snapshot` and `snapshot`."""

    async def test_the_newest_at_or_before_is_found(self) -> None:
        """Of several, the one that leaves the shortest tail."""
        async with self.stage() as stage:
            log, _ = await stage.driven(events=9)
            kept = [_snapshot(log, seq) for seq in (2, 4, 8)]
            for snapshot in kept:
                await stage.store.put_snapshot(snapshot)
            find = stage.store.snapshot
            assert await find("run-1", fold_version=1) == kept[2]
            assert await find("run-1", fold_version=1, until=8) == kept[2]
            assert await find("run-1", fold_version=1, until=7) == kept[1]
            assert await find("run-1", fold_version=1, until=3) == kept[0]
            assert await find("run-1", fold_version=1, until=1) is None

    async def test_another_fold_version_is_ignored(self) -> None:
        """A state that another version folded is no short cut for this one."""
        async with self.stage() as stage:
            log, _ = await stage.driven(events=9)
            old = _snapshot(log, 4, version=1)
            await stage.store.put_snapshot(old)
            await stage.store.put_snapshot(_snapshot(log, 6, version=2))
            assert await stage.store.snapshot("run-1", fold_version=1) == old
            assert await stage.store.snapshot("run-1", fold_version=3) is None

    async def test_one_for_an_event_that_does_not_stand_is_not_kept(self) -> None:
        """Another hash, a seq beyond the head, another run: nothing is kept, nothing raised."""
        async with self.stage() as stage:
            log, _ = await stage.driven(events=4)
            right = _snapshot(log, 3)
            for wrong in (
                Snapshot(run_id="run-1", seq=3, hash=b"\0" * 32, fold_version=1, state="{}"),
                Snapshot(run_id="run-1", seq=3, hash=log.at(2).hash, fold_version=1, state="{}"),
                Snapshot(run_id="run-1", seq=9, hash=right.hash, fold_version=1, state="{}"),
            ):
                await stage.store.put_snapshot(wrong)
                assert await stage.store.snapshot("run-1", fold_version=1) is None
            await stage.store.put_snapshot(right)
            assert await stage.store.snapshot("run-1", fold_version=1) == right

    async def test_one_kept_twice_is_the_last(self) -> None:
        """Keeping another state for the same event replaces it."""
        async with self.stage() as stage:
            log, _ = await stage.driven(events=4)
            for state in ('{"n":1}', '{"n":2}'):
                await stage.store.put_snapshot(_snapshot(log, 3, state=state))
            found = await stage.store.snapshot("run-1", fold_version=1)
            assert found is not None
            assert found.state == '{"n":2}'

    async def test_a_fork_uses_its_parents(self) -> None:
        """Those up to the event it branched from, and its own before them."""
        async with self.stage() as stage:
            parent, _ = await stage.driven("parent", events=8)
            fork = parent.fork("fork", 5)
            await stage.put(fork, fork.create())
            await stage.put(fork, fork.operate())
            for seq in (3, 7):
                await stage.store.put_snapshot(_snapshot(parent, seq))
            found = await stage.store.snapshot("fork", fold_version=1)
            assert found is not None
            assert (found.seq, found.hash) == (3, parent.at(3).hash)
            assert await stage.store.snapshot("fork", fold_version=1, until=2) is None
            own = _snapshot(fork, 7)
            await stage.store.put_snapshot(own)
            assert await stage.store.snapshot("fork", fold_version=1) == own
            older = await stage.store.snapshot("fork", fold_version=1, until=6)
            assert older is not None
            assert older.seq == 3


class BlobContract(Contract):
    """`put_blob` and `blob`."""

    async def test_content_comes_back(self) -> None:
        """Byte for byte, empty and large content too."""
        async with self.stage() as stage:
            for content in (b"", b"\0\xff" * 9, bytes(range(256)) * 4096):
                ref = await stage.store.put_blob("acme", content)
                assert await stage.store.blob(ref) == content

    async def test_equal_content_of_a_tenant_is_kept_once(self) -> None:
        """One reference a tenant; another tenant's says nothing about whether it has the same."""
        async with self.stage() as stage:
            put = stage.store.put_blob
            first = await put("acme", b"manifest")
            assert await put("acme", b"manifest") == first
            assert await put("acme", b"manifest 2") != first
            other = await put("rival", b"manifest")
            assert other != first
            assert await stage.store.blob(other) == b"manifest"

    async def test_equal_content_at_once(self) -> None:
        """Ten tasks that put the same content get one reference."""
        async with self.stage() as stage:
            refs = await asyncio.gather(*(stage.store.put_blob("acme", b"x") for _ in range(10)))
            assert len(set(refs)) == 1

    async def test_a_missing_blob_is_an_error(self) -> None:
        """Its own, so that what is shown in place of the content can say so."""
        async with self.stage() as stage:
            with raises(BlobNotFoundError):
                await stage.store.blob("0" * 64)
