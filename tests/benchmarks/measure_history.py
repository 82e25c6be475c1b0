"""A long run: taking it up from a snapshot, and looking at any point of its past."""

import random
from statistics import quantiles
from time import perf_counter

from quarterdeck_kernel.engine.journal import Journal
from quarterdeck_kernel.engine.log_reader import advanced, state_at
from quarterdeck_kernel.projections.run_state import empty
from tests.benchmarks.bench import Bench
from tests.benchmarks.figure import Figure, Target, paired

_RESUMES_A_ROUND = 5


async def measure(bench: Bench) -> list[Figure]:
    """Fold everything, resume and seek, in turns; all find the same state."""
    long = await bench.long_run()
    chance = random.Random(7)
    events = bench.sizes.long_run_events
    floor_is = f"folding all {events:,} events from the first, as a log without snapshots must"
    folds: list[float] = []
    resumes: list[float] = []
    seeks: list[float] = []
    async with bench.store(long.path) as store:
        for _ in range(bench.sizes.fold_rounds):
            start = perf_counter()
            whole = await advanced(store, long.run_id, empty())
            folds.append((perf_counter() - start) * 1e3)
            start = perf_counter()
            for _ in range(_RESUMES_A_ROUND):
                journal = await Journal.load(store, long.run_id)
            resumes.append((perf_counter() - start) * 1e3 / _RESUMES_A_ROUND)
            assert journal.state == whole, "a resume finds what a fold finds"
            times: list[float] = []
            for _ in range(bench.sizes.seeks):
                seq = chance.randint(1, events)
                start = perf_counter()
                state = await state_at(store, long.run_id, seq)
                times.append((perf_counter() - start) * 1e3)
                assert state.head_seq == seq
            seeks.append(quantiles(times, n=20, method="inclusive")[-1])
    return [
        paired(
            f"resume a run of {events:,} events",
            resumes,
            folds,
            floor_is,
            unit="ms",
            target=Target(bound=0.1),
        ),
        paired("seek in it, p95", seeks, folds, floor_is, unit="ms", target=Target(bound=0.02)),
    ]
