"""What somebody may do to a database behind our back: `verify` names the first event it hit."""

import json
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from quarterdeck_kernel.errors import StoreCorruptError, StoreRewoundError
from quarterdeck_kernel.events.record import commitment_of, hash_of
from quarterdeck_kernel.store.chain_check import chain_link
from quarterdeck_kernel.store.run_info import Checkpoint
from quarterdeck_kernel.store.sqlite.store import SqliteStore
from quarterdeck_kernel.store.verdict import Fault
from quarterdeck_kernel.testing.logs import LogBuilder
from tests.kernel.store.sqlite_files import begun, drop_triggers, opened, put, raw, small_log

Tamper = Callable[[sqlite3.Connection], object]


async def make(folder: Path) -> Path:
    path = folder / "quarterdeck.db"
    async with opened(path) as store:
        await small_log(store)
    return path


def tamper(path: Path, how: Tamper) -> None:
    with raw(path) as db:
        drop_triggers(db)
        how(db)


def drop(db: sqlite3.Connection, run_no: int, seq: int) -> None:
    db.execute("DELETE FROM events WHERE run_no = ? AND seq = ?", (run_no, seq))


def swap(db: sqlite3.Connection) -> None:
    """Let #3 and #4 of run-1 stand in each other's place, numbers and all."""
    places = db.execute(
        "SELECT pos, seq FROM events WHERE run_no = 1 AND seq IN (3, 4) ORDER BY seq"
    ).fetchall()
    (low, _), (high, _) = places
    for new, old in ((-1, low), (low, high), (high, -1)):
        db.execute("UPDATE events SET pos = ? WHERE pos = ?", (new, old))
    db.execute("UPDATE events SET seq = 7 - seq WHERE run_no = 1 AND seq IN (3, 4)")


def forge(
    db: sqlite3.Connection,
    run_no: int,
    seq: int,
    *,
    header: str | None = None,
    payload: str = "{}",
) -> None:
    """Put a new event behind all others, its own hash and link in order."""
    run_id, tenant = db.execute(
        "SELECT run_id, tenant FROM runs WHERE run_no = ?", (run_no,)
    ).fetchone() or ("ghost", "acme")
    before = db.execute(
        "SELECT hash FROM events WHERE run_no = ? ORDER BY seq DESC", (run_no,)
    ).fetchone()
    if header is None:
        facts = {"kind": "operator_message", "key": "forged"}
        words = {"run_id": run_id, "tenant": tenant, "seq": seq, "at_us": 1, "facts": facts}
        prev = {"prev": before[0].hex()} if before else {}
        header = json.dumps(words | prev)
    salt = bytes(16)
    digest = hash_of(header, commitment_of(salt, payload.encode()))
    pos, link = db.execute("SELECT pos, link FROM events ORDER BY pos DESC").fetchone()
    db.execute(
        "INSERT INTO events (pos, run_no, seq, kind, at_us, header, salt, payload, hash, link)"
        " VALUES (?, ?, ?, 'operator_message', 1, ?, ?, ?, ?, ?)",
        (
            *(pos + 1, run_no, seq, header, salt, payload),
            *(digest, chain_link(link, pos + 1, digest)),
        ),
    )
    db.execute("UPDATE runs SET seq = ?, hash = ? WHERE run_no = ?", (seq, digest, run_no))


def fix_head(db: sqlite3.Connection, run_no: int) -> None:
    db.execute(
        "UPDATE runs SET (seq, hash) = (SELECT seq, hash FROM events AS e"
        " WHERE e.run_no = runs.run_no ORDER BY seq DESC LIMIT 1) WHERE run_no = ?",
        (run_no,),
    )


def drop_and_fix(db: sqlite3.Connection) -> None:
    drop(db, 1, 4)
    fix_head(db, 1)


# Positions: run-1 holds 1, 2, 4 and 7; run-2 3 and 8; the fork 5 and 6.
CASES: dict[str, tuple[Tamper, str, str | None, int | None]] = {
    "an event in the middle is gone": (lambda db: drop(db, 1, 2), "missing", "run-1", 2),
    "the first event is gone": (lambda db: drop(db, 2, 1), "missing", "run-2", 1),
    "the first of a fork is gone": (lambda db: drop(db, 3, 4), "missing", "fork", 4),
    "the branching point is gone": (lambda db: drop(db, 1, 3), "changed", "fork", 4),
    "the newest is gone": (lambda db: drop(db, 2, 2), "truncated", "run-2", 2),
    "the newest of a run is gone, its head mended": (drop_and_fix, "missing", "run-2", 2),
    "two are swapped": (swap, "changed", "run-1", 4),
    "one too many of a number": (lambda db: forge(db, 1, 2), "inserted", "run-1", 2),
    "a forged one that leaves a gap": (lambda db: forge(db, 1, 9), "missing", "run-1", 5),
    "one of no run": (lambda db: forge(db, 99, 1), "changed", "ghost", 1),
    "a header that is no JSON": (
        lambda db: forge(db, 1, 5, header="forged"),
        *("changed", "run-1", 5),
    ),
    "a header that is no object": (
        lambda db: forge(db, 1, 5, header="[]"),
        *("changed", "run-1", 5),
    ),
    "a header nested too deeply": (
        lambda db: forge(db, 1, 5, header="[" * 99_999),
        *("changed", "run-1", 5),
    ),
    "a header without facts": (
        lambda db: forge(db, 1, 5, header='{"run_id":"run-1","seq":5}'),
        *("changed", "run-1", 5),
    ),
    "a reference to a blob that is none": (
        lambda db: forge(db, 1, 5, payload='{"$blob":"'),
        *("changed", "run-1", 5),
    ),
    "its first run is gone": (
        lambda db: db.execute("DELETE FROM runs WHERE run_no = 1"),
        *("changed", "run-1", 1),
    ),
    "all runs are gone": (lambda db: db.execute("DELETE FROM runs"), "changed", "run-1", 1),
    "all events are gone": (lambda db: db.execute("DELETE FROM events"), "truncated", "run-1", 1),
    "a whole run is gone": (
        lambda db: (
            db.execute("DELETE FROM events WHERE run_no = 2"),
            db.execute("DELETE FROM runs WHERE run_no = 2"),
        ),
        *("missing", "run-1", 3),
    ),
    "content is gone without an act": (
        lambda db: db.execute(
            "UPDATE events SET commitment = ?, salt = NULL, payload = NULL WHERE pos = 3",
            (bytes(32),),
        ),
        *("changed", "run-2", 1),
    ),
    "content is gone, its commitment right, without an act": (
        lambda db: take_out(db, 3),
        *("changed", "run-2", 1),
    ),
    "a blob is gone": (lambda db: db.execute("DELETE FROM blobs"), "blob_missing", "fork", 5),
    "a blob is emptied under the act of another event": (
        lambda db: db.executescript(
            "INSERT INTO acts (act, run_no, seq, blob, at_us, actor, reason)"
            " SELECT 'erase', 1, 3, ref, 1, '{}', '' FROM blobs;"
            "UPDATE blobs SET digest = NULL, salt = NULL, content = NULL"
        ),
        *("blob_changed", "fork", 5),
    ),
    "a blob is emptied without an act": (
        lambda db: db.execute("UPDATE blobs SET digest = NULL, salt = NULL, content = NULL"),
        *("blob_changed", "fork", 5),
    ),
    "the acts are gone": (lambda db: db.execute("DELETE FROM acts"), "changed", "run-1", 3),
    "a parent of its own": (
        lambda db: db.execute("UPDATE runs SET parent_no = run_no WHERE run_no = 3"),
        *("changed", "fork", 4),
    ),
}


def take_out(db: sqlite3.Connection, pos: int) -> None:
    salt, payload = db.execute("SELECT salt, payload FROM events WHERE pos = ?", (pos,)).fetchone()
    db.execute(
        "UPDATE events SET commitment = ?, salt = NULL, payload = NULL WHERE pos = ?",
        (commitment_of(salt, payload.encode()), pos),
    )


@pytest.mark.parametrize("name", CASES)
async def test_the_first_bad_event_is_named(tmp_path: Path, name: str) -> None:
    how, kind, run_id, seq = CASES[name]
    path = await make(tmp_path)
    tamper(path, how)
    async with opened(path, accept_rewound=True) as store:
        verdict = await store.verify()
        assert verdict.fault is not None
        assert (verdict.fault.kind, verdict.fault.run_id, verdict.fault.seq) == (kind, run_id, seq)
        assert str(seq) in verdict.fault.message


async def test_a_run_alone_is_checked_as_well(tmp_path: Path) -> None:
    path = await make(tmp_path)

    def how(db: sqlite3.Connection) -> None:
        drop(db, 2, 1)
        db.execute("UPDATE blobs SET content = x'00' WHERE CAST(content AS TEXT) LIKE '%long%'")

    tamper(path, how)
    async with opened(path) as store:
        assert (await store.verify("run-1")).ok
        missing = (await store.verify("run-2")).fault
        assert missing is not None
        assert (missing.kind, missing.seq) == ("missing", 1)
        changed = (await store.verify("fork")).fault
        assert changed is not None
        assert (changed.kind, changed.seq) == ("blob_changed", 5)


async def test_ancestors_that_go_round_end_nowhere(tmp_path: Path) -> None:
    """Neither reading nor verifying may follow a damaged file for ever."""
    path = await make(tmp_path)
    tamper(path, lambda db: db.execute("UPDATE runs SET parent_no = 3 WHERE run_no IN (1, 3)"))
    async with opened(path) as store:
        assert (await store.verify("fork")).fault is not None
        assert [record.seq for record in await store.read("fork")] == [4, 5]


async def test_a_workspace_without_its_id(tmp_path: Path) -> None:
    path = await make(tmp_path)
    tamper(path, lambda db: db.execute("DELETE FROM workspace"))
    with pytest.raises(StoreCorruptError):
        await SqliteStore.open(path)


async def test_a_text_that_is_none_is_damage(tmp_path: Path) -> None:
    path = await make(tmp_path)
    tamper(path, lambda db: db.execute("UPDATE events SET header = CAST(x'FF' AS TEXT)"))
    async with opened(path) as store:
        with pytest.raises(StoreCorruptError, match="verify"):
            await store.read("run-1")


# -- what only a note kept elsewhere can tell


async def rewound(path: Path, against: list[Checkpoint]) -> Fault:
    """The fault of a database that is consistent in itself; open it on purpose to see it."""
    with pytest.raises(StoreRewoundError, match="older copy"):
        await SqliteStore.open(path)
    async with opened(path, accept_rewound=True) as store:
        assert (await store.verify()).ok, "the sidecar was to be brought up to date"
        fault = (await store.verify(against=against)).fault
        assert fault is not None
        return fault


async def kept(path: Path) -> Checkpoint:
    async with opened(path) as store:
        return await store.checkpoint()


async def test_a_tail_cut_off_cleanly(tmp_path: Path) -> None:
    path = await make(tmp_path)
    before = await kept(path)

    def how(db: sqlite3.Connection) -> None:
        drop(db, 2, 2)
        fix_head(db, 2)

    tamper(path, how)
    fault = await rewound(path, [before])
    assert (fault.kind, str(before.position) in fault.message) == ("rewound", True)


def rewrite(db: sqlite3.Connection) -> Checkpoint:
    """Change what run-2 said last, and bring everything that hangs on it in order."""
    drop(db, 2, 2)
    forge(db, 2, 2, payload='{"text":"never said"}')
    workspace_id, pos, link = db.execute(
        "SELECT workspace_id, pos, link FROM workspace, events ORDER BY pos DESC LIMIT 1"
    ).fetchone()
    return Checkpoint(workspace_id=workspace_id, position=pos, link=link.hex())


async def test_a_history_written_anew(tmp_path: Path) -> None:
    path = await make(tmp_path)
    before = await kept(path)
    tamper(path, rewrite)
    fault = await rewound(path, [before])
    assert fault.kind == "rewound"


async def test_a_history_written_anew_with_its_sidecar(tmp_path: Path) -> None:
    """The forger mended the sidecar too: only what is kept elsewhere tells, at the same position
    as the sidecar, alone or among others that agree.
    """
    path = await make(tmp_path)
    before = await kept(path)
    forged: list[Checkpoint] = []
    tamper(path, lambda db: forged.append(rewrite(db)))
    assert forged[0].position == before.position
    (tmp_path / "quarterdeck.db.head").write_text(f"{forged[0]}\n", encoding="utf-8")
    async with opened(path) as store:
        assert (await store.verify()).ok
        for against in ([before], [before, forged[0]], [forged[0], before]):
            fault = (await store.verify(against=against)).fault
            assert fault is not None
            assert fault.kind == "rewound"


async def test_an_old_copy_put_back(tmp_path: Path) -> None:
    path = await make(tmp_path)
    shutil.copy(path, tmp_path / "old.db")
    async with opened(path) as store:
        await begun(store, "run-9")
        before = await store.checkpoint()
    shutil.copy(tmp_path / "old.db", path)
    fault = await rewound(path, [before])
    assert fault.kind == "rewound"
    async with opened(path) as store:
        await begun(store, "run-9")
        assert (await store.verify()).ok


async def test_another_workspace_in_its_place(tmp_path: Path) -> None:
    path = await make(tmp_path)
    before = await kept(path)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir(mode=0o700)
    shutil.copy(await make(elsewhere), path)
    assert (await rewound(path, [before])).kind == "rewound"


@pytest.mark.parametrize("checkpointed", [True, False])
async def test_a_copy_without_its_log(tmp_path: Path, *, checkpointed: bool) -> None:
    path = tmp_path / "a" / "quarterdeck.db"
    copy = tmp_path / "b" / "quarterdeck.db"
    copy.parent.mkdir(mode=0o700)
    async with opened(path) as store:
        log = await begun(store)
        assert store._upkeep is not None
        if checkpointed:
            await store._upkeep.flush_log("TRUNCATE")
        await put(store, log, log.operate())
        await store._upkeep.remember()
        for name in ("quarterdeck.db", "quarterdeck.db.head"):
            shutil.copy(path.with_name(name), copy.with_name(name))
    with pytest.raises(StoreRewoundError, match="-wal"):
        await SqliteStore.open(copy)


async def test_a_log_may_be_verified_while_it_grows(tmp_path: Path) -> None:
    """What is appended meanwhile, new runs and all, is no fault."""
    async with opened(tmp_path / "quarterdeck.db") as store:
        logs = [await begun(store, f"run-{n}") for n in range(3)]
        real, grown = store.reader.fetch, 0

        async def fetch(name: str, **values: object) -> list[tuple[object, ...]]:
            nonlocal grown
            rows = await real(name, **values)
            if name in {"verify_runs", "verify_events", "verify_run_events"}:
                grown += 1
                logs.append(LogBuilder(f"late-{grown}"))
                await put(store, logs[-1], logs[-1].create())
                await put(store, logs[0], logs[0].operate())
            return rows

        store.reader.fetch = fetch  # type: ignore[method-assign]
        assert (await store.verify()).ok
        assert (await store.verify("run-0")).ok
        assert grown >= 4
