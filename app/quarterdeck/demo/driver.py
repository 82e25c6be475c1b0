"""Drives one run of the demo: intent, effect, outcome, through the journal.

A stand-in for the engine of issue 3, and no more than the show needs: no guards, no model, no
retries but those after an interruption.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from pydantic import JsonValue

from quarterdeck.demo.tools import Arguments, Result, Tool, ToolFailedError
from quarterdeck_kernel import EventStore, Journal, canonical, operator
from quarterdeck_kernel.engine.log_reader import opened
from quarterdeck_kernel.errors import RunNotFoundError
from quarterdeck_kernel.events.control_events import BudgetChanged, Held
from quarterdeck_kernel.events.envelope import Event
from quarterdeck_kernel.events.people_events import PauseRequested
from quarterdeck_kernel.events.run_events import RunFailed, RunQueued, RunStarted, RunSucceeded
from quarterdeck_kernel.events.tool_events import ToolCompleted, ToolReconciled, ToolRequested
from quarterdeck_kernel.events.union import AnyEvent
from quarterdeck_kernel.projections.open_items import ToolIntent

TENANT = "demo"


class StoppedError(Exception):
    """The run cannot go on now: it waits, is held, or has ended."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A run of the demo: what it is asked to do, and the function that does it."""

    name: str
    objective: str
    play: "Callable[[Driver], Awaitable[JsonValue]]"
    tool_calls: int | None = None
    pace: float = 1.0


class Driver:
    """Holds the lease of one run and does its steps, each at most once."""

    def __init__(self, journal: Journal, store: EventStore, files: Path, pause_s: float) -> None:
        """`pause_s` is the time left between steps for people to watch; headless leaves none."""
        self.files = files
        self.silent_on: str | None = None
        self.on_sent: Callable[[str], None] = lambda _: None
        self._journal = journal
        self._store = store
        self._pause_s = pause_s

    async def call(self, tool: Tool, arguments: Arguments, *, name: str) -> Result:
        """Return what a step gives: from its record if it was done before, else by doing it."""
        step_key = f"{tool.name}/{name}"
        attempt = 1
        recorded = await self._recorded(step_key)
        if isinstance(recorded, dict):
            return recorded
        if recorded is not None:
            attempt = recorded + 1
        if self._pause_s:
            await asyncio.sleep(self._pause_s)
        await self._check_may_go_on()
        intent = ToolRequested(
            step_key=step_key,
            tool=tool.name,
            version="1",
            effect=tool.effect,
            idempotency_key=self.idempotency_key(step_key),
            digest=canonical.digest({"tool": tool.name, "arguments": dict(arguments)}),
            attempt=attempt,
            risk=tool.risk,
            arguments=dict(arguments),
            preview=None,
        )
        requested = await self._write(intent)
        return await self._dispatch(tool, arguments, requested, name)

    async def ask(self, *, step_key: str, tool: Tool, title: str, details: Result) -> None:
        """Ask a person to approve what would run next."""
        if await self._store.step(self._journal.run_id, step_key) is None:
            await self._write(
                PauseRequested(
                    pause_id=f"{self._journal.run_id}.{step_key}",
                    type="approve",
                    step_key=step_key,
                    tool=tool.name,
                    effect=tool.effect,
                    digest=canonical.digest({"tool": tool.name, "arguments": details}),
                    risk=tool.risk,
                    title=title,
                    details=details,
                    options=None,
                )
            )
        await self._check_may_go_on()

    def idempotency_key(self, step_key: str) -> str:
        """Return the key of a step: the same for every try of it."""
        return canonical.digest([TENANT, self._journal.run_id, step_key])[:16]

    async def _dispatch(
        self, tool: Tool, arguments: Arguments, requested: Event, name: str
    ) -> Result:
        now_s = asyncio.get_running_loop().time
        began_s = now_s()
        error = None
        result: Result = {}
        try:
            result = await asyncio.to_thread(tool.run, self.files, arguments)
        except ToolFailedError as failure:
            error = str(failure)
        if name == self.silent_on:
            self.on_sent(name)
            # The answer that never comes. Only the death of this process ends the wait.
            await asyncio.Event().wait()
        await self._write(
            ToolCompleted(
                intent_seq=requested.seq,
                outcome="success" if error is None else "permanent_error",
                duration_us=round((now_s() - began_s) * 1_000_000),
                result=result or None,
                error=error,
            )
        )
        if error is not None:
            await self._write(RunFailed(error="tool", message=error, partial_answer=None))
            raise StoppedError(error)
        return result

    async def _recorded(self, step_key: str) -> Result | int | None:
        """Return a step's recorded result, or how many tries were interrupted; None: no record."""
        row = await self._store.step(self._journal.run_id, step_key)
        if row is None or row.completed_seq is None:
            return None
        payload = (await self._event(row.completed_seq)).payload
        if isinstance(payload, ToolCompleted) and payload.outcome == "transient_error":
            intent = (await self._event(row.requested_seq)).payload
            return intent.attempt if isinstance(intent, ToolRequested) else 1
        if isinstance(payload, ToolCompleted | ToolReconciled):
            return payload.result if isinstance(payload.result, dict) else {}
        return {}

    async def _event(self, seq: int) -> Event:
        (record,) = await self._store.read(self._journal.run_id, after=seq - 1, until=seq)
        return await opened(self._store, record)

    async def _check_may_go_on(self) -> None:
        state = await self._journal.refresh()
        if state.blocked or state.terminal or state.cancel is not None:
            raise StoppedError("the run waits, is held, or has ended")
        limit = state.conditions.limit("tool_calls").limit
        if limit is not None and state.spend.used("tool_calls") >= limit:
            reason = f"{limit} of {limit} tool calls are used"
            await self._write(Held(by="budget", reason=reason))
            raise StoppedError(reason)

    async def _write(self, payload: AnyEvent) -> Event:
        (event,) = await self._journal.append(lambda _: (payload,))
        return event

    async def close_open_intents(self) -> None:
        """Say what became of the calls that a driver before this one left open."""
        state = await self._journal.refresh()
        for intent in state.tool_intents.values():
            await self._write(_interrupted(intent))


def _interrupted(intent: ToolIntent) -> ToolCompleted:
    """A call that is safe to repeat is tried again; of any other nobody knows what became of it."""
    return ToolCompleted(
        intent_seq=intent.seq,
        outcome="unknown_outcome" if intent.effect == "once" else "transient_error",
        cause="driver_died",
        result=None,
        error="the process that drove the run died before the outcome was recorded",
    )


async def drive(
    part: Part,
    store: EventStore,
    files: Path,
    *,
    pause_s: float = 0.0,
    silent_on: str | None = None,
) -> None:
    """Begin a run, or take it up where it stands, and go on as far as it may."""
    journal = await _journal_of(part, store)
    if journal.state.terminal:
        return
    lease = await journal.claim()
    try:
        state = await journal.refresh()
        if state.status == "queued":
            started = RunStarted(holder=lease.holder, kernel_version=version("quarterdeck"))
            await journal.append(lambda _: (started,))
        driver = Driver(journal, store, files, pause_s * part.pace)
        driver.silent_on = silent_on
        driver.on_sent = lambda name: print(name, flush=True)  # noqa: T201 - the line the stage waits for
        await driver.close_open_intents()
        answer = await part.play(driver)
        await journal.append(lambda _: (RunSucceeded(answer=answer),))
    except StoppedError:
        pass
    finally:
        await journal.release()


async def _journal_of(part: Part, store: EventStore) -> Journal:
    try:
        return await Journal.load(store, part.name)
    except RunNotFoundError:
        queued = RunQueued(agent=part.name, objective=part.objective, config={})
        journal = await Journal.begin(
            store, queued, tenant=TENANT, actor=operator(), run_id=part.name
        )
    if part.tool_calls is not None:
        budget = BudgetChanged(budget="tool_calls", limit=part.tool_calls, revision=1)
        await journal.append(lambda _: (budget,), actor=operator())
    return journal
