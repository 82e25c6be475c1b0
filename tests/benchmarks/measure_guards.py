"""What the guards that every kernel has add to a step: with them and without, in turns.

In CPU time of all threads: what a step waits for the disk hides what is thought meanwhile.
"""

from statistics import median
from time import process_time
from typing import get_args

from quarterdeck_kernel import BudgetLimit, Budgets, Run
from quarterdeck_kernel.guards.chain import Chain
from quarterdeck_kernel.vocabulary.words import BudgetKind
from tests.benchmarks.bench import Bench
from tests.benchmarks.figure import Figure, Target
from tests.benchmarks.measure_append import CONTENT_BYTES
from tests.benchmarks.worker import Worker

_PLENTY = 10**12
_STEPS_A_ROUND = 10
_LEAST_US = 0.1
"""Shown where chance makes less of it."""

_ACCOUNTS = Budgets(
    limits=tuple(
        BudgetLimit(scope="tenant", period=period, budget="micros", limit=_PLENTY)
        for period in ("total", "month", "day")
    )
)


async def measure(bench: Bench) -> list[Figure]:
    """Judge by the run alone, with budgets of every kind; then by three accounts, too."""
    return [
        await _added(bench, "tool", Budgets(), Target(bound=100, on="measured")),
        await _added(bench, "model", Budgets(), Target(bound=100, on="measured")),
        await _added(bench, "tool", _ACCOUNTS, None),
        await _added(bench, "model", _ACCOUNTS, None),
    ]


async def _added(bench: Bench, kind: str, budgets: Budgets, target: Target | None) -> Figure:
    """Return the difference between steps of a guarded kernel and of one that asks nobody."""
    async with bench.store() as store:
        guarded = Worker(store, CONTENT_BYTES, budgets=budgets)
        bare = Worker(store, CONTENT_BYTES)
        bare.kernel._chain = Chain()
        every: dict[BudgetKind, int] = dict.fromkeys(get_args(BudgetKind), _PLENTY)
        mine = await guarded.kernel.start_run(agent="bench", budgets=every)
        theirs = await bare.kernel.start_run(agent="bench")
        added: list[float] = []
        for number in range(bench.sizes.steady_rounds + 1):
            pair = [(guarded, mine), (bare, theirs)]
            if number % 2:
                pair.reverse()
            took = {id(worker): await _round(worker, run, kind) for worker, run in pair}
            if number:
                added.append(took[id(guarded)] - took[id(bare)])
        await guarded.kernel.close()
        await bare.kernel.close()
    accounts = f" and {len(budgets.limits)} accounts" if budgets.limits else ""
    return Figure(
        what=f"guards{accounts}, added to a {kind} step",
        measured=max(median(added), _LEAST_US),
        unit="us",
        target=target,
    )


async def _round(worker: Worker, run: Run, kind: str) -> float:
    step = worker.tool_step if kind == "tool" else worker.model_step
    start = process_time()
    for _ in range(_STEPS_A_ROUND):
        await step(run)
    return (process_time() - start) * 1e6 / _STEPS_A_ROUND
