"""Races that once were lost: a holder that renews while it is buried, looks that fail, the end."""

import asyncio
from pathlib import Path

import pytest

from quarterdeck_kernel.errors import (
    LeaseHeldError,
    StoreBusyError,
    StoreClosedError,
    StoreDiskError,
)
from quarterdeck_kernel.store.sqlite.store import SqliteStore
from quarterdeck_kernel.testing.fake_clock import FakeClock
from quarterdeck_kernel.testing.logs import ADA, Beside, LogBuilder
from quarterdeck_kernel.vocabulary.limits import INLINE_PAYLOAD_BYTES
from tests.kernel.store.sqlite_files import opened


async def test_a_holder_that_renews_meanwhile_is_not_expired(tmp_path: Path) -> None:
    clock = FakeClock()
    path = tmp_path / "workspace" / "quarterdeck.db"
    first = await SqliteStore.open(path, clock=clock)
    second = await SqliteStore.open(path, clock=clock)
    log = LogBuilder("run", clock=clock)
    await first.append(log.create())
    await first.claim("run")
    expires_us = (await second.reader.fetch("lease", run_id="run"))[0][-1]
    clock.advance(1)
    await first.renew()
    holder = (await first.lease("run")).holder
    await second.writer.execute("expire_holder", holder=holder, seen_us=expires_us)
    assert (await second.lease("run")).live
    with pytest.raises(LeaseHeldError):
        await second.claim("run")
    await second.close()
    await first.close()


async def test_news_survive_a_look_that_failed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = FakeClock()
    path = tmp_path / "workspace" / "quarterdeck.db"
    here = await SqliteStore.open(path, clock=clock)
    there = await SqliteStore.open(path, clock=clock)
    log = LogBuilder("run", clock=clock)
    looks, looked = 0, asyncio.Event()
    sound = here._news._data_version
    assert sound is not None

    async def failing_first() -> int:
        nonlocal looks
        looks += 1
        if looks == 1:
            looked.set()
            raise StoreBusyError("once")
        return await sound()

    monkeypatch.setattr(here._news, "_data_version", failing_first)
    waiter = asyncio.create_task(here.wait(after=0, timeout_s=30))
    await looked.wait()
    await there.append(log.create())
    assert await waiter == 1
    await there.close()
    await here.close()


async def test_equal_content_of_another_event_stays(tmp_path: Path) -> None:
    """One blob serves both; it goes with the last event that names it."""
    store = await SqliteStore.open(tmp_path / "workspace" / "quarterdeck.db")
    content = b'{"text":"' + b"x" * INLINE_PAYLOAD_BYTES + b'"}'
    ref = await store.put_blob("acme", content)
    runs = [LogBuilder(name, clock=FakeClock(), tenant="acme") for name in ("one", "two")]
    for log in runs:
        await store.append(log.create(beside=Beside(blob=ref)))
    await store.erase("one", 1, actor=ADA, reason="asked for")
    assert await store.blob(ref) == content
    assert (await store.verify()).ok
    await store.erase("two", 1, actor=ADA, reason="asked for")
    assert (await store.verify()).ok
    assert b"x" * 99 not in (tmp_path / "workspace" / "quarterdeck.db").read_bytes()
    await store.close()


async def test_who_waits_on_a_disk_that_fails_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = 0

    async def failing_data_version() -> int:
        message = "the disk is gone"
        raise StoreDiskError(message)

    async def failing_later() -> int:
        nonlocal looks
        looks += 1
        return 0 if looks == 1 else await failing_data_version()

    async with opened(tmp_path / "quarterdeck.db") as store:
        monkeypatch.setattr(store._news, "_data_version", failing_data_version)
        with pytest.raises(StoreDiskError):
            await asyncio.wait_for(store._news.wait(failing_later, after=0, timeout_s=None), 30)


async def test_a_claim_after_the_end_leaves_no_lock_file(tmp_path: Path) -> None:
    async with opened(tmp_path / "quarterdeck.db") as store:
        pass
    before = sorted(path.name for path in (tmp_path / "locks").iterdir())
    with pytest.raises(StoreClosedError):
        await store.claim("run-1")
    assert sorted(path.name for path in (tmp_path / "locks").iterdir()) == before
