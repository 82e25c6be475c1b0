"""Agents, as users hold them: started, gone on with, steered while they work."""

from collections.abc import Collection, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, cast

from quarterdeck_kernel.agent.result import AgentResult
from quarterdeck_kernel.agent.skills import Shelf, Skill, skill_from
from quarterdeck_kernel.agent.spec import AgentSpec
from quarterdeck_kernel.agent.starting import run_request
from quarterdeck_kernel.clock import Clock
from quarterdeck_kernel.engine.journal import Decide
from quarterdeck_kernel.engine.model_ask import AskedModel, ModelResult
from quarterdeck_kernel.engine.pauses import PauseAnswer, PauseQuestion, ask
from quarterdeck_kernel.engine.run_driver import RunDriver
from quarterdeck_kernel.engine.tool_step import Result
from quarterdeck_kernel.kernel.asking import ToolAsk, checked_tenant
from quarterdeck_kernel.kernel.run import Run
from quarterdeck_kernel.kernel.steps import Steps
from quarterdeck_kernel.runs.start import RunRequest, start
from quarterdeck_kernel.tools.toolbox import ToolBox
from quarterdeck_kernel.vocabulary.actor import AGENT, Actor, operator
from quarterdeck_kernel.vocabulary.words import BudgetKind

if TYPE_CHECKING:
    from quarterdeck_kernel.agent.ports import AgentCall, Host
    from quarterdeck_kernel.kernel.kernel import Kernel


class KernelHost:
    """A kernel as its agents see it: `agent.ports.Host`."""

    def __init__(self, kernel: "Kernel") -> None:
        self._kernel = kernel
        self.store = kernel.store

    @property
    def clock(self) -> Clock:
        """Return the kernel's clock."""
        return self._kernel._clock  # noqa: SLF001 - the two are one part

    @property
    def tools(self) -> ToolBox:
        """Return the kernel's tools."""
        return self._kernel.tools

    @property
    def skills(self) -> Shelf:
        """Return the kernel's skills."""
        return self._kernel.skills

    def window_tokens(self, model: str | None) -> int | None:
        """Ask the provider, without asking anybody else."""
        port = self._kernel._model  # noqa: SLF001
        name = model or self._kernel._model_name  # noqa: SLF001
        return port.window_tokens(name) if port is not None else None

    async def model(self, driver: RunDriver, asked: AskedModel) -> ModelResult:
        """Take a model step, as `Kernel.step_model` does."""
        return await self._kernel._asked(Run(driver), asked)  # noqa: SLF001

    async def call(
        self, driver: RunDriver, box: ToolBox, calls: Sequence["AgentCall"], opening: Decide
    ) -> list[Result]:
        """Take the steps of a turn, as `Kernel.step_tools` does, with the agent's own tools."""
        asks = [
            ToolAsk(
                step_key=call.step_key,
                tool=call.tool,
                arguments=call.arguments,
                call_id=call.call_id,
                model_seq=call.model_seq,
                turn=call.turn,
            )
            for call in calls
        ]
        return await self._kernel._batch(driver, asks, box, opening)  # noqa: SLF001

    async def ask(self, driver: RunDriver, question: PauseQuestion) -> PauseAnswer:
        """Ask a person, as `Kernel.pause` does."""
        return await driver.perform(lambda stop: ask(driver, question, stop))

    async def load(self, run_id: str, tenant: str) -> RunDriver:
        """Return a run that exists."""
        return (await self._kernel.load_run(run_id, tenant=tenant)).driver

    async def begin(self, request: RunRequest) -> RunDriver:
        """Begin a child's run, or find it."""
        kernel = self._kernel
        journal = await start(
            kernel.store, request, actor=AGENT, clock=self.clock, ingress=kernel.ingress
        )
        return kernel.driver_of(journal)


class Agents(Steps):
    """What a kernel does about agents."""

    @cached_property
    def skills(self) -> Shelf:
        """Return the skills that are registered."""
        return Shelf()

    def skill(self, skill: Skill | Path) -> Skill:
        """Register a skill, or the folder of one."""
        found = skill_from(skill) if isinstance(skill, Path) else skill
        self._kernel.skills.add(found)
        return found

    def check_agent(self, spec: AgentSpec) -> None:
        """Refuse an agent that names tools or skills which are not registered."""
        kernel = self._kernel
        for each in _with_sub_agents(spec):
            kernel.tools.schemas(each.rights)
            for name in each.skills:
                kernel.tools.schemas(kernel.skills.get(name).tools)

    async def start_agent(  # noqa: PLR0913 - one keyword for each thing a run is begun with
        self,
        spec: AgentSpec,
        objective: str,
        *,
        tenant: str = "local",
        run_id: str | None = None,
        idempotency_key: str | None = None,
        budgets: Mapping[BudgetKind, int] | None = None,
        deadline_us: int | None = None,
        model: str | None = None,
        actor: Actor | None = None,
    ) -> Run:
        """Begin a run of an agent, with its configuration pinned. `run_agent` goes on with it.

        `model` goes before what its spec says, for this run.
        """
        kernel = self._kernel
        spec = self.on_tiers(spec)
        self.check_agent(spec)
        if deadline_us is None and spec.deadline_s is not None:
            deadline_us = self._clock.now_us() + int(spec.deadline_s * 1_000_000)
        own: dict[BudgetKind, int] = {}
        if spec.budget_micros is not None:
            own["micros"] = spec.budget_micros
        default = kernel._model_name if kernel._model is not None else None  # noqa: SLF001
        request = run_request(
            spec,
            objective,
            tenant=checked_tenant(tenant, kernel._tenants),  # noqa: SLF001
            run_id=run_id,
            idempotency_key=idempotency_key,
            model=model or spec.model or default,
            budgets={**kernel._budgets.run, **own, **(budgets or {})},  # noqa: SLF001
            deadline_us=deadline_us,
        )
        journal = await start(
            self.store, request, actor=actor or operator(), clock=self._clock, ingress=self.ingress
        )
        return Run(kernel.driver_of(journal))

    async def run_agent(self, run: Run, spec: AgentSpec | None = None) -> AgentResult:
        """Go on with an agent's run as far as it goes; return how it ended.

        What stops it before its end is raised (`RunStoppedError`): call this again once that is
        settled. A run that has ended gives its result again, and nothing is called. Another spec
        than the one that is pinned is adopted.
        """
        # Who imports the kernel need not have an agent; the loop and its parts are a tenth of it.
        from quarterdeck_kernel.agent.loop import drive  # noqa: PLC0415

        wanted = self.on_tiers(spec) if spec is not None else None
        return await drive(self._host, run.driver, wanted)

    def on_tiers(self, spec: AgentSpec) -> AgentSpec:
        """Return an agent that names a tier with the model which stands first in it."""
        children = tuple(map(self.on_tiers, spec.sub_agents))
        model = self._kernel.router.resolved(spec.model, spec.tier)
        if model == spec.model and children == spec.sub_agents:
            return spec
        return spec.model_copy(update={"model": model, "sub_agents": children})

    def _check_skills(self, names: Sequence[str]) -> None:
        for name in names:
            self.skills.get(name)

    def _known_tenants(self) -> Collection[str]:
        return self._kernel._tenants  # noqa: SLF001 - the two are one part

    def _known_tools(self) -> Collection[str]:
        return self.tools.names()

    @property
    def _kernel(self) -> "Kernel":
        return cast("Kernel", self)

    @property
    def _host(self) -> "Host":
        return KernelHost(self._kernel)


def _with_sub_agents(spec: AgentSpec) -> list[AgentSpec]:
    return [spec, *(each for child in spec.sub_agents for each in _with_sub_agents(child))]
