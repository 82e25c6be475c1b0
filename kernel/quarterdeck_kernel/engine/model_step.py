"""Model steps: ask a model once, however often the step is run.

Look for the record, write the request, ask, write the answer. A try that fails is an event of its
own; the request stays open and is asked again, until the policy or the budget of time is used up.
A request that a dead process left open is asked again as it stands, with no second intent.
"""

import asyncio
from collections.abc import Sequence

from quarterdeck_kernel.crash_point import crash_point
from quarterdeck_kernel.engine.admission import admitted
from quarterdeck_kernel.engine.boundary import over, stopped, unless_stopped
from quarterdeck_kernel.engine.cancellation import Stop, ended, through
from quarterdeck_kernel.engine.ingress import GUARD, redacted, refusal, summed
from quarterdeck_kernel.engine.listening import tell
from quarterdeck_kernel.engine.model_ask import (
    AskedModel,
    ModelResult,
    as_stored,
    check_asked,
    fingerprint,
)
from quarterdeck_kernel.engine.model_judge import ModelJudge, Permitted
from quarterdeck_kernel.engine.model_record import offered, recorded, result
from quarterdeck_kernel.engine.model_try import ERROR_CHARS, Try, Word, as_sent, told_to_stop, tried
from quarterdeck_kernel.engine.reserving import check_budgets
from quarterdeck_kernel.engine.router import Routed
from quarterdeck_kernel.engine.run_driver import RunDriver
from quarterdeck_kernel.engine.watch import news
from quarterdeck_kernel.errors import (
    AccountRefusedError,
    InvalidError,
    ModelError,
    ModelPermanentError,
    RunStoppedError,
    StepInterruptedError,
)
from quarterdeck_kernel.events.envelope import Event
from quarterdeck_kernel.events.guard_events import GuardDenied
from quarterdeck_kernel.events.model_events import ModelCompleted, ModelFailed, ModelRequested
from quarterdeck_kernel.events.union import AnyEvent
from quarterdeck_kernel.guards.chain import Chain
from quarterdeck_kernel.models.port import ModelAnswer, ModelPort, ModelRequest
from quarterdeck_kernel.projections.state import RunState

_FOR_GOOD: frozenset[Word] = frozenset({"permanent", "overflow", "cancelled"})
"""How a try ends behind which no further one is begun."""

_WHY_CHARS = 300

_REFUSALS = 20
"""How often a request is judged anew because accounts filled up since: others were first."""


class ModelSteps:
    """Carries out one model step, told to stop through `stop`."""

    def __init__(
        self,
        driver: RunDriver,
        port: ModelPort | None,
        default: str,
        chain: Chain,
        stop: Stop,
    ) -> None:
        self._driver = driver
        self._judge = ModelJudge(driver, chain, stop)
        self._port = port
        self._default = default
        self._stop = stop

    async def run(self, asked: AskedModel) -> ModelResult:
        """Return the answer: from the record, from whoever asks for the same now, or afresh."""
        driver = self._driver
        asked = driver.prompts.looked_through(asked)
        check_asked(asked)
        while True:
            begun = await self._begin(asked)
            if isinstance(begun, ModelResult):
                if begun.text:
                    tell(asked, begun.text)
                return begun
            if isinstance(begun, asyncio.Future):
                word = await ended(begun, clock=driver.clock, within_us=60_000_000, stop=self._stop)
                if word == "stop":
                    raise StepInterruptedError("the step was told to stop while it waited")
                continue
            try:
                result = await self._until_answered(asked, *begun)
            finally:
                driver.finish(asked.step_key)
            if result is not None:
                return result

    # -- the request

    async def _begin(
        self, asked: AskedModel
    ) -> ModelResult | asyncio.Future[None] | tuple[int, ModelRequest]:
        """Find the answer on record, the same step under way, or write the request."""
        driver = self._driver
        await through(driver.gate, self._stop, driver.clock)
        try:
            await driver.take_up()
            digests = driver.memory.digests(asked.messages, asked.tools)
            mark = fingerprint(asked, digests.of_messages, digests.of_tools)
            # Looked up first: it may end while the record is read, which then seems to be open.
            joined = driver.under_way.get(asked.step_key)
            before = await recorded(driver, asked, mark)
            if before is not None:
                if isinstance(before.result, ModelResult):
                    return before.result
                if before.result is not None:
                    raise before.result
                if joined is not None:
                    return joined
                await driver.fresh(offered(asked))
                await self._may_begin(asked)
                seq, request = await self._taken_up(before.seq, before.request, asked, mark)
            else:
                await driver.fresh(offered(asked))
                await self._may_begin(asked)
                await self._judge.check(asked)
                seq, request = await self._judged(asked, mark)
            driver.begin(asked.step_key)
            return seq, as_sent(asked, request)
        finally:
            driver.gate.release()

    async def _may_begin(self, asked: AskedModel) -> None:
        """Return if a model may be asked now. What is on record needs neither run nor model."""
        driver = self._driver
        await driver.check_boundary()
        if self._port is None:
            raise InvalidError(
                f"step {asked.step_key!r} is not on record and this kernel has no model; open it "
                "with Kernel.open(..., model=...)"
            )

    def _routed(self, asked: AskedModel, state: RunState) -> Routed:
        driver = self._driver
        return driver.router.routed(asked, state, self._default, driver.clock.monotonic_us())

    async def _judged(self, asked: AskedModel, mark: str) -> tuple[int, ModelRequested]:
        """Write the request that the guards let pass, judged for the model it goes to."""
        refusals = 0
        while True:
            seen = self._driver.state
            routed = self._routed(asked, seen)
            permitted = await self._judge.allowed(asked, routed.model, self._provider.price)
            try:
                written = await self._request(asked, mark, seen, routed, permitted)
            except AccountRefusedError:
                # Others used up meanwhile what the guards saw.
                refusals += 1
                if refusals > _REFUSALS:
                    raise
                continue
            if written is not None:
                return written

    async def _taken_up(
        self, seq: int, request: ModelRequested, asked: AskedModel, mark: str
    ) -> tuple[int, ModelRequested]:
        """Go on with a request that a dead process left open, if enough is left for another try."""
        await self._interrupted(seq, asked)
        if await self._judge.may_go_on(asked, request.model):
            return seq, request
        await self._given_up(asked, seq)
        return await self._judged(asked, mark)

    def _falls_back(self, asked: AskedModel, failure: Try, model: str) -> bool:
        """Tell whether another model is to be asked for what this one did not do."""
        if failure.word not in {"transient", "timeout", "permanent"}:
            return False
        router, now_us = self._driver.router, self._driver.clock.monotonic_us()
        tier = self._routed(asked, self._driver.state).tier
        router.failed(model, f"{failure.word}: {failure.error}"[:_WHY_CHARS], now_us)
        return router.next(asked, Routed(model, tier), now_us)

    async def _given_up(
        self, asked: AskedModel, seq: int, why: str = "the budget does not allow another try"
    ) -> None:
        """Close a request before its next try: it is judged anew, by what holds then."""
        error = StepInterruptedError(why)
        await self._failed(asked, seq, Try("cancelled", error), final=True, asked_again=False)

    async def _request(
        self, asked: AskedModel, mark: str, seen: RunState, routed: Routed, permitted: Permitted
    ) -> tuple[int, ModelRequested] | None:
        """Write a request; None if another model was swapped in just now."""
        driver = self._driver
        model, reservation, warnings = permitted
        tier = routed.tier if model == routed.model else driver.router.tier_of(model)
        digests = driver.memory.digests(asked.messages, asked.tools)
        main = asked.purpose == "turn"
        built = await driver.memory.built(driver.state, asked.messages, digests, main=main)
        tools = driver.memory.tools_context(driver.state, built, digests)
        # What stands on record already was told of when it came there.
        counts = summed(asked.taken_out.get(id(m), {}) for m in built.new_messages)
        remarks: tuple[AnyEvent, ...] = (*redacted(counts, "prompt", asked.step_key), *warnings)

        def decide(state: RunState) -> Sequence[AnyEvent]:
            # Of the state that is written upon: the model may have been swapped just now.
            if self._routed(asked, state)[:2] != routed[:2]:
                return ()
            check_budgets(seen, state)
            conditions = state.conditions
            request = ModelRequested(
                step_key=asked.step_key,
                fingerprint=mark,
                model=model,
                tier=tier,
                routed=routed.reason,
                purpose=asked.purpose,
                context=built.context,
                tools=tools,
                parameters={**conditions.parameters, **asked.parameters},
                window_tokens=self._provider.window_tokens(model),
                estimate_micros=reservation.micros,
                estimate_tokens=reservation.tokens,
                accounts=reservation.accounts,
                day=reservation.day,
                new_messages=built.new_messages,
                new_tools=asked.tools if tools is not None else (),
                answer_schema=asked.answer_schema,
            )
            return [*remarks, *unless_stopped(state, request)]

        crash_point("engine.intent.before")
        written = await driver.append(decide)
        crash_point("engine.intent.after")
        if not written:
            return None
        event = written[-1]
        if main:
            driver.memory.requested(event.seq, built.context)
        assert isinstance(event.payload, ModelRequested), "that is what was written"
        return event.seq, event.payload

    async def _interrupted(self, seq: int, asked: AskedModel) -> None:
        """Record the try that nobody knows the end of; what it cost is not known either."""
        lost = ModelFailed(
            request_seq=seq,
            step_key=asked.step_key,
            error="interrupted",
            final=False,
            message="how this try ended was never recorded",
        )
        await self._driver.append(lambda state: unless_stopped(state, lost))

    @property
    def _provider(self) -> ModelPort:
        assert self._port is not None, "nothing is begun without one"
        return self._port

    # -- the answer

    async def _until_answered(
        self, asked: AskedModel, seq: int, request: ModelRequest
    ) -> ModelResult | None:
        """Return the answer; None if the request was closed, to be judged anew."""
        driver, policy = self._driver, asked.retry
        ends_us = driver.clock.monotonic_us() + int(policy.budget_s * 1_000_000)
        failures = 0
        while True:
            waits_us = driver.clock.monotonic_us()
            admission = await admitted(driver, request.model, self._stop)
            started_us = driver.clock.monotonic_us()
            # Standing in line is no try.
            ends_us += started_us - waits_us
            within_us = min(int(policy.timeout_s * 1_000_000), ends_us - started_us)
            try:
                answer = await tried(driver, self._provider, asked, request, within_us, self._stop)
            finally:
                if admission:
                    driver.limiter.leave(request.model)
            duration_us = driver.clock.monotonic_us() - started_us
            if isinstance(answer, ModelAnswer):
                done = await self._completed(asked, seq, answer, duration_us)
                if isinstance(done, ModelResult):
                    return done
                answer = done
            failures += 1
            error = answer.error
            stop = stopped(driver.state)
            if stop is not None and answer.word in {"transient", "timeout"}:
                # Nothing is asked again in a run that is stopped, but the step has not failed.
                broken_off = Try("cancelled", error)
                await self._failed(asked, seq, broken_off, final=True)
                raise stop from error
            after_us = error.retry_after_us if isinstance(error, ModelError) else None
            driver.limiter.shut(request.model, after_us)
            delay_us = policy.delay_us(failures, driver.chance.random(), after_us)
            final = (
                answer.word in _FOR_GOOD
                or failures >= policy.tries
                or driver.clock.monotonic_us() + delay_us >= ends_us
            )
            if final and self._falls_back(asked, answer, request.model):
                await self._failed(asked, seq, answer, final=False)
                await self._given_up(asked, seq, "another model of the tier is asked")
                return None
            await self._failed(asked, seq, answer, final=final)
            if final:
                raise error
            tell(asked, None)
            if not await self._judge.may_go_on(asked, request.model):
                await self._given_up(asked, seq)
                return None
            problem = await self._waited(delay_us)
            if problem is not None:
                # Closed, so that it is asked afresh when the run goes on: nothing was lost here.
                closing = Try("cancelled", problem)
                await self._failed(asked, seq, closing, final=True, asked_again=False)
                raise problem

    async def _waited(self, delay_us: int) -> RunStoppedError | None:
        """Wait before a further try; return what forbids it: who asked, or what the run meets."""
        driver = self._driver
        until_us = driver.clock.monotonic_us() + delay_us
        while True:
            if self._stop.reason is not None:
                return told_to_stop()
            problem = stopped(driver.state)
            left_us = until_us - driver.clock.monotonic_us()
            if problem is not None or left_us <= 0:
                return problem
            await news(driver, left_us, self._stop)

    async def _completed(
        self, asked: AskedModel, seq: int, answer: ModelAnswer, duration_us: int
    ) -> ModelResult | Try:
        """Record an answer; one that cannot be kept was none."""
        looked = self._driver.ingress.message(as_stored(answer.message), "output")
        if looked.blocked:
            text = f"the answer is withheld: {refusal(looked.blocked, 'output')}"
            return Try("permanent", ModelPermanentError(text), withheld=answer)
        message = looked.value
        completed = ModelCompleted(
            request_seq=seq,
            step_key=asked.step_key,
            model=answer.model,
            finish_reason=answer.finish_reason,
            usage=answer.usage,
            cost_micros=answer.cost_micros,
            duration_us=duration_us,
            tool_calls=len(message.tool_calls),
            message_digest=message.digest(),
            message=message,
        )
        try:
            told = redacted(looked.counts, "output", asked.step_key)
            event = await self._close(completed, *told)
        except InvalidError as error:
            text = f"the answer of {answer.model!r} cannot be kept: {error}"
            return Try("permanent", ModelPermanentError(text[:ERROR_CHARS]))
        done = result(event, replayed=False)
        assert isinstance(done, ModelResult), "an answer that was just written is there"
        self._driver.prompts.note(done.message, "output")
        return done

    async def _failed(
        self, asked: AskedModel, seq: int, tried: Try, *, final: bool, asked_again: bool = True
    ) -> None:
        error = tried.error
        failed = ModelFailed(
            request_seq=seq,
            step_key=asked.step_key,
            error=tried.word,
            status=error.status if isinstance(error, ModelError) else None,
            final=final,
            asked=asked_again,
            retry_after_us=error.retry_after_us if isinstance(error, ModelError) else None,
            usage=tried.withheld.usage if tried.withheld is not None else None,
            cost_micros=tried.withheld.cost_micros if tried.withheld is not None else None,
            message=str(error)[:ERROR_CHARS],
        )
        if tried.withheld is None:
            await self._close(failed)
        else:
            denied = GuardDenied(guard=GUARD, rule="output", reason=str(error))
            await self._close(failed, denied)

    async def _close(self, outcome: ModelCompleted | ModelFailed, *beside: AnyEvent) -> Event:
        """Write how a try ended, unless the run has ended before it, and the request with it."""

        def decide(state: RunState) -> Sequence[AnyEvent]:
            if state.terminal:
                raise over(state)
            return [outcome, *beside]

        crash_point("engine.outcome.before")
        event, *_ = await self._driver.append(decide)
        crash_point("engine.outcome.after")
        return event
