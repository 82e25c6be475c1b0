"""A store on disk for every test of the engine."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from quarterdeck_kernel import EventStore
from quarterdeck_kernel.store.sqlite.store import SqliteStore
from tests.kernel.engine.model_stage import Stage


@pytest_asyncio.fixture
async def store(tmp_path: Path) -> AsyncIterator[EventStore]:
    opened = await SqliteStore.open(tmp_path / "workspace" / "quarterdeck.db")
    yield opened
    await opened.close()


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    """Return where model steps are played; the kernels opened on it are to be closed."""
    return Stage(tmp_path / "stage")
