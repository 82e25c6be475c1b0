"""A contract that a broken adapter passes is worth nothing."""

from collections.abc import Sequence

import pytest

from quarterdeck_kernel.errors import StoreBusyError
from quarterdeck_kernel.store.arrival import Piece
from quarterdeck_kernel.store.sqlite import connection, taking_in
from quarterdeck_kernel.testing.contract import StoreContract
from tests.kernel.store.mutants import MUTANTS, InMemory, Mutant
from tests.kernel.store.test_contract_sqlite import TestSqliteRivals as Rivals

CASES = [(mutant, test) for mutant in MUTANTS for test in mutant.caught_by]
HARMLESS = "test_a_run_begins"


class Suite(InMemory, StoreContract):
    """The contract, run by name."""

    async def passes(self, test: str, mutant: Mutant | None = None) -> bool:
        self.store = mutant.store if mutant else InMemory.store
        try:
            await getattr(self, test)()
        except Exception:  # noqa: BLE001 - however a test fails, it has noticed
            return False
        return True


@pytest.mark.parametrize(("mutant", "test"), CASES, ids=lambda case: str(case).replace(" ", "-"))
async def test_the_contract_catches(mutant: Mutant, test: str) -> None:
    suite = Suite()
    assert await suite.passes(test), "the sound adapter fails already"
    with mutant.broken():
        assert await suite.passes(HARMLESS, mutant), "so broken that it proves nothing"
        assert not await suite.passes(test, mutant)


def test_the_mutants_asked_for_are_there() -> None:
    names = " ".join(mutant.name for mutant in MUTANTS)
    for word in ("epoch", "not the previous hash", "hash of the previous", "reorders"):
        assert word in names
    for word in ("neighbours", "must stand", "account guard"):
        assert word in names
    assert all(mutant.caught_by for mutant in MUTANTS)


async def test_the_contract_catches_a_lock_that_is_held_while_a_run_comes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    suite = Rivals()
    await suite.test_others_write_while_it_comes()
    gather = taking_in._TakingIn.gather

    async def locking(self: taking_in._TakingIn, page: Sequence[Piece]) -> None:
        await gather(self, page)
        if not self.db.in_transaction:
            await self.db.execute_fetchall("BEGIN IMMEDIATE")

    monkeypatch.setattr(taking_in._TakingIn, "gather", locking)
    monkeypatch.setattr(connection, "BUSY_MS", 20)
    with pytest.raises(StoreBusyError):
        await suite.test_others_write_while_it_comes()
