"""Sub-agents: a tool that runs a child, in a run of its own.

The child's id follows from the parent's and the call's idempotency key: dispatched again, the
tool finds the child there is, and goes on with it. It belongs to the parent's tenant, spends from
what the parent set aside for it, and may do no more than the parent. What stops the child (a
pause, an unknown outcome, a hold) stops it alone: the parent's call waits.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress

from quarterdeck_kernel import canonical
from quarterdeck_kernel.agent.ports import Host
from quarterdeck_kernel.agent.result import AgentResult
from quarterdeck_kernel.agent.scope import visible
from quarterdeck_kernel.agent.spec import AgentSpec
from quarterdeck_kernel.agent.starting import run_request
from quarterdeck_kernel.engine.journal import Journal
from quarterdeck_kernel.engine.run_driver import RunDriver
from quarterdeck_kernel.engine.watch import A_WHILE_US, news
from quarterdeck_kernel.errors import (
    LeaseHeldError,
    PermanentToolError,
    RunNotFoundError,
    RunStoppedError,
    StepInterruptedError,
)
from quarterdeck_kernel.events.agent_events import ChildFinished, ChildStarted
from quarterdeck_kernel.events.union import AnyEvent
from quarterdeck_kernel.projections.state import RunState
from quarterdeck_kernel.runs.cancel import cancel
from quarterdeck_kernel.tools.context import ToolContext
from quarterdeck_kernel.tools.tool import Tool
from quarterdeck_kernel.tools.tool_of import tool_of
from quarterdeck_kernel.vocabulary.actor import KERNEL
from quarterdeck_kernel.vocabulary.limits import AGENT_DEPTH
from quarterdeck_kernel.vocabulary.retry import RetryPolicy

_PATIENCE = RetryPolicy(tries=100, timeout_s=90 * 86_400.0, budget_s=90 * 86_400.0)
"""A child may wait for a person for as long as that takes them."""

PARENT_CANCELLED = "its parent is to be cancelled"
PARENT_OUT_OF_TIME = "the time of its parent is over"

_ID_CHARS = 80
_KEY_CHARS = 24

Drive = Callable[[RunDriver], Awaitable[AgentResult]]
"""Goes on with a child's run as far as it goes, by what the child has pinned: it was narrowed."""


class Children:
    """The sub-agents of one run."""

    def __init__(self, host: Host, driver: RunDriver, drive: Drive) -> None:
        self._host = host
        self._driver = driver
        self._drive = drive
        self._names: frozenset[str] = frozenset()
        self._attached_ids: set[str] = set()

    def tools(self, spec: AgentSpec) -> list[Tool]:
        """Return a tool for each sub-agent."""
        self._names = frozenset(child.name for child in spec.sub_agents)
        return [self._tool(child) for child in spec.sub_agents]

    def _tool(self, spec: AgentSpec) -> Tool:
        async def delegate(context: ToolContext, task: str) -> object:
            return await self._run(context, spec, task)

        return tool_of(
            delegate,
            name=spec.name,
            description=f"Hand a task to {spec.name}, and wait for the answer. {spec.identity}",
            effect="idempotent",
            version="1",
            retry=_PATIENCE,
        )

    async def _run(self, context: ToolContext, spec: AgentSpec, task: str) -> object:
        child = await self._attached(context, spec, task)
        ended = await self._to_the_end(child)
        await _finished(self._driver, child)
        if ended.status == "succeeded":
            return ended.answer
        partial = f"; it came as far as: {ended.partial_answer}" if ended.partial_answer else ""
        raise PermanentToolError(
            f"{spec.name} ended as {ended.status}: {ended.message or ended.error}{partial}"
        )

    # -- the child's run

    async def _attached(self, context: ToolContext, spec: AgentSpec, task: str) -> RunDriver:
        """Return the child's run: the one there is, or a new one."""
        parent = self._driver
        child_id = child_run_id(parent.run_id, context.idempotency_key)
        try:
            journal = await Journal.load(
                parent.store,
                child_id,
                tenant=parent.tenant,
                clock=self._host.clock,
                ingress=parent.ingress,
            )
            self._attached_ids.add(child_id)
            if journal.state.terminal:
                return await self._host.load(child_id, parent.tenant)
        except RunNotFoundError:
            pass
        allotment = await self._started(context, child_id, spec)
        rights = visible(spec.rights, parent.state.conditions)
        request = run_request(
            spec.narrowed(rights),
            task,
            tenant=parent.tenant,
            run_id=child_id,
            idempotency_key=child_id,
            model=spec.model or parent.state.conditions.model,
            budgets={"micros": allotment} if allotment is not None else {},
            deadline_us=_sooner(parent.state.deadline_us, spec, self._host.clock.now_us()),
            parent=parent.state,
            parent_intent_seq=_intent_seq(parent.state, context),
        )
        return await self._host.begin(request)

    async def _started(self, context: ToolContext, child_id: str, spec: AgentSpec) -> int | None:
        """Record that the child begins, with what it may spend; return that."""

        def decide(state: RunState) -> Sequence[AnyEvent]:
            if child_id in state.children:
                return ()
            return [
                ChildStarted(
                    child_run_id=child_id,
                    agent=spec.name,
                    intent_seq=_intent_seq(state, context),
                    allotment_micros=allotment(state, spec, among=self._among(state, child_id)),
                )
            ]

        parent = self._driver
        if parent.state.identity.depth + 1 > AGENT_DEPTH:
            raise PermanentToolError(f"sub-agents stand {AGENT_DEPTH} deep; do this yourself")
        await parent.append(decide, actor=KERNEL)
        self._attached_ids.add(child_id)
        return parent.state.children[child_id].allotment_micros

    def _among(self, state: RunState, child_id: str) -> int:
        """Count this child and those called beside it that have nothing set aside yet."""
        called = {
            child_run_id(state.identity.run_id, intent.idempotency_key)
            for intent in state.tool_intents.values()
            if intent.tool in self._names
        }
        return len({child_id, *called} - state.children.keys() - self._attached_ids)

    # -- driving it

    async def _to_the_end(self, child: RunDriver) -> AgentResult:
        """Drive the child until it has ended, however often it has to wait."""
        watch = asyncio.create_task(self._pass_on_cancel(child))
        try:
            while True:
                try:
                    return await self._drive(child)
                except StepInterruptedError:
                    if not child.draining:
                        raise
                except (RunStoppedError, LeaseHeldError):
                    # Waits for somebody; or is at work already, driven by somebody else.
                    pass
                child.resting = True
                child.tell_rest()
                try:
                    await self._news_of(child)
                finally:
                    child.resting = False
                    child.tell_rest()
        finally:
            watch.cancel()
            await asyncio.wait([watch])

    async def _news_of(self, child: RunDriver) -> None:
        """Wait until somebody does something about what stops the child, or its time is over."""
        state = child.state
        expiries = [p.expires_at_us for p in state.pauses.values() if p.expires_at_us is not None]
        deadlines = [us for us in (*expiries, state.deadline_us) if us is not None]
        now_us = self._host.clock.now_us()
        within_us = min([A_WHILE_US, *(max(0, us - now_us) for us in deadlines)])
        await news(child, within_us)

    async def _pass_on_cancel(self, child: RunDriver) -> None:
        """A parent that is to be cancelled takes its children with it."""
        parent = self._driver
        while (asked := parent.state.cancel) is None:
            await news(parent, A_WHILE_US)
        if not child.state.terminal and child.state.cancel is None:
            await _cancel(self._host, parent, child.run_id, now=asked.now, why=PARENT_CANCELLED)


async def end_left(host: Host, parent: RunDriver, drive: Drive, *, now: bool, why: str) -> None:
    """End the children of a run that is to end, where no call of it drives them.

    Before the run ends: nobody would look after them again.
    """
    for child_id in tuple(parent.state.children):
        await _cancel(host, parent, child_id, now=now, why=why)
        child = await host.load(child_id, parent.tenant)
        # What may have happened keeps a child from its end, and whoever drives it ends it there.
        with suppress(RunStoppedError, LeaseHeldError):
            await drive(child)
        if child.state.terminal:
            await _finished(parent, child)


async def _finished(parent: RunDriver, child: RunDriver) -> None:
    """Record how a child ended and what it spent, which its parent has spent, too."""
    state = child.state
    ended = ChildFinished(
        child_run_id=child.run_id,
        status=state.status,
        spent_micros=state.spend.total_micros,
        spent_unknown=state.spend.cost_unknown,
        head_seq=state.head_seq,
        head_hash=state.head_hash,
    )
    await parent.append(
        lambda state: [ended] if child.run_id in state.children else [], actor=KERNEL
    )


async def _cancel(host: Host, parent: RunDriver, child_id: str, *, now: bool, why: str) -> None:
    journal = await Journal.load(parent.store, child_id, clock=host.clock, ingress=parent.ingress)
    if not journal.state.terminal:
        await cancel(journal, now=now, reason=why, actor=KERNEL)


def child_run_id(parent_run_id: str, idempotency_key: str) -> str:
    """Return the id of the child that a call runs: always the same."""
    suffix = canonical.digest([parent_run_id, idempotency_key])[:_KEY_CHARS]
    return f"{parent_run_id[:_ID_CHARS]}.{suffix}"


def allotment(state: RunState, spec: AgentSpec, *, among: int = 1) -> int | None:
    """Return what a child may spend: what it asks for, and no more than its parent has left.

    Those that are called at once share that equally: the first is not to take it all.
    """
    limit = state.conditions.limit("micros").limit
    if limit is None:
        return spec.budget_micros
    left = (limit - state.spend.total_micros - state.spend.reserved_micros) // among
    if left <= 0:
        raise PermanentToolError(f"no budget is left for {spec.name}; do without, or ask for more")
    return left if spec.budget_micros is None else min(left, spec.budget_micros)


def _intent_seq(state: RunState, context: ToolContext) -> int | None:
    for intent in state.tool_intents.values():
        if intent.idempotency_key == context.idempotency_key:
            return intent.seq
    return None


def _sooner(parent_us: int | None, spec: AgentSpec, now_us: int) -> int | None:
    own_us = now_us + int(spec.deadline_s * 1_000_000) if spec.deadline_s is not None else None
    known = [us for us in (parent_us, own_us) if us is not None]
    return min(known) if known else None
