"""The SQLite adapter keeps the contract, on disk and in memory."""

from collections import Counter
from pathlib import Path

from quarterdeck_kernel.store.port import EventStore
from quarterdeck_kernel.store.sqlite.store import SqliteStore
from quarterdeck_kernel.testing.contract import Contract, RivalStoreContract, StoreContract
from quarterdeck_kernel.testing.fake_clock import FakeClock


class OnDisk(Contract):
    async def open_store(self, folder: Path, clock: FakeClock) -> EventStore:
        return await SqliteStore.open(folder / "quarterdeck.db", clock=clock)

    async def open_backup(self, file: Path, clock: FakeClock) -> EventStore:
        return await SqliteStore.open(file, clock=clock, create=False)


class TestSqliteOnDisk(OnDisk, StoreContract):
    """One store at a time."""


class TestSqliteRivals(OnDisk, RivalStoreContract):
    """Several stores on one file."""


class TestSqliteInMemory(OnDisk, StoreContract):
    """A database of its own for each store."""

    shared = False

    async def open_store(self, folder: Path, clock: FakeClock) -> EventStore:  # noqa: ARG002 - no file
        return await SqliteStore.open(":memory:", clock=clock)


def test_no_part_of_the_contract_hides_another() -> None:
    """A test of the same name in two parts would silently run once."""
    for whole in (StoreContract, RivalStoreContract):
        parts = [part for part in whole.__mro__ if part not in {whole, Contract, object}]
        names = Counter(name for part in parts for name in vars(part) if name.startswith("test_"))
        assert names
        assert {name for name, times in names.items() if times > 1} == set()
