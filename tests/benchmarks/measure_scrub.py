"""Going through the past of a long run on the screen: how soon all of a moment is drawn."""

import asyncio
import json
import random
from pathlib import Path
from statistics import median
from typing import Any

from tests.benchmarks.bench import Bench, write_run
from tests.benchmarks.figure import Figure, Target
from tests.benchmarks.measure_screen import p95
from tests.benchmarks.terminal import Terminal

_VALUES = 8
"""Recorded values behind each turn of the talk, so that the runs are written sooner."""
_STEP_US = 100_000
"""From one event to the next: ten a second, as agents are; played at 20 times that, 200."""
_FLOOR = "the same in a run of {events:,} events in the same workspace"
_FASTEST = b"++"


async def measure(bench: Bench) -> list[Figure]:
    """Seek in the long run and in the short one, then play both; each has an app of its own."""
    folder, sizes = bench.folder(), bench.sizes
    lengths = {"long": sizes.screen_events, "short": sizes.screen_short_events}
    async with bench.store(folder / "quarterdeck.db", durable=False) as store:
        for name, events in lengths.items():
            await write_run(store, name, events, values=_VALUES, step_us=_STEP_US)
    floor_is = _FLOOR.format(events=lengths["short"])
    seeks, steps, peaks = {}, {}, {}
    for name, events in lengths.items():
        found = await _sought(bench, folder, name, events)
        seeks[name], steps[name], peaks[name] = found
    return [
        _paired(
            f"seek anywhere in {lengths['long']:,} events, until every panel shows it, p95",
            p95(seeks["long"]),
            p95(seeks["short"]),
            floor_is,
            bound=2,
        ),
        _paired("  at the median", median(seeks["long"]), median(seeks["short"]), floor_is),
        _paired(
            "  the event before, until every panel shows it, p95",
            p95(steps["long"]),
            p95(steps["short"]),
            floor_is,
            bound=2,
        ),
        _paired("  at the median", median(steps["long"]), median(steps["short"]), floor_is),
        Figure(
            what="  memory after all of that, at most",
            measured=peaks["long"],
            unit="MB",
            floor=peaks["short"],
            floor_is=floor_is,
            ratio=peaks["long"] / peaks["short"],
            target=Target(bound=1.5),
        ),
        *await _played(bench, folder),
    ]


def _paired(what: str, ours: float, floor: float, floor_is: str, *, bound: float = 1.5) -> Figure:
    return Figure(
        what=what,
        measured=ours,
        unit="ms",
        floor=floor,
        floor_is=floor_is,
        ratio=ours / floor,
        target=Target(bound=bound),
    )


async def _opened(folder: Path, name: str, report: Path) -> Terminal:
    terminal = await Terminal.start("app", str(folder), str(report))
    await terminal.until(rb"2 runs")
    await terminal.quiet(0.3)
    terminal.press(b"/")
    await terminal.quiet(0.3)
    terminal.press(f"{name}\r".encode())
    await terminal.until(rb"1 of 2 runs")
    await terminal.quiet(0.3)
    terminal.press(b"\r")
    await terminal.until(rb"#[\d,]+ [a-z]+_[a-z]+")
    return terminal


async def _sought(
    bench: Bench, folder: Path, name: str, events: int
) -> tuple[list[float], list[float], float]:
    """Return how long it took to go somewhere, and to the event before it; and the memory."""
    report = bench.folder() / "report.json"
    terminal = await _opened(folder, name, report)
    chance = random.Random(17)
    seeks, steps = [], []
    for _ in range(bench.sizes.screen_keys):
        seq = chance.randint(2, events - 1)
        terminal.press(b"g")
        await terminal.until(rb"Go to")
        terminal.press(str(seq).encode())
        await terminal.quiet(0.15)
        seeks.append(await _shown(terminal, b"\r", seq))
        await terminal.quiet(0.15)
        steps.append(await _shown(terminal, b"k", seq - 1))
        await terminal.quiet(0.15)
    await terminal.end()
    return seeks, steps, _read(report)["peak_mb"]


async def _shown(terminal: Terminal, key: bytes, seq: int) -> float:
    """Return how long after a key the banner, the state and the inspector are of an event."""
    place = f"#{seq:,}".encode()
    panels = (b"PAST " + place, b"at " + place, place + b" [a-z]+_[a-z]+")
    start = terminal.press(key)
    drawn = b"".join(b"(?=.*" + panel + b")" for panel in panels)
    return (await terminal.until(b"(?s)^" + drawn) - start) * 1e3


async def _played(bench: Bench, folder: Path) -> list[Figure]:
    """Play the long run from its first event, as fast as it goes."""
    report, seconds = bench.folder() / "report.json", bench.sizes.screen_live_s
    terminal = await _opened(folder, "long", report)
    await asyncio.sleep(bench.sizes.screen_settles_s)
    terminal.press(b"\t\t" + _FASTEST)
    await terminal.quiet(0.3)
    terminal.press(b" ")
    await terminal.until(rb"PLAY 20\S+ #")
    await asyncio.sleep(seconds)
    terminal.press(b" ")
    await terminal.until(rb"PAST #([\d,]+) of")
    passed = int(terminal.matched.replace(b",", b""))
    await terminal.end()
    found = _read(report)
    return [
        Figure(what="playing at 20×: events shown", measured=passed / seconds, unit="/s"),  # noqa: RUF001 - times
        Figure(
            what="  loop lag, p95, start included",
            measured=max(p95(found["lags_ms"]), 0.01),
            unit="ms",
            target=Target(bound=20, on="measured"),
        ),
        Figure(
            what="  of a core, start included",
            measured=found["cpu_s"] / found["wall_s"] * 100,
            unit="%",
            target=Target(bound=30, on="measured"),
        ),
    ]


def _read(report: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(report.read_text(encoding="utf-8"))
    return found
