"""What a workflow's code is handed: durable steps in code order, time, signals, people.

A workflow is an async function whose first argument is a `Flow`. It may be run again from its
beginning at any time: what it did is found on record, so it must do nothing durable beside it.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar, overload

from pydantic import JsonValue

from quarterdeck_kernel.canonical import encode
from quarterdeck_kernel.engine.model_ask import ModelResult
from quarterdeck_kernel.engine.pauses import PauseAnswer
from quarterdeck_kernel.engine.tool_call import ToolResult
from quarterdeck_kernel.engine.workflow_step import WorkflowSteps
from quarterdeck_kernel.kernel.run import Run
from quarterdeck_kernel.kernel.typed_answer import adapter
from quarterdeck_kernel.tools.plain import plain
from quarterdeck_kernel.vocabulary.messages import Message
from quarterdeck_kernel.vocabulary.retry import RetryPolicy
from quarterdeck_kernel.vocabulary.words import Effect, PauseType

if TYPE_CHECKING:
    from quarterdeck_kernel.kernel.kernel import Kernel

T = TypeVar("T")


class Flow:
    """One execution of a workflow."""

    def __init__(self, kernel: "Kernel", run: Run, steps: WorkflowSteps) -> None:
        self.run = run
        self._kernel = kernel
        self._steps = steps

    @overload
    async def step(
        self,
        name: str,
        function: Callable[..., Awaitable[object] | object],
        *given: object,
        effect: Effect = "idempotent",
        returns: type[T],
    ) -> T: ...

    @overload
    async def step(
        self,
        name: str,
        function: Callable[..., Awaitable[object] | object],
        *given: object,
        effect: Effect = "idempotent",
        returns: None = None,
    ) -> Any: ...  # noqa: ANN401 - whatever the step returns

    async def step(
        self,
        name: str,
        function: Callable[..., Awaitable[object] | object],
        *given: object,
        effect: Effect = "idempotent",
        returns: type | None = None,
    ) -> Any:
        """Do something once: call `function(*given)`, or return what it gave before.

        What it returns is kept as JSON, and is the same JSON when the step is replayed; with
        `returns` both are made that type again. A step that touches the world itself, where
        doing so twice would do harm, is `once`.
        """

        async def body() -> object:
            value = function(*given)
            return await value if isinstance(value, Awaitable) else value

        value = await self._steps.step(name, body, effect=effect, given=plain(list(given)))
        return adapter(returns).validate_json(encode(value)) if returns is not None else value

    async def tool(
        self,
        tool: str,
        arguments: Mapping[str, object],
        *,
        step_key: str,
        retry: RetryPolicy | None = None,
    ) -> ToolResult:
        """Call a tool, as `Kernel.step_tool` does."""
        with self._steps.coming():
            return await self._kernel.step_tool(
                run=self.run, tool=tool, arguments=arguments, step_key=step_key, retry=retry
            )

    async def model(
        self,
        *,
        step_key: str,
        prompt: str | None = None,
        messages: Sequence[Message] | None = None,
        answer: type | None = None,
    ) -> ModelResult:
        """Ask a model, as `Kernel.step_model` does."""
        with self._steps.coming():
            return await self._kernel.step_model(
                run=self.run, step_key=step_key, prompt=prompt, messages=messages, answer=answer
            )

    async def pause(  # noqa: PLR0913 - one keyword for each thing that may be asked for
        self,
        *,
        step_key: str,
        title: str,
        type: PauseType = "input",  # noqa: A002 - the word of the event
        details: JsonValue = None,
        options: Sequence[str] = (),
        answer: type[object] | None = None,
        expires_after_s: float | None = None,
        with_token: bool = False,
        wait: bool = False,
    ) -> PauseAnswer:
        """Ask a person, as `Kernel.pause` does."""
        with self._steps.coming(may_be_broken_off=wait):
            return await self._kernel.pause(
                run=self.run,
                step_key=step_key,
                title=title,
                type=type,
                details=details,
                options=options,
                answer=answer,
                expires_after_s=expires_after_s,
                with_token=with_token,
                wait=wait,
            )

    async def gather(self, *parts: Coroutine[Any, Any, T]) -> list[T]:
        """Run parts of the workflow side by side, as `asyncio.gather` does; return what each gave.

        Each part is told apart from the others however they overtake each other, now or when the
        workflow is run again, even if their steps have the same names.
        """
        return await asyncio.gather(*[self._steps.beside(part) for part in parts])

    async def sleep(self, seconds: float) -> None:
        """Wait, whatever becomes of this process meanwhile."""
        await self._steps.sleep(seconds)

    async def signal(self, name: str, *, timeout_s: float | None = None) -> JsonValue:
        """Return what comes with the next signal of a name; TimeoutError if it is late."""
        return await self._steps.signal(name, timeout_s=timeout_s)

    async def now(self) -> datetime:
        """Return the time, the same at every execution."""
        return datetime.fromisoformat(str(await self._steps.value("now")))

    async def random(self) -> float:
        """Return a number from [0, 1), the same at every execution."""
        value = await self._steps.value("random")
        assert isinstance(value, float), "a recorded number is one"
        return value

    async def uuid(self) -> str:
        """Return a random id, the same at every execution."""
        return str(await self._steps.value("uuid"))
