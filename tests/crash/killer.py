"""A process that appends as fast as it can, killed at any moment, and what must hold afterwards.

Every batch leaves traces everywhere a batch may: events, the fleet's row, an inbox row that takes
the place of the one before, a step, an account. So what is stored can be told from the head alone,
and a batch that was stored by halves would show.
"""

import asyncio
import random
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path

from quarterdeck_kernel.errors import RunNotFoundError
from quarterdeck_kernel.store.batch import AccountMove, Batch
from quarterdeck_kernel.store.lease import Lease
from quarterdeck_kernel.store.sqlite.store import SqliteStore
from quarterdeck_kernel.testing.logs import Beside, LogBuilder, work
from quarterdeck_kernel.vocabulary.rows import ContextRow, StepRow
from tests.crash.processes import Child
from tests.kernel.store.sqlite_files import opened, put

RUNS = ("run-a", "run-b", "run-c", "run-d")
ACCOUNT = "tenant:acme/events"
CONTENT = b"kept as a blob " * 40

Ack = tuple[str, int, bytes]


def full_batch(log: LogBuilder, lease: Lease, events: int) -> Batch:
    """Return a batch of some events that moves everything a batch can move."""
    before = log.head.seq if log.head else 0
    last = before + events
    beside = Beside(
        opened=(log.item(f"item-{last}"),),
        closed=tuple(log.items) or (f"item-{before}",),
        context=(ContextRow(thread=1, place=last, seq=last, part=-1, digest="d"),),
        steps=(StepRow(step_key=f"step-{last}", requested_seq=last),),
        moves=(AccountMove(account=ACCOUNT, spend=events),),
    )
    return log.drive(lease, *[work(before + n) for n in range(events)], beside=beside)


async def taken_up(store: SqliteStore, run_id: str) -> LogBuilder:
    """Return the log of a run where it ends now; begin it if it is not there yet."""
    log = LogBuilder(run_id)
    try:
        log.head = (await store.run(run_id)).head
    except RunNotFoundError:
        move = AccountMove(account=ACCOUNT, spend=1)
        beside = Beside(opened=(log.item("item-1"),), moves=(move,))
        await put(store, log, log.create(beside=beside))
    else:
        log.fleet = (await store.projections(run_id)).fleet
    return log


async def append_for_ever(path: Path, seed: int, pipe: Connection) -> None:
    """Drive some runs until killed; say of each batch that it is stored, once it is."""
    rng = random.Random(seed)

    async def drive(run_id: str) -> None:
        log = await taken_up(store, run_id)
        assert log.head is not None
        pipe.send((run_id, log.head.seq, log.head.hash))
        lease = await store.claim(run_id)
        while True:
            if rng.random() < 0.1:
                await store.put_blob("acme", CONTENT + rng.randbytes(4))
            batch = full_batch(log, lease, rng.randint(1, 5))
            await put(store, log, batch)
            pipe.send((run_id, batch.head.seq, batch.head.hash))

    async with opened(path) as store, asyncio.TaskGroup() as group:
        for run_id in RUNS:
            group.create_task(drive(run_id))


def killed(path: Path, rng: random.Random) -> list[Ack]:
    """Let a process append, kill it at a random moment, return what it said was stored."""
    acks: list[Ack] = []
    with Child(partial(append_for_ever, path, rng.randrange(2**32))) as child:
        # Counted in what it says, so that a slow machine is hit everywhere as well; and then some.
        for _ in range(rng.choice((0, 1, 4, rng.randrange(400)))):
            acks.append(child.hear())  # noqa: PERF401 - what was heard before an error is shown
        if child.pipe.poll(rng.random() * 0.01):
            acks.append(child.hear())
        child.kill()
        acks += child.hear_all()
        assert child.was_killed
    return acks


async def check_and_go_on(path: Path, acks: list[Ack]) -> int:
    """Assert that nothing acknowledged is lost and nothing is there by halves; append once more."""
    async with opened(path) as store:
        verdict = await store.verify()
        assert verdict.ok, verdict.fault
        for run_id, seq, digest in acks:
            record = (await store.read(run_id, after=seq - 1, until=seq))[0]
            assert record.hash == digest
        assert (await store.account(ACCOUNT)).spent == verdict.events
        for head in await store.heads():
            rows = await store.projections(head.run_id)
            assert [row.item_id for row in rows.inbox_opened] == [f"item-{head.seq}"]
            assert rows.fleet.head_seq == head.seq
            places = [row.place for row in rows.context]
            assert sorted(row.requested_seq for row in rows.steps) == places
            assert (places[-1:] or [1]) == [head.seq]
        for run_id in RUNS:
            log = await taken_up(store, run_id)
            log.items = {row.item_id: row for row in (await store.projections(run_id)).inbox_opened}
            lease = await store.claim(run_id)
            await put(store, log, full_batch(log, lease, 2))
        assert (await store.verify()).ok
        return verdict.events


def kill_and_check(folder: Path, *, seed: int, kills: int) -> None:
    """Kill process after process on one file; look each time."""
    rng = random.Random(seed)
    path = folder / "quarterdeck.db"
    events = 0
    for nth in range(kills):
        try:
            acks = killed(path, rng)
            events = max(events, asyncio.run(check_and_go_on(path, acks)))
        except BaseException as error:
            error.add_note(f"seed {seed}, kill {nth}")
            raise
    assert events > kills, f"seed {seed}: the processes hardly came to append anything"
