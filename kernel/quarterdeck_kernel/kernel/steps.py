"""The steps of a run, as code asks for them: models, tools, people, each once.

Owns the way from what a user writes to what the engine carries. What a step means stands in
`engine`.
"""

from collections.abc import Iterable, Mapping, Sequence

from pydantic import JsonValue

from quarterdeck_kernel.clock import Clock
from quarterdeck_kernel.engine.journal import Decide
from quarterdeck_kernel.engine.model_ask import AskedModel, Listener, ModelResult, Purpose
from quarterdeck_kernel.engine.model_step import ModelSteps
from quarterdeck_kernel.engine.pauses import PauseAnswer, PauseQuestion, ask, until_answered
from quarterdeck_kernel.engine.reconciling import reconciled
from quarterdeck_kernel.engine.tool_call import AskedCall, ToolResult
from quarterdeck_kernel.engine.tool_step import Result, ToolSteps
from quarterdeck_kernel.errors import (
    InvalidError,
    QuarterdeckError,
    RunPausedError,
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
from quarterdeck_kernel.kernel.decisions import Decisions
from quarterdeck_kernel.kernel.run import Run
from quarterdeck_kernel.kernel.typed_answer import schema_of, typed
from quarterdeck_kernel.models.port import ModelPort
from quarterdeck_kernel.runs.reconcile import Verdict, reconcile
from quarterdeck_kernel.store.port import EventStore
from quarterdeck_kernel.tools.tool import Tool
from quarterdeck_kernel.tools.toolbox import ToolBox
from quarterdeck_kernel.vocabulary.actor import Actor, operator
from quarterdeck_kernel.vocabulary.messages import Message
from quarterdeck_kernel.vocabulary.retry import RetryPolicy
from quarterdeck_kernel.vocabulary.words import PauseType


class Steps(Decisions):
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
    ) -> None:
        super().__init__(store, clock=clock)
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
        asked = AskedModel(
            step_key=checked_step_key(step_key),
            messages=messages_of(prompt, messages),
            tools=self.tools.schemas(tools) if tools else (),
            answer_schema=schema_of(answer) if answer is not None else None,
            model=model,
            parameters=parameters_of(parameters),
            purpose=purpose,
            retry=retry or RetryPolicy(),
            listener=listener,
        )
        if answer is None:
            return await self._asked(run, asked)
        return await typed(lambda again: self._asked(run, again), asked, answer)

    async def _asked(self, run: Run, asked: AskedModel) -> ModelResult:
        driver, wired = run.driver, (self._model, self._model_name, self._chain)
        result = await driver.perform(lambda stop: ModelSteps(driver, *wired, stop).run(asked))
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
        asked = asked_call(run.driver, self.tools, call, retry)
        (result,) = await self._called(run, [asked])
        if isinstance(result, ToolResult):
            return result
        raise result

    async def step_tools(self, *, run: Run, calls: Sequence[ToolAsk]) -> list[Result]:
        """Call all tools of a turn; return, in order, what each gave, or the error it met.

        They are judged first and begun at once: `read` and `idempotent` ones run together, `once`
        ones one at a time.
        """
        return await self._stepped(run, calls, self.tools)

    async def _stepped(
        self, run: Run, calls: Sequence[ToolAsk], box: ToolBox, opening: Decide | None = None
    ) -> list[Result]:
        """Call tools of a box; `opening` says what is to stand before the first intent."""
        results: dict[int, Result] = {}
        asked: dict[int, AskedCall] = {}
        for place, call in enumerate(calls):
            try:
                asked[place] = asked_call(run.driver, box, call)
            except QuarterdeckError as error:
                results[place] = error
        if len({call.step_key for call in asked.values()}) < len(asked):
            raise InvalidError("two calls of a batch have one step key; give each its own")
        done = await self._called(run, list(asked.values()), opening) if asked else []
        results.update(zip(asked, done, strict=True))
        return [results[place] for place in range(len(calls))]

    async def _called(
        self, run: Run, asked: Sequence[AskedCall], opening: Decide | None = None
    ) -> list[Result]:
        driver, chain = run.driver, self._chain
        return await driver.perform(lambda stop: ToolSteps(driver, chain, stop, opening).run(asked))

    async def pause(  # noqa: PLR0913 - one keyword for each thing that may be asked for
        self,
        *,
        run: Run,
        step_key: str,
        title: str,
        type: PauseType = "input",  # noqa: A002 - the word of the event
        details: JsonValue = None,
        options: Sequence[str] = (),
        answer: type | None = None,
        expires_after_s: float | None = None,
        with_token: bool = False,
        wait: bool = False,
    ) -> PauseAnswer:
        """Ask a person; return the answer, found again by every rerun.

        Until there is one `RunPausedError` is raised, or waited for it with `wait`. A rejection,
        and a pause that expired, are a `DeniedError`.
        """
        question = PauseQuestion(
            step_key=checked_step_key(step_key),
            title=title,
            type=type,
            details=details,
            options=tuple(options),
            answer_schema=schema_of(answer) if answer is not None else None,
            expires_after_s=expires_after_s,
            with_token=with_token,
        )
        while True:
            try:
                return await run.driver.perform(lambda stop: ask(run.driver, question, stop))
            except RunPausedError as paused:
                if not wait:
                    raise
                await until_answered(run.driver, paused.pause_id)

    async def reconcile_tool(
        self,
        *,
        run: Run,
        step_key: str,
        verdict: Verdict | None = None,
        result: JsonValue = None,
        reason: str | None = None,
        actor: Actor | None = None,
    ) -> ToolResult | None:
        """Settle a step whose outcome is unknown; return its result where there is one now.

        `verdict` is a person's: `done` with the result and the evidence as reason, `failed` with
        the reason, or `retry`, which lets the step be tried once more under the same key. Without
        one the tool's probe is asked.
        """
        driver = run.driver
        seq = await driver.perform(
            lambda stop: reconciled(
                driver, self.tools, step_key, ask_probe=verdict is None, stop=stop
            )
        )
        if isinstance(seq, ToolResult):
            return seq
        if verdict is None or seq is None:
            return None
        await reconcile(
            await self.journal(run),
            seq,
            verdict=verdict,
            result=result,
            reason=reason,
            actor=actor or operator(),
        )
        return None
