"""Accounts: reserved with the intent, settled with the outcome, never over the limit."""

# ruff: noqa: PLR2004 - expected numbers are clearest where they are compared

import asyncio

from quarterdeck_kernel.errors import AccountChangedError, AccountRefusedError, QuarterdeckError
from quarterdeck_kernel.store.account import Account
from quarterdeck_kernel.store.batch import AccountMove
from quarterdeck_kernel.testing.contract.stage import Contract, raises
from quarterdeck_kernel.testing.logs import Beside, say


def _reserve(amount: int, account: str = "till", *, guarded: bool = True) -> Beside:
    return Beside(moves=(AccountMove(account=account, reserve=amount, guarded=guarded),))


class AccountContract(Contract):
    """`account`, `set_limit`, and the moves of a batch."""

    async def test_an_unused_account_is_empty(self) -> None:
        """It has version 0 and no limit."""
        async with self.stage() as stage:
            assert await stage.store.account("till") == Account(account="till")

    async def test_a_limit_is_set_by_version(self) -> None:
        """Whoever read an older version is refused, and changes nothing."""
        async with self.stage() as stage:
            store = stage.store
            first = await store.set_limit("till", 100, version=0, by="ada")
            assert (first.limit, first.limit_by, first.version) == (100, "ada", 1)
            assert await store.account("till") == first
            for stale in (0, 2, 7):
                with raises(AccountChangedError):
                    await store.set_limit("till", 5, version=stale)
            assert await store.account("till") == first
            second = await store.set_limit("till", None, version=1)
            assert (second.limit, second.limit_by, second.version) == (None, None, 2)

    async def test_of_five_limits_one_is_set(self) -> None:
        """All read the same version; one wins."""
        async with self.stage() as stage:
            results = await asyncio.gather(
                *(stage.store.set_limit("till", n, version=0) for n in range(5)),
                return_exceptions=True,
            )
            assert [isinstance(r, AccountChangedError) for r in results].count(True) == 4

    async def test_a_limit_of_an_unknown_version_is_refused(self) -> None:
        """An account that is not there yet has version 0 and no other."""
        async with self.stage() as stage:
            with raises(AccountChangedError):
                await stage.store.set_limit("till", 5, version=3)
            assert (await stage.store.account("till")).version == 0

    async def test_accounts_are_read_together(self) -> None:
        """One never used is empty among others."""
        async with self.stage() as stage:
            log = await stage.begun()
            await stage.put(log, log.operate(beside=_reserve(60)))
            found = await stage.store.accounts(("till", "never"))
            assert found == {
                "till": await stage.store.account("till"),
                "never": Account(account="never"),
            }
            assert await stage.store.accounts(()) == {}

    async def test_an_account_may_begin_with_what_was_spent_before(self) -> None:
        """Only where it is new: what is kept of it already stands."""
        async with self.stage() as stage:
            store = stage.store
            first = await store.set_limit("till", 100, version=0, spent=40)
            assert (first.spent, first.limit) == (40, 100)
            second = await store.set_limit("till", 90, version=1, spent=7)
            assert (second.spent, second.limit) == (40, 90)

    async def test_moves_are_added_up(self) -> None:
        """Reserve at the intent, settle at the outcome; each change raises the version."""
        async with self.stage() as stage:
            log = await stage.begun()
            await stage.put(log, log.operate(beside=_reserve(60)))
            held = await stage.store.account("till")
            assert (held.spent, held.reserved) == (0, 60)
            settle = Beside(moves=(AccountMove(account="till", reserve=-60, spend=55),))
            await stage.put(log, log.operate(beside=settle))
            settled = await stage.store.account("till")
            assert (settled.spent, settled.reserved) == (55, 0)
            assert 0 < held.version < settled.version
            with raises(AccountChangedError):
                await stage.store.set_limit("till", 5, version=held.version)
            kept = await stage.store.set_limit("till", 70, version=settled.version)
            assert (kept.spent, kept.reserved, kept.limit) == (55, 0, 70)

    async def test_the_guard_is_exact(self) -> None:
        """Spent + reserved + reserve may reach the limit and not pass it by one."""
        async with self.stage() as stage:
            log = await stage.begun()
            await stage.store.set_limit("till", 100, version=0)
            spend = Beside(moves=(AccountMove(account="till", reserve=20, spend=30),))
            await stage.put(log, log.operate(beside=spend))
            with raises(AccountRefusedError) as refused:
                await stage.store.append(log.operate(beside=_reserve(51)))
            assert refused.error.account == "till"
            await stage.put(log, log.operate(beside=_reserve(50)))
            with raises(AccountRefusedError):
                await stage.store.append(log.operate(beside=_reserve(1)))
            account = await stage.store.account("till")
            assert account.spent + account.reserved == 100
            assert await stage.stored("run-1") == log.records

    async def test_only_guarded_moves_are_refused(self) -> None:
        """What was really spent is recorded, limit or not; no limit refuses nothing."""
        async with self.stage() as stage:
            log = await stage.begun()
            await stage.store.set_limit("till", 10, version=0)
            over = Beside(moves=(AccountMove(account="till", spend=500),))
            await stage.put(log, log.operate(beside=over))
            assert (await stage.store.account("till")).spent == 500
            await stage.put(log, log.operate(beside=_reserve(10**12, "unbounded")))
            assert (await stage.store.account("unbounded")).reserved == 10**12

    async def test_moves_of_one_batch_count_together(self) -> None:
        """Two guarded moves that fit alone and not together are refused together."""
        async with self.stage() as stage:
            log = await stage.begun()
            await stage.store.set_limit("till", 100, version=0)
            move = AccountMove(account="till", reserve=60, guarded=True)
            with raises(AccountRefusedError):
                await stage.store.append(log.operate(beside=Beside(moves=(move, move))))
            assert (await stage.store.account("till")).reserved == 0

    async def test_one_full_account_refuses_the_batch(self) -> None:
        """Of a person's, a tenant's and a day's account each may refuse; none is charged then."""
        async with self.stage() as stage:
            log = await stage.begun()
            names = ("person", "tenant", "day")
            await stage.store.set_limit("tenant", 5, version=0)
            moves = tuple(AccountMove(account=n, reserve=6, guarded=True) for n in names)
            with raises(AccountRefusedError) as refused:
                await stage.store.append(log.operate(beside=Beside(moves=moves)))
            assert refused.error.account == "tenant"
            for name in names:
                assert (await stage.store.account(name)).reserved == 0

    async def test_a_batch_of_several_events_is_charged_once(self) -> None:
        """Moves belong to the batch, not to each of its events."""
        async with self.stage() as stage:
            log = await stage.begun()
            await stage.put(log, log.operate(say("1"), say("2"), say("3"), beside=_reserve(7)))
            assert (await stage.store.account("till")).reserved == 7

    async def test_amounts_beyond_all_bounds_are_refused(self) -> None:
        """With an error of the kernel's; the store goes on, and the sums stand."""
        async with self.stage() as stage:
            log = await stage.begun()
            most = Beside(moves=(AccountMove(account="till", spend=2**63 - 1),))
            await stage.put(log, log.operate(beside=most))
            for spend in (1, 2**63, 2**80):
                more = Beside(moves=(AccountMove(account="till", spend=spend),))
                with raises(QuarterdeckError):
                    await stage.store.append(log.operate(beside=more))
            assert (await stage.store.account("till")).spent == 2**63 - 1
            await stage.put(log, log.operate())

    async def test_parallel_reservations_do_not_overspend(self) -> None:
        """Of ten runs that reserve 30 of 100 at once, over two stores, three get it."""
        async with self.stage() as stage:
            stores = (stage.store, await stage.another())
            await stage.store.set_limit("till", 100, version=0)
            logs = [await stage.begun(f"run-{n}") for n in range(10)]
            results = await asyncio.gather(
                *(
                    stores[n % 2].append(log.operate(beside=_reserve(30)))
                    for n, log in enumerate(logs)
                ),
                return_exceptions=True,
            )
            refused = [result for result in results if isinstance(result, BaseException)]
            assert [type(error) for error in refused] == [AccountRefusedError] * 7, results
            assert (await stage.store.account("till")).reserved == 90
