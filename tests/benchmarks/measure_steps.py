"""Steps through the whole kernel: what one costs, in short and long runs, live and replayed."""

from collections.abc import Awaitable, Callable
from time import perf_counter

from quarterdeck_kernel import Run
from tests.benchmarks.bare import BareAsyncTable
from tests.benchmarks.bench import Bench, write_run
from tests.benchmarks.figure import Figure, Target, paired
from tests.benchmarks.measure_append import CONTENT_BYTES
from tests.benchmarks.worker import Worker

_STEPS_A_ROUND = 10
_BARE = "the same two events' bytes, each inserted in autocommit through aiosqlite: WAL, FULL"
_REPLAYED = "the same steps made for the first time"


async def measure(bench: Bench) -> list[Figure]:
    """Beside bare commits; then in runs of different lengths, in turns; then replayed."""
    return [await _durable(bench), *await _lengths(bench), await _replayed(bench)]


async def _durable(bench: Bench) -> Figure:
    each = bench.sizes.appends_a_round
    bare = await BareAsyncTable.open(bench.folder() / "async.db")
    ours: list[float] = []
    floors: list[float] = []
    try:
        async with bench.store() as store:
            worker = Worker(store, CONTENT_BYTES)
            run = await worker.kernel.start_run(agent="bench")
            await worker.tool_step(run)
            for _ in range(bench.sizes.append_rounds):
                before = run.state.head_seq
                start = perf_counter()
                for _ in range(each):
                    await worker.tool_step(run)
                ours.append((perf_counter() - start) * 1e6 / each)
                records = await store.read(run.run_id, after=before)
                start = perf_counter()
                for record in records:
                    await bare.insert(record)
                floors.append((perf_counter() - start) * 1e6 / each)
            await worker.kernel.close()
    finally:
        await bare.close()
    return paired("tool step through the kernel, 1 KB", ours, floors, _BARE, target=Target(bound=2))


async def _lengths(bench: Bench) -> list[Figure]:
    short, long = bench.sizes.steady_lengths
    async with bench.store() as store:
        for length in (short, long):
            await write_run(store, f"of-{length}", length)
        worker = Worker(store, CONTENT_BYTES)
        runs = [
            await worker.kernel.load_run(f"of-{length}", tenant="acme") for length in (short, long)
        ]
        figures = []
        for what, step in (("tool", worker.tool_step), ("model", worker.model_step)):
            short_us, long_us = await _turns(bench, step, runs)
            floor_is = f"a {what} step in a run of {short:,} events, in turns"
            figures.append(
                paired(
                    f"{what} step in a run of {long:,} events",
                    long_us,
                    short_us,
                    floor_is,
                    target=Target(bound=1.2),
                )
            )
        await worker.kernel.close()
    return figures


async def _turns(
    bench: Bench, step: Callable[[Run], Awaitable[None]], runs: list[Run]
) -> tuple[list[float], list[float]]:
    times: list[list[float]] = [[] for _ in runs]
    # Uncounted: a conversation grows to its usual length, and a run is taken up.
    for run in runs:
        for _ in range(bench.sizes.steady_rounds):
            await step(run)
    for number in range(bench.sizes.steady_rounds):
        order = list(zip(runs, times, strict=True))
        for run, taken in order if number % 2 else reversed(order):
            start = perf_counter()
            for _ in range(_STEPS_A_ROUND):
                await step(run)
            taken.append((perf_counter() - start) * 1e6 / _STEPS_A_ROUND)
    return times[0], times[1]


async def _replayed(bench: Bench) -> Figure:
    count = bench.sizes.appends_a_round * bench.sizes.append_rounds
    path = bench.folder() / "quarterdeck.db"
    async with bench.store(path) as store:
        worker = Worker(store, CONTENT_BYTES)
        run = await worker.kernel.start_run(agent="bench", run_id="replayed")
        start = perf_counter()
        for _ in range(count):
            await worker.tool_step(run)
        live = count / (perf_counter() - start)
        await worker.kernel.close()
    async with bench.store(path) as store:
        # The same seed: the same steps, found on record.
        worker = Worker(store, CONTENT_BYTES)
        run = await worker.kernel.load_run("replayed")
        head = (await run.driver.take_up()).head_seq
        start = perf_counter()
        for _ in range(count):
            await worker.tool_step(run)
        rate = count / (perf_counter() - start)
        assert run.state.head_seq == head, "a replay appends nothing"
        await worker.kernel.close()
    return Figure(
        what="tool steps replayed",
        measured=rate,
        unit="/s",
        floor=live,
        floor_is=_REPLAYED,
        ratio=rate / live,
    )
