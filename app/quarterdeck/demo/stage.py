"""The stage: starts the driver processes of the demo, kills one of them, has its run taken up.

It tells what happens as scenes; what is done between two scenes (print, wait for people to look)
is for whoever plays them.
"""

import asyncio
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from quarterdeck.demo.cast import PAYMENTS_PART, SILENT_INVOICE, prepare_files
from quarterdeck.kernel_link.workspace import Workspace
from quarterdeck_kernel import QuarterdeckError

_GRACE_S = 5.0

Act = Literal["begun", "sent", "killed", "taken_up", "all_drivers_done"]


class DriverFailedError(QuarterdeckError):
    """A driver process of the demo ended with an error."""


@dataclass(frozen=True, slots=True)
class Scene:
    """Something that has happened, and the process it happened to or through."""

    act: Act
    pid: int | None = None


class Stage:
    """Owns the child processes; `close` ends those that still run."""

    def __init__(self, workspace: Workspace, *, pause_s: float) -> None:
        """`pause_s` is the time that drivers leave between two steps."""
        self._workspace = workspace
        self._pause_s = pause_s
        self._children: list[Process] = []

    async def prepare(self) -> None:
        """Put the files in place that the runs work on."""
        await asyncio.to_thread(prepare_files, self._workspace.files)

    async def scenes(self) -> AsyncGenerator[Scene, None]:
        """Play. In a workspace that was played in before, what is done is not done again."""
        await self.prepare()
        crew = await self._start("crew")
        first = await self._start(PAYMENTS_PART.name, SILENT_INVOICE)
        yield Scene("begun", crew.pid)
        assert first.stdout is not None, "the pipe was asked for"
        sent = await first.stdout.readline()
        if sent:
            yield Scene("sent", first.pid)
            first.kill()
            await first.wait()
            yield Scene("killed", first.pid)
            yield Scene("taken_up", await self.take_up())
        else:
            await self._finish(first)
        await self._finish(crew)
        yield Scene("all_drivers_done")

    async def take_up(self) -> int:
        """Let another process drive the payments, as far as it may; return its id."""
        process = await self._start(PAYMENTS_PART.name)
        await self._finish(process)
        return process.pid

    async def _start(self, *arguments: str) -> Process:
        role, *silent = arguments
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "quarterdeck.demo.crew",
            str(self._workspace.folder),
            role,
            str(self._pause_s),
            *silent,
            stdin=PIPE,
            stdout=PIPE,
            stderr=PIPE,
            cwd=Path.cwd(),
            # Ctrl+C is for the parent; children end when it closes their standard input.
            start_new_session=True,
        )
        self._children.append(process)
        return process

    async def _finish(self, process: Process) -> None:
        """Wait for a driver's own end. Its input stays open: closed, it would end early."""
        assert process.stderr is not None, "the pipe was asked for"
        complaint = (await process.stderr.read()).decode(errors="replace").strip()
        if await process.wait():
            last = complaint.splitlines()[-1] if complaint else "it gave no reason"
            raise DriverFailedError(f"a driver process (pid {process.pid}) failed: {last}")

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
                    if process.returncode is None:
                        process.kill()
                await asyncio.wait(late)
