"""All measurements in order: run, print, keep."""

import argparse
import asyncio
import json
import os
import platform
import sqlite3
import sys
import tempfile
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict, replace
from importlib.metadata import version
from pathlib import Path
from time import perf_counter

from tests.benchmarks import (
    measure_agents,
    measure_append,
    measure_cpu,
    measure_disk,
    measure_first,
    measure_fleet,
    measure_group,
    measure_guards,
    measure_history,
    measure_import,
    measure_past,
    measure_privacy,
    measure_recordings,
    measure_screen,
    measure_scrub,
    measure_steady,
    measure_steps,
    measure_verify,
)
from tests.benchmarks.bench import Bench
from tests.benchmarks.figure import Figure, table
from tests.benchmarks.sizes import FULL, QUICK, Sizes

LATEST = Path(__file__).with_name("latest.json")

Measure = Callable[[Bench], Awaitable[list[Figure]]]

MEASURES: dict[str, Measure] = {
    "import": measure_import.measure,
    "first": measure_first.measure,
    "append": measure_append.measure,
    "group": measure_group.measure,
    "cpu": measure_cpu.measure,
    "privacy": measure_privacy.measure,
    "disk": measure_disk.measure,
    "fleet": measure_fleet.measure,
    "history": measure_history.measure,
    "verify": measure_verify.measure,
    "recordings": measure_recordings.measure,
    # Behind those that count the events of its workspace: it adds forks.
    "past": measure_past.measure,
    # Last of those that use the long run: it appends to it.
    "steady": measure_steady.measure,
    "steps": measure_steps.measure,
    "guards": measure_guards.measure,
    "agents": measure_agents.measure,
    "screen": measure_screen.measure,
    "scrub": measure_scrub.measure,
}


async def measured(
    sizes: Sizes, folder: Path, names: Sequence[str] = tuple(MEASURES)
) -> dict[str, list[Figure]]:
    """Return the figures of the measures named, each taken alone."""
    bench = Bench(sizes, folder)
    figures: dict[str, list[Figure]] = {}
    for name, measure in MEASURES.items():
        if name in names:
            start = perf_counter()
            figures[name] = await measure(bench)
            print(f"{name}: {perf_counter() - start:.1f} s", file=sys.stderr, flush=True)
    return figures


def machine() -> dict[str, object]:
    """Return what the figures depend on, and nothing that names the machine."""
    return {
        "cores": os.cpu_count(),
        "system": platform.system(),
        "architecture": platform.machine(),
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
        "pydantic": version("pydantic"),
        "aiosqlite": version("aiosqlite"),
    }


def kept(figures: dict[str, list[Figure]], sizes: Sizes) -> str:
    """Return the JSON that is kept."""
    plain = {name: [figure.plain() for figure in group] for name, group in figures.items()}
    every = [figure.met for group in figures.values() for figure in group]
    counts = {"figures": len(every), "met": every.count(True), "not_met": every.count(False)}
    document = {
        "machine": machine(),
        "counts": counts,
        "sizes": asdict(sizes),
        "figures": plain,
    }
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def main(arguments: Sequence[str]) -> int:
    """Measure, print the table, and keep the figures of a whole run."""
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--only", action="append", choices=tuple(MEASURES), metavar="NAME")
    parser.add_argument("--quick", action="store_true", help="small sizes; the figures mean little")
    parser.add_argument(
        "--live-s", type=int, metavar="SECONDS", help="how long the screen is watched live"
    )
    parser.add_argument(
        "--open-events", type=int, metavar="COUNT", help="how long the run is that it opens"
    )
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="quarterdeck-bench-") as folder:
        sizes = QUICK if options.quick else FULL
        if options.live_s is not None:
            sizes = replace(sizes, screen_live_s=options.live_s)
        if options.open_events is not None:
            sizes = replace(sizes, screen_events=options.open_events)
        figures = asyncio.run(measured(sizes, Path(folder), options.only or tuple(MEASURES)))
    print(", ".join(f"{name} {value}" for name, value in machine().items()), end="\n\n")
    print(table([figure for group in figures.values() for figure in group]))
    if not options.quick and not options.only:
        LATEST.write_text(kept(figures, sizes), encoding="utf-8")
    return 0
