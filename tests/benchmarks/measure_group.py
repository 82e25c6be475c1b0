"""Many runs at once in one process: what group commit gains, and what an append then costs."""

import asyncio
from statistics import median
from time import perf_counter, process_time

from quarterdeck_kernel.engine.journal import Journal
from quarterdeck_kernel.store.sqlite.store import SqliteStore
from tests.benchmarks.bare import BareAsyncTable, BareTable
from tests.benchmarks.bench import Bench
from tests.benchmarks.figure import Figure, Target, paired
from tests.benchmarks.measure_append import CONTENT_BYTES
from tests.benchmarks.tool_step import ToolStep, driven

SLOW_COMMIT_US = 150.0
"""From here on the flush is what many runs can share; below it the CPU is what counts."""

_ALONE = "one run alone, appending one after another, in turns with the many"
_GROUPED = "CPU of one aiosqlite INSERT of as many rows as there are runs, a row"


async def measure(bench: Bench) -> list[Figure]:
    """Take turns: one run alone, then all at once, then the same records bare."""
    many, each = bench.sizes.runs_at_once, bench.sizes.appends_a_run
    folder = bench.folder()
    bare, bare_async = BareTable(folder / "bare.db"), await BareAsyncTable.open(folder / "async.db")
    alone: list[float] = []
    together: list[float] = []
    cpu: list[float] = []
    bare_cpu: list[float] = []
    commits: list[float] = []
    try:
        async with bench.store() as store:
            journals = [await driven(store, f"run-{n}") for n in range(many)]
            steps = [ToolStep(CONTENT_BYTES, seed) for seed in range(many)]
            for _ in range(bench.sizes.group_rounds):
                wall, _used = await _appended(journals[:1], steps, each * 4)
                alone.append(each * 4 / wall)
                wall, used = await _appended(journals, steps, each)
                together.append(many * each / wall)
                cpu.append(used * 1e6 / (many * each))
                commits.append(await _commit_us(store, journals[0], bare))
                bare_cpu.append(await _bare_cpu_us(store, journals[0], bare_async, many))
    finally:
        bare.close()
        await bare_async.close()
    slow = median(commits) >= SLOW_COMMIT_US
    return [
        Figure(what="bare commit through sqlite3", measured=median(commits), unit="µs"),
        paired(
            f"{many} runs at once, appends",
            together,
            alone,
            _ALONE,
            unit="/s",
            target=Target(bound=4, at_least=True) if slow else None,
        ),
        paired(
            "  CPU of an append among them",
            cpu,
            bare_cpu,
            _GROUPED,
            target=None if slow else Target(bound=100, on="measured"),
        ),
    ]


async def _appended(
    journals: list[Journal], steps: list[ToolStep], appends: int
) -> tuple[float, float]:
    """Return the seconds and the CPU seconds of so many appends by each journal at once."""

    async def work(journal: Journal, step: ToolStep) -> None:
        for _ in range(appends // 2):
            await step.through(journal)

    start, cpu = perf_counter(), process_time()
    await asyncio.gather(*[work(j, s) for j, s in zip(journals, steps, strict=False)])
    return perf_counter() - start, process_time() - cpu


async def _commit_us(store: SqliteStore, journal: Journal, bare: BareTable) -> float:
    records = await store.read(journal.run_id, after=journal.state.head_seq - 50)
    start = perf_counter()
    for record in records:
        bare.insert(record)
    return (perf_counter() - start) * 1e6 / len(records)


async def _bare_cpu_us(
    store: SqliteStore, journal: Journal, bare: BareAsyncTable, many: int
) -> float:
    records = await store.read(journal.run_id, after=max(0, journal.state.head_seq - many))
    start = process_time()
    for _ in range(20):
        await bare.insert_many(records)
    return (process_time() - start) * 1e6 / (20 * len(records))
