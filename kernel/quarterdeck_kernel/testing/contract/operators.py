"""People write without a lease, while what they answer stands."""

import asyncio

from quarterdeck_kernel.errors import AlreadySettledError, ConflictError, HeadMovedError
from quarterdeck_kernel.store.lease import Lease
from quarterdeck_kernel.testing.contract.stage import Contract, Stage, raises
from quarterdeck_kernel.testing.logs import ADA, BEN, Beside, LogBuilder, answer, ask, say, work

_CLOSES = Beside(closed=("pause-1",))


async def _waiting(stage: Stage) -> tuple[LogBuilder, Lease]:
    """Return a driven run that waits for an answer to `pause-1`."""
    log, lease = await stage.driven()
    await stage.put(log, log.drive(lease, ask(), beside=Beside(opened=(log.item(),))))
    return log, lease


class OperatorContract(Contract):
    """Batches under `Unleased`."""

    async def test_an_answer_is_accepted_while_its_item_stands(self) -> None:
        """With no lease, though a live driver has one; the item is gone with the answer."""
        async with self.stage() as stage:
            log, _ = await _waiting(stage)
            assert len((await stage.store.inbox()).rows) == 1
            batch = log.operate(answer(), say(), stands="pause-1", beside=_CLOSES)
            await stage.put(log, batch)
            assert await stage.stored("run-1") == log.records
            assert (await stage.store.inbox()).rows == ()

    async def test_an_answer_that_does_not_close_leaves_the_item(self) -> None:
        """The first of two people who must agree: the second can still answer."""
        async with self.stage() as stage:
            log, _ = await _waiting(stage)
            await stage.put(log, log.operate(answer(), stands="pause-1"))
            await stage.put(log, log.operate(answer(), stands="pause-1", actor=BEN, beside=_CLOSES))
            assert (await stage.store.inbox()).rows == ()

    async def test_an_answer_to_nothing_is_refused(self) -> None:
        """An item that never was, or that belongs to another run, does not stand."""
        async with self.stage() as stage:
            await _waiting(stage)
            other = await stage.begun("run-2")
            with raises(AlreadySettledError) as refused:
                await stage.store.append(other.operate(answer(), stands="pause-1"))
            assert refused.error.item_id == "pause-1"
            assert await stage.stored("run-2") == other.records

    async def test_a_settled_item_is_refused(self) -> None:
        """Whoever comes later is told, though the head is known; nothing is stored."""
        async with self.stage() as stage:
            log, _ = await _waiting(stage)
            await stage.put(log, log.operate(answer(), stands="pause-1", beside=_CLOSES))
            late = log.operate(say(), answer(), stands="pause-1", actor=BEN)
            with raises(AlreadySettledError) as refused:
                await stage.store.append(late)
            assert refused.error.item_id == "pause-1"
            assert await stage.stored("run-1") == log.records

    async def test_of_two_people_one_wins(self) -> None:
        """Of two answers at once one is stored; the other is told, at the latest when it folds."""
        async with self.stage() as stage:
            log, _ = await _waiting(stage)
            stores = (stage.store, await stage.another())
            batches = [
                log.operate(answer(), stands="pause-1", actor=actor, beside=_CLOSES)
                for actor in (ADA, BEN)
            ]
            results = await asyncio.gather(
                *(store.append(batch) for store, batch in zip(stores, batches, strict=True)),
                return_exceptions=True,
            )
            lost = [result for result in results if isinstance(result, BaseException)]
            assert len(lost) == 1, results
            assert isinstance(lost[0], AlreadySettledError | HeadMovedError), repr(lost[0])
            log.accept(batches[1 - results.index(lost[0])])
            assert await stage.stored("run-1") == log.records
            with raises(AlreadySettledError):
                await stage.store.append(log.operate(answer(), stands="pause-1", actor=BEN))

    async def test_a_driver_behind_a_person_learns_it(self) -> None:
        """The driver's next append meets a moved head, keeps its lease, and goes on behind it."""
        async with self.stage() as stage:
            log, lease = await stage.driven()
            mine = log.drive(lease, work(2))
            await stage.put(log, log.operate(say("hold your fire")))
            with raises(HeadMovedError):
                await stage.store.append(mine)
            await stage.put(log, log.drive(lease, work(2)))
            assert await stage.stored("run-1") == log.records

    async def test_a_person_with_a_stale_view_is_refused(self) -> None:
        """Also where the answer names nothing: what was decided was decided on another log."""
        async with self.stage() as stage:
            log, lease = await stage.driven()
            late = log.operate()
            await stage.put(log, log.drive(lease))
            with raises(HeadMovedError):
                await stage.store.append(late)

    async def test_an_item_closed_and_opened_again_stands(self) -> None:
        """What counts is the item, not its history."""
        async with self.stage() as stage:
            log, lease = await _waiting(stage)
            await stage.put(log, log.operate(answer(), stands="pause-1", beside=_CLOSES))
            with raises(ConflictError):
                await stage.store.append(log.operate(answer(), stands="pause-1"))
            await stage.put(log, log.drive(lease, ask(), beside=Beside(opened=(log.item(),))))
            await stage.put(log, log.operate(answer(), stands="pause-1", beside=_CLOSES))
            assert (await stage.store.inbox()).rows == ()
