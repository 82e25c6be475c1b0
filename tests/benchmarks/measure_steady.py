"""What a tool step costs in a run that is long, beside one that is short."""

from statistics import median
from time import perf_counter

from quarterdeck_kernel.engine.journal import Journal
from tests.benchmarks.bench import Bench, write_run
from tests.benchmarks.figure import Figure, Target, paired
from tests.benchmarks.measure_append import CONTENT_BYTES
from tests.benchmarks.tool_step import ToolStep

_STEPS_A_ROUND = 10


async def measure(bench: Bench) -> list[Figure]:
    """Let runs of different lengths, in one workspace, take turns at a few steps each."""
    long = await bench.long_run()
    lengths = [*bench.sizes.steady_lengths, bench.sizes.long_run_events]
    times: dict[int, list[float]] = {length: [] for length in lengths}
    async with bench.store(long.path) as store:
        for length in bench.sizes.steady_lengths:
            await write_run(store, f"of-{length}", length)
    # Opened anew, so that no log is left over from the writing of the runs.
    async with bench.store(long.path) as store:
        names = [f"of-{length}" for length in bench.sizes.steady_lengths] + [long.run_id]
        journals = [await Journal.load(store, name) for name in names]
        steps = [ToolStep(CONTENT_BYTES, seed) for seed in range(len(names))]
        for journal in journals:
            await journal.claim()
        for number in range(bench.sizes.steady_rounds):
            turn = list(zip(lengths, journals, steps, strict=True))
            for length, journal, step in turn[number % 3 :] + turn[: number % 3]:
                start = perf_counter()
                for _ in range(_STEPS_A_ROUND):
                    await step.through(journal)
                times[length].append((perf_counter() - start) * 1e6 / _STEPS_A_ROUND)
    shortest = lengths[0]
    floor_is = f"a tool step in a run of {shortest} events of the same workspace, in turns"
    first = Figure(
        what=f"tool step in a run of {shortest:,} events",
        measured=median(times[shortest]),
        unit="µs",
    )
    return [
        first,
        *[
            paired(
                f"  in one of {length:,}",
                times[length],
                times[shortest],
                floor_is,
                target=Target(bound=1.2),
            )
            for length in lengths[1:]
        ],
    ]
