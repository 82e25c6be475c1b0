"""What people decide about runs: from any process, whoever drives them, alive or not.

None of this needs a lease. A decision names what it answers and is taken only while that stands:
the first wins, the second is told who was first.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Unpack

from pydantic import JsonValue

from quarterdeck_kernel.clock import Clock, SystemClock
from quarterdeck_kernel.engine.erasure import erase
from quarterdeck_kernel.engine.grants import StandingGrant, standing
from quarterdeck_kernel.engine.journal import Journal
from quarterdeck_kernel.engine.router import Router
from quarterdeck_kernel.errors import InvalidError
from quarterdeck_kernel.events.envelope import Event
from quarterdeck_kernel.kernel.ledger import LedgerEntry, LedgerWhere, read_ledger
from quarterdeck_kernel.kernel.past import Past
from quarterdeck_kernel.kernel.run import Run
from quarterdeck_kernel.kernel.wiring import Privacy, ingress_of
from quarterdeck_kernel.projections.state import RunState
from quarterdeck_kernel.runs.acknowledge import acknowledge
from quarterdeck_kernel.runs.budget import change_budget, change_limit
from quarterdeck_kernel.runs.cancel import cancel
from quarterdeck_kernel.runs.delete import delete
from quarterdeck_kernel.runs.hold import hold, release
from quarterdeck_kernel.runs.reconcile import Verdict, reconcile
from quarterdeck_kernel.runs.resolve import Decision, resolve
from quarterdeck_kernel.runs.revoke import revoke
from quarterdeck_kernel.runs.say import say, unsay
from quarterdeck_kernel.runs.scope import ToolFilter, change_scope
from quarterdeck_kernel.runs.signal import signal
from quarterdeck_kernel.runs.swap_model import swap_model
from quarterdeck_kernel.runs.take_up import take_up
from quarterdeck_kernel.store.account import Account
from quarterdeck_kernel.store.listing import LedgerFilter, LedgerPart
from quarterdeck_kernel.store.port import EventStore
from quarterdeck_kernel.vocabulary.actor import Actor, operator
from quarterdeck_kernel.vocabulary.budgets import Period, Scope, day_of
from quarterdeck_kernel.vocabulary.words import BudgetKind


class Decisions(Past):
    """The verbs of an operator. `actor` is who decides: by default whoever runs this process."""

    def __init__(
        self, store: EventStore, *, clock: Clock | None = None, **privacy: Unpack[Privacy]
    ) -> None:
        """Decide about the runs of a store. What people write is looked through, too."""
        self.store = store
        self.ingress = ingress_of(privacy)
        self._clock = clock or SystemClock()
        self.router = Router()

    async def resume(  # noqa: PLR0913 - one keyword for each thing that an answer consists of
        self,
        run: Run | str,
        pause_id: str | None = None,
        *,
        decision: Decision = "answered",
        answer: JsonValue = None,
        reason: str | None = None,
        token: str | None = None,
        digest: str | None = None,
        constraints: Mapping[str, JsonValue] | None = None,
        actor: Actor | None = None,
    ) -> Event:
        """Answer a pause. The run's code finds the answer when it comes by again.

        The pause is named by its id, by the token that whoever opened it was told, or by both.
        `digest` is that of the call that was looked at: who answers after it was edited, not
        knowing, is told so. `granted` lets calls with the same arguments go unasked until the run
        ends; `constraints` says, by a JSON schema each, which of them may vary.
        """
        return await resolve(
            self.store,
            await self.journal(run),
            pause_id,
            decision=decision,
            answer=answer,
            reason=reason,
            token=token,
            digest=digest,
            constraints=constraints,
            actor=actor or operator(),
        )

    async def reconcile(
        self,
        run: Run | str,
        intent_seq: int,
        *,
        verdict: Verdict,
        result: JsonValue = None,
        reason: str | None = None,
        actor: Actor | None = None,
    ) -> Event:
        """Settle the unknown outcome of an intent by what a person found out.

        `done` with the result and the evidence as reason, `failed` with the reason, or `retry`,
        which lets the step be tried once more under the same key.
        """
        return await reconcile(
            await self.journal(run),
            intent_seq,
            verdict=verdict,
            result=result,
            reason=reason,
            actor=actor or operator(),
        )

    async def acknowledge(
        self, run: Run | str, *, note: str | None = None, actor: Actor | None = None
    ) -> Event:
        """Say that the failure of a run was seen: it no longer counts as a need."""
        journal = await self.journal(run)
        return await acknowledge(self.store, journal, note=note, actor=actor or operator())

    async def take_up(
        self, run: Run | str, *, note: str | None = None, actor: Actor | None = None
    ) -> Event:
        """Ask that a run nobody drives be taken up, by whoever drives runs in this workspace."""
        journal = await self.journal(run)
        return await take_up(self.store, journal, note=note, actor=actor or operator())

    async def grants(self, run: Run | str) -> list[StandingGrant]:
        """Return what may go unasked in a run, and who allowed it when."""
        return await standing(self.store, (await self.journal(run)).state)

    async def revoke(
        self,
        run: Run | str,
        grant_id: str,
        *,
        reason: str | None = None,
        actor: Actor | None = None,
    ) -> Event:
        """Take a grant back: from the next call on people are asked again."""
        journal = await self.journal(run)
        return await revoke(self.store, journal, grant_id, reason=reason, actor=actor or operator())

    async def cancel(
        self,
        run: Run | str,
        *,
        now: bool = False,
        reason: str | None = None,
        actor: Actor | None = None,
    ) -> RunState:
        """Ask that a run end: at its next boundary, or `now`, breaking off what may be."""
        journal = await self.journal(run)
        return await cancel(journal, now=now, reason=reason, actor=actor or operator())

    async def hold(
        self, run: Run | str, *, reason: str | None = None, actor: Actor | None = None
    ) -> Event:
        """Stop a run at its next boundary, until it is released."""
        return await hold(await self.journal(run), reason=reason, actor=actor or operator())

    async def release(
        self, run: Run | str, *, reason: str | None = None, actor: Actor | None = None
    ) -> Event:
        """Let a run go on that is held."""
        return await release(await self.journal(run), reason=reason, actor=actor or operator())

    async def change_budget(
        self,
        run: Run | str,
        *,
        limit: int | None,
        budget: BudgetKind = "micros",
        revision: int | None = None,
        reason: str | None = None,
        actor: Actor | None = None,
    ) -> Event:
        """Give a run another bound, None for none. A raised one releases what the budget held."""
        return await change_budget(
            await self.journal(run),
            budget=budget,
            limit=limit,
            revision=revision,
            reason=reason,
            actor=actor or operator(),
        )

    async def change_limit(
        self,
        scope: Scope,
        name: str | None = None,
        *,
        limit: int | None,
        period: Period = "total",
        day: str | None = None,
        budget: BudgetKind = "micros",
        actor: Actor | None = None,
    ) -> Account:
        """Give a tenant, person, agent or the workspace another bound for a period.

        A tenant must be known: named in code or settings, or with a run.

        It stands until configuration says something else than it did. `day` is the one that is
        meant, or lies in the month that is; None is today in UTC.
        """
        return await change_limit(
            self.store,
            scope,
            name,
            period=period,
            day=day or day_of(self._clock.now_us()),
            budget=budget,
            limit=limit,
            tenants=self._known_tenants(),
            actor=actor or operator(),
        )

    async def ledger(
        self, *by: LedgerPart, **where: Unpack[LedgerWhere]
    ) -> tuple[LedgerEntry, ...]:
        """Return what was used, parted `by` run, tenant, person, agent, name, day or month."""
        return await read_ledger(self.store, LedgerFilter(by=frozenset(by), **where))

    async def swap_model(
        self,
        run: Run | str,
        *,
        model: str | None = None,
        parameters: Mapping[str, JsonValue] | None = None,
        tier: str | None = None,
        revision: int | None = None,
        actor: Actor | None = None,
    ) -> RunState:
        """Let a run ask another model, or with other parameters, from its next request on.

        What is left out stays as it is. `revision` is that of `state.conditions.model_revision`
        which was looked at: if somebody has changed the model since, it is refused and said who.
        A tier that is known here brings its models, if none is named.
        """
        return await swap_model(
            self.store,
            await self.journal(run),
            model=self.router.resolved(model, tier),
            parameters=parameters,
            tier=tier,
            revision=revision,
            actor=actor or operator(),
        )

    async def signal(
        self,
        run: Run | str,
        name: str,
        *,
        data: JsonValue = None,
        key: str | None = None,
        actor: Actor | None = None,
    ) -> int:
        """Send a workflow a signal; the same key twice is one signal. Return its event's number."""
        return await signal(
            self.store,
            await self.journal(run),
            name,
            data=data,
            key=key,
            actor=actor or operator(),
        )

    async def say(
        self,
        run: Run | str,
        text: str,
        *,
        skills: Sequence[str] = (),
        key: str | None = None,
        actor: Actor | None = None,
    ) -> int:
        """Tell an agent something: it is used once, in its next turn. Return its event's number.

        `skills` are read to it with that. The same key with the same text twice is said once; with
        another text it is a conflict.
        """
        self._check_skills(skills)
        return await say(
            self.store,
            await self.journal(run),
            text,
            skills=skills,
            key=key,
            actor=actor or operator(),
        )

    def _check_skills(self, names: Sequence[str]) -> None:
        """Raise for a skill that is not there, where it is known which there are."""

    async def unsay(self, run: Run | str, key: str, *, actor: Actor | None = None) -> int:
        """Take back what was said under a key and is not used yet."""
        return await unsay(await self.journal(run), key, actor=actor or operator())

    async def scope(
        self,
        run: Run | str,
        scope: ToolFilter,
        tools: Collection[str] = (),
        *,
        for_turn: bool = False,
        revision: int | None = None,
        actor: Actor | None = None,
    ) -> Event:
        """Let an agent see all tools, only these, or all but these, from its next request on.

        It narrows what the agent has, never widens it. `for_turn` narrows one turn alone.
        """
        return await change_scope(
            self.store,
            await self.journal(run),
            scope,
            tools,
            known=self._known_tools(),
            for_turn=for_turn,
            revision=revision,
            actor=actor or operator(),
        )

    def _known_tenants(self) -> Collection[str]:
        """Return the tenants that are named here, in code or settings."""
        return ()

    def _known_tools(self) -> Collection[str]:
        """Return the tools that are known here: a run's own configuration names the others."""
        return ()

    async def erase(
        self, run: Run | str, seq: int, *, reason: str, actor: Actor | None = None
    ) -> None:
        """Erase the content of an event for ever; its hash stays, and the chain verifies."""
        run_id = (await self.journal(run)).run_id
        await erase(self.store, run_id, seq, actor=actor or operator(), reason=reason)

    async def delete(self, run: Run | str, *, reason: str, actor: Actor | None = None) -> int:
        """Delete a run that is over whole; return how many events went. Forks have to go first."""
        run_id = (await self.journal(run)).run_id
        return await delete(self.store, run_id, actor=actor or operator(), reason=reason)

    async def journal(self, run: Run | str) -> Journal:
        """Return a journal without the lease: what people write needs none."""
        if isinstance(run, Run) and run.driver.horizon is not None:
            raise InvalidError(
                f"run {run.run_id!r} is only replayed here: nothing is decided in a check"
            )
        run_id = run if isinstance(run, str) else run.run_id
        tenant = None if isinstance(run, str) else run.tenant
        return await self._loaded(run_id, tenant)

    async def _loaded(self, run_id: str, tenant: str | None) -> Journal:
        return await Journal.load(
            self.store, run_id, tenant=tenant, clock=self._clock, ingress=self.ingress
        )
