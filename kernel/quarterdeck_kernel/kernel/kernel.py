"""The kernel as its users hold it: runs, steps, people's decisions, over one workspace.

Owns the wiring and nothing else: what a step means stands in `engine`, what a person may decide
in `runs`.
"""

import random
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, TypeVar, Unpack

from pydantic import JsonValue

from quarterdeck_kernel.clock import Clock
from quarterdeck_kernel.engine.hook import Hook
from quarterdeck_kernel.engine.hooks import Hooks
from quarterdeck_kernel.engine.journal import Journal
from quarterdeck_kernel.engine.lease_keeper import LeaseKeeper
from quarterdeck_kernel.engine.replay import ReplayDriver
from quarterdeck_kernel.engine.replay_report import ReplayReport
from quarterdeck_kernel.engine.router import Router
from quarterdeck_kernel.engine.run_driver import RunDriver
from quarterdeck_kernel.events.envelope import Event
from quarterdeck_kernel.events.run_events import RunFailed, RunSucceeded
from quarterdeck_kernel.guards.chain import Guard
from quarterdeck_kernel.kernel.asking import checked_tenant
from quarterdeck_kernel.kernel.checking import as_code, checked
from quarterdeck_kernel.kernel.configured import settings_of
from quarterdeck_kernel.kernel.guarding import (
    FILES,
    budgets_of,
    chain_of,
    personal_data_of,
    safeguards_of,
    tenants_of,
)
from quarterdeck_kernel.kernel.modelling import at_once_of, described, routing_of
from quarterdeck_kernel.kernel.opening import open_store
from quarterdeck_kernel.kernel.run import DriftPolicy, Run, checked_policy
from quarterdeck_kernel.kernel.supervising import Supervised
from quarterdeck_kernel.kernel.version import kernel_version
from quarterdeck_kernel.kernel.wiring import Privacy, Wiring
from quarterdeck_kernel.kernel.workflows import Workflow, carry_on
from quarterdeck_kernel.models.limiter import Limiter
from quarterdeck_kernel.models.port import ModelPort
from quarterdeck_kernel.runs.start import RunRequest, start
from quarterdeck_kernel.store.port import EventStore
from quarterdeck_kernel.tools import printed
from quarterdeck_kernel.tools.declared import Declared
from quarterdeck_kernel.tools.tool import Tool
from quarterdeck_kernel.tools.tool_of import tool_of
from quarterdeck_kernel.vocabulary.actor import AGENT, Actor, operator
from quarterdeck_kernel.vocabulary.budgets import Budgets
from quarterdeck_kernel.vocabulary.tenant import Tenant
from quarterdeck_kernel.vocabulary.tiers import Route, Tiers
from quarterdeck_kernel.vocabulary.words import BudgetKind

if TYPE_CHECKING:
    from quarterdeck_kernel.agent.spec import AgentSpec
    from quarterdeck_kernel.settings.settings import Settings

F = TypeVar("F", bound=Callable[..., Any])
D = TypeVar("D", bound=RunDriver)


class Kernel(Supervised):
    """Drives runs in this process. Made by `Kernel.open`; to be closed, or used with `async with`.

    `tenants` names who may use which capabilities, and how much; where any are named, nobody else
    may start a run. `safeguards` are those against loops and errors in a row: None for the usual.
    """

    def __init__(  # noqa: PLR0913 - one keyword for each thing a kernel is made of
        self,
        store: EventStore,
        *,
        model: ModelPort | None = None,
        model_name: str = "scripted",
        tools: Iterable[Tool] = (),
        guards: Sequence[Guard] = (),
        hooks: Iterable[Hook] = (),
        tenants: Iterable[Tenant] = (),
        clock: Clock | None = None,
        strict_costs: bool = False,
        settings: "Settings | None" = None,
        root: Path | str = ".",
        on_drift: DriftPolicy = "strict",
        budgets: Budgets | None = None,
        safeguards: Sequence[Guard] | None = None,
        tiers: Tiers | None = None,
        routes: Sequence[Route] = (),
        at_once: Mapping[str, int] | None = None,
        **privacy: Unpack[Privacy],
    ) -> None:
        """Wire a kernel upon a store that is open. `close` closes the store, too.

        Relative paths in the arguments of tools begin at `root`. `tiers` name models from the best
        to the cheapest, `routes` say which request goes to which; `at_once` is how many requests
        a provider gets at a time from all runs together.
        """
        self._hooks = Hooks(hooks)
        guards = [*guards, *self._hooks.guards]
        known = tenants_of(settings, tenants)
        self._tenants = {tenant.tenant_id: tenant for tenant in known}
        self._budgets = budgets_of(settings, budgets, known)
        policy = privacy["personal_data"] = personal_data_of(settings, privacy)
        chain = chain_of(
            settings,
            guards=guards,
            tenants=tenants,
            root=root,
            personal_data=policy,
            budgets=self._budgets,
            own=safeguards_of(store, self._budgets, safeguards),
        )
        super().__init__(
            store,
            model=described(settings, model),
            model_name=model_name,
            tools=tools,
            chain=chain,
            clock=clock,
            strict_costs=strict_costs,
            **privacy,
        )
        self._on_drift: DriftPolicy = checked_policy(on_drift)
        self._keeper = LeaseKeeper(store, self._clock)
        self._drivers: dict[str, RunDriver] = {}
        self._chance = random.Random()  # noqa: S311 - spreads retries, protects nothing
        known_tiers, known_routes = routing_of(settings, tiers, routes)
        self.router = Router(known_tiers, known_routes)
        self._limiter = Limiter(self._clock, {**at_once_of(settings), **(at_once or {})})
        self._closed = False
        self._draining = False
        self._tell_rest: Callable[[], None] | None = None
        printed.install()

    @classmethod
    async def open(cls, workspace: Path | str, **wiring: Unpack[Wiring]) -> Self:
        """Open a workspace folder, or `":memory:"`. The other arguments are those of the class.

        The settings are those of the files of the workspace and its user, if none are given.
        What is wrong with them is told before anything is opened.
        """
        if "settings" not in wiring:
            wiring["settings"] = settings_of(workspace)
        wiring.setdefault("root", Path(workspace) / FILES)
        settings, guards = wiring["settings"], wiring.get("guards", ())
        chain_of(
            settings,
            guards=guards,
            personal_data=personal_data_of(settings, wiring),
            budgets=budgets_of(
                settings, wiring.get("budgets"), tenants_of(settings, wiring.get("tenants", ()))
            ),
        )
        store = await open_store(workspace, clock=wiring.get("clock"))
        return cls(store, **wiring)

    async def __aenter__(self) -> Self:
        """Use the kernel until the block ends."""
        return self

    async def __aexit__(self, *_error: object) -> None:
        """Close it."""
        await self.close()

    async def close(self) -> None:
        """Stop what is under way, make the log true, give all leases back, close the store."""
        if self._closed:
            return
        self._closed = True
        try:
            for driver in tuple(self._drivers.values()):
                await driver.close()
            await self._keeper.close()
            await self._hooks.close()
            if self._model is not None:
                await self._model.close()
        finally:
            printed.uninstall()
            await self.store.close()

    # -- tools

    def tool(self, **declared: Unpack[Declared]) -> Callable[[F], F]:
        """Register a function as a tool: `@kernel.tool(effect="once")`. See `tool_of`."""

        def register(function: F) -> F:
            self.tools.add(tool_of(function, **declared))
            return function

        return register

    # -- runs

    async def start_run(  # noqa: PLR0913 - one keyword for each thing that may be asked for
        self,
        *,
        agent: str,
        objective: str = "",
        tenant: str = "local",
        run_id: str | None = None,
        idempotency_key: str | None = None,
        model: str | None = None,
        config: dict[str, JsonValue] | None = None,
        budgets: Mapping[BudgetKind, int] | None = None,
        actor: Actor | None = None,
        on_drift: DriftPolicy | None = None,
    ) -> Run:
        """Start a run. Under an idempotency key used before, return the run it made then.

        `on_drift="fork"`: where the code was changed since, the handle goes on in a fork.
        """
        policy = checked_policy(on_drift or self._on_drift)
        request = RunRequest(
            agent=agent,
            objective=objective,
            tenant=checked_tenant(tenant, self._tenants),
            run_id=run_id,
            idempotency_key=idempotency_key,
            # Pinned: what a step insists on, or another default tomorrow, is not the run's model.
            model=model or (self._model_name if self._model is not None else None),
            config=config,
            budgets={**self._budgets.run, **(budgets or {})},
        )
        who = actor or operator()
        journal = await start(
            self.store, request, actor=who, clock=self._clock, ingress=self.ingress
        )
        return Run(self.driver_of(journal), policy)

    async def load_run(
        self, run_id: str, *, tenant: str = "local", on_drift: DriftPolicy | None = None
    ) -> Run:
        """Return a run of a tenant. It is taken up, and may then be driven, by its first step."""
        policy = checked_policy(on_drift or self._on_drift)
        known = self._drivers.get(run_id)
        if known is not None and known.tenant == tenant:
            await known.refresh()
            return Run(known, policy)
        return Run(self.driver_of(await self._loaded(run_id, tenant)), policy)

    def driver_of(self, journal: Journal) -> RunDriver:
        """Return the one driver that a run has here."""
        driver = self._drivers.get(journal.run_id)
        if driver is None:
            driver = self._drivers[journal.run_id] = self._driver(RunDriver, journal)
        return driver

    def _driver(self, kind: type[D], journal: Journal) -> D:
        driver = kind(
            self.store,
            journal,
            clock=self._clock,
            keeper=self._keeper,
            chance=self._chance,
            version=kernel_version(),
            budgets=self._budgets,
        )
        driver.limiter, driver.router = self._limiter, self.router
        driver.hooks = self._hooks
        driver.draining = self._draining
        if self._tell_rest is not None:
            driver.tell_rest = self._tell_rest
        return driver

    async def let_go(self, run: Run) -> None:
        """Stop driving a run: another process may take it up."""
        if self._drivers.get(run.run_id) is run.driver:
            del self._drivers[run.run_id]
        await run.driver.close()

    async def finish_run(self, run: Run, *, answer: JsonValue = None) -> Event:
        """End a run that reached its end."""
        return await self._end(run, RunSucceeded(answer=answer))

    async def fail_run(
        self, run: Run, *, error: str, message: str, partial_answer: JsonValue = None
    ) -> Event:
        """End a run that cannot go on."""
        return await self._end(
            run, RunFailed(error=error, message=message, partial_answer=partial_answer)
        )

    async def _end(self, run: Run, last: RunSucceeded | RunFailed) -> Event:
        await run.driver.take_up()
        await run.driver.check_boundary()
        return await run.driver.end(lambda _state: last, actor=AGENT)

    async def run_workflow(self, workflow: Workflow, *arguments: object, run: Run) -> JsonValue:
        """Run a workflow as far as it goes now; return its answer, on record or new."""
        return await carry_on(self, run, workflow, arguments)

    # -- checking code against a log

    async def check(
        self, code: Callable[..., Awaitable[object]], *arguments: object, run: Run | str
    ) -> ReplayReport:
        """Run code against the record of a run, and tell whether it does what is there.

        It is called with a run to take its steps in, and must take them in no other. Nothing is
        done and nothing is written, whoever drives the run meanwhile.
        """
        driver = self._driver(ReplayDriver, await self.journal(run))
        return await checked(driver, code, arguments)

    async def check_workflow(
        self, workflow: Workflow, *arguments: object, run: Run | str
    ) -> ReplayReport:
        """Do the same with a workflow."""
        return await self.check(as_code(self, workflow), *arguments, run=run)

    async def check_agent_run(
        self, run: Run | str, spec: "AgentSpec | None" = None
    ) -> ReplayReport:
        """Tell whether an agent would do today what a run of it has on record.

        It is the one that is known here by its name, or the one that the run has pinned.
        """
        from quarterdeck_kernel.kernel.agent_check import AgentCheck  # noqa: PLC0415 - rarely asked

        journal = await self.journal(run)
        identity = journal.state.identity
        if spec is None and identity.parent_run_id is None:
            spec = self.crew.get(identity.agent)
        return await AgentCheck(self, journal, self.on_tiers(spec) if spec else None).report()
