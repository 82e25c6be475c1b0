"""Exporting, verifying and importing a long run, beside packing its bytes and writing its rows."""

import sqlite3
import tracemalloc
import zlib
from contextlib import closing
from itertools import count
from pathlib import Path
from time import perf_counter

from quarterdeck_kernel.kernel.recorded import export_run, import_recording
from quarterdeck_kernel.recordings.reading import verify_recording
from tests.benchmarks.bench import Bench, LongRun
from tests.benchmarks.figure import Figure, paired

_PACKED = "the same rows read through sqlite3, header and payload packed by zlib, into a file"
_UNPACKED = "the recording unpacked by zlib, a piece at a time"
_WRITTEN = "the same rows written through sqlite3 into an empty file, in one transaction"


async def measure(bench: Bench) -> list[Figure]:
    """Take turns: bare, ours; then once more each, for the memory alone."""
    long = await bench.long_run()
    events = bench.sizes.long_run_events
    times: dict[str, tuple[list[float], list[float]]] = {
        name: ([], []) for name in ("export", "verify", "import")
    }
    tapes = (bench.folder() / f"tape-{number}" for number in count())
    for _ in range(bench.sizes.verify_rounds):
        tape = next(tapes)
        async with bench.store(long.path) as store:
            times["export"][1].append(_packed_s(long.path, bench.folder() / "floor"))
            start = perf_counter()
            made = await export_run(store, long.run_id, tape, redaction="none")
            times["export"][0].append(perf_counter() - start)
            assert made.events == events
        times["verify"][1].append(_unpacked_s(tape))
        start = perf_counter()
        verify_recording(tape)
        times["verify"][0].append(perf_counter() - start)
        times["import"][1].append(_written_s(long.path, bench.folder() / "floor.db"))
        async with bench.store() as store:
            start = perf_counter()
            await import_recording(store, tape)
            times["import"][0].append(perf_counter() - start)
    figures = [
        paired(f"{name} {events:,} events", *times[name], floor_is, unit="s")
        for name, floor_is in (("export", _PACKED), ("verify", _UNPACKED), ("import", _WRITTEN))
    ]
    return [*figures, *await _memory(bench, long, next(tapes))]


async def _memory(bench: Bench, long: LongRun, tape: Path) -> list[Figure]:
    """Return what is allocated at the most: it must not grow with the run."""
    figures = []
    tracemalloc.start()
    try:
        async with bench.store(long.path) as store:
            tracemalloc.reset_peak()
            await export_run(store, long.run_id, tape, redaction="none")
            figures.append(_peak(f"memory of exporting {bench.sizes.long_run_events:,} events"))
        async with bench.store() as store:
            tracemalloc.reset_peak()
            await import_recording(store, tape)
            figures.append(_peak(f"memory of importing {bench.sizes.long_run_events:,} events"))
    finally:
        tracemalloc.stop()
    size = tape.stat().st_size / bench.sizes.long_run_events
    return [*figures, Figure(what="a recorded event takes", measured=size, unit="bytes")]


def _peak(what: str) -> Figure:
    return Figure(what=what, measured=tracemalloc.get_traced_memory()[1] / 2**20, unit="MiB")


def _packed_s(source: Path, target: Path) -> float:
    start = perf_counter()
    packing = zlib.compressobj()
    with closing(sqlite3.connect(source)) as db, target.open("wb") as file:
        for header, payload in db.execute("SELECT header, payload FROM events ORDER BY pos"):
            file.write(packing.compress(f"{header}{payload}\n".encode()))
        file.write(packing.flush())
    return perf_counter() - start


def _unpacked_s(tape: Path) -> float:
    start = perf_counter()
    unpacking = zlib.decompressobj(31)
    with tape.open("rb") as file:
        while chunk := unpacking.unconsumed_tail or file.read(65_536):
            unpacking.decompress(chunk, 2**20)
    return perf_counter() - start


def _written_s(source: Path, target: Path) -> float:
    start = perf_counter()
    with closing(sqlite3.connect(source)) as db, closing(sqlite3.connect(target)) as copy:
        copy.execute("CREATE TABLE events (pos INTEGER PRIMARY KEY, a, b, c, d, e, f, g)")
        rows = db.execute("SELECT pos, seq, kind, at_us, header, salt, payload, hash FROM events")
        copy.executemany("INSERT INTO events VALUES (?, ?, ?, ?, ?, ?, ?, ?)", rows)
        copy.commit()
    return perf_counter() - start
