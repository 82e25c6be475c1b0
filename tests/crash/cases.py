"""A case: a scenario, the moments at which its processes die, and the check of what is left.

Processes take turns, as in life: one drives the run until it is over or somebody is needed, then
an operator does what is to be done from a process of its own. One that died is followed by one
that plays the same part.
"""

import asyncio
from collections import deque
from collections.abc import Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from multiprocessing import Pipe
from pathlib import Path
from typing import NamedTuple, TypeAlias, TypeVar

from tests.crash.findings import Findings, check
from tests.crash.processes import Child
from tests.crash.scenarios.playbill import SCENARIOS
from tests.crash.scenarios.scenario import Scenario
from tests.crash.scenarios.world import World
from tests.crash.stagehand import Ack, Crash, Mutation, Part, Played, act, looked_at_end

T = TypeVar("T")

_SIDE_BY_SIDE = 4
"""Cases under way at once: each waits for disks and pipes most of the time."""

_MOST_PROCESSES = 16
"""More than any scenario needs, with every crash in it: a run that needs more never ends."""


Play: TypeAlias = Generator[None, None, T]
"""A case under way; it waits whenever it has started a process, so that others may start theirs."""


class Place(NamedTuple):
    """A crash in the process that is the `number`-th of its case."""

    number: int
    crash: Crash


@dataclass(frozen=True)
class Sound:
    """A scenario as it goes when nothing dies: which points it passes, process by process."""

    scenario: Scenario
    points: list[list[str]]
    ends: dict[str, Findings]

    def places(self) -> Iterator[Place]:
        """Yield every moment at which a process of the scenario can die."""
        for number, points in enumerate(self.points):
            for at, name in enumerate(points):
                yield Place(number, Crash(name, points[: at + 1].count(name)))


class Case:
    """One case in a folder of its own."""

    def __init__(
        self,
        folder: Path,
        scenario: Scenario,
        places: Sequence[Place] = (),
        *,
        mutation: Mutation | None = None,
    ) -> None:
        folder.mkdir(mode=0o700)
        self._world = World(folder)
        self._scenario = scenario
        self._places = dict(places)
        self._mutation = mutation
        self._acks: list[Ack] = []
        self.points: list[list[str]] = []
        self.missed: list[Place] = []

    def played(self) -> Play[list[Findings]]:
        """Play it to its end, with all its deaths; return what is found."""
        part: Part = "drive"
        for number in range(_MOST_PROCESSES):
            played = yield from self._process(number, part)
            if played is None:
                continue
            self.points.append(played.points)
            if played.over:
                return (yield from self._looked_at())
            part = "operate" if part == "drive" else "drive"
        raise AssertionError(f"the run does not end in {_MOST_PROCESSES} processes")

    def checked(self, sound: Sound) -> Play[None]:
        """Play it, and compare its end with the one where nothing died."""
        try:
            found = yield from self.played()
            check(
                found,
                sound.ends,
                self._world.happened(),
                may_lack_effects=self._scenario.may_end_without_effects,
            )
        except BaseException as error:
            error.add_note(f"scenario {self._scenario.name}, crashes {list(self._places.items())}")
            raise

    def _process(self, number: int, part: Part) -> Play[Played | None]:
        """Run one process; None if it died where it was to."""
        crash = self._places.get(number)
        work = partial(act, self._world, self._scenario, part, crash=crash, mutation=self._mutation)
        with Child(work) as child:
            yield
            words = child.hear_all()
            killed = child.was_killed
        self._acks += [word for word in words if isinstance(word, Ack)]
        if killed:
            return None
        if crash is not None:
            self.missed.append(Place(number, crash))
        played = words[-1]
        assert isinstance(played, Played), f"the process said {played!r} at last"
        return played

    def _looked_at(self) -> Play[list[Findings]]:
        names = {f"run-{self._scenario.name}": self._scenario.name}
        with Child(partial(looked_at_end, self._world, [self._scenario], names)) as child:
            yield
            found: list[Findings] = child.hear_all()[-1]
        by_run = {each.run_id: each.hashes for each in found}
        for ack in self._acks:
            stored = by_run[ack.run_id][ack.seq - 1 : ack.seq]
            assert stored == [ack.hash], f"event #{ack.seq} of {ack.run_id} was stored, and is not"
        return found


def _warm_up(folder: Path) -> None:
    """Play once in this process, so that all it forks have built what is built when first used."""
    folder.mkdir(mode=0o700)
    near, far = Pipe()
    with near, far:
        asyncio.run(act(World(folder), SCENARIOS["plain"], "drive", far))


def alone(play: Play[T]) -> T:
    """Play one case to its end."""
    while True:
        try:
            next(play)
        except StopIteration as end:
            result: T = end.value
            return result


def side_by_side(plays: Iterable[Play[None]]) -> None:
    """Play many cases, some at once; the first that fails ends it."""
    waiting, under_way = iter(plays), deque[Play[None]]()
    try:
        while True:
            while len(under_way) < _SIDE_BY_SIDE and (play := next(waiting, None)) is not None:
                under_way.append(play)
            if not under_way:
                return
            play = under_way.popleft()
            for _ in play:
                under_way.append(play)
                break
    finally:
        for play in under_way:
            play.close()


class Sounds(dict[str, Sound]):
    """The scenarios played with nothing dying, each when it is first asked for."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self._folder = folder
        _warm_up(folder / "warm")

    def __missing__(self, name: str) -> Sound:
        case = Case(self._folder / name, SCENARIOS[name])
        ends = {each.agent: each for each in alone(case.played())}
        self[name] = Sound(SCENARIOS[name], case.points, ends)
        return self[name]
