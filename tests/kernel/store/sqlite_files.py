"""A SQLite store in a file, and what goes round it: raw connections that know nothing of us."""

import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing, contextmanager
from pathlib import Path
from typing import Any

from quarterdeck_kernel.store.lease import Lease
from quarterdeck_kernel.store.sqlite.store import SqliteStore
from quarterdeck_kernel.testing.logs import ADA, Beside, LogBuilder, say, started


@asynccontextmanager
async def opened(path: Path, **options: Any) -> AsyncIterator[SqliteStore]:  # noqa: ANN401 - as `SqliteStore.open` takes them
    store = await SqliteStore.open(path, **options)
    try:
        yield store
    finally:
        await store.close()


@contextmanager
def raw(path: Path) -> Iterator[sqlite3.Connection]:
    """A connection as any other program opens it, in autocommit."""
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        yield db


def drop_triggers(db: sqlite3.Connection) -> None:
    names = db.execute("SELECT name FROM sqlite_schema WHERE type = 'trigger'").fetchall()
    assert len(names) > 10
    for (name,) in names:
        db.execute(f"DROP TRIGGER {name}")


async def put(store: SqliteStore, log: LogBuilder, batch: Any) -> None:  # noqa: ANN401 - a batch of the log
    await store.append(batch)
    log.accept(batch)


async def begun(store: SqliteStore, run_id: str = "run-1", **options: Any) -> LogBuilder:  # noqa: ANN401 - as `LogBuilder` takes them
    log = LogBuilder(run_id, **options)
    await put(store, log, log.create())
    return log


async def driven(store: SqliteStore, run_id: str = "run-1") -> tuple[LogBuilder, Lease]:
    log = await begun(store, run_id)
    lease = await store.claim(run_id)
    await put(store, log, log.drive(lease, started()))
    return log, lease


async def small_log(store: SqliteStore) -> dict[str, LogBuilder]:
    """Two runs and a fork; an erased event, one whose content is a blob, and a blob of nobody."""
    log, lease = await driven(store, "run-1")
    other = await begun(store, "run-2", tenant="other")
    await put(store, log, log.operate(say("a secret", key="m1")))
    fork = log.fork("fork", 3)
    await put(store, fork, fork.create())
    ref = await store.put_blob("acme", b'{"text":"long"}')
    await put(store, fork, fork.operate(say("x", key="m2"), beside=Beside(blob=ref)))
    await put(store, log, log.drive(lease))
    await put(store, other, other.operate(say("y", key="m3")))
    await store.put_blob("acme", b"never named")
    await store.erase("run-1", 3, actor=ADA, reason="asked to")
    return {"run-1": log, "run-2": other, "fork": fork}
