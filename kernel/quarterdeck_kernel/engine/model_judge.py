"""Judging a model request that is new: what the guards say, written down before it is raised."""

from collections.abc import Sequence

from quarterdeck_kernel.engine.boundary import stopped
from quarterdeck_kernel.engine.cancellation import Stop, in_time
from quarterdeck_kernel.engine.denials import denied
from quarterdeck_kernel.engine.ingress import GUARD
from quarterdeck_kernel.engine.model_ask import AskedModel
from quarterdeck_kernel.engine.run_driver import RunDriver
from quarterdeck_kernel.errors import QuarterdeckError
from quarterdeck_kernel.events.control_events import Held
from quarterdeck_kernel.events.guard_events import GuardDenied, GuardWarned
from quarterdeck_kernel.events.union import AnyEvent
from quarterdeck_kernel.guards.chain import Chain, Judged
from quarterdeck_kernel.guards.proposed import ProposedRequest
from quarterdeck_kernel.guards.verdict import Deny
from quarterdeck_kernel.projections.state import RunState


class ModelJudge:
    """Asks the guards about the requests of one run."""

    def __init__(self, driver: RunDriver, chain: Chain, stop: Stop) -> None:
        self._driver = driver
        self._chain = chain
        self._stop = stop

    async def check(self, asked: AskedModel) -> None:
        """Refuse a prompt that holds what must not pass; that is recorded, and raised."""
        if asked.refused is not None:
            refusal = GuardDenied(
                guard=GUARD, rule="prompt", step_key=asked.step_key, reason=asked.refused
            )
            raise denied(refusal, await self._write([refusal]))

    async def allowed(self, asked: AskedModel, model: str) -> tuple[GuardWarned, ...]:
        """Return what guards warn of. What they refuse is recorded, and raised."""
        if not self._chain.judges_requests:
            return ()
        said = await self._said(asked, model)
        warnings = tuple(
            GuardWarned(
                guard=guard,
                rule=warn.rule,
                rules=warn.rules,
                step_key=asked.step_key,
                reason=warn.reason,
            )
            for guard, warn in said.warnings
        )
        if said.hold is not None:
            _, hold = said.hold
            await self._write([*warnings, Held(by=hold.by, reason=hold.reason)])
            error = stopped(self._driver.state)
            assert error is not None, "the run was held just now"
            raise error
        denial = said.denial
        if said.pause is not None and denial is None:
            reason = "a guard asks for a person's word, and a model request waits for nobody"
            denial = "approval", Deny(reason=reason, rule=said.pause.rule, rules=said.pause.rules)
        if denial is None:
            return warnings
        guard, verdict = denial
        refusal = GuardDenied(
            guard=guard,
            rule=verdict.rule,
            rules=verdict.rules,
            step_key=asked.step_key,
            reason=verdict.reason,
        )
        seq = await self._write([*warnings, refusal])
        raise denied(refusal, seq)

    async def _said(self, asked: AskedModel, model: str) -> Judged:
        driver = self._driver
        request = ProposedRequest(
            run_id=driver.run_id,
            tenant=driver.tenant,
            step_key=asked.step_key,
            model=model,
            tier=driver.state.conditions.tier,
            purpose=asked.purpose,
            tokens=driver.state.vitals.context_tokens,
            state=driver.state,
            at_us=driver.clock.now_us(),
        )
        judging = self._chain.judged_request(request)
        try:
            return await in_time(judging, driver.clock, self._stop)
        except TimeoutError as error:
            return Judged(denial=("guards", Deny(reason=f"the guards failed: {error}")))

    async def _write(self, events: Sequence[AnyEvent]) -> int:
        def decide(state: RunState) -> Sequence[AnyEvent]:
            error: QuarterdeckError | None = stopped(state)
            if error is not None:
                raise error
            return events

        return (await self._driver.append(decide))[-1].seq
