"""The steps of a run, as code asks for them: models and tools, each once.

Owns the way from what a user writes to what the engine carries. What a step means stands in
`engine`.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Unpack

from pydantic import JsonValue

from quarterdeck_kernel.clock import Clock
from quarterdeck_kernel.engine.hook import ModelTurn
from quarterdeck_kernel.engine.journal import Decide
from quarterdeck_kernel.engine.model_ask import AskedModel, Listener, ModelResult, Purpose
from quarterdeck_kernel.engine.model_step import ModelSteps
from quarterdeck_kernel.engine.run_driver import RunDriver
from quarterdeck_kernel.engine.tool_call import AskedCall, ToolResult
from quarterdeck_kernel.engine.tool_step import Result, ToolSteps
from quarterdeck_kernel.errors import (
    InvalidError,
    QuarterdeckError,
    StepError,
)
from quarterdeck_kernel.guards.chain import Chain
from quarterdeck_kernel.kernel.asking import (
    ToolAsk,
    asked_call,
    checked_step_key,
    messages_of,
    parameters_of,
)
from quarterdeck_kernel.kernel.course import on_course
from quarterdeck_kernel.kernel.people import People
from quarterdeck_kernel.kernel.run import Run
from quarterdeck_kernel.kernel.typed_answer import schema_of, typed
from quarterdeck_kernel.kernel.wiring import Privacy
from quarterdeck_kernel.models.port import ModelPort
from quarterdeck_kernel.store.port import EventStore
from quarterdeck_kernel.tools.tool import Tool
from quarterdeck_kernel.tools.toolbox import ToolBox
from quarterdeck_kernel.vocabulary.messages import Message
from quarterdeck_kernel.vocabulary.retry import RetryPolicy


class Steps(People):
    """What code may do in a run that is driven from this process."""

    def __init__(
        self,
        store: EventStore,
        *,
        model: ModelPort | None,
        model_name: str,
        tools: Iterable[Tool],
        chain: Chain,
        clock: Clock | None,
        strict_costs: bool,
        **privacy: Unpack[Privacy],
    ) -> None:
        super().__init__(store, clock=clock, **privacy)
        self.tools = ToolBox(tools)
        self._model = model
        self._model_name = model_name
        self._chain = chain
        self._strict_costs = strict_costs

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
        turn = ModelTurn(
            run.run_id, run.tenant, checked_step_key(step_key), messages_of(prompt, messages)
        )
        given = parameters_of(parameters)
        self.ingress.check_fact(given, "the parameters of a model")
        asked = AskedModel(
            step_key=step_key,
            messages=messages_of(None, run.driver.hooks.messages(turn)),
            tools=self.tools.schemas(tools) if tools else (),
            answer_schema=schema_of(answer) if answer is not None else None,
            model=model,
            parameters=given,
            purpose=purpose,
            retry=retry or RetryPolicy(),
            listener=listener,
        )
        if answer is None:
            return await self._asked(run, asked)
        return await typed(lambda again: self._asked(run, again), asked, answer)

    async def _asked(self, run: Run, asked: AskedModel) -> ModelResult:
        wired = self._model, self._model_name, self._chain
        result = await on_course(
            self,
            run,
            lambda driver: driver.perform(lambda stop: ModelSteps(driver, *wired, stop).run(asked)),
        )
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

        async def act(driver: RunDriver) -> list[Result]:
            asked = asked_call(driver, self.tools, call, retry)
            return await self._called(driver, [asked])

        (result,) = await on_course(self, run, act)
        if isinstance(result, ToolResult):
            return result
        raise result

    async def step_tools(self, *, run: Run, calls: Sequence[ToolAsk]) -> list[Result]:
        """Call all tools of a turn; return, in order, what each gave, or the error it met.

        They are judged first and begun at once: `read` and `idempotent` ones run together, `once`
        ones one at a time.
        """
        return await on_course(self, run, lambda driver: self._batch(driver, calls))

    async def _batch(
        self,
        driver: RunDriver,
        calls: Sequence[ToolAsk],
        box: ToolBox | None = None,
        opening: Decide | None = None,
    ) -> list[Result]:
        """Call tools of a box; `opening` says what is to stand before their first intent."""
        results: dict[int, Result] = {}
        asked: dict[int, AskedCall] = {}
        for place, call in enumerate(calls):
            try:
                asked[place] = asked_call(driver, box or self.tools, call)
            except QuarterdeckError as error:
                results[place] = error
        if len({call.step_key for call in asked.values()}) < len(asked):
            raise InvalidError("two calls of a batch have one step key; give each its own")
        done = await self._called(driver, list(asked.values()), opening) if asked else []
        results.update(zip(asked, done, strict=True))
        return [results[place] for place in range(len(calls))]

    async def _called(
        self, driver: RunDriver, asked: Sequence[AskedCall], opening: Decide | None = None
    ) -> list[Result]:
        chain = self._chain
        return await driver.perform(lambda stop: ToolSteps(driver, chain, stop, opening).run(asked))
