"""The real engine with one care taken out of it, to see that the simulation would notice."""

import asyncio
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from types import MappingProxyType
from typing import Any
from unittest.mock import patch

from quarterdeck_kernel.engine import model_step, probing, run_driver, tool_step
from quarterdeck_kernel.engine.boundary import over
from quarterdeck_kernel.engine.lease_keeper import LeaseKeeper
from quarterdeck_kernel.engine.recovery import closing_events
from quarterdeck_kernel.engine.run_driver import RunDriver
from quarterdeck_kernel.engine.tool_record import Fresh
from quarterdeck_kernel.engine.tool_step import ToolSteps
from quarterdeck_kernel.errors import RunStoppedError
from quarterdeck_kernel.events.tool_events import ToolCompleted
from quarterdeck_kernel.projections.state import RunState
from quarterdeck_kernel.store.batch import Batch
from quarterdeck_kernel.store.sqlite.store import SqliteStore

_append = SqliteStore.append


async def _nothing(*_arguments: object, **_options: object) -> None:
    """Do not do it."""


def _unstopped(state: RunState, **_what: bool) -> RunStoppedError | None:
    """See nothing in the way before the end."""
    return over(state) if state.terminal else None


def _renewed(keeper: LeaseKeeper, deadline_us: int) -> None:
    keeper._deadline_us = deadline_us


def _all_transient(state: RunState) -> Iterator[Any]:
    for event in closing_events(state):
        if isinstance(event, ToolCompleted):
            yield event.model_copy(update={"outcome": "transient_error"})
        else:
            yield event


async def _fresh(*_arguments: object) -> Fresh:
    return Fresh()


async def _before_it_is_kept(store: SqliteStore, batch: Batch) -> None:
    if all(record.seq > 1 for record in batch.records):
        task = asyncio.create_task(_append(store, batch))
        task.add_done_callback(lambda done: done.cancelled() or done.exception())
        return
    await _append(store, batch)


class _NoGate:
    """Everybody passes."""

    async def acquire(self) -> bool:
        return True

    def release(self) -> None:
        pass

    def locked(self) -> bool:
        return False


_begin = RunDriver.__init__


def _without_gate(driver: RunDriver, *given: Any, **options: Any) -> None:  # noqa: ANN401 - those of RunDriver
    _begin(driver, *given, **options)
    driver.gate = _NoGate()  # type: ignore[assignment]


_Patch = tuple[Any, str, Callable[..., Any]]

BROKEN: Mapping[str, tuple[_Patch, ...]] = MappingProxyType(
    {
        "nobody looks whether the lease stands": ((RunDriver, "sure", _nothing),),
        "a lapse of the lease is forgotten": ((LeaseKeeper, "_renewed", _renewed),),
        "what a dead driver left open is tried again": (
            (run_driver, "closing_events", _all_transient),
        ),
        "a probe is believed at once": ((probing, "_nothing_on_its_way", lambda *_: True),),
        "the boundary does not see why a run stops": (
            (tool_step, "stopped", _unstopped),
            (model_step, "stopped", _unstopped),
        ),
        "there is no last check": ((ToolSteps, "_last_check", _nothing),),
        "an outcome is dropped with the lease": ((tool_step, "tell_outcome", _nothing),),
        "a call is made before its intent is kept": ((SqliteStore, "append", _before_it_is_kept),),
        "nobody looks for the record": ((tool_step, "found", _fresh),),
        "there is no gate": ((RunDriver, "__init__", _without_gate),),
    }
)
"""What is missing, and how it is taken away."""


@contextmanager
def broken(name: str) -> Iterator[None]:
    """Let the engine go without one of them."""
    with ExitStack() as stack:
        for target, attribute, replacement in BROKEN[name]:
            stack.enter_context(patch.object(target, attribute, replacement))
        yield
