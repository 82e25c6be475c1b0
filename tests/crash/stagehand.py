"""What the processes of a case do: drive the scenario's run, be its operator, look at the end.

Each is the work of one process of its own (`processes.Child`). Whatever the store acknowledges is
told to the test, so that nothing acknowledged can be lost unseen.
"""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from multiprocessing.connection import Connection
from typing import ClassVar, Literal, NamedTuple

from quarterdeck_kernel import (
    BreakerGuard,
    Decisions,
    Kernel,
    LoopGuard,
    Run,
    operator,
    state_at,
    verify,
)
from quarterdeck_kernel.clock import SystemClock
from quarterdeck_kernel.errors import RunNotFoundError, RunStoppedError
from quarterdeck_kernel.runs.reconcile import reconcile
from quarterdeck_kernel.store.batch import Batch
from quarterdeck_kernel.store.sqlite.folder import DATABASE
from quarterdeck_kernel.store.sqlite.store import SqliteStore
from quarterdeck_kernel.testing.crash import CrashAt, recorded_points
from tests.crash.findings import Findings
from tests.crash.scenarios.budgets import budgets_of
from tests.crash.scenarios.scenario import Cast, Scenario, Stage
from tests.crash.scenarios.world import World

Part = Literal["drive", "operate"]
Mutation = Callable[[], None]


ANY = "any point"


class Crash(NamedTuple):
    """The process dies in the `nth` passage of a point, or of any point whatever its name."""

    point: str
    nth: int


class CrashAnywhere(CrashAt):
    """Counts the points of all names together."""

    def _count(self, name: str) -> None:
        del name
        super()._count(ANY)


class Ack(NamedTuple):
    """The store said that this event is stored."""

    run_id: str
    seq: int
    hash: bytes


class Played(NamedTuple):
    """A process came to its end: is the run over, and which points were passed on the way."""

    over: bool
    points: list[str]


class TellingStore(SqliteStore):
    """Tells the test of every batch once it is stored."""

    pipe: ClassVar[Connection]

    async def append(self, batch: Batch) -> None:
        await super().append(batch)
        self.pipe.send(Ack(batch.run_id, batch.head.seq, batch.head.hash))


class SkippingClock(SystemClock):
    """Lets time pass for leases and probes, without anybody waiting for it."""

    def __init__(self) -> None:
        super().__init__()
        self._skipped_us = 0

    def boot_us(self) -> int:
        return super().boot_us() + self._skipped_us

    def skip(self, us: int) -> None:
        self._skipped_us += us


LONGER_THAN_ANY_CALL_US = 121_000_000


async def opened_kernel(
    world: World, scenarios: Sequence[Scenario], clock: SkippingClock, pipe: Connection
) -> Kernel:
    """Open the workspace with the models, tools and guards of some scenarios."""
    TellingStore.pipe = pipe
    store = await TellingStore.open(world.workspace / DATABASE, clock=clock)
    guards = [guard for each in scenarios for guard in each.guards()]
    model, budgets = Cast(scenarios), budgets_of(scenarios)
    # A warning stands in the message of an outcome, but not of one that a person gave instead: the
    # prompts would differ by it, and with them what is compared with runs that nobody killed.
    kernel = Kernel(
        store,
        model=model,
        guards=guards,
        clock=clock,
        budgets=budgets,
        safeguards=(LoopGuard(warn_at=4), BreakerGuard()),
    )
    for each in scenarios:
        for tool in each.tools(world, kernel):
            kernel.tools.add(tool)
    return kernel


async def driven(
    kernel: Kernel, scenario: Scenario, world: World, run_id: str, clock: SkippingClock
) -> Run:
    """Go on with a run until it is over, or somebody has to decide something."""
    run = await kernel.start_run(
        agent=scenario.name, run_id=run_id, idempotency_key=run_id, model=scenario.name
    )
    for _ in range(2):
        if run.state.terminal:
            break
        try:
            await scenario.play(Stage(kernel, run, world))
        except RunStoppedError:
            if not run.state.unknowns:
                break
            # Long enough that a probe is believed when it says that nothing has happened.
            clock.skip(LONGER_THAN_ANY_CALL_US)
    return run


async def operated(decisions: Decisions, scenario: Scenario, world: World, run_id: str) -> None:
    """Do what the operator of a run does about it now."""
    try:
        state = await state_at(decisions.store, run_id)
    except RunNotFoundError:
        return
    if state.terminal:
        return
    await scenario.beside(decisions, run_id)
    for pause in state.pauses.values():
        decision, answer = scenario.answer(pause)
        await decisions.resume(run_id, pause.pause_id, decision=decision, answer=answer)
    for seq, unknown in state.unknowns.items():
        result = world.result(run_id, unknown.step_key)
        verdict = scenario.verdict(unknown, result)
        await reconcile(
            await decisions.journal(run_id),
            seq,
            # What is to be cancelled is not tried again.
            verdict="failed" if verdict == "retry" and state.cancel is not None else verdict,
            result=result,
            reason="seen outside",
            actor=operator(),
        )
    if state.hold is not None:
        await decisions.release(run_id)


async def act(
    world: World,
    scenario: Scenario,
    part: Part,
    pipe: Connection,
    *,
    crash: Crash | None = None,
    mutation: Mutation | None = None,
) -> None:
    """Play one part of one scenario in this process, which may die of it."""
    if mutation is not None:
        mutation()
    clock = SkippingClock()
    points: list[str] = []
    with _listening(crash) as listens:
        if isinstance(listens, list):
            points = listens
        run_id = f"run-{scenario.name}"
        if part == "drive":
            async with await opened_kernel(world, [scenario], clock, pipe) as kernel:
                run = await driven(kernel, scenario, world, run_id, clock)
                over = run.state.terminal
        else:
            over = False
            TellingStore.pipe = pipe
            store = await TellingStore.open(world.workspace / DATABASE, clock=clock)
            try:
                await operated(Decisions(store, clock=clock), scenario, world, run_id)
            finally:
                await store.close()
    pipe.send(Played(over, points))


def _listening(crash: Crash | None) -> AbstractContextManager[CrashAt | list[str]]:
    if crash is None:
        return recorded_points()
    return CrashAnywhere(ANY, crash.nth) if crash.point == ANY else CrashAt(*crash)


async def looked_at_end(
    world: World, scenarios: Sequence[Scenario], run_ids: dict[str, str], pipe: Connection
) -> None:
    """Verify the workspace, run every run's code once more, and tell what is there."""
    clock = SkippingClock()
    async with await opened_kernel(world, scenarios, clock, pipe) as kernel:
        verdict = await verify(kernel.store)
        assert verdict.ok, verdict.fault
        heads = await kernel.store.heads()
        happened = world.happened()
        by_name = {each.name: each for each in scenarios}
        for run_id, name in run_ids.items():
            run = await kernel.load_run(run_id)
            try:
                await by_name[name].play(Stage(kernel, run, world))
            except RunStoppedError:
                continue
        assert await kernel.store.heads() == heads, "code run again wrote to a run that is over"
        assert world.happened() == happened, "code run again did something outside"
        found = [await Findings.of(kernel.store, head.run_id) for head in heads]
    pipe.send(found)
