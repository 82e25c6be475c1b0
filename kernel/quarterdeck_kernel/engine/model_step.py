"""Model steps: ask a model once, however often the step is run.

Look for the record, write the request, ask, write the answer. A try that fails is an event of its
own; the request stays open and is asked again, until the policy or the budget of time is used up.
A request that a dead process left open is asked again as it stands, with no second intent.
"""

import asyncio
from collections.abc import Sequence
from typing import Literal, NamedTuple

from quarterdeck_kernel.crash_point import crash_point
from quarterdeck_kernel.engine.boundary import over, stopped
from quarterdeck_kernel.engine.cancellation import Stop, ended, through
from quarterdeck_kernel.engine.listening import Hearing, tell
from quarterdeck_kernel.engine.model_ask import AskedModel, ModelResult, as_stored, fingerprint
from quarterdeck_kernel.engine.model_record import offered, recorded, result
from quarterdeck_kernel.engine.run_driver import RunDriver
from quarterdeck_kernel.engine.watch import Watch, news
from quarterdeck_kernel.errors import (
    ContextOverflowError,
    InvalidError,
    ModelError,
    ModelPermanentError,
    ModelTimeoutError,
    ModelTransientError,
    QuarterdeckError,
    RunStoppedError,
    StepInterruptedError,
)
from quarterdeck_kernel.events.envelope import Event
from quarterdeck_kernel.events.model_events import ModelCompleted, ModelFailed, ModelRequested
from quarterdeck_kernel.events.union import AnyEvent
from quarterdeck_kernel.models.port import ModelAnswer, ModelPort, ModelRequest
from quarterdeck_kernel.projections.state import RunState

_GRACE_US = 1_000_000
_ERROR_CHARS = 4_000

Word = Literal["transient", "timeout", "permanent", "overflow", "cancelled"]

_FOR_GOOD: frozenset[Word] = frozenset({"permanent", "overflow", "cancelled"})
"""How a try ends behind which no further one is begun."""


class Try(NamedTuple):
    """How one try ended that gave no answer."""

    word: Word
    error: QuarterdeckError


class ModelSteps:
    """Carries out one model step, told to stop through `stop`."""

    def __init__(self, driver: RunDriver, port: ModelPort | None, default: str, stop: Stop) -> None:
        self._driver = driver
        self._port = port
        self._default = default
        self._stop = stop

    async def run(self, asked: AskedModel) -> ModelResult:
        """Return the answer: from the record, from whoever asks for the same now, or afresh."""
        _check(asked)
        driver = self._driver
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
                return await self._until_answered(asked, *begun)
            finally:
                driver.finish(asked.step_key)

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
                await self._interrupted(before.seq, asked)
                seq, request = before.seq, before.request
            else:
                await driver.fresh(offered(asked))
                await self._may_begin(asked)
                seq, request = await self._request(asked, mark)
            driver.begin(asked.step_key)
            return seq, _sent(asked, request)
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

    async def _request(self, asked: AskedModel, mark: str) -> tuple[int, ModelRequested]:
        driver = self._driver
        digests = driver.memory.digests(asked.messages, asked.tools)
        main = asked.purpose == "turn"
        built = await driver.memory.built(driver.state, asked.messages, digests, main=main)
        tools = driver.memory.tools_context(driver.state, built, digests)

        def decide(state: RunState) -> Sequence[AnyEvent]:
            # Of the state that is written upon: the model may have been swapped just now.
            conditions = state.conditions
            model = asked.model or conditions.model or self._default
            request = ModelRequested(
                step_key=asked.step_key,
                fingerprint=mark,
                model=model,
                tier=conditions.tier,
                purpose=asked.purpose,
                context=built.context,
                tools=tools,
                parameters={**conditions.parameters, **asked.parameters},
                window_tokens=self._provider.window_tokens(model),
                new_messages=built.new_messages,
                new_tools=asked.tools if tools is not None else (),
                answer_schema=asked.answer_schema,
            )
            return _unless_stopped(state, request)

        crash_point("engine.intent.before")
        (event,) = await driver.append(decide)
        crash_point("engine.intent.after")
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
        await self._driver.append(lambda state: _unless_stopped(state, lost))

    @property
    def _provider(self) -> ModelPort:
        assert self._port is not None, "nothing is begun without one"
        return self._port

    # -- the answer

    async def _until_answered(
        self, asked: AskedModel, seq: int, request: ModelRequest
    ) -> ModelResult:
        driver, policy = self._driver, asked.retry
        ends_us = driver.clock.monotonic_us() + int(policy.budget_s * 1_000_000)
        failures = 0
        while True:
            started_us = driver.clock.monotonic_us()
            within_us = min(int(policy.timeout_s * 1_000_000), ends_us - started_us)
            answer = await self._tried(asked, request, within_us)
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
            delay_us = policy.delay_us(failures, driver.chance.random(), after_us)
            final = (
                answer.word in _FOR_GOOD
                or failures >= policy.tries
                or driver.clock.monotonic_us() + delay_us >= ends_us
            )
            await self._failed(asked, seq, answer, final=final)
            if final:
                raise error
            tell(asked, None)
            problem = await self._waited(delay_us)
            if problem is not None:
                # Closed, so that it is asked afresh when the run goes on: nothing was lost here.
                await self._failed(asked, seq, Try("cancelled", problem), final=True)
                raise problem

    async def _waited(self, delay_us: int) -> RunStoppedError | None:
        """Wait before a further try; return what forbids it: who asked, or what the run meets."""
        driver = self._driver
        until_us = driver.clock.monotonic_us() + delay_us
        while True:
            if self._stop.reason is not None:
                return _told_to_stop()
            problem = stopped(driver.state)
            left_us = until_us - driver.clock.monotonic_us()
            if problem is not None or left_us <= 0:
                return problem
            await news(driver, left_us, self._stop)

    async def _tried(
        self, asked: AskedModel, request: ModelRequest, within_us: int
    ) -> ModelAnswer | Try:
        """Ask once, within the time one try may take."""
        driver = self._driver
        if self._stop.reason is not None:
            return Try("cancelled", _told_to_stop())
        await driver.sure()
        crash_point("engine.dispatch.before")
        hearing = None if asked.listener is None else Hearing(asked)
        task = asyncio.create_task(_complete(self._provider, request, hearing))
        task.add_done_callback(_looked_at)
        watch = Watch(driver)
        try:
            word = await ended(task, clock=driver.clock, within_us=within_us, stop=self._stop)
        finally:
            await watch.close()
            if hearing is not None:
                hearing.close()
        if word != "done":
            task.cancel()
            await ended(task, clock=driver.clock, within_us=_GRACE_US, stop=Stop())
        crash_point("engine.dispatch.after")
        if word == "stop":
            return Try("cancelled", _told_to_stop())
        if word == "time":
            text = f"model {request.model!r} did not answer within {within_us / 1_000_000:g} s"
            return Try("timeout", ModelTimeoutError(text))
        return _ending(task, request)

    async def _completed(
        self, asked: AskedModel, seq: int, answer: ModelAnswer, duration_us: int
    ) -> ModelResult | Try:
        """Record an answer; one that cannot be kept was none."""
        message = as_stored(answer.message)
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
            event = await self._close(completed)
        except InvalidError as error:
            text = f"the answer of {answer.model!r} cannot be kept: {error}"
            return Try("permanent", ModelPermanentError(text[:_ERROR_CHARS]))
        done = result(event, replayed=False)
        assert isinstance(done, ModelResult), "an answer that was just written is there"
        return done

    async def _failed(self, asked: AskedModel, seq: int, tried: Try, *, final: bool) -> None:
        error = tried.error
        failed = ModelFailed(
            request_seq=seq,
            step_key=asked.step_key,
            error=tried.word,
            status=error.status if isinstance(error, ModelError) else None,
            final=final,
            retry_after_us=error.retry_after_us if isinstance(error, ModelError) else None,
            message=str(error)[:_ERROR_CHARS],
        )
        await self._close(failed)

    async def _close(self, outcome: ModelCompleted | ModelFailed) -> Event:
        """Write how a try ended, unless the run has ended before it, and the request with it."""

        def decide(state: RunState) -> Sequence[AnyEvent]:
            if state.terminal:
                raise over(state)
            return [outcome]

        crash_point("engine.outcome.before")
        (event,) = await self._driver.append(decide)
        crash_point("engine.outcome.after")
        return event


def _unless_stopped(state: RunState, event: AnyEvent) -> Sequence[AnyEvent]:
    """Return the event if it may be written behind this state."""
    error = stopped(state)
    if error is not None:
        raise error
    return [event]


async def _complete(port: ModelPort, request: ModelRequest, hearing: Hearing | None) -> ModelAnswer:
    """Ask a provider, so that whatever it raises is raised in the task of this call."""
    return await port.complete(request, listener=hearing)


def _looked_at(task: asyncio.Task[ModelAnswer]) -> None:
    """What a call says that nobody waits for any more is nobody's concern."""
    if not task.cancelled():
        task.exception()


def _ending(task: asyncio.Task[ModelAnswer], request: ModelRequest) -> ModelAnswer | Try:
    """Return how a try ended that came to its end by itself."""
    try:
        answer: object = task.result()
    except ModelTimeoutError as error:
        return Try("timeout", error)
    except ModelTransientError as error:
        return Try("transient", error)
    except ContextOverflowError as error:
        return Try("overflow", error)
    except ModelError as error:
        return Try("permanent", error)
    except asyncio.CancelledError:
        return Try("transient", ModelTransientError("the provider gave the call up"))
    except Exception as error:  # noqa: BLE001 - a provider that breaks its word; recorded as such
        text = f"the provider of {request.model!r} failed: {type(error).__name__}: {error}"
        return Try("permanent", ModelPermanentError(text[:_ERROR_CHARS]))
    if isinstance(answer, ModelAnswer) and answer.message.role == "assistant":
        return answer
    text = f"the provider of {request.model!r} gave no answer of an assistant: {answer!r}"
    return Try("permanent", ModelPermanentError(text[:_ERROR_CHARS]))


def _check(asked: AskedModel) -> None:
    """Refuse what no provider can be asked, before anything is written."""
    if not any(message.text.strip() or message.tool_calls for message in asked.messages):
        raise InvalidError(f"step {asked.step_key!r} asks a model nothing; give it a prompt")
    if asked.model is not None and not (asked.model and asked.model.isprintable()):
        raise InvalidError(f"{asked.model[:100]!r} is no name of a model")
    if asked.tools and asked.answer_schema is not None:
        raise InvalidError(
            f"step {asked.step_key!r} asks for tools and for a typed answer at once; providers "
            "disagree about both together: ask for one, then for the other"
        )


def _sent(asked: AskedModel, request: ModelRequested) -> ModelRequest:
    """Return the request as it goes to the provider: as it is on record."""
    return ModelRequest(
        model=request.model,
        messages=asked.messages,
        tools=asked.tools,
        answer_schema=asked.answer_schema,
        parameters=request.parameters,
    )


def _told_to_stop() -> StepInterruptedError:
    return StepInterruptedError("the model call was broken off")
