"""The model of the effect protocol: two drivers, two operators, one world, one seed.

A scheduler picks the next thing to happen among all that could; the oracle judges after each. When
the chances for faults are used up, everyone wakes up and the operators answer what is open: then
the run must end, or the protocol can get stuck.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass

from tests.simulation.driver import Driver
from tests.simulation.effects import Violation
from tests.simulation.log import Log
from tests.simulation.operators import Operator
from tests.simulation.oracle import Oracle
from tests.simulation.plan import Plan
from tests.simulation.process import TTL_US
from tests.simulation.rules import RIGHT, Rules
from tests.simulation.world import Spec, World

_WILD_STEPS = 90
_CALM_STEPS = 700
_EFFECTS = ("read", "idempotent", "once", "once", "once")


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What one seed came to."""

    seed: int
    status: str
    events: int
    steps: int
    violation: str | None = None


class Simulation:
    """One seeded history of the protocol."""

    def __init__(self, seed: int, rules: Rules = RIGHT, *, gap: bool = False) -> None:
        """Choose the scenario; nothing happens before `run`."""
        self.seed = seed
        self.rng = random.Random(seed)
        self.oracle = Oracle(grace=gap)
        self.world = World(self.rng, self.oracle)
        self.log = Log(rules, self.world, self.oracle)
        plan = Plan(self._turns(), rules)
        self.drivers = [Driver(name, self.log, plan, gap=gap) for name in "AB"]
        self.operators = [
            Operator(name, self.log, self.rng, self.rng.randint(0, 6)) for name in ("ada", "ben")
        ]
        self.faults = self.rng.choice((0, 1, 2, 4))
        self.steps = 0
        self.history: list[str] | None = None

    def _turns(self) -> list[list[Spec]]:
        rng = self.rng
        return [
            [
                Spec(
                    f"{turn}.{place}",
                    rng.choice(_EFFECTS),  # type: ignore[arg-type]
                    rng.random() < 0.35,
                    rng.random() < 0.6,
                    rng.choice((2, 5, 20)),
                )
                for place in range(rng.choice((1, 2, 2, 3)))
            ]
            for turn in range(rng.choice((1, 1, 2)))
        ]

    def run(self) -> Outcome:
        """Play the history to its end."""
        violation: str | None = None
        try:
            self._wild()
            self._calm()
        except Violation as found:
            violation = str(found)
        return Outcome(
            seed=self.seed,
            status=self.log.state.status,
            events=self.log.seq,
            steps=self.steps,
            violation=violation,
        )

    def _wild(self) -> None:
        rng = self.rng
        while self.steps < _WILD_STEPS and not self.log.state.terminal:
            dice = rng.random()
            if dice < 0.08:
                self._fault()
            elif dice < 0.28:
                self._do("time", self._pass_time)
            elif dice < 0.45:
                self._pick(*[option for who in self.operators for option in who.options()])
            else:
                self._pick(*[option for who in self.drivers for option in who.options()])

    def _calm(self) -> None:
        """Nothing goes wrong any more, and people answer: the run must end, and stay sound."""
        for driver in self.drivers:
            if not driver.up:
                driver.restart()
            driver.awake = True
        for operator in self.operators:
            operator.decisions, operator.meddles = _CALM_STEPS, False
        until = self.steps + _CALM_STEPS
        after = 25
        while self.steps < until and after > 0:
            options = [option for who in self.drivers for option in who.options()]
            if self.rng.random() < 0.3:
                options += [option for who in self.operators for option in who.options()]
            if options and self.rng.random() < 0.85:
                self._pick(*options)
            else:
                self._do("time", self._pass_time)
            if self.log.state.terminal:
                after -= 1
        self.world.pass_time(1_000)
        for driver in self.drivers:
            for option in driver.options():
                self._do(f"{driver.process} settles", option)
        self.oracle.finish(ended=True)

    def _pass_time(self) -> None:
        self.world.pass_time(self.rng.choice((1, 1, 2, 4, TTL_US)))

    def _fault(self) -> None:
        driver = self.drivers[self.rng.randrange(2)]
        if not driver.up:
            self._do(f"{driver.name} restarts", driver.restart)
        elif not driver.awake:
            self._do(f"{driver.process} wakes", lambda: setattr(driver, "awake", True))
        elif self.faults > 0:
            self.faults -= 1
            if self.rng.random() < 0.4:
                self._do(f"{driver.process} dies", driver.crash)
            else:
                self._do(f"{driver.process} is suspended", lambda: setattr(driver, "awake", False))
        else:
            self.steps += 1

    def _pick(self, *options: Callable[[], None]) -> None:
        if options:
            option = options[self.rng.randrange(len(options))]
            self._do("", option)
        else:
            self._do("time", self._pass_time)

    def _do(self, what: str, action: Callable[[], None]) -> None:
        self.steps += 1
        if self.history is not None:
            self.history.append(
                f"{self.world.now_us:>5} #{self.log.seq:<3} {what or _named(action)}"
            )
        action()


def _named(action: Callable[[], None]) -> str:
    function = getattr(action, "func", action)
    arguments = getattr(action, "args", ())
    owner = getattr(function, "__self__", None)
    who = getattr(owner, "process", getattr(owner, "name", ""))
    return f"{who} {getattr(function, '__name__', function)} {', '.join(map(str, arguments))}"


def simulate(seed: int, rules: Rules = RIGHT, *, gap: bool = False) -> Outcome:
    """Play one seed."""
    return Simulation(seed, rules, gap=gap).run()


def told(seed: int, rules: Rules = RIGHT, *, gap: bool = False) -> str:
    """Return the history of a seed, step by step, for a person who looks for the reason."""
    simulation = Simulation(seed, rules, gap=gap)
    simulation.history = []
    outcome = simulation.run()
    log = [f"#{event.seq} e{event.epoch} {event.payload!r}" for event in simulation.log.events]
    return "\n".join([*simulation.history, *log, f"{outcome}"])


def first_violation(seeds: range, rules: Rules = RIGHT, *, gap: bool = False) -> Outcome | None:
    """Return the first seed that breaks an invariant, if one does."""
    for seed in seeds:
        outcome = simulate(seed, rules, gap=gap)
        if outcome.violation is not None:
            return outcome
    return None
