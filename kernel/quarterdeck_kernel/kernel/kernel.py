"""The kernel as its users hold it: runs, steps, people's decisions, over one workspace.

Owns the wiring and nothing else: what a step means stands in `engine`, what a person may decide
in `runs`.
"""

import random
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Self, TypeVar, Unpack

from pydantic import JsonValue

from quarterdeck_kernel.clock import Clock
from quarterdeck_kernel.engine.journal import Journal
from quarterdeck_kernel.engine.lease_keeper import LeaseKeeper
from quarterdeck_kernel.engine.model_ask import AskedModel, Listener, ModelResult, Purpose
from quarterdeck_kernel.engine.model_step import ModelSteps
from quarterdeck_kernel.engine.pauses import PauseAnswer, PauseQuestion, ask, until_answered
from quarterdeck_kernel.engine.reconciling import reconciled
from quarterdeck_kernel.engine.replay import ReplayDriver
from quarterdeck_kernel.engine.replay_report import ReplayReport
from quarterdeck_kernel.engine.run_driver import RunDriver
from quarterdeck_kernel.engine.tool_call import AskedCall, ToolResult
from quarterdeck_kernel.engine.tool_step import Result, ToolSteps
from quarterdeck_kernel.errors import (
    InvalidError,
    QuarterdeckError,
    RunPausedError,
    StepError,
)
from quarterdeck_kernel.events.envelope import Event
from quarterdeck_kernel.events.run_events import RunFailed, RunSucceeded
from quarterdeck_kernel.guards.chain import Chain, Guard
from quarterdeck_kernel.kernel.agents import Agents
from quarterdeck_kernel.kernel.asking import (
    ToolAsk,
    asked_call,
    checked_step_key,
    messages_of,
    parameters_of,
)
from quarterdeck_kernel.kernel.checking import as_code, checked
from quarterdeck_kernel.kernel.opening import open_store
from quarterdeck_kernel.kernel.run import Run
from quarterdeck_kernel.kernel.typed_answer import schema_of, typed
from quarterdeck_kernel.kernel.version import kernel_version
from quarterdeck_kernel.kernel.wiring import Wiring
from quarterdeck_kernel.kernel.workflows import Workflow, carry_on
from quarterdeck_kernel.models.port import ModelPort
from quarterdeck_kernel.runs.reconcile import Verdict, reconcile
from quarterdeck_kernel.runs.start import RunRequest, start
from quarterdeck_kernel.store.port import EventStore
from quarterdeck_kernel.tools import printed
from quarterdeck_kernel.tools.declared import Declared
from quarterdeck_kernel.tools.tool import Tool
from quarterdeck_kernel.tools.tool_of import tool_of
from quarterdeck_kernel.tools.toolbox import ToolBox
from quarterdeck_kernel.vocabulary.actor import AGENT, Actor, operator
from quarterdeck_kernel.vocabulary.messages import Message
from quarterdeck_kernel.vocabulary.retry import RetryPolicy
from quarterdeck_kernel.vocabulary.tenant import Tenant
from quarterdeck_kernel.vocabulary.words import PauseType

F = TypeVar("F", bound=Callable[..., Any])
D = TypeVar("D", bound=RunDriver)


class Kernel(Agents):
    """Drives runs in this process. Made by `Kernel.open`; to be closed, or used with `async with`.

    `tenants` names who may use which capabilities; a tenant that is not named here has none.
    """

    def __init__(
        self,
        store: EventStore,
        *,
        model: ModelPort | None = None,
        model_name: str = "scripted",
        tools: Iterable[Tool] = (),
        guards: Sequence[Guard] = (),
        tenants: Iterable[Tenant] = (),
        clock: Clock | None = None,
        strict_costs: bool = False,
    ) -> None:
        """Wire a kernel upon a store that is open. `close` closes the store, too."""
        super().__init__(store, clock=clock)
        self.tools = ToolBox(tools)
        self._model = model
        self._model_name = model_name
        self._chain = Chain(guards)
        self._tenants = {tenant.tenant_id: tenant for tenant in tenants}
        self._strict_costs = strict_costs
        self._keeper = LeaseKeeper(store, self._clock)
        self._drivers: dict[str, RunDriver] = {}
        self._chance = random.Random()  # noqa: S311 - spreads retries, protects nothing
        self._closed = False
        printed.install()

    @classmethod
    async def open(cls, workspace: Path | str, **wiring: Unpack[Wiring]) -> Self:
        """Open a workspace folder, or `":memory:"`. The other arguments are those of the class."""
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

    async def start_run(
        self,
        *,
        agent: str,
        objective: str = "",
        tenant: str = "local",
        run_id: str | None = None,
        idempotency_key: str | None = None,
        model: str | None = None,
        config: dict[str, JsonValue] | None = None,
        actor: Actor | None = None,
    ) -> Run:
        """Start a run. Under an idempotency key used before, return the run it made then."""
        request = RunRequest(
            agent=agent,
            objective=objective,
            tenant=tenant,
            run_id=run_id,
            idempotency_key=idempotency_key,
            # Pinned: what a step insists on, or another default tomorrow, is not the run's model.
            model=model or (self._model_name if self._model is not None else None),
            config=config,
        )
        journal = await start(self.store, request, actor=actor or operator(), clock=self._clock)
        return self._run(journal)

    async def load_run(self, run_id: str, *, tenant: str = "local") -> Run:
        """Return a run of a tenant. It is taken up, and may then be driven, by its first step."""
        known = self._drivers.get(run_id)
        if known is not None and known.tenant == tenant:
            await known.refresh()
            return Run(known)
        journal = await Journal.load(self.store, run_id, tenant=tenant, clock=self._clock)
        return self._run(journal)

    def _run(self, journal: Journal) -> Run:
        driver = self._drivers.get(journal.run_id)
        if driver is None:
            driver = self._drivers[journal.run_id] = self._driver(RunDriver, journal)
        return Run(driver)

    def _driver(self, kind: type[D], journal: Journal) -> D:
        return kind(
            self.store,
            journal,
            clock=self._clock,
            keeper=self._keeper,
            chance=self._chance,
            version=kernel_version(),
        )

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

    # -- steps

    async def step_model(  # noqa: PLR0913 - one keyword for each thing that may be asked for
        self,
        *,
        run: Run,
        step_key: str,
        prompt: str | None = None,
        messages: Sequence[Message] | None = None,
        tools: Sequence[str] = (),
        answer: type | None = None,
        model: str | None = None,
        parameters: Mapping[str, JsonValue] | None = None,
        purpose: Purpose = "turn",
        retry: RetryPolicy | None = None,
        listener: Listener | None = None,
    ) -> ModelResult:
        """Ask a model, once however often this is run.

        `tools` names those it may ask for; they are not called here. `answer` is a type its
        answer must fit: it is in the result's `value`.
        """
        asked = AskedModel(
            step_key=checked_step_key(step_key),
            messages=messages_of(prompt, messages),
            tools=self.tools.schemas(tools) if tools else (),
            answer_schema=schema_of(answer) if answer is not None else None,
            model=model,
            parameters=parameters_of(parameters),
            purpose=purpose,
            retry=retry or RetryPolicy(),
            listener=listener,
        )
        if answer is None:
            return await self._asked(run, asked)
        return await typed(lambda again: self._asked(run, again), asked, answer)

    async def _asked(self, run: Run, asked: AskedModel) -> ModelResult:
        driver, wired = run.driver, (self._model, self._model_name, self._chain)
        result = await driver.perform(lambda stop: ModelSteps(driver, *wired, stop).run(asked))
        if self._strict_costs and result.cost_micros is None:
            text = f"what step {asked.step_key!r} cost is unknown, and costs are strict here"
            raise StepError(text, seq=result.seq)
        return result

    async def step_tool(
        self,
        *,
        run: Run,
        step_key: str,
        tool: str,
        arguments: Mapping[str, object] | str,
        call_id: str | None = None,
        retry: RetryPolicy | None = None,
    ) -> ToolResult:
        """Call a tool, once however often this is run; raise what became of it otherwise."""
        call = ToolAsk(step_key=step_key, tool=tool, arguments=arguments, call_id=call_id)
        asked = asked_call(run.driver, self.tools, self._tenants, call, retry)
        (result,) = await self._called(run, [asked])
        if isinstance(result, ToolResult):
            return result
        raise result

    async def step_tools(self, *, run: Run, calls: Sequence[ToolAsk]) -> list[Result]:
        """Call all tools of a turn; return, in order, what each gave, or the error it met.

        They are judged first and begun at once: `read` and `idempotent` ones run together, `once`
        ones one at a time.
        """
        results: dict[int, Result] = {}
        asked: dict[int, AskedCall] = {}
        for place, call in enumerate(calls):
            try:
                asked[place] = asked_call(run.driver, self.tools, self._tenants, call)
            except QuarterdeckError as error:
                results[place] = error
        if len({call.step_key for call in asked.values()}) < len(asked):
            raise InvalidError("two calls of a batch have one step key; give each its own")
        done = await self._called(run, list(asked.values())) if asked else []
        results.update(zip(asked, done, strict=True))
        return [results[place] for place in range(len(calls))]

    async def _called(self, run: Run, asked: Sequence[AskedCall]) -> list[Result]:
        driver, chain = run.driver, self._chain
        return await driver.perform(lambda stop: ToolSteps(driver, chain, stop).run(asked))

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

    # -- people

    async def pause(  # noqa: PLR0913 - one keyword for each thing that may be asked for
        self,
        *,
        run: Run,
        step_key: str,
        title: str,
        type: PauseType = "input",  # noqa: A002 - the word of the event
        details: JsonValue = None,
        options: Sequence[str] = (),
        answer: type | None = None,
        expires_after_s: float | None = None,
        with_token: bool = False,
        wait: bool = False,
    ) -> PauseAnswer:
        """Ask a person; return the answer, found again by every rerun.

        Until there is one `RunPausedError` is raised, or waited for it with `wait`. A rejection,
        and a pause that expired, are a `DeniedError`.
        """
        question = PauseQuestion(
            step_key=checked_step_key(step_key),
            title=title,
            type=type,
            details=details,
            options=tuple(options),
            answer_schema=schema_of(answer) if answer is not None else None,
            expires_after_s=expires_after_s,
            with_token=with_token,
        )
        while True:
            try:
                return await run.driver.perform(lambda stop: ask(run.driver, question, stop))
            except RunPausedError as paused:
                if not wait:
                    raise
                await until_answered(run.driver, paused.pause_id)

    async def reconcile_tool(
        self,
        *,
        run: Run,
        step_key: str,
        verdict: Verdict | None = None,
        result: JsonValue = None,
        reason: str | None = None,
        actor: Actor | None = None,
    ) -> ToolResult | None:
        """Settle a step whose outcome is unknown; return its result where there is one now.

        `verdict` is a person's: `done` with the result and the evidence as reason, `failed` with
        the reason, or `retry`, which lets the step be tried once more under the same key. Without
        one the tool's probe is asked.
        """
        driver = run.driver
        seq = await driver.perform(
            lambda stop: reconciled(
                driver, self.tools, step_key, ask_probe=verdict is None, stop=stop
            )
        )
        if isinstance(seq, ToolResult):
            return seq
        if verdict is None or seq is None:
            return None
        await reconcile(
            await self.journal(run),
            seq,
            verdict=verdict,
            result=result,
            reason=reason,
            actor=actor or operator(),
        )
        return None
