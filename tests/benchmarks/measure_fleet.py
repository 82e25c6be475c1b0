"""The first page of the fleet: what presses first, over many runs."""

import asyncio
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from statistics import median
from time import perf_counter

from quarterdeck_kernel.events.control_events import Held
from quarterdeck_kernel.events.people_events import PauseRequested
from quarterdeck_kernel.events.run_events import RunCancelled, RunFailed, RunSucceeded, RunTimedOut
from quarterdeck_kernel.events.tool_events import ToolCompleted
from quarterdeck_kernel.events.union import AnyEvent
from quarterdeck_kernel.store.batch import Creation
from quarterdeck_kernel.store.listing import FleetFilter
from quarterdeck_kernel.store.sqlite.store import SqliteStore
from tests.benchmarks.bench import Bench
from tests.benchmarks.figure import Figure, Target
from tests.benchmarks.sealed_log import ANNE, START_US, SealedLog
from tests.benchmarks.talk import beginning
from tests.benchmarks.tool_step import ToolStep

PAGE = 200
_FLOOR = "200 rows of JSON by the index of need through sqlite3, parsed by nobody"
_SHARES = {
    # Per mille. A page of 200 reaches past what presses, over the adrift, to the driven.
    "unknown": 3,
    "waiting": 6,
    "failed": 4,
    "timed_out": 1,
    "adrift": 2,
    "held": 2,
    "running": 30,
    "queued": 52,
    "cancelled": 100,
}
_FILTERS: dict[str, FleetFilter | None] = {
    "first page of {runs:,} runs by need": None,
    "  of one tenant among four": FleetFilter(tenant="tenant-2"),
    "  of two needs": FleetFilter(needs=frozenset({"waiting", "adrift"})),
    "  with a word that few have": FleetFilter(text="run-002"),
}


_INTENT = ToolStep(256).intent()


async def measure(bench: Bench) -> list[Figure]:
    """Ask for each page many times; the floor reads as many rows of the same table."""
    path = bench.folder() / "quarterdeck.db"
    runs = bench.sizes.fleet_runs
    figures = []
    # The leases of the other store ran out as soon as they were taken: its runs are adrift.
    late = await SqliteStore.open(path, lease_ttl_us=1)
    try:
        async with bench.store(path) as store:
            await _fill(store, late, runs)
            for what, where in _FILTERS.items():
                times, floors = [], []
                for _ in range(bench.sizes.fleet_pages):
                    start = perf_counter()
                    page = await store.fleet(where, limit=PAGE)
                    times.append((perf_counter() - start) * 1e3)
                    assert page.rows
                    floors.append(_bare_ms(path))
                figures.append(
                    Figure(
                        what=what.format(runs=runs),
                        measured=median(times),
                        unit="ms",
                        floor=median(floors),
                        floor_is=_FLOOR,
                        ratio=median([a / b for a, b in zip(times, floors, strict=True)]),
                        target=None if where and where.text else Target(bound=2, on="measured"),
                    )
                )
    finally:
        await late.close()
    return figures


async def _fill(store: SqliteStore, late: SqliteStore, runs: int) -> None:
    """Write runs of every need, scattered, and take the leases of those that are driven."""
    needs = [need for need, share in _SHARES.items() for _ in range(share * runs // 1_000)]
    needs += ["done"] * (runs - len(needs))
    logs = []
    for number in range(runs):
        # Multiplying by a prime scatters them: 10,000 runs are all met once.
        need = needs[number * 7_919 % runs]
        tenant, at_us = f"tenant-{number % 4}", START_US + number * 1_000_000
        log = SealedLog(f"run-{number:05}", tenant=tenant, at_us=at_us)
        for payload in _life(need):
            log.add(payload, actor=ANNE)
        logs.append((need, log))
    for first in range(0, runs, PAGE):
        part = [log.batch(Creation(tenant=log.tenant)) for _, log in logs[first : first + PAGE]]
        await asyncio.gather(*[store.append(batch) for batch in part])
    for number, (need, log) in enumerate(logs):
        if need == "running":
            await store.claim(log.run_id)
        elif need == "adrift" and number % 2:
            await late.claim(log.run_id)


def _life(need: str) -> Sequence[AnyEvent]:
    """Return the events after which a run has this need; adrift is a matter of leases."""
    queued, started = beginning()
    pause = PauseRequested(
        pause_id="pause-1",
        type="approve",
        step_key="step-1",
        tool="pay",
        title="Pay 10 doubloons?",
        details={"to": "the cooper"},
        options=("yes", "no"),
    )
    broken = ToolCompleted(intent_seq=3, outcome="unknown_outcome", result=None, error="cut off")
    ends: dict[str, tuple[AnyEvent, ...]] = {
        "unknown": (_INTENT, broken),
        "waiting": (pause,),
        "failed": (RunFailed(error="model", message="no", partial_answer=None),),
        "timed_out": (RunTimedOut(bound="deadline", bound_us=1),),
        "adrift": (),
        "held": (Held(by="operator", reason="wait"),),
        "running": (),
        "cancelled": (RunCancelled(reason="no need"),),
        "done": (RunSucceeded(answer="done"),),
    }
    return (queued,) if need == "queued" else (queued, started, *ends[need])


def _bare_ms(path: Path) -> float:
    with closing(sqlite3.connect(path)) as db:
        db.execute("SELECT count(*) FROM workspace").fetchall()
        start = perf_counter()
        rows = db.execute(
            "SELECT fleet FROM runs ORDER BY rank, sort_us, run_no LIMIT ?", (PAGE,)
        ).fetchall()
        assert rows
        return (perf_counter() - start) * 1e3
