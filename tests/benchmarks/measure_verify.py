"""Verifying a long run: the chain alone, and with the fold, beside a bare read of its rows."""

import hashlib
import json
import sqlite3
from contextlib import closing
from pathlib import Path
from time import perf_counter

from quarterdeck_kernel.engine import verification
from tests.benchmarks.bench import Bench
from tests.benchmarks.figure import Figure, Target, paired

_FLOOR = "the same rows read through sqlite3, header and payload parsed, one sha256 over both"


async def measure(bench: Bench) -> list[Figure]:
    """Take turns: bare, verify, bare again, fold and verify."""
    long = await bench.long_run()
    events = bench.sizes.long_run_events
    chain: list[float] = []
    folded: list[float] = []
    floors: tuple[list[float], list[float]] = ([], [])
    async with bench.store(long.path) as store:
        for _ in range(bench.sizes.verify_rounds):
            floors[0].append(_bare_s(long.path, events))
            start = perf_counter()
            verdict = await store.verify()
            chain.append(perf_counter() - start)
            assert verdict.ok, verdict.fault
            assert verdict.events == events
            floors[1].append(_bare_s(long.path, events))
            start = perf_counter()
            verdict = await verification.verify(store)
            folded.append(perf_counter() - start)
            assert verdict.ok, verdict.fault
    what = f"verify {events:,} events"
    return [
        paired(what, chain, floors[0], _FLOOR, unit="s", target=Target(bound=1.2)),
        paired(f"fold and {what}", folded, floors[1], _FLOOR, unit="s", target=Target(bound=2)),
    ]


def _bare_s(path: Path, events: int) -> float:
    start = perf_counter()
    with closing(sqlite3.connect(path)) as db:
        rows = 0
        for header, salt, payload, *_others in db.execute(
            "SELECT header, salt, payload, kind, at_us, hash, link FROM events ORDER BY pos"
        ):
            json.loads(header)
            json.loads(payload)
            hashlib.sha256(header.encode() + salt + payload.encode()).digest()
            rows += 1
    assert rows == events
    return perf_counter() - start
