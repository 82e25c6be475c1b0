"""What no row can hold and no listing gave: refused with an error of ours, never the driver's."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from quarterdeck_kernel.errors import InvalidError
from quarterdeck_kernel.store.listing import FleetFilter
from quarterdeck_kernel.store.sqlite.store import SqliteStore
from tests.kernel.store.sqlite_files import opened, small_log

NO_UTF8 = "run-\udc80"
TOO_LARGE = 2**64


@pytest_asyncio.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqliteStore]:
    async with opened(tmp_path / "quarterdeck.db") as store:
        await small_log(store)
        yield store


async def test_a_name_that_is_no_utf8_is_refused(store: SqliteStore) -> None:
    for call in (
        store.run(NO_UTF8),
        store.read(NO_UTF8),
        store.claim(NO_UTF8),
        store.blob(NO_UTF8),
        store.fleet(FleetFilter(text=NO_UTF8)),
    ):
        with pytest.raises(InvalidError, match="cannot be asked"):
            await call


async def test_a_number_that_fits_no_column_is_refused(store: SqliteStore) -> None:
    for call in (
        store.read_workspace(after=TOO_LARGE),
        store.heads(limit=-TOO_LARGE),
        store.fleet(after=f"[0, 0, 0, {TOO_LARGE}]"),
    ):
        with pytest.raises(InvalidError, match="cannot be asked"):
            await call


@pytest.mark.parametrize(
    "cursor", ["x", "{}", "[]", "[0, 0, 0]", '["0", 0, 0, 0]', "[0, 0, 0, {}]", "[" * 100_000]
)
async def test_a_cursor_of_nobody_is_refused(store: SqliteStore, cursor: str) -> None:
    for call in (store.fleet(after=cursor), store.inbox(after=cursor)):
        with pytest.raises(InvalidError, match="not a cursor"):
            await call
