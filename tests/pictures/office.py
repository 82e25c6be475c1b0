"""The demo's office at the moment the README shows: everybody has come to where they need somebody.

Its files, agents and script are those of `make demo`; it is played in this process, by a clock that
begins at a fixed time, so that pictures made on different days show the same.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from quarterdeck.demo import cast
from quarterdeck.kernel_link.workspace import Workspace
from quarterdeck_kernel.clock import SystemClock, Timer
from quarterdeck_kernel.kernel.equipped import Equipped

_BEGIN_US = 1_795_251_600_000_000  # 2026-11-21T09:00:00Z
_SPEED = 12
_TURN_S = 0.15
"""The script sleeps by the machine: some two seconds of the office."""

_LONG_S = 36_000.0
_PATIENCE_S = 60.0
_LOOK_S = 0.05

AT_REST = {
    "payments": "unknown",
    "cleaner": "waiting",
    "planner": "waiting",
    "importer": "failed",
    "recorder": "held",
    "scribe": "done",
}
"""What becomes of whom if nobody decides; the surveyor waits for readers, who take their time."""


class FastClock(SystemClock):
    """A clock of a day of its own that runs faster, until it is stopped. Leases know nothing of it.

    Who waits by it waits less: nobody sits through the turns of a model.
    """

    def __init__(self) -> None:
        super().__init__()
        self._begun_us = super().monotonic_us()
        self._stopped_us: int | None = None

    def now_us(self) -> int:
        passed_us = self.monotonic_us() - self._begun_us if self._stopped_us is None else 0
        return self._stopped_us or _BEGIN_US + passed_us

    def monotonic_us(self) -> int:
        return self._begun_us + (super().monotonic_us() - self._begun_us) * _SPEED

    def call_later(self, us: int, callback: Callable[[], None]) -> Timer:
        return super().call_later(us // _SPEED, callback)

    def stop(self) -> None:
        """Let it be now from now on; what waits goes on waiting."""
        self._stopped_us = self.now_us()


@asynccontextmanager
async def open_office(folder: Path, clock: FastClock) -> AsyncIterator[Workspace]:
    """Play until everybody is where they are to be, and keep the readers reading."""
    workspace = Workspace(folder)
    cast.prepare(workspace, turn_s=_TURN_S)
    _slow_down(folder / cast.SCRIPT)
    (folder / cast.OUTAGE).write_text(cast.SILENT_ON, encoding="utf-8")
    async with asyncio.timeout(_PATIENCE_S):
        await _pay_into_silence(workspace, clock)
    async with await Equipped.of(folder, clock=clock) as kernel:
        await _begin(kernel, *(part for part in cast.CAST if part.agent != "payments"))
        supervisor = kernel.supervisor()
        driving = asyncio.create_task(supervisor.run())
        try:
            async with asyncio.timeout(_PATIENCE_S):
                await _rest(kernel)
            (folder / cast.OUTAGE).unlink()
            yield workspace
        finally:
            supervisor.stop()
            await driving


async def _begin(kernel: Equipped, *parts: cast.Part) -> None:
    for part in parts:
        await kernel.start_agent(
            kernel.roster.get(part.agent), part.objective, tenant=cast.TENANT, run_id=part.agent
        )


async def _pay_into_silence(workspace: Workspace, clock: FastClock) -> None:
    """Let the clerk send a payment that nobody answers, and then let its driver go."""
    async with await Equipped.of(workspace.folder, clock=clock) as kernel:
        await _begin(kernel, cast.CAST[0])
        supervisor = kernel.supervisor()
        driving = asyncio.create_task(supervisor.run())
        while not cast.is_paid(workspace, cast.SILENT_ON):  # noqa: ASYNC110 - a file tells nobody
            await asyncio.sleep(_LOOK_S)
        supervisor.stop()
        await driving


async def _rest(kernel: Equipped) -> None:
    """Wait until everybody is where they are to be, and three readers have asked their model."""
    while True:
        rows = (await kernel.store.fleet()).rows
        needs = {row.run_id: row.need for row in rows}
        reading = [
            row
            for row in rows
            if row.agent == "reader" and row.need == "running" and row.head_seq >= _READ_SEQ
        ]
        if AT_REST.items() <= needs.items() and len(reading) == _READERS:
            return
        await asyncio.sleep(_LOOK_S)


_READERS = 3
_READ_SEQ = 16
"""At which event a reader asks its model the second time."""


def _slow_down(script: Path) -> None:
    """Let the readers be at it for as long as anybody looks."""
    said = json.loads(script.read_text(encoding="utf-8"))
    for rule in said["rules"]:
        when = rule.get("when", {})
        if when.get("anywhere", "").startswith("Read tides/") and when["turns"] == 1:
            rule["latency_us"] = int(_LONG_S * 1_000_000)
    script.write_text(json.dumps(said), encoding="utf-8")
