"""A durable append and a durable tool step, beside bare inserts of the same bytes."""

from collections.abc import Awaitable, Callable
from time import perf_counter

from quarterdeck_kernel.engine.journal import Journal
from quarterdeck_kernel.events.envelope import Event
from quarterdeck_kernel.events.record import Record
from quarterdeck_kernel.events.workflow_events import ExternalRecorded
from quarterdeck_kernel.store.sqlite.store import SqliteStore
from tests.benchmarks.bare import BareAsyncTable, BareTable
from tests.benchmarks.bench import Bench
from tests.benchmarks.figure import Figure, Target, paired
from tests.benchmarks.talk import Prose
from tests.benchmarks.tool_step import ToolStep, driven

CONTENT_BYTES = 1_024
_ASYNC = "the same bytes inserted in autocommit through aiosqlite: WAL, FULL, one plain table"
_PLAIN = "the same bytes inserted in autocommit through sqlite3: WAL, FULL, one plain table"

_Write = Callable[[], Awaitable[list[Event]]]


async def measure(bench: Bench) -> list[Figure]:
    """Take turns: so many of ours, then the same records through each of the bare drivers."""
    folder = bench.folder()
    bare, bare_async = BareTable(folder / "bare.db"), await BareAsyncTable.open(folder / "async.db")
    try:
        async with bench.store() as store:
            journal = await driven(store, "bench")
            step, text = ToolStep(CONTENT_BYTES), Prose(2).text(CONTENT_BYTES - 16)

            async def append() -> list[Event]:
                payload = ExternalRecorded(name="n", source="bench", data={"text": text})
                return list(await journal.append(lambda _: (payload,)))

            async def tool_step() -> list[Event]:
                return await step.through(journal)

            one = await _rounds(bench, store, journal, append, bare, bare_async)
            two = await _rounds(bench, store, journal, tool_step, bare, bare_async)
    finally:
        bare.close()
        await bare_async.close()
    return [
        paired("durable append, 1 KB: one event", one[0], one[1], _ASYNC),
        paired("  the same, beside sqlite3", one[0], one[2], _PLAIN),
        paired("durable tool step: intent + outcome", *two[:2], _ASYNC, target=Target(bound=2)),
        paired("  the same, beside sqlite3", two[0], two[2], _PLAIN),
    ]


async def _rounds(
    bench: Bench,
    store: SqliteStore,
    journal: Journal,
    write: _Write,
    bare: BareTable,
    bare_async: BareAsyncTable,
) -> tuple[list[float], list[float], list[float]]:
    """Return µs for one write: ours, aiosqlite's, sqlite3's, a value a round."""
    each = bench.sizes.appends_a_round
    ours: list[float] = []
    through_async: list[float] = []
    plain: list[float] = []
    for _ in range(bench.sizes.append_rounds):
        before = journal.state.head_seq
        start = perf_counter()
        for _ in range(each):
            await write()
        ours.append((perf_counter() - start) * 1e6 / each)
        records = await store.read(journal.run_id, after=before)
        start = perf_counter()
        for record in records:
            await bare_async.insert(record)
        through_async.append((perf_counter() - start) * 1e6 / each)
        plain.append(_inserted(bare, records) * 1e6 / each)
    return ours, through_async, plain


def _inserted(bare: BareTable, records: list[Record]) -> float:
    start = perf_counter()
    for record in records:
        bare.insert(record)
    return perf_counter() - start
