"""The past of a long run: going through it event by event, all of a moment, a fork, its plan."""

import random
from statistics import quantiles
from time import perf_counter

from quarterdeck_kernel import Decisions, Moments, compare
from tests.benchmarks.bench import Bench
from tests.benchmarks.figure import Figure, Target, paired

_FORKS = 20


async def measure(bench: Bench) -> list[Figure]:
    """Take turns: forks of the long run and runs begun; random moments and neighbouring ones."""
    long = await bench.long_run()
    events = bench.sizes.long_run_events
    chance = random.Random(11)
    forks: list[float] = []
    plans: list[float] = []
    begun: list[float] = []
    whole: list[float] = []
    steps: list[float] = []
    async with bench.store(long.path) as store:
        decisions = Decisions(store)
        size = long.path.stat().st_size
        for _ in range(_FORKS):
            seq = chance.randint(1, events)
            start = perf_counter()
            await decisions.fork(long.run_id, 1)
            begun.append((perf_counter() - start) * 1e3)
            start = perf_counter()
            plan = await decisions.plan_fork(long.run_id, seq)
            plans.append((perf_counter() - start) * 1e3)
            assert plan.head_seq == events
            start = perf_counter()
            state = await decisions.fork(long.run_id, seq)
            forks.append((perf_counter() - start) * 1e3)
            assert state.head_seq == seq + 1
        moments = Moments(store)
        for _ in range(bench.sizes.seeks):
            seq = chance.randint(1, events)
            start = perf_counter()
            await moments.moment(long.run_id, seq)
            whole.append((perf_counter() - start) * 1e3)
            start = perf_counter()
            await moments.moment(long.run_id, min(seq + 1, events))
            steps.append((perf_counter() - start) * 1e3)
        start = perf_counter()
        found = await compare(store, long.run_id, state.identity.run_id)
        compared = (perf_counter() - start) * 1e3
        assert found.shared_seq == state.head_seq - 1
        grown = long.path.stat().st_size - size
    assert grown < 4_000_000, "a fork copies nothing"
    return [
        paired(
            f"fork a run of {events:,} events anywhere, p95",
            [_p95(forks)],
            [_p95(begun)],
            "forking it at its first event, where nothing is to be folded",
            unit="ms",
        ),
        Figure(what="plan such a fork, p95", measured=_p95(plans), unit="ms"),
        Figure(
            what="all of a moment anywhere (state, conversation, files), p95",
            measured=_p95(whole),
            unit="ms",
            target=Target(bound=100, on="measured"),
        ),
        Figure(what="all of the next moment, p95", measured=_p95(steps), unit="ms"),
        Figure(what="compare with a fork of it", measured=compared, unit="ms"),
    ]


def _p95(times: list[float]) -> float:
    return quantiles(times, n=20, method="inclusive")[-1]
