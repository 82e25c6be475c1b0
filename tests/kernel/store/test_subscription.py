"""Following events: from any position, across stores, nothing twice and nothing left out."""

import asyncio
from pathlib import Path

from quarterdeck_kernel.store.sqlite.store import SqliteStore
from quarterdeck_kernel.store.subscription import subscribe
from quarterdeck_kernel.testing.fake_clock import FakeClock
from quarterdeck_kernel.testing.logs import LogBuilder


async def followed(
    store: SqliteStore, count: int, run_id: str | None = None, after: int = 0
) -> list[tuple[int, str, int]]:
    seen: list[tuple[int, str, int]] = []
    async for number, record in subscribe(store, run_id=run_id, after=after):
        seen.append((number, record.run_id, record.seq))
        if len(seen) == count:
            break
    return seen


async def test_the_workspace_is_followed_across_stores(tmp_path: Path) -> None:
    path = tmp_path / "workspace" / "quarterdeck.db"
    here, there = await SqliteStore.open(path), await SqliteStore.open(path)
    logs = [LogBuilder(name, clock=FakeClock()) for name in ("one", "two")]
    follower = asyncio.create_task(followed(here, 20))
    for _ in range(10):
        for log, store in zip(logs, (here, there), strict=True):
            batch = log.operate() if log.head else log.create()
            await store.append(batch)
            log.accept(batch)
    seen = await asyncio.wait_for(follower, 30)
    assert [number for number, _, _ in seen] == list(range(1, 21))
    assert [seq for _, run_id, seq in seen if run_id == "two"] == list(range(1, 11))
    assert await followed(here, 5, after=15) == seen[15:]
    await there.close()
    await here.close()


async def test_a_run_is_followed_by_its_own_numbers(tmp_path: Path) -> None:
    store = await SqliteStore.open(tmp_path / "workspace" / "quarterdeck.db")
    log, other = LogBuilder("run", clock=FakeClock()), LogBuilder("other", clock=FakeClock())
    for one in (log, other):
        await store.append(one.accept(one.create()))
    follower = asyncio.create_task(followed(store, 4, run_id="run", after=1))
    for _ in range(4):
        for one in (other, log):
            await store.append(one.accept(one.operate()))
    assert await asyncio.wait_for(follower, 30) == [(seq, "run", seq) for seq in (2, 3, 4, 5)]
    await store.close()
