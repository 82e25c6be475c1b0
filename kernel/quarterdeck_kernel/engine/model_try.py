"""One try of a model request: asked within its time, and how it ended."""

import asyncio
from typing import Literal, NamedTuple

from quarterdeck_kernel.crash_point import crash_point
from quarterdeck_kernel.engine.cancellation import Stop, ended
from quarterdeck_kernel.engine.listening import Hearing
from quarterdeck_kernel.engine.model_ask import AskedModel
from quarterdeck_kernel.engine.run_driver import RunDriver
from quarterdeck_kernel.engine.watch import Watch
from quarterdeck_kernel.errors import (
    ContextOverflowError,
    ModelError,
    ModelPermanentError,
    ModelTimeoutError,
    ModelTransientError,
    QuarterdeckError,
    StepInterruptedError,
)
from quarterdeck_kernel.events.model_events import ModelRequested
from quarterdeck_kernel.models.port import ModelAnswer, ModelPort, ModelRequest

_GRACE_US = 1_000_000
ERROR_CHARS = 4_000
"""What is kept of what a provider says of its failure."""

Word = Literal["transient", "timeout", "permanent", "overflow", "cancelled"]


class Try(NamedTuple):
    """How one try ended that gave no answer; or one that had to be `withheld`, and was paid for."""

    word: Word
    error: QuarterdeckError
    withheld: ModelAnswer | None = None


async def tried(
    driver: RunDriver,
    port: ModelPort,
    asked: AskedModel,
    request: ModelRequest,
    within_us: int,
    stop: Stop,
) -> ModelAnswer | Try:
    """Ask once, within the time one try may take."""
    if stop.reason is not None:
        return Try("cancelled", told_to_stop())
    await driver.sure()
    crash_point("engine.dispatch.before")
    hearing = None if asked.listener is None else Hearing(asked, driver.ingress)
    task = asyncio.create_task(_complete(port, request, hearing))
    task.add_done_callback(_looked_at)
    watch = Watch(driver)
    try:
        word = await ended(task, clock=driver.clock, within_us=within_us, stop=stop)
    finally:
        await watch.close()
        if hearing is not None:
            hearing.close()
    if word != "done":
        task.cancel()
        await ended(task, clock=driver.clock, within_us=_GRACE_US, stop=Stop())
    crash_point("engine.dispatch.after")
    if word == "stop":
        return Try("cancelled", told_to_stop())
    if word == "time":
        text = f"model {request.model!r} did not answer within {within_us / 1_000_000:g} s"
        return Try("timeout", ModelTimeoutError(text))
    ending = _ending(task, request)
    if hearing is not None and isinstance(ending, ModelAnswer):
        hearing.end()
    return ending


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
        return Try("permanent", ModelPermanentError(text[:ERROR_CHARS]))
    if isinstance(answer, ModelAnswer) and answer.message.role == "assistant":
        return answer
    text = f"the provider of {request.model!r} gave no answer of an assistant: {answer!r}"
    return Try("permanent", ModelPermanentError(text[:ERROR_CHARS]))


def told_to_stop() -> StepInterruptedError:
    """Return the error for a call that somebody broke off."""
    return StepInterruptedError("the model call was broken off")


def as_sent(asked: AskedModel, request: ModelRequested) -> ModelRequest:
    """Return the request as it goes to the provider: as it is on record."""
    return ModelRequest(
        model=request.model,
        messages=asked.messages,
        tools=asked.tools,
        answer_schema=asked.answer_schema,
        parameters=request.parameters,
    )
