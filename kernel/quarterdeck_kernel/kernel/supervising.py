"""The supervisor's kernel: agents known by name, and runs of theirs gone on with."""

from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING

from quarterdeck_kernel.agent.result import AgentResult
from quarterdeck_kernel.agent.spec import AgentSpec
from quarterdeck_kernel.clock import Clock
from quarterdeck_kernel.engine.run_driver import RunDriver
from quarterdeck_kernel.errors import InvalidError, NotFoundError
from quarterdeck_kernel.kernel.agents import Agents
from quarterdeck_kernel.kernel.run import Run

if TYPE_CHECKING:
    from quarterdeck_kernel.kernel.kernel import Kernel
    from quarterdeck_kernel.supervisor.notice import Notice
    from quarterdeck_kernel.supervisor.supervisor import Supervisor

AT_ONCE = 100
"""Runs at work at the same time, if nothing else is said."""


class SupervisedKernel:
    """A kernel as its supervisor sees it: `supervisor.ports.Host`."""

    def __init__(self, kernel: "Kernel") -> None:
        self._kernel = kernel
        self.store = kernel.store

    @property
    def clock(self) -> Clock:
        """Return the kernel's clock."""
        return self._kernel._clock  # noqa: SLF001 - the two are one part

    async def load(self, run_id: str, tenant: str) -> RunDriver:
        """Return the driver that the run has here."""
        return (await self._kernel.load_run(run_id, tenant=tenant)).driver

    async def go_on(self, driver: RunDriver) -> AgentResult:
        """Go on by the agent that is known today; where it cannot be, by what the run has pinned.

        A sub-agent keeps to what it has pinned: that was narrowed by its parent.
        """
        kernel, identity = self._kernel, driver.state.identity
        spec = kernel.crew.get(identity.agent or "") if identity.parent_run_id is None else None
        if spec is not None and not kernel.can_run(spec):
            spec = None
        return await kernel.run_agent(Run(driver), spec)

    async def let_go(self, driver: RunDriver) -> None:
        """Let the run go, as `Kernel.let_go` does."""
        await self._kernel.let_go(Run(driver))

    def watch(self, told: Callable[[], None]) -> None:
        """Tell every driver, and those to come, whom to tell of sub-agents that rest."""
        kernel = self._kernel
        kernel._tell_rest = told  # noqa: SLF001
        for driver in kernel._drivers.values():  # noqa: SLF001
            driver.tell_rest = told

    def drain(self, *, on: bool = True) -> None:
        """Tell every driver, and those to come."""
        kernel = self._kernel
        kernel._draining = on  # noqa: SLF001
        for driver in kernel._drivers.values():  # noqa: SLF001
            driver.draining = on

    def rests(self, driver: RunDriver) -> bool:
        """Tell whether every call of a run is one of a child that stands still, or rests too."""
        drivers = self._kernel._drivers  # noqa: SLF001
        state = driver.state
        calls = {child.intent_seq: child_id for child_id, child in state.children.items()}
        if not state.tool_intents or not state.tool_intents.keys() <= calls.keys():
            return False
        children = [drivers.get(calls[seq]) for seq in state.tool_intents]
        return all(child is not None and (child.resting or self.rests(child)) for child in children)


class Supervised(Agents):
    """What a kernel does so that others may drive its agents."""

    @cached_property
    def crew(self) -> dict[str, AgentSpec]:
        """Return the agents that are known here, by name."""
        return {}

    def agent(self, spec: AgentSpec) -> AgentSpec:
        """Register an agent: a run of it that the supervisor takes up goes on by this.

        Where another one is pinned in the run, that this one is adopted is an event of the run.
        """
        there = self.crew.setdefault(spec.name, spec)
        if there != spec:
            raise InvalidError(f"there is another agent named {spec.name!r}; rename one of them")
        return spec

    def can_run(self, spec: AgentSpec) -> bool:
        """Tell whether all tools and skills that an agent names are registered."""
        try:
            self.check_agent(spec)
        except NotFoundError:
            return False
        return True

    def supervisor(
        self, *, at_once: int = AT_ONCE, told: "Callable[[Notice], None] | None" = None
    ) -> "Supervisor":
        """Return what drives all runs of agents in this workspace, `at_once` at a time.

        It begins with its `run`. `told` hears what happens to runs.
        """
        # Who only takes steps has no need of it.
        from quarterdeck_kernel.supervisor.supervisor import Supervisor  # noqa: PLC0415

        if at_once < 1:
            raise InvalidError(f"{at_once!r} runs at once are none; let it be 1 or more")
        return Supervisor(SupervisedKernel(self._kernel), at_once=at_once, told=told)
