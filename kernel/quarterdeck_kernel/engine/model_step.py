"""Model steps: ask a model once, however often the step is run.

Look for the record, write the request, ask, write the answer. A try that fails is an event of its
own; the request stays open and is asked again, until the policy or the budget of time is used up.
A request that a dead process left open is asked again as it stands, with no second intent.
"""

import asyncio
import logging
from collections.abc import Sequence
from typing import Literal, NamedTuple

from quarterdeck_kernel import canonical
from quarterdeck_kernel.crash_point import crash_point
from quarterdeck_kernel.engine.boundary import stopped
from quarterdeck_kernel.engine.cancellation import Stop, ended, through
from quarterdeck_kernel.engine.model_ask import AskedModel, ModelResult, fingerprint
from quarterdeck_kernel.engine.model_record import offered, recorded, result
from quarterdeck_kernel.engine.run_driver import RunDriver
from quarterdeck_kernel.engine.watch import Watch
from quarterdeck_kernel.errors import (
    InvalidError,
    ModelError,
    ModelPermanentError,
    ModelTimeoutError,
    ModelTransientError,
    QuarterdeckError,
    StepInterruptedError,
)
from quarterdeck_kernel.events.model_events import ModelCompleted, ModelFailed, ModelRequested
from quarterdeck_kernel.events.union import AnyEvent
from quarterdeck_kernel.models.port import ModelAnswer, ModelPort, ModelRequest
from quarterdeck_kernel.projections.state import RunState

_log = logging.getLogger("quarterdeck")

_GRACE_US = 1_000_000
_ERROR_CHARS = 4_000

Word = Literal["transient", "timeout", "permanent", "cancelled"]


class Try(NamedTuple):
    """How one try ended that gave no answer."""

    word: Word
    error: QuarterdeckError


class ModelSteps:
    """Carries out one model step, told to stop through `stop`."""

    def __init__(self, driver: RunDriver, port: ModelPort, default: str, stop: Stop) -> None:
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
                if begun.replayed and asked.listener is not None and begun.text:
                    _told(asked, begun.text)
                return begun
            if isinstance(begun, asyncio.Future):
                word = await ended(begun, clock=driver.clock, within_us=60_000_000, stop=self._stop)
                if word == "stop":
                    raise StepInterruptedError("the step was told to stop while it waited")
                continue
            try:
                return await self._asked_until_answered(asked, *begun)
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
            before = await recorded(driver, asked, mark)
            if before is not None:
                if isinstance(before.result, ModelResult):
                    return before.result
                if before.result is not None:
                    raise before.result
                joined = driver.under_way.get(asked.step_key)
                if joined is not None:
                    return joined
                await driver.fresh(offered(asked))
                await driver.check_boundary()
                await self._interrupted(before.seq, asked)
                seq, request = before.seq, before.request
            else:
                await driver.fresh(offered(asked))
                await driver.check_boundary()
                seq, request = await self._request(asked, mark)
            driver.begin(asked.step_key)
            return seq, _sent(asked, request)
        finally:
            driver.gate.release()

    async def _request(self, asked: AskedModel, mark: str) -> tuple[int, ModelRequested]:
        driver = self._driver
        digests = driver.memory.digests(asked.messages, asked.tools)
        main = asked.purpose == "turn"
        built = await driver.memory.built(driver.state, asked.messages, digests, main=main)
        tools = driver.memory.tools_context(driver.state, built, digests)
        conditions = driver.state.conditions
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
            window_tokens=self._port.window_tokens(model),
            new_messages=built.new_messages,
            new_tools=asked.tools if tools is not None else (),
            answer_schema=asked.answer_schema,
        )

        def decide(state: RunState) -> Sequence[AnyEvent]:
            error = stopped(state)
            if error is not None:
                raise error
            return [request]

        crash_point("engine.intent.before")
        (event,) = await driver.append(decide)
        crash_point("engine.intent.after")
        if main:
            driver.memory.requested(event.seq, built.context)
        return event.seq, request

    async def _interrupted(self, seq: int, asked: AskedModel) -> None:
        """Record the try that nobody knows the end of; what it cost is not known either."""
        lost = ModelFailed(
            request_seq=seq,
            step_key=asked.step_key,
            error="interrupted",
            final=False,
            message="the process that asked ended before the answer was recorded",
        )
        await self._driver.append(lambda _: [lost])

    # -- the answer

    async def _asked_until_answered(
        self, asked: AskedModel, seq: int, request: ModelRequest
    ) -> ModelResult:
        driver, policy = self._driver, asked.retry
        began_us = driver.clock.monotonic_us()
        failures = 0
        while True:
            started_us = driver.clock.monotonic_us()
            answer = await self._tried(asked, request)
            duration_us = driver.clock.monotonic_us() - started_us
            if isinstance(answer, ModelAnswer):
                return await self._completed(asked, seq, answer, duration_us)
            failures += 1
            error = answer.error
            after_us = error.retry_after_us if isinstance(error, ModelError) else None
            delay_us = policy.delay_us(failures, driver.chance.random(), after_us)
            spent_us = driver.clock.monotonic_us() - began_us
            final = (
                answer.word in {"permanent", "cancelled"}
                or failures >= policy.tries
                or spent_us + delay_us > policy.budget_s * 1_000_000
                or stopped(driver.state) is not None
            )
            await self._failed(asked, seq, answer, final=final)
            if final:
                raise error
            if asked.listener is not None:
                _told(asked, None)
            if await self._stopped_within(delay_us):
                await self._failed(asked, seq, _told_to_stop(), final=True)
                raise _told_to_stop().error

    async def _stopped_within(self, delay_us: int) -> bool:
        word = await ended(None, clock=self._driver.clock, within_us=delay_us, stop=self._stop)
        return word == "stop"

    async def _tried(self, asked: AskedModel, request: ModelRequest) -> ModelAnswer | Try:
        """Ask once, within the time one try may take."""
        driver = self._driver
        if self._stop.reason is not None:
            return _told_to_stop()
        await driver.sure()
        crash_point("engine.dispatch.before")
        listener = None if asked.listener is None else lambda text: _told(asked, text)
        task = asyncio.ensure_future(self._port.complete(request, listener=listener))
        watch = Watch(driver)
        try:
            word = await ended(
                task,
                clock=driver.clock,
                within_us=int(asked.retry.timeout_s * 1_000_000),
                stop=self._stop,
            )
        finally:
            await watch.close()
        if word != "done":
            task.cancel()
            await ended(task, clock=driver.clock, within_us=_GRACE_US, stop=Stop())
        crash_point("engine.dispatch.after")
        if word == "stop":
            return _told_to_stop()
        if word == "time":
            text = f"model {request.model!r} did not answer within {asked.retry.timeout_s:g} s"
            return Try("timeout", ModelTimeoutError(text))
        try:
            return task.result()
        except ModelTimeoutError as error:
            return Try("timeout", error)
        except ModelTransientError as error:
            return Try("transient", error)
        except ModelError as error:
            return Try("permanent", error)
        except asyncio.CancelledError:
            return Try("transient", ModelTransientError("the provider gave the call up"))
        except Exception as error:  # noqa: BLE001 - a provider that breaks its word; recorded as such
            text = f"the provider of {request.model!r} failed: {type(error).__name__}: {error}"
            return Try("permanent", ModelPermanentError(text[:_ERROR_CHARS]))

    async def _completed(
        self, asked: AskedModel, seq: int, answer: ModelAnswer, duration_us: int
    ) -> ModelResult:
        message = type(answer.message).model_validate(
            canonical.storable(answer.message.model_dump(mode="json"))
        )
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
        crash_point("engine.outcome.before")
        (event,) = await self._driver.append(lambda _: [completed])
        crash_point("engine.outcome.after")
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
        await self._driver.append(lambda _: [failed])


def _check(asked: AskedModel) -> None:
    """Refuse what no provider can be asked, before anything is written."""
    if not asked.messages:
        raise InvalidError(f"step {asked.step_key!r} asks a model nothing; give it a prompt")
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


def _told_to_stop() -> Try:
    return Try("cancelled", StepInterruptedError("the model call was broken off"))


def _told(asked: AskedModel, text: str | None) -> None:
    """Tell the listener; one that fails is left alone and never stops the step."""
    listener = asked.listener
    assert listener is not None, "only where somebody listens"
    try:
        listener(text)
    except Exception:  # noqa: BLE001 - an observer fails open; logged
        _log.exception("the listener of step %r failed", asked.step_key)
