"""What a contract test stands on: a store in a fresh folder, a clock, and logs to put in.

Every test is complete in itself (`await SomeContract().test_...()` runs it), so that a suite can
be run against a broken adapter as easily as under pytest.
"""

import asyncio
import itertools
from collections.abc import AsyncIterator, Coroutine, Generator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Generic, TypeVar, cast

from quarterdeck_kernel.errors import HeadMovedError
from quarterdeck_kernel.events.payload import Payload
from quarterdeck_kernel.events.record import Record
from quarterdeck_kernel.store.batch import Batch, Head, Unleased
from quarterdeck_kernel.store.lease import Lease
from quarterdeck_kernel.store.port import EventStore
from quarterdeck_kernel.testing.fake_clock import FakeClock
from quarterdeck_kernel.testing.logs import ADA, NOTHING, Beside, LogBuilder, started

PATIENCE_S = 60
"""No test of a sound adapter takes a tenth of it; it turns a hang into a failure."""

T = TypeVar("T")
E = TypeVar("E", bound=BaseException)


class Raised(Generic[E]):
    """The error that a block raised as it should."""

    error: E


@contextmanager
def raises(*expected: type[E]) -> Iterator[Raised[E]]:
    """Fail unless the block raises one of the expected errors."""
    raised: Raised[E] = Raised()
    try:
        yield raised
    except expected as error:
        raised.error = error
        return
    names = " or ".join(kind.__name__ for kind in expected)
    raise AssertionError(f"{names} was expected, and nothing was raised")


class CancelledAtAwait(Generic[T]):
    """Runs a coroutine and cancels its task when it waits for the `nth` time, counted from 0."""

    def __init__(self, work: Coroutine[Any, Any, T], nth: int) -> None:
        """Choose the moment. `reached` tells afterwards whether it came."""
        self._work = work
        self._nth = nth
        self.reached = False

    def __await__(self) -> Generator[object, None, T]:
        """Drive the coroutine step by step, as `yield from` would."""
        steps = self._work.__await__()
        step = partial(steps.send, None)
        for place in itertools.count():
            try:
                waited_for = step()
            except StopIteration as stop:
                return cast("T", stop.value)
            if place == self._nth:
                self.reached = True
                task = asyncio.current_task()
                assert task is not None
                task.cancel()
            try:
                yield waited_for
            except BaseException as error:  # noqa: BLE001 - handed on, into the coroutine
                step = partial(steps.throw, error)
            else:
                step = partial(steps.send, None)
        raise AssertionError("unreachable")


class Stage:
    """One test's folder, clock and stores."""

    def __init__(self, contract: "Contract", folder: Path, stack: AsyncExitStack) -> None:
        """Begin with nothing open."""
        self.folder = folder
        self.clock = FakeClock()
        self.store: EventStore
        self._contract = contract
        self._stack = stack

    async def another(self) -> EventStore:
        """Return a further handle on the same data; it is closed with the stage."""
        if not self._contract.shared:
            return self.store
        return await self.opened(self._contract.open_store(self.folder, self.clock))

    async def opened(self, opening: Coroutine[Any, Any, EventStore]) -> EventStore:
        """Return a store that was just opened, and close it with the stage."""
        store = await opening
        self._stack.push_async_callback(store.close)
        return store

    def log(
        self, run_id: str = "run-1", *, tenant: str = "acme", agent: str = "purser"
    ) -> LogBuilder:
        """Return the builder of a new log on this stage's clock."""
        return LogBuilder(run_id, tenant=tenant, agent=agent, clock=self.clock)

    async def put(self, log: LogBuilder, batch: Batch, *, by: EventStore | None = None) -> None:
        """Append a batch and move its log on behind it."""
        await (by or self.store).append(batch)
        log.accept(batch)

    async def begun(
        self, run_id: str = "run-1", *, tenant: str = "acme", beside: Beside = NOTHING
    ) -> LogBuilder:
        """Return the log of a run that has its first event in the store."""
        log = self.log(run_id, tenant=tenant)
        await self.put(log, log.create(beside=beside))
        return log

    async def driven(self, run_id: str = "run-1", *, events: int = 2) -> tuple[LogBuilder, Lease]:
        """Return the log of a run that this store drives, `events` long."""
        log = await self.begun(run_id)
        lease = await self.store.claim(run_id)
        if events > 1:
            await self.put(log, log.drive(lease, started()))
        for _ in range(events - 2):
            await self.put(log, log.drive(lease))
        return log, lease

    async def stored(self, run_id: str) -> list[Record]:
        """Return all events of a run."""
        return await self.store.read(run_id)


class Contract:
    """The base of all contract classes. A subclass says how a store is opened."""

    shared = True
    """Whether two stores opened in one folder see the same data."""

    async def open_store(self, folder: Path, clock: FakeClock) -> EventStore:
        """Open the store of a folder, or make it there if there is none."""
        raise NotImplementedError

    async def open_backup(self, file: Path, clock: FakeClock) -> EventStore:
        """Open the file that `EventStore.backup` wrote."""
        raise NotImplementedError

    @asynccontextmanager
    async def stage(self) -> AsyncIterator[Stage]:
        """Set up what a test stands on, and clear it away."""
        with TemporaryDirectory(prefix="quarterdeck-") as name:
            async with asyncio.timeout(PATIENCE_S), AsyncExitStack() as stack:
                stage = Stage(self, Path(name), stack)
                stage.store = await stage.opened(self.open_store(stage.folder, stage.clock))
                yield stage


async def head_of(store: EventStore, run_id: str) -> Head:
    """Return where a run's log ends."""
    return (await store.run(run_id)).head


async def write_until_stored(store: EventStore, log: LogBuilder, payload: Payload) -> int:
    """Append one operator's event, on whatever head there is; return its seq."""
    while True:
        head = await head_of(store, log.run_id)
        batch = log.batch(Unleased(), (payload,), actor=ADA, on=head)
        try:
            await store.append(batch)
        except HeadMovedError:
            continue
        return batch.head.seq
