"""A ship: one simulated process with a whole kernel in it, which drives whatever it can."""

import asyncio
import random
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from quarterdeck_kernel.clock import sleep
from quarterdeck_kernel.errors import (
    ConflictError,
    ConsistencyError,
    RunCancelledError,
    RunOverError,
    RunStoppedError,
    StoreClosedError,
    StoreError,
    StoreFullError,
)
from quarterdeck_kernel.kernel.kernel import Kernel
from quarterdeck_kernel.kernel.run import Run
from quarterdeck_kernel.store.sqlite.store import SqliteStore
from quarterdeck_kernel.testing.simulation.process import SimulatedProcess
from tests.simulation.effects import Violation
from tests.simulation.engine.bank import Bank
from tests.simulation.engine.plan import Model, Plan, Purser, sail, tools_of, voyage

PATIENCE_US: Final = 3_000_000
"""How long a ship does something else when a run cannot go on now."""


class Ship:
    """Drives all runs from one process, until they are over or the process is."""

    def __init__(
        self,
        process: SimulatedProcess,
        bank: Bank,
        plans: Mapping[str, Plan | None],
        rng: random.Random,
        note: Callable[[str], None],
    ) -> None:
        """Be ready; a run without a plan is a workflow."""
        self.process = process
        self.bank = bank
        self.plans = plans
        self.full = False
        self.skew_us = 0
        self.kernels: dict[str, Kernel] = {}
        self.legs: dict[str, asyncio.Task[Any]] = {}
        self._off: set[str] = set()
        self._rng = rng
        self._note = note

    async def live(self) -> None:
        """Drive every run."""
        store = await SqliteStore.open(self.bank.path, clock=self.process.clock)
        fetch = store.writer._fetch

        async def room(sql: str, values: Mapping[str, object] | Sequence[object]) -> Any:  # noqa: ANN401 - rows
            if self.full:
                raise StoreFullError("there is no room left")
            return await fetch(sql, values)

        store.writer._fetch = room  # type: ignore[method-assign]
        await asyncio.gather(*[self._drive(store, run_id) for run_id in self.plans])

    async def _drive(self, store: SqliteStore, run_id: str) -> None:
        plan = self.plans[run_id]
        model = None
        if plan is not None:
            model = Model(plan.script, clock=self.process.clock, bank=self.bank)
        kernel = Kernel(
            store,
            model=model,
            tools=tools_of(self.bank),
            guards=[Purser()],
            clock=self.process.clock,
        )
        kernel._chance = random.Random(self._rng.random())
        self.kernels[run_id] = kernel
        while True:
            leg = asyncio.create_task(self._leg(kernel, run_id), name=f"leg of {run_id}")
            self.legs[run_id] = leg
            try:
                if await leg:
                    return
            except asyncio.CancelledError:
                if run_id not in self._off:
                    raise
                self._off.discard(run_id)
                self._note(f"{self.process.name} was called off {run_id}")
            await sleep(self.process.clock, self._rng.randrange(PATIENCE_US))

    async def _leg(self, kernel: Kernel, run_id: str) -> bool:
        """Go as far as it goes now; tell whether the run is over."""
        run: Run | None = None
        try:
            run = await kernel.load_run(run_id, tenant="acme")
            if run.state.terminal:
                return True
            plan = self.plans[run_id]
            if plan is None:
                await kernel.run_workflow(lambda flow: voyage(flow, self.bank), run=run)
            else:
                answer = await sail(kernel, run, twice=plan.twice)
                await kernel.finish_run(run, answer=answer)
        except (RunCancelledError, RunOverError):
            assert run is not None
            return run.state.terminal
        except StoreClosedError:
            return True
        except (RunStoppedError, StoreError, ConflictError) as error:
            self._note(f"{self.process.name} waits: {error}")
            if run is not None and self._rng.random() < 0.3:
                await self._let_go(kernel, run)
            return False
        except ConsistencyError as error:
            raise Violation(f"{run_id} is not as it was: {error}") from error
        return True

    async def _let_go(self, kernel: Kernel, run: Run) -> None:
        try:
            await kernel.let_go(run)
        except StoreError as error:
            self._note(f"{self.process.name} cannot let go: {error}")

    def call_off(self, run_id: str) -> None:
        """Cancel the task that drives a run, from outside, as a caller may."""
        leg = self.legs.get(run_id)
        if leg is not None and not leg.done():
            self._off.add(run_id)
            self.process._context.copy().run(leg.cancel)
