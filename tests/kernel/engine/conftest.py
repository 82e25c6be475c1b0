"""A store on disk for every test of the engine."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio

from quarterdeck_kernel import EventStore
from quarterdeck_kernel.store.sqlite.store import SqliteStore


@pytest_asyncio.fixture
async def store(tmp_path: Path) -> AsyncIterator[EventStore]:
    opened = await SqliteStore.open(tmp_path / "workspace" / "quarterdeck.db")
    yield opened
    await opened.close()
