"""The screen in a real terminal: how soon it is there, and how soon it answers a key."""

import asyncio
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from statistics import median, quantiles
from time import perf_counter

from quarterdeck_kernel.events.people_events import PauseRequested
from quarterdeck_kernel.events.run_events import RunSucceeded
from quarterdeck_kernel.store.batch import Creation
from quarterdeck_kernel.store.sqlite.store import SqliteStore
from tests.benchmarks.bench import Bench, write_run
from tests.benchmarks.figure import Figure, Target
from tests.benchmarks.sealed_log import ANNE, START_US, SealedLog
from tests.benchmarks.talk import beginning
from tests.benchmarks.terminal import Terminal

RATE = 500
_BATCH = 200
_IN_A_ROW = 5
_VALUES = 36
"""Recorded values behind each turn of the run that is opened."""
_BARE = "a bare Textual app with a virtual list, in the same terminal"
_SHORT = "opening a run of {events:,} events in the same workspace"
_ROW = rb"run-0\d+|row 0"
_OPENED = rb"#[\d,]+ [a-z]+_[a-z]+"
"""The title of the inspector: the newest event was read."""


async def measure(bench: Bench) -> list[Figure]:
    """Start, open, press, watch; each in a process of its own."""
    sizes = bench.sizes
    small, large = bench.folder(), bench.folder()
    await _fill(small, sizes.screen_runs, waiting=10)
    await _fill(large, sizes.fleet_runs, waiting=sizes.screen_inbox)
    return [
        await _first_frame(bench, small),
        *await _open(bench),
        *await _live(bench),
        *await _keys(bench, large),
    ]


async def _first_frame(bench: Bench, folder: Path) -> Figure:
    ours, floors = [], []
    report = str(bench.folder() / "report.json")
    for counted in range(bench.sizes.screen_starts + 1):
        took = await _started(("app", str(folder), report), b"\x11")
        bare = await _started(("list", "1000", report), b"q")
        if counted:
            ours.append(took)
            floors.append(bare)
    return Figure(
        what=f"first frame, {bench.sizes.screen_runs:,} runs",
        measured=median(ours),
        unit="ms",
        floor=median(floors),
        floor_is=_BARE,
        ratio=median([a / b for a, b in zip(ours, floors, strict=True)]),
        target=Target(bound=2),
    )


async def _started(arguments: Sequence[str], leave: bytes) -> float:
    start = perf_counter()
    terminal = await Terminal.start(*arguments)
    took = (await terminal.until(_ROW) - start) * 1e3
    await terminal.quiet(0.3)
    await terminal.end(leave)
    return took


async def _open(bench: Bench) -> list[Figure]:
    """Open the long run and the short one in turns; both are in one workspace."""
    folder, sizes = bench.folder(), bench.sizes
    async with bench.store(folder / "quarterdeck.db", durable=False) as store:
        await write_run(store, "long", sizes.screen_events, values=_VALUES)
        await write_run(store, "short", sizes.screen_short_events, values=_VALUES)
    times: dict[str, list[float]] = {"long": [], "short": []}
    report = bench.folder() / "report.json"
    for counted in range(sizes.screen_starts + 1):
        for name, found in times.items():
            terminal = await Terminal.start("app", str(folder), str(report))
            await terminal.until(rb"2 runs")
            terminal.press(f"/{name}\r".encode())
            await terminal.until(rb"1 of 2 runs")
            await terminal.quiet(0.4)
            start = terminal.press(b"\r")
            opened = await terminal.until(_OPENED)
            await terminal.quiet(0.3)
            await terminal.end()
            if counted:
                found.append((opened - start) * 1e3)
            if name == "long":
                peak_mb = json.loads(report.read_text(encoding="utf-8"))["peak_mb"]
    ratios = [a / b for a, b in zip(times["long"], times["short"], strict=True)]
    return [
        Figure(
            what=f"open a run of {sizes.screen_events:,} events",
            measured=median(times["long"]),
            unit="ms",
            floor=median(times["short"]),
            floor_is=_SHORT.format(events=sizes.screen_short_events),
            ratio=median(ratios),
            target=Target(bound=1.5),
        ),
        Figure(
            what="  memory with it open, at most",
            measured=peak_mb,
            unit="MB",
            target=Target(bound=100, on="measured"),
        ),
    ]


async def _live(bench: Bench) -> list[Figure]:
    """Watch a run into which another process writes, and press keys all the while."""
    folder, seconds = bench.folder(), bench.sizes.screen_live_s
    async with bench.store(folder / "quarterdeck.db") as store:
        await write_run(store, "before", 50)
    report = bench.folder() / "report.json"
    writer = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.benchmarks.screen_apps",
        "live", str(folder), str(RATE), str(seconds + 3), stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert writer.stdout is not None, "it is a pipe"
    await writer.stdout.readline()
    terminal = await Terminal.start("app", str(folder), str(report))
    await terminal.until(rb"2 runs")
    terminal.press(b"/live\r")
    await terminal.until(rb"1 of 2 runs")
    terminal.press(b"\r")
    await terminal.until(_OPENED)
    end = perf_counter() + seconds
    while perf_counter() < end:
        for key in (b"k", b"k", b"j", b"L", b"v"):
            terminal.press(key)
            await asyncio.sleep(0.05)
    output, _ = await writer.communicate()
    await terminal.end()
    written = json.loads(output)["written"]
    assert written >= 0.9 * RATE * seconds, f"only {written} events were written"
    found = json.loads(report.read_text(encoding="utf-8"))
    return [
        Figure(
            what=f"{RATE} events/s for {seconds} s, keys pressed: loop lag, p95",
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


async def _keys(bench: Bench, folder: Path) -> list[Figure]:
    """Press the same key in each place, and in turns with it in the bare list.

    Whatever else the machine does is then in both.
    """
    report = str(bench.folder() / "report.json")
    runs, items = bench.sizes.fleet_runs, bench.sizes.screen_inbox
    bare = await Terminal.start("list", str(runs), str(bench.folder() / "bare.json"))
    await bare.until(_ROW)
    terminal = await Terminal.start("app", str(folder), report)
    await terminal.until(_ROW)
    # Until the whole fleet was read, it draws by itself.
    await asyncio.sleep(bench.sizes.screen_settles_s)
    figures = [await _pressed(bench, f"fleet of {runs:,} runs", b"j", terminal, bare)]
    terminal.press(b"2")
    await terminal.quiet(0.5)
    figures.append(await _pressed(bench, f"inbox of {items:,} items", b"j", terminal, bare))
    await terminal.end()
    long = await bench.long_run()
    terminal = await Terminal.start("app", str(long.path.parent), report)
    await terminal.until(rb"long")
    terminal.press(b"\r")
    await terminal.until(_OPENED)
    figures.append(await _pressed(bench, "log of a long run", b"k", terminal, bare))
    await terminal.end()
    await bare.end(b"q")
    return figures


async def _pressed(
    bench: Bench, place: str, key: bytes, terminal: Terminal, bare: Terminal
) -> Figure:
    times: list[float] = []
    floor: list[float] = []
    while len(times) < bench.sizes.screen_keys:
        times += [await terminal.key_to_paint_ms(key) for _ in range(_IN_A_ROW)]
        floor += [await bare.key_to_paint_ms(b"j") for _ in range(_IN_A_ROW)]
    return Figure(
        what=f"key to paint, p95: {place}",
        measured=p95(times),
        unit="ms",
        floor=p95(floor),
        floor_is=_BARE,
        ratio=p95(times) / p95(floor),
        target=Target(bound=2),
    )


def p95(times: Sequence[float]) -> float:
    return quantiles(times, n=20, method="inclusive")[-1]


async def _fill(folder: Path, runs: int, *, waiting: int) -> None:
    """Write runs of which some wait and the others are done."""
    store = await SqliteStore.open(folder / "quarterdeck.db", durable=False)
    try:
        for first in range(0, runs, _BATCH):
            part = []
            for number in range(first, min(first + _BATCH, runs)):
                log = SealedLog(f"run-{number:05}", at_us=START_US + number * 1_000_000)
                for payload in (*beginning(), _pause() if number < waiting else _end()):
                    log.add(payload, actor=ANNE)
                part.append(log.batch(Creation(tenant=log.tenant)))
            await asyncio.gather(*[store.append(batch) for batch in part])
    finally:
        await store.close()


def _end() -> RunSucceeded:
    return RunSucceeded(answer="done")


def _pause() -> PauseRequested:
    return PauseRequested(
        pause_id="pause-1",
        type="choose",
        step_key="step-1",
        title="Which way round the cape?",
        details={},
        options=("east", "west"),
    )
