"""SQL on a file of the root: reading and changing told apart by SQLite itself."""

import sqlite3
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quarterdeck_kernel import Tool
from quarterdeck_kernel.errors import (
    PermanentToolError,
    ReconciliationRequiredError,
    RunPausedError,
    TransientToolError,
)
from quarterdeck_kernel.tools.builtin import database
from quarterdeck_kernel.tools.builtin.root import Root
from quarterdeck_kernel.tools.builtin.sql import sql_tools
from tests.kernel.engine.deck import kernel_of, length, story
from tests.kernel.tools.builtin.engine import EVERYTHING, Asks
from tests.kernel.tools.builtin.hands import call, context, refusal


def rows(path: Path, sql: str = "SELECT name, paid FROM crew ORDER BY name") -> list[Any]:
    with sqlite3.connect(path) as db:
        found = db.execute(sql).fetchall()
    db.close()
    return found


@pytest.fixture(params=["delete", "wal"])
def file(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    path = tmp_path / "files" / "crew.db"
    path.parent.mkdir()
    with sqlite3.connect(path) as db:
        db.execute(f"PRAGMA journal_mode = {request.param}")
        db.execute("CREATE TABLE crew (name TEXT PRIMARY KEY, paid INTEGER) STRICT")
        db.executemany("INSERT INTO crew VALUES (?, ?)", [("ada", 1), ("ben", 0)])
    db.close()
    return path


def tools(file: Path, limit_s: float = 20.0) -> tuple[Tool, ...]:
    return sql_tools(Root(file.parent), limit_s=limit_s)


async def test_a_query_gives_columns_and_rows(file: Path) -> None:
    query, _ = tools(file)
    assert await call(
        query, path="crew.db", sql="SELECT * FROM crew WHERE paid = ?", values=[1]
    ) == {
        "columns": ["name", "paid"],
        "rows": [["ada", 1]],
    }
    told = await call(query, path="crew.db", sql="PRAGMA table_info(crew)")
    assert [row[1] for row in told["rows"]] == ["name", "paid"]


async def test_rows_and_values_are_bounded(file: Path) -> None:
    query, _ = tools(file)
    n = "WITH RECURSIVE n AS (VALUES (1) UNION ALL SELECT 1 FROM n LIMIT 5000) SELECT {} FROM n"
    told = await call(query, path="crew.db", sql=n.format("1"), limit=10)
    assert (len(told["rows"]), "cut" in told) == (10, True)
    told = await call(query, path="crew.db", sql=n.format("hex(zeroblob(900))"))
    assert len(str(told)) < 150_000
    told = await call(
        query, path="crew.db", sql="SELECT x'00ff', hex(zeroblob(5000)), 9e999, 1.5, NULL"
    )
    (row,) = told["rows"]
    assert row[0] == "(2 bytes)"
    assert row[1].endswith("… (10,000 characters)")
    assert row[2:] == ["inf", 1.5, None]
    assert "too big" in await refusal(query, path="crew.db", sql="SELECT zeroblob(1000000000)")


FORBIDDEN = [
    "ATTACH 'other.db' AS other",
    "VACUUM INTO 'copy.db'",
    "SELECT load_extension('x')",
    "PRAGMA writable_schema = ON",
    "PRAGMA journal_mode = MEMORY",
    "BEGIN",
    "COMMIT",
    "SAVEPOINT s",
    "CREATE VIRTUAL TABLE v USING fts5(x)",
    "CREATE TEMP TABLE t (x)",
    "DETACH main",
]
CHANGING = ["DELETE FROM crew", "UPDATE crew SET paid = 9", "DROP TABLE crew", "CREATE TABLE t (x)"]


@pytest.mark.parametrize("sql", [*FORBIDDEN, *CHANGING])
async def test_a_query_changes_nothing_at_all(file: Path, sql: str) -> None:
    query, _ = tools(file)
    assert await refusal(query, path="crew.db", sql=sql)
    assert rows(file) == [("ada", 1), ("ben", 0)]
    assert {path.name for path in file.parent.iterdir()} <= {
        "crew.db",
        "crew.db-wal",
        "crew.db-shm",
    }


@pytest.mark.parametrize("sql", FORBIDDEN)
async def test_a_change_stays_in_its_file_and_transaction(file: Path, sql: str) -> None:
    _, change = tools(file)
    statements = [{"sql": "UPDATE crew SET paid = 9"}, {"sql": sql}]
    assert await refusal(change, path="crew.db", statements=statements)
    assert rows(file) == [("ada", 1), ("ben", 0)]
    assert {path.name for path in file.parent.iterdir()} <= {
        "crew.db",
        "crew.db-wal",
        "crew.db-shm",
    }


async def test_without_the_authorizer_a_query_would_attach(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The mutant: everything is allowed, and only the open mode protects the file itself."""
    monkeypatch.setattr(database, "_restrict", lambda *_given: None)
    monkeypatch.setattr(sqlite3, "SQLITE_LIMIT_ATTACHED", sqlite3.SQLITE_LIMIT_TRIGGER_DEPTH)
    query, _ = tools(file)
    await call(query, path="crew.db", sql="ATTACH ':memory:' AS other")
    assert "can only be read" in await refusal(query, path="crew.db", sql="DELETE FROM crew")


async def test_statements_are_carried_out_all_or_none(file: Path) -> None:
    _, change = tools(file)
    good = [
        {"sql": "UPDATE crew SET paid = ? WHERE name = ?", "values": [1, "ben"]},
        {"sql": "INSERT INTO crew VALUES ('cyd', 0)"},
        {"sql": "CREATE TABLE log (x)"},
    ]
    assert await call(change, path="crew.db", statements=good) == {"rows_changed": [1, 1, 0]}
    assert rows(file) == [("ada", 1), ("ben", 1), ("cyd", 0)]
    bad = [{"sql": "DELETE FROM crew"}, {"sql": "INSERT INTO crew VALUES ('x', 'no number')"}]
    assert "cannot store TEXT" in await refusal(change, path="crew.db", statements=bad)
    assert len(rows(file)) == 3


@pytest.mark.parametrize(
    ("sql", "said"),
    [
        ("SELECT 1; SELECT 2", "one statement"),
        ("SELECT ?", "a value for each"),
        ("SELEC", "syntax error"),
        ("SELECT * FROM absent", "no such table"),
        ("SELECT '\0'", ""),
    ],
)
async def test_what_sqlite_refuses_is_told(file: Path, sql: str, said: str) -> None:
    query, _ = tools(file)
    assert said in await refusal(query, path="crew.db", sql=sql)


async def test_a_query_that_takes_for_ever_is_stopped(file: Path) -> None:
    query, _ = tools(file, limit_s=0.2)
    began = time.monotonic()
    sql = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"
    assert "more than 0.2 s" in await refusal(query, path="crew.db", sql=sql)
    assert time.monotonic() - began < 10


async def test_a_lock_of_somebody_else_may_pass(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "SQL_BUSY_S", 0.05)
    _, change = tools(file)
    with sqlite3.connect(file, isolation_level=None) as rival:
        rival.execute("BEGIN IMMEDIATE")
        with pytest.raises(TransientToolError, match="somebody else is writing"):
            await call(change, path="crew.db", statements=[{"sql": "DELETE FROM crew"}])
        rival.execute("ROLLBACK")
    rival.close()
    assert len(rows(file)) == 2


async def test_only_databases_of_the_root_are_opened(file: Path, tmp_path: Path) -> None:
    query, change = tools(file)
    (file.parent / "text").write_text("this is no database at all")
    (tmp_path / "outside.db").write_bytes(file.read_bytes())
    (file.parent / "link.db").symlink_to(tmp_path / "outside.db")
    (file.parent / "trap.db").write_bytes(file.read_bytes())
    (file.parent / "trap.db-journal").symlink_to(tmp_path / "elsewhere")
    for path, said in (
        ("text", "no SQLite database"),
        ("link.db", "symbolic link"),
        ("trap.db", "symbolic link"),
        ("none.db", "there is no"),
        ("../outside.db", "upwards"),
    ):
        assert said in await refusal(query, path=path, sql="SELECT 1")
        assert said in await refusal(change, path=path, statements=[{"sql": "SELECT 1"}])
    assert not (tmp_path / "elsewhere").exists()


async def test_a_database_that_is_swapped_while_it_is_opened_is_not_read(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = tmp_path / "secret.db"
    secret.write_bytes(file.read_bytes())
    real = database._connected

    def swapping(path: Path, **more: Any) -> sqlite3.Connection:  # noqa: ANN401
        path.unlink()
        path.symlink_to(secret)
        return real(path, **more)

    monkeypatch.setattr(database, "_connected", swapping)
    query, _ = tools(file)
    assert "symbolic link" in await refusal(query, path="crew.db", sql="SELECT * FROM crew")


@given(sql=st.text(st.sampled_from("SELECTFROMcrew *;'\"()-/\0\n?1"), min_size=1, max_size=30))
async def test_no_text_breaks_it(sql: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.getbasetemp() / "sql"
    folder.mkdir(exist_ok=True)
    (folder / "a.db").touch()
    query, _ = sql_tools(Root(folder))
    data = query.parse({"path": "a.db", "sql": sql})
    try:
        await query.call(context(), data)
    except PermanentToolError as error:
        assert str(error)  # noqa: PT017 - it may be refused, and if so with a sentence


async def test_a_change_is_approved_by_a_person_and_made_once(file: Path) -> None:
    asked = {"path": "crew.db", "statements": [{"sql": "UPDATE crew SET paid = paid + 1"}]}
    wiring: dict[str, Any] = {"tenants": [EVERYTHING], "guards": [Asks("change_sql")]}
    async with kernel_of(*tools(file), **wiring) as kernel:
        run = await kernel.start_run(agent="purser")
        with pytest.raises(RunPausedError) as paused:
            await kernel.step_tool(run=run, step_key="s", tool="change_sql", arguments=asked)
        await kernel.resume(run, paused.value.pause_id, decision="approved")
        for _ in range(2):
            await kernel.step_tool(run=run, step_key="s", tool="change_sql", arguments=asked)
        assert rows(file) == [("ada", 2), ("ben", 1)]
        before = await length(kernel, run)
        await kernel.step_tool(run=run, step_key="s", tool="change_sql", arguments=asked)
        assert await length(kernel, run) == before


async def test_a_commit_that_is_in_doubt_is_unknown(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_connection: sqlite3.Connection) -> None:
        raise RuntimeError("whether this was committed is not known")

    monkeypatch.setattr("quarterdeck_kernel.tools.builtin.sql.commit", broken)
    asked = {"path": "crew.db", "statements": [{"sql": "DELETE FROM crew"}]}
    async with kernel_of(*tools(file), tenants=[EVERYTHING]) as kernel:
        run = await kernel.start_run(agent="purser")
        with pytest.raises(ReconciliationRequiredError):
            await kernel.step_tool(run=run, step_key="s", tool="change_sql", arguments=asked)
        assert await story(kernel, run) == ["intent 1", "unknown_outcome"]
