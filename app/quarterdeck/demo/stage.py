"""The stage: starts the process that drives the agents, kills it once, and starts another.

It tells what happens as scenes; what is done between two scenes (print, wait for people to look)
is for whoever plays them. A driver that somebody else kills is replaced just so.
"""

import asyncio
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from quarterdeck.demo.cast import OUTAGE, SILENT_ON, is_paid, prepare
from quarterdeck.kernel_link.workspace import Workspace
from quarterdeck_kernel import QuarterdeckError

_GRACE_S = 5.0
_LOOK_S = 0.05

Act = Literal["begun", "sent", "killed", "taken_up"]


class DriverFailedError(QuarterdeckError):
    """A driver process of the demo ended with an error."""


@dataclass(frozen=True, slots=True)
class Scene:
    """Something that has happened to a driver process."""

    act: Act
    pid: int


class Stage:
    """Owns the child processes; `close` ends those that still run."""

    def __init__(self, workspace: Workspace, *, turn_s: float) -> None:
        """`turn_s` is how long a turn of an agent takes, more or less.

        `to_cut` tells whether the driver is still to be killed behind a payment.
        """
        self._workspace = workspace
        self._turn_s = turn_s
        self._outage = workspace.folder / OUTAGE
        self.to_cut = True
        self._children: list[Process] = []

    async def prepare(self) -> None:
        """Put everything in place that the agents work with."""
        await asyncio.to_thread(prepare, self._workspace, turn_s=self._turn_s)

    async def scenes(self) -> AsyncGenerator[Scene, None]:
        """Play until closed, once prepared. Where it was played before, nothing is done twice."""
        act: Act = "begun"
        self.to_cut = not await self._is_sent()
        if self.to_cut:
            await asyncio.to_thread(self._outage.write_text, SILENT_ON, encoding="utf-8")
        else:
            await self.bank_is_back()
        while True:
            process = await self._start()
            yield Scene(act, process.pid)
            if self.to_cut and await self._sent(process):
                self.to_cut = False
                yield Scene("sent", process.pid)
                _kill(process)
            await _killed(process)
            yield Scene("killed", process.pid)
            act = "taken_up"

    async def bank_is_back(self) -> None:
        """Let the bank answer whoever asks what became of a payment."""
        await asyncio.to_thread(self._outage.unlink, missing_ok=True)

    async def _is_sent(self) -> bool:
        return await asyncio.to_thread(is_paid, self._workspace, SILENT_ON)

    async def _start(self) -> Process:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "quarterdeck.demo.crew",
            str(self._workspace.folder),
            stdin=PIPE,
            stderr=PIPE,
            cwd=Path.cwd(),
            # Ctrl+C is for the parent; children end when it closes their standard input.
            start_new_session=True,
        )
        self._children.append(process)
        return process

    async def _sent(self, process: Process) -> bool:
        """Wait until the payment is made that is not answered; False: the driver ended before."""
        ended = asyncio.create_task(process.wait())
        while not ended.done():
            if await self._is_sent():
                ended.cancel()
                return True
            await asyncio.wait([ended], timeout=_LOOK_S)
        return False

    async def close(self) -> None:
        """Let all children stop in good order; end what does not."""
        running = [process for process in self._children if process.returncode is None]
        for process in running:
            if process.stdin is not None:
                process.stdin.close()
        if running:
            _, late = await asyncio.wait(
                [asyncio.create_task(process.wait()) for process in running], timeout=_GRACE_S
            )
            if late:
                for process in running:
                    _kill(process)
                await asyncio.wait(late)


def _kill(process: Process) -> None:
    if process.returncode is None:
        process.kill()


async def _killed(process: Process) -> None:
    """Wait for the end of a driver, which nothing but a signal brings while the stage is open."""
    assert process.stderr is not None, "the pipe was asked for"
    complaint = (await process.stderr.read()).decode(errors="replace").strip()
    if await process.wait() >= 0:
        last = complaint.splitlines()[-1] if complaint else "it gave no reason"
        raise DriverFailedError(f"a driver process (pid {process.pid}) failed: {last}")
