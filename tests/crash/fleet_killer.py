"""A process that drives many runs of all scenarios at once, killed at any moment."""

import asyncio
import random
from collections.abc import Sequence
from functools import partial
from itertools import count
from multiprocessing.connection import Connection
from pathlib import Path

from quarterdeck_kernel import Kernel
from tests.crash.cases import Sound
from tests.crash.findings import Findings, check
from tests.crash.processes import Child
from tests.crash.scenarios.playbill import SCENARIOS
from tests.crash.scenarios.scenario import Scenario
from tests.crash.scenarios.world import World
from tests.crash.stagehand import Ack, SkippingClock, driven, looked_at_end, opened_kernel, operated

_ROUNDS = 12


async def through(
    kernel: Kernel, scenario: Scenario, world: World, run_id: str, clock: SkippingClock
) -> None:
    """Drive a run to its end, and be its operator beside."""
    for _ in range(_ROUNDS):
        run = await driven(kernel, scenario, world, run_id, clock)
        if run.state.terminal:
            return
        await operated(kernel, scenario, world, run_id)
    raise AssertionError(f"{run_id} does not end in {_ROUNDS} rounds")


async def drive_for_ever(world: World, pipe: Connection) -> None:
    """Begin run after run of every scenario, all scenarios at once, until killed."""
    clock, scenarios = SkippingClock(), list(SCENARIOS.values())

    async def play(scenario: Scenario) -> None:
        for number in count():
            await through(kernel, scenario, world, f"{scenario.name}-{number}", clock)

    async with (
        await opened_kernel(world, scenarios, clock, pipe) as kernel,
        asyncio.TaskGroup() as group,
    ):
        for scenario in scenarios:
            group.create_task(play(scenario))


async def bring_home(world: World, pipe: Connection) -> None:
    """Drive every run that was begun to its end."""
    clock, scenarios = SkippingClock(), list(SCENARIOS.values())
    async with await opened_kernel(world, scenarios, clock, pipe) as kernel:
        async with asyncio.TaskGroup() as group:
            for run_id in await _run_ids(kernel):
                scenario = SCENARIOS[run_id.rpartition("-")[0]]
                group.create_task(through(kernel, scenario, world, run_id, clock))
        names = {run_id: run_id.rpartition("-")[0] for run_id in await _run_ids(kernel)}
    pipe.send(names)


async def _run_ids(kernel: Kernel) -> list[str]:
    found: list[str] = []
    after = ""
    while heads := await kernel.store.heads(after=after):
        # A child is driven by its parent's step alone: it has a point in its id, and nobody else.
        found += [head.run_id for head in heads if "." not in head.run_id]
        after = heads[-1].run_id
    return found


def killed(world: World, rng: random.Random) -> list[Ack]:
    """Let a process drive, kill it at a random moment, return what was acknowledged to it."""
    words: list[object] = []
    with Child(partial(drive_for_ever, world)) as child:
        for _ in range(rng.choice((0, 1, 4, rng.randrange(200)))):
            words.append(child.hear())  # noqa: PERF401 - what was heard before an error is shown
        if child.pipe.poll(rng.random() * 0.02):
            words.append(child.hear())
        child.kill()
        words += child.hear_all()
        assert child.was_killed, words[-1:]
    return [word for word in words if isinstance(word, Ack)]


def kill_and_bring_home(folder: Path, sounds: dict[str, Sound], *, seed: int, kills: int) -> int:
    """Kill process after process on one workspace; bring all runs home, and look at each."""
    rng, world = random.Random(seed), World(folder)
    acks: list[Ack] = []
    try:
        for _ in range(kills):
            acks += killed(world, rng)
        with Child(partial(bring_home, world)) as child:
            *more, names = child.hear_all()
        with Child(partial(looked_at_end, world, list(SCENARIOS.values()), names)) as child:
            found: list[Findings] = child.hear_all()[-1]
        _check_acks(found, [*acks, *more])
        happened = world.happened()
        ends = {label: end for name in SCENARIOS for label, end in sounds[name].ends.items()}
        # Runs of one agent share an account: they are looked at together.
        for agent in {run.agent for run in found}:
            runs = [run for run in found if run.agent == agent]
            ids = {run.run_id for run in runs}
            mine = [effect for effect in happened if effect.run_id in ids]
            lacks = agent in SCENARIOS and SCENARIOS[agent].may_end_without_effects
            check(runs, ends, mine, may_lack_effects=lacks)
    except BaseException as error:
        error.add_note(f"seed {seed}, {kills} kills, {len(acks)} events were acknowledged")
        raise
    return len(found)


def _check_acks(found: Sequence[Findings], acks: Sequence[Ack]) -> None:
    hashes = {run.run_id: run.hashes for run in found}
    for ack in acks:
        stored = hashes[ack.run_id][ack.seq - 1 : ack.seq]
        assert stored == [ack.hash], f"event #{ack.seq} of {ack.run_id} was stored, and is not"
