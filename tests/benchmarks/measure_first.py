"""From the imported kernel to the first tool step that is on disk, in a fresh process and folder.

Nothing is warm: the database is made, pydantic builds its schemas, threads are started.
"""

import asyncio
import json
import sys
from pathlib import Path
from statistics import median

from tests.benchmarks.bench import Bench
from tests.benchmarks.figure import Figure, Target, paired

_FLOOR = "a new SQLite file made in the same process, one table, and six commits: WAL, FULL"

_SCRIPT = """
import asyncio, json, sqlite3, sys, time
from pathlib import Path
from quarterdeck_kernel import Kernel, tool_of

async def greet(name: str) -> str:
    return name

async def first(folder):
    times = [time.perf_counter()]
    kernel = await Kernel.open(folder)
    times.append(time.perf_counter())
    kernel.tools.add(tool_of(greet, version="1", effect="read"))
    run = await kernel.start_run(agent="bench")
    times.append(time.perf_counter())
    await kernel.step_tool(run=run, step_key="1", tool="greet", arguments={"name": "Anne"})
    times.append(time.perf_counter())
    await kernel.close()
    return [(after - before) * 1e3 for before, after in zip(times, times[1:])]

def bare(path):
    start = time.perf_counter()
    db = sqlite3.connect(path, isolation_level=None)
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("PRAGMA synchronous = FULL")
    db.execute("CREATE TABLE events (header TEXT, payload TEXT)")
    for number in range(5):
        db.execute("INSERT INTO events VALUES (?, ?)", ("{}", "{}"))
    took = (time.perf_counter() - start) * 1e3
    db.close()
    return took

folder = Path(sys.argv[1])
print(json.dumps({"parts": asyncio.run(first(folder / "ours")), "bare": bare(folder / "bare.db")}))
"""


async def measure(bench: Bench) -> list[Figure]:
    """Take each time in a process of its own, after one that is not counted."""
    parts: list[list[float]] = []
    floors: list[float] = []
    for counted in range(bench.sizes.imports + 1):
        took, bare = await _first(bench.folder())
        if counted:
            parts.append(took)
            floors.append(bare)
    whole = [sum(took) for took in parts]
    target = Target(bound=10, on="measured")
    names = ("  opening a new workspace", "  a tool and a run", "  the step")
    return [
        paired("from import to the first step", whole, floors, _FLOOR, unit="ms", target=target),
        *(
            Figure(what=name, measured=median(part), unit="ms")
            for name, part in zip(names, zip(*parts, strict=True), strict=True)
        ),
    ]


async def _first(folder: Path) -> tuple[list[float], float]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-P", "-c", _SCRIPT, str(folder), stdout=asyncio.subprocess.PIPE
    )
    output, _ = await process.communicate()
    assert process.returncode == 0, "the first step failed"
    answer = json.loads(output)
    return answer["parts"], answer["bare"]
