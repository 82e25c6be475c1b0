"""Events never change: triggers refuse it to everybody, an authorizer to ourselves."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from quarterdeck_kernel.testing.logs import ADA
from tests.kernel.store.sqlite_files import begun, opened, raw, small_log

EVENTS = [
    "pos",
    "run_no",
    "seq",
    "kind",
    "at_us",
    "header",
    "salt",
    "payload",
    "commitment",
    "hash",
    "link",
]
BLOBS = ["ref", "tenant", "digest", "salt", "content"]
ACTS = ["act_no", "act", "run_no", "run_id", "seq", "blob", "at_us", "actor", "reason"]
RUNS = ["run_no", "run_id", "tenant", "idempotency_key", "parent_no", "parent_seq"]
NUMBERS = frozenset({"pos", "run_no", "seq", "at_us", "act_no", "parent_no", "parent_seq"})
BYTES = frozenset({"salt", "commitment", "hash", "link", "digest", "content"})
TABLES = ("workspace", "runs", "events", "blobs", "acts")


def other(column: str) -> str:
    return "4711" if column in NUMBERS else "x'AA'" if column in BYTES else "'erase'"


def updates(table: str, columns: list[str]) -> Iterator[str]:
    for column in columns:
        for verb in ("UPDATE", "UPDATE OR REPLACE", "UPDATE OR IGNORE"):
            for value in (other(column), "NULL", column):
                yield f"{verb} {table} SET {column} = {value}"


INSERT_EVENT = (
    "INTO events (pos, run_no, seq, kind, at_us, header, hash, link)"
    " VALUES ({}, {}, {}, 'k', 1, '{{}}', x'AA', x'AA')"
)
REPLACED = (
    INSERT_EVENT.format(1, 9, 9),
    INSERT_EVENT.format(99, 1, 1),
    INSERT_EVENT.replace("(pos,", "(rowid,").format(1, 9, 9),
    "INTO blobs SELECT ref, tenant, x'00', x'AA', x'AA' FROM blobs",
    "INTO blobs (rowid, ref, tenant) VALUES (1, 'new', 'new')",
    "INTO acts SELECT act_no, act, run_no, run_id, seq, blob, at_us, 'nobody', '' FROM acts",
    "INTO runs (run_no, run_id, tenant, seq) VALUES (1, 'new', 'new', 0)",
    "INTO runs (run_id, tenant, seq) VALUES ('run-1', 'new', 0)",
    "INTO workspace VALUES (1, 'new')",
)
DELETES = tuple(f"DELETE FROM {table}" for table in TABLES)  # noqa: S608 - names of ours
CHANGES = (
    *updates("events", EVENTS),
    *updates("events", ["rowid"]),
    *updates("blobs", BLOBS),
    *updates("blobs", ["rowid"]),
    *updates("acts", ACTS),
    *updates("runs", RUNS),
    *updates("workspace", ["workspace_id"]),
    *DELETES,
    *(f"{verb} {row}" for row in REPLACED for verb in ("INSERT OR REPLACE", "REPLACE")),
    # The content of what is not erased, the erasure of what is, and half an erasure.
    "UPDATE events SET salt = NULL, payload = NULL, commitment = zeroblob(32) WHERE seq = 2",
    "UPDATE events SET commitment = zeroblob(32) WHERE payload IS NULL",
    "UPDATE events SET commitment = NULL WHERE payload IS NULL",
    "UPDATE events SET salt = x'AA', payload = '{}' WHERE payload IS NULL",
    "UPDATE blobs SET digest = NULL, salt = NULL, content = NULL",
)


def dump(db: sqlite3.Connection) -> list[list[tuple[object, ...]]]:
    return [db.execute(f"SELECT rowid, * FROM {table}").fetchall() for table in TABLES]  # noqa: S608 - names of ours


async def test_any_connection_is_refused_by_triggers(tmp_path: Path) -> None:
    """One that knows nothing of us: no authorizer, `recursive_triggers` off."""
    path = tmp_path / "quarterdeck.db"
    async with opened(path) as store:
        await small_log(store)
    with raw(path) as db:
        assert db.execute("PRAGMA recursive_triggers").fetchone() == (0,)
        before = dump(db)
        for sql in CHANGES:
            with pytest.raises(sqlite3.IntegrityError, match=r"never|stays|cannot|keeps|datatype"):
                db.execute(sql)
        assert dump(db) == before
    assert len(CHANGES) > 250
    async with opened(path) as store:
        assert (await store.verify()).ok


async def test_a_recorded_act_lets_its_own_event_through_once(tmp_path: Path) -> None:
    path = tmp_path / "quarterdeck.db"
    async with opened(path) as store:
        await small_log(store)
    erase = (
        "UPDATE events SET salt = NULL, payload = NULL, commitment = zeroblob(32){}"
        " WHERE run_no = 2 AND seq = {}"
    )
    with raw(path) as db:
        db.execute(
            "INSERT INTO acts (act, run_no, seq, at_us, actor, reason)"
            " VALUES ('erase', 2, 1, 0, 'somebody', '')"
        )
        for sql in (
            erase.format("", 2),
            erase.format(", kind = 'held'", 1),
            erase.format(", commitment = zeroblob(31)", 1),
            erase.replace("zeroblob(32)", "NULL").format("", 1),
            "UPDATE events SET payload = NULL WHERE run_no = 2 AND seq = 1",
            "UPDATE blobs SET digest = NULL, salt = NULL, content = NULL",
        ):
            with pytest.raises(sqlite3.IntegrityError):
                db.execute(sql)
        db.execute(erase.format("", 1))
        with pytest.raises(sqlite3.IntegrityError):
            db.execute(erase.format("", 1))


OUR_OWN = (
    *DELETES,
    *(f"INSERT {row}" for row in REPLACED if not row.startswith("INTO blobs")),
    *(f"INSERT OR REPLACE {row}" for row in REPLACED),
    *(f"UPDATE {table} SET rowid = rowid" for table in ("events", "runs", "blobs", "acts")),  # noqa: S608 - names of ours
    "UPDATE runs SET seq = 0",
    "UPDATE runs SET hash = NULL",
    "UPDATE runs SET epoch = 0, tenant = 'new'",
    "UPDATE events SET payload = NULL",
    "UPDATE workspace SET workspace_id = 'new'",
    *(f"DROP TABLE {table}" for table in (*TABLES, "inbox", "accounts")),
    "DROP TRIGGER events_are_not_updated",
    "DROP INDEX events_by_run",
    "ALTER TABLE events RENAME TO gone",
    "ALTER TABLE events DROP COLUMN link",
    "ALTER TABLE events ADD COLUMN more TEXT",
    "PRAGMA writable_schema = ON",
    "ATTACH ':memory:' AS elsewhere",
)


async def test_our_own_connection_is_refused_by_the_authorizer(tmp_path: Path) -> None:
    """Before a statement runs at all: what changes the log goes through the append path."""
    async with opened(tmp_path / "quarterdeck.db") as store:
        log = await begun(store)
        await store.put_blob("acme", b"content")
        await store.erase("run-1", 1, actor=ADA, reason="asked to")
        for sql in OUR_OWN:
            with pytest.raises(sqlite3.DatabaseError, match=r"not authorized|prohibited|never"):
                await store._parts.write_db.execute_fetchall(sql)
        await store.claim("run-1")
        await store.append(log.operate())
        assert (await store.verify()).ok


async def test_our_reading_connection_cannot_write(tmp_path: Path) -> None:
    async with opened(tmp_path / "quarterdeck.db") as store:
        await begun(store)
        for sql in ("DELETE FROM inbox", "UPDATE runs SET epoch = 7", "CREATE TABLE t (x)"):
            with pytest.raises(sqlite3.OperationalError, match="readonly"):
                await store._parts.read_db.execute_fetchall(sql)


async def test_the_path_itself_is_no_way_round(tmp_path: Path) -> None:
    """Erasing goes by the view that records the act with it."""
    path = tmp_path / "quarterdeck.db"
    async with opened(path) as store:
        await small_log(store)
        for _ in range(2):
            await store.erase("run-2", 2, actor=ADA, reason="asked to")
    with raw(path) as db:
        acts = db.execute("SELECT run_no, seq, reason FROM acts").fetchall()
        assert acts == [(1, 3, "asked to"), (2, 2, "asked to")]
