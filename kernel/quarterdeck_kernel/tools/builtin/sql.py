"""The tools that query and change a SQLite file inside the root."""

import math
import sqlite3
from collections.abc import Sequence
from typing import Annotated

from pydantic import Field, JsonValue
from pydantic.dataclasses import dataclass

from quarterdeck_kernel.errors import PermanentToolError
from quarterdeck_kernel.tools.builtin.bounds import (
    ROWS,
    ROWS_CHARS,
    SQL_BUSY_S,
    SQL_S,
    STATEMENTS,
    VALUE_CHARS,
)
from quarterdeck_kernel.tools.builtin.database import commit, database
from quarterdeck_kernel.tools.builtin.root import Root
from quarterdeck_kernel.tools.tool import Tool
from quarterdeck_kernel.tools.tool_of import tool_of

Value = str | int | float | bool | None
_SLACK_S = 10.0
_USUAL_ROWS = 200


@dataclass(frozen=True, kw_only=True)
class Statement:
    """One SQL statement, with a value for each of its question marks."""

    sql: Annotated[str, Field(min_length=1)]
    values: list[Value] | None = None


def sql_tools(root: Root, *, limit_s: float = SQL_S) -> tuple[Tool, ...]:
    """Return the tools."""

    def query_sql(
        path: str,
        sql: Annotated[str, Field(min_length=1)],
        values: list[Value] | None = None,
        limit: Annotated[int, Field(ge=1, le=ROWS)] = _USUAL_ROWS,
    ) -> dict[str, JsonValue]:
        """Query a SQLite file. Nothing is changed: a statement that would is refused.

        Args:
            path: the database, from the root on
            sql: one SELECT, or PRAGMA table_info(...) and the like
            values: a value for each ? in it
            limit: the most rows to return
        """
        with database(root, path, writing=False, limit_s=limit_s) as connection:
            cursor = _executed(connection, Statement(sql=sql, values=values))
            columns: list[JsonValue] = [column[0] for column in cursor.description or ()]
            rows: list[JsonValue] = []
            told: dict[str, JsonValue] = {"columns": columns, "rows": rows}
            room = ROWS_CHARS
            for row in cursor:
                plain = [_plain(value) for value in row]
                room -= sum(len(str(value)) for value in plain)
                if len(rows) == limit or room < 0:
                    told["cut"] = "there are more rows; ask for fewer, or for narrower ones"
                    break
                rows.append([*plain])
            return told

    def change_sql(
        path: str,
        statements: Annotated[list[Statement], Field(min_length=1, max_length=STATEMENTS)],
    ) -> dict[str, JsonValue]:
        """Change a SQLite file: all statements in one transaction, or none of them.

        Args:
            path: the database, from the root on; it must be there
            statements: what to do, in order; without BEGIN and COMMIT
        """
        with database(root, path, writing=True, limit_s=limit_s) as connection:
            changed: list[JsonValue] = []
            for statement in statements:
                cursor = _executed(connection, statement)
                cursor.fetchall()
                changed.append(max(cursor.rowcount, 0))
            commit(connection)
        return {"rows_changed": changed}

    timeout_s = limit_s + SQL_BUSY_S + _SLACK_S
    return (
        tool_of(query_sql, effect="read", capability="query_sql", version="1", timeout_s=timeout_s),
        tool_of(
            change_sql,
            effect="once",
            capability="change_sql",
            risk="high",
            version="1",
            timeout_s=timeout_s,
            preview=_shown,
        ),
    )


def _shown(path: str, statements: Sequence[Statement]) -> dict[str, JsonValue]:
    """Show what would run."""
    return {
        "path": path,
        "statements": [
            {"sql": one.sql, "values": [*one.values] if one.values else []} for one in statements
        ],
    }


def _executed(connection: sqlite3.Connection, statement: Statement) -> sqlite3.Cursor:
    try:
        return connection.execute(statement.sql, statement.values or ())
    except (sqlite3.ProgrammingError, sqlite3.Warning) as error:
        # More than one statement, or other values than it has question marks.
        raise PermanentToolError(f"{error}; give one statement, and a value for each ?") from error
    except (OverflowError, ValueError, UnicodeError) as error:
        raise PermanentToolError(f"SQLite does not take that: {error}") from error


def _plain(value: object) -> str | int | float | None:
    """Return a value of a row as it is told, in bounded length."""
    if isinstance(value, bytes):
        return f"({len(value):,} bytes)"
    if isinstance(value, str) and len(value) > VALUE_CHARS:
        return f"{value[:VALUE_CHARS]}… ({len(value):,} characters)"
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    assert value is None or isinstance(value, str | int | float), "SQLite has no other types"
    return value
