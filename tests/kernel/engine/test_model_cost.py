"""What a model step reads: its context and what is new, never the run."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from quarterdeck_kernel.engine import model_memory
from quarterdeck_kernel.events.run_events import RunStarted
from quarterdeck_kernel.events.tool_events import ToolCompleted
from quarterdeck_kernel.events.union import AnyEvent
from quarterdeck_kernel.kernel.kernel import Kernel
from quarterdeck_kernel.projections.state import RunState
from quarterdeck_kernel.vocabulary.messages import Message
from tests.kernel.engine.acts import requested
from tests.kernel.engine.model_stage import Stage

TALK = [Message(role="user", text=f"message {number}") for number in range(20)]
_ASIDE = 300
"""Rows that a step may read besides: the tail behind a snapshot, the context, its own record."""


async def grown(stage: Stage, events: int, *, talks_last: bool) -> None:
    """Make a run that grew by tool calls, and asked a model before or behind them."""
    async with await stage.kernel() as kernel:
        run = await kernel.start_run(agent="purser", run_id=f"run-{events}")
        if not talks_last:
            await kernel.step_model(run=run, step_key="first", messages=TALK)
        await kernel.let_go(run)
        journal = await kernel.journal(run)
        await journal.claim()

        def batch(state: RunState) -> list[AnyEvent]:
            begun: list[AnyEvent] = []
            if state.status == "queued":
                begun = [RunStarted(holder="here", kernel_version="test")]
            for number in range(100):
                seq = state.head_seq + len(begun) + 1
                begun += [
                    requested(f"{state.head_seq}.{number}"),
                    ToolCompleted(
                        intent_seq=seq,
                        outcome="success",
                        result=seq,
                        error=None,
                        message_digest=f"{seq:064x}",
                    ),
                ]
            return begun

        while journal.state.head_seq < events:
            await journal.append(batch)
        await journal.release()
        if talks_last:
            run = await kernel.load_run(run.run_id)
            await kernel.step_model(run=run, step_key="first", messages=TALK)


@asynccontextmanager
async def rows_read(kernel: Kernel, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[list[int]]:
    """Count the rows that a kernel reads of its store."""
    rows = [0]

    def counting(name: str) -> None:
        true = getattr(kernel.store, name)

        async def counted(*given: Any, **named: Any) -> Any:  # noqa: ANN401 - passed on
            found = await true(*given, **named)
            rows[0] += len(found)
            return found

        monkeypatch.setattr(kernel.store, name, counted)

    with monkeypatch.context():
        counting("read")
        counting("context")
        yield rows


async def read_by_steps(
    stage: Stage, events: int, monkeypatch: pytest.MonkeyPatch
) -> tuple[int, int]:
    """Return the rows read by the first step of a process, and by the next."""
    async with await stage.kernel() as kernel, rows_read(kernel, monkeypatch) as rows:
        run = await kernel.load_run(f"run-{events}")
        await kernel.step_model(run=run, step_key="again", messages=TALK)
        first, rows[0] = rows[0], 0
        await kernel.step_model(run=run, step_key="next", messages=TALK)
        return first, rows[0]


async def test_a_step_reads_as_much_in_a_long_run_as_in_a_short_one(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    await grown(stage, 200, talks_last=True)
    await grown(stage, 10_000, talks_last=True)
    short = await read_by_steps(stage, 200, monkeypatch)
    long = await read_by_steps(stage, 10_000, monkeypatch)
    assert long[0] <= len(TALK) + _ASIDE
    assert long[1] == short[1] < 10


async def test_the_first_step_behind_very_many_tool_calls_reads_a_bounded_tail(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(model_memory, "_HELD", 512)
    await grown(stage, 10_000, talks_last=False)
    first, following = await read_by_steps(stage, 10_000, monkeypatch)
    assert first <= 512 + len(TALK) + _ASIDE
    assert following < 10


async def test_a_memory_that_reads_the_whole_run_would_be_caught(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(model_memory, "_HELD", 10**9)
    await grown(stage, 2_000, talks_last=False)
    first, _ = await read_by_steps(stage, 2_000, monkeypatch)
    assert first > 512 + len(TALK) + _ASIDE
