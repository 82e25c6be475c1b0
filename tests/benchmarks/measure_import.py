"""Importing the kernel in a fresh process, beside its own dependencies."""

import asyncio
import json
import sys
from statistics import median

from tests.benchmarks.bench import Bench
from tests.benchmarks.figure import Figure, Target, paired

_KERNEL = (
    "import quarterdeck_kernel, quarterdeck_kernel.engine.journal, "
    "quarterdeck_kernel.store.sqlite.store"
)
_DEPENDENCIES = "import aiosqlite\nfrom pydantic import BaseModel, TypeAdapter"
# pydantic loads much of itself only when the first class is made.
_ONE_MODEL = f"{_DEPENDENCIES}\nclass One(BaseModel): number: int"
_HEAVY = ("litellm", "rich", "textual")
_FLOOR = "`import aiosqlite; from pydantic import BaseModel, TypeAdapter` in a process of its own"
_MODEL_FLOOR = "the same, and one class of one field made"

_SCRIPT = """
import json, pathlib, sys, time
start = time.perf_counter()
{statement}
took_s = time.perf_counter() - start
status = pathlib.Path("/proc/self/status")
lines = status.read_text().splitlines() if status.exists() else []
rss_kb = next((int(line.split()[1]) for line in lines if line.startswith("VmRSS")), 0)
heavy = sorted(set({heavy}) & set(sys.modules))
print(json.dumps({{"ms": took_s * 1e3, "rss_kb": rss_kb, "heavy": heavy}}))
"""


async def measure(bench: Bench) -> list[Figure]:
    """Take turns, after one uncounted import of each that leaves its bytecode behind."""
    ours, floors, models, ours_mb, floors_mb = [], [], [], [], []
    for counted in range(bench.sizes.imports + 1):
        kernel = await _imported(_KERNEL)
        alone = await _imported(_DEPENDENCIES)
        model = await _imported(_ONE_MODEL)
        heavy = kernel["heavy"]
        assert not heavy, f"importing the kernel loads {heavy}"
        if counted:
            ours.append(float(str(kernel["ms"])))
            floors.append(float(str(alone["ms"])))
            models.append(float(str(model["ms"])))
            ours_mb.append(float(str(kernel["rss_kb"])) / 1_024)
            floors_mb.append(float(str(alone["rss_kb"])) / 1_024)
    times = [
        paired(
            "import the kernel, journal and store",
            ours,
            floors,
            _FLOOR,
            unit="ms",
            target=Target(bound=2),
        ),
        paired("  the same", ours, models, _MODEL_FLOOR, unit="ms"),
    ]
    if not all(floors_mb):
        return times
    return [
        *times,
        paired("  its memory", ours_mb, floors_mb, _FLOOR, unit="MB"),
        Figure(what="  above that", measured=median(ours_mb) - median(floors_mb), unit="MB"),
    ]


async def _imported(statement: str) -> dict[str, object]:
    script = _SCRIPT.format(statement=statement, heavy=_HEAVY)
    process = await asyncio.create_subprocess_exec(
        # Not `-I`, which would import what is installed instead of the working tree.
        sys.executable,
        "-P",
        "-c",
        script,
        stdout=asyncio.subprocess.PIPE,
    )
    output, _ = await process.communicate()
    assert process.returncode == 0, statement
    answer: dict[str, object] = json.loads(output)
    return answer
