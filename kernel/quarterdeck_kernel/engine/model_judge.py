"""Judging a model request that is new: what the guards say, written down before it is raised."""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from pydantic import JsonValue

from quarterdeck_kernel.engine.boundary import stopped
from quarterdeck_kernel.engine.cancellation import Stop, in_time
from quarterdeck_kernel.engine.denials import denied
from quarterdeck_kernel.engine.holding import holding
from quarterdeck_kernel.engine.ingress import GUARD
from quarterdeck_kernel.engine.model_ask import AskedModel
from quarterdeck_kernel.engine.reserving import reservation_of
from quarterdeck_kernel.engine.run_driver import RunDriver
from quarterdeck_kernel.errors import QuarterdeckError
from quarterdeck_kernel.events.guard_events import GuardDenied, GuardWarned
from quarterdeck_kernel.events.union import AnyEvent
from quarterdeck_kernel.guards.chain import FURTHER, ORDER, Chain, Judged, Kinds
from quarterdeck_kernel.guards.proposed import ProposedRequest
from quarterdeck_kernel.guards.verdict import Deny, Warn
from quarterdeck_kernel.models.counting import counted_text, counted_tokens
from quarterdeck_kernel.projections.state import RunState
from quarterdeck_kernel.vocabulary.budgets import DEFAULT_OUTPUT_TOKENS
from quarterdeck_kernel.vocabulary.price import Price
from quarterdeck_kernel.vocabulary.reservation import NOTHING, Reservation

Prices = Callable[[str], Price | None]

_TIERS = 20
"""Cheaper models that may be named one after the other: more would be a circle."""


class Permitted(NamedTuple):
    """A request that may be sent: to which model, with what is set aside, behind which warnings."""

    model: str
    reservation: Reservation
    warnings: tuple[GuardWarned, ...] = ()


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

    async def allowed(self, asked: AskedModel, model: str, prices: Prices) -> Permitted:
        """Return what may be sent, perhaps to a cheaper model. A refusal is recorded and raised."""
        warnings: list[GuardWarned] = []
        for _ in range(_TIERS):
            request = self._proposed(asked, model, prices)
            said = await self._said(request)
            warnings += (_warned(asked, guard, warn) for guard, warn in said.warnings)
            if said.degrade is None:
                break
            guard, cheaper = said.degrade
            reason = f"{cheaper.reason}; {cheaper.model!r} is asked in place of {model!r}"
            warnings.append(_warned(asked, guard, Warn(reason=reason, rule=cheaper.rule)))
            model = cheaper.model
        else:
            reason = f"{_TIERS} cheaper models were named, each for the one before"
            said = Judged(denial=("guards", Deny(reason=reason)))
        if said.hold is not None:
            await self._write([*warnings, *holding(said.hold[1], self._driver.state)])
            error = stopped(self._driver.state)
            assert error is not None, "the run was held just now"
            raise error
        denial = said.denial
        if said.pause is not None and denial is None:
            reason = "a guard asks for a person's word, and a model request waits for nobody"
            denial = "approval", Deny(reason=reason, rule=said.pause.rule, rules=said.pause.rules)
        if denial is None:
            return Permitted(model, request.reservation, tuple(warnings))
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

    async def may_go_on(self, asked: AskedModel, model: str) -> bool:
        """Tell whether enough is left to try once more what was asked before."""
        if not self._counts(self._driver.state):
            return True
        request = self._proposed(asked, model, None)._replace(further=True)
        said = await self._said(request, FURTHER)
        return said.hold is None and said.denial is None and said.degrade is None

    def _counts(self, state: RunState) -> bool:
        """Tell whether anybody wants to know beforehand what a request will cost."""
        budgets = self._driver.budgets
        return bool(state.conditions.budgets or budgets.limits or budgets.strict)

    def _proposed(self, asked: AskedModel, model: str, prices: Prices | None) -> ProposedRequest:
        driver = self._driver
        state = driver.state
        tokens = state.vitals.context_tokens if asked.purpose == "turn" else 0
        reservation = NOTHING
        if self._counts(state):
            tokens = max(tokens, counted_tokens(asked.messages) + _tool_tokens(asked))
            parameters = {**state.conditions.parameters, **asked.parameters}
            longest = _longest_answer(parameters)
            price = prices(model) if prices is not None else None
            cost = None if price is None else price.micros(tokens, longest)
            reservation = reservation_of(driver, micros=cost, tokens=tokens + longest)
        return ProposedRequest(
            run_id=driver.run_id,
            tenant=driver.tenant,
            step_key=asked.step_key,
            model=model,
            tier=state.conditions.tier,
            purpose=asked.purpose,
            tokens=tokens,
            state=state,
            at_us=driver.clock.now_us(),
            reservation=reservation,
        )

    async def _said(self, request: ProposedRequest, kinds: Kinds = ORDER) -> Judged:
        if not self._chain.judges_requests:
            return Judged()
        while True:
            said = self._chain.judged_request(request, kinds)
            try:
                if not isinstance(said, Judged):
                    said = await in_time(said, self._driver.clock, self._stop)
            except TimeoutError as error:
                return Judged(denial=("guards", Deny(reason=f"the guards failed: {error}")))
            if not said.refuses or not await self._driver.moved_on(request.state):
                return said
            request = request._replace(state=self._driver.state)

    async def _write(self, events: Sequence[AnyEvent]) -> int:
        def decide(state: RunState) -> Sequence[AnyEvent]:
            error: QuarterdeckError | None = stopped(state)
            if error is not None:
                raise error
            return events

        return (await self._driver.append(decide))[-1].seq


def _warned(asked: AskedModel, guard: str, warn: Warn) -> GuardWarned:
    return GuardWarned(
        guard=guard,
        rule=warn.rule,
        rules=warn.rules,
        step_key=asked.step_key,
        reason=warn.reason,
    )


def _tool_tokens(asked: AskedModel) -> int:
    """Return about how many tokens the tools take that a model is told of."""
    return sum(
        counted_text(f"{tool.name}{tool.description}{tool.parameters}") for tool in asked.tools
    )


def _longest_answer(parameters: Mapping[str, JsonValue]) -> int:
    """Return how many tokens an answer may have, by what is asked of the provider."""
    for name in ("max_completion_tokens", "max_tokens"):
        said = parameters.get(name)
        if isinstance(said, int) and said > 0:
            return said
    return DEFAULT_OUTPUT_TOKENS
