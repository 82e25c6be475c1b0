"""A tool: what a model is told of it, what the kernel must know of it, and how it is called.

It is registered once and never changes. It knows nothing of runs or events: whoever calls it has
recorded the intent before, and records the outcome after.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field

from pydantic import JsonValue

from quarterdeck_kernel.canonical import digest
from quarterdeck_kernel.errors import InvalidError
from quarterdeck_kernel.tools.arguments import Arguments
from quarterdeck_kernel.tools.call import Call
from quarterdeck_kernel.tools.callee import Callee
from quarterdeck_kernel.tools.context import ToolContext
from quarterdeck_kernel.tools.plain import shown
from quarterdeck_kernel.tools.probe_answer import CannotTell, Done, NotDone, ProbeAnswer
from quarterdeck_kernel.tools.result import stored_result
from quarterdeck_kernel.vocabulary.messages import ToolSchema
from quarterdeck_kernel.vocabulary.retry import RetryPolicy
from quarterdeck_kernel.vocabulary.words import Effect, Risk


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """Something an agent can do. Made by `tool_of`; two that are equal do the same.

    `answered_by_caller`: nothing is called; a person, or whoever drives the run, answers.
    `retry.timeout_s` bounds each call. `cost_micros` is what a call that is made costs; None means
    that it costs nothing. `secrets` are the only ones that a call of it may name.
    """

    name: str
    description: str
    arguments: Arguments = field(compare=False, repr=False)
    schema: ToolSchema = field(repr=False)
    effect: Effect
    capability: str | None
    risk: Risk
    version: str
    retry: RetryPolicy
    answered_by_caller: bool
    body: Callee = field(repr=False)
    previewer: Callee | None = field(repr=False)
    prober: Callee | None = field(repr=False)
    cost_micros: int | None = None
    conditioner: Callee | None = field(repr=False, default=None)
    secrets: frozenset[str] = frozenset()

    @property
    def threaded(self) -> bool:
        """Whether its function may block, so that a call takes a thread."""
        return self.body.threaded

    @property
    def has_preview(self) -> bool:
        """Whether it shows beforehand what it would do."""
        return self.previewer is not None

    @property
    def has_preconditions(self) -> bool:
        """Whether it says what a call stands upon: with anything else it is not made."""
        return self.conditioner is not None

    @property
    def has_probe(self) -> bool:
        """Whether it can find out how a call ended whose outcome is not known."""
        return self.prober is not None

    def digest(self) -> str:
        """Return the hash of what decides what a call does: an approval is bound to it."""
        return digest([self.name, self.version, self.effect, self.schema.parameters])

    def parse(self, arguments: str | Mapping[str, object]) -> dict[str, JsonValue]:
        """Return arguments as the plain data that is stored, digested and dispatched.

        A text comes from a model, a mapping from Python. Defaults are filled in; anything that
        does not fit is a `ToolArgumentsError` that says what to send instead.
        """
        return self.arguments.parse(arguments)

    def start(self, context: ToolContext, arguments: Mapping[str, JsonValue]) -> Call:
        """Call it, with what `parse` returned, and return the running call.

        Raises, with nothing called: `ToolArgumentsError` where the data no longer fits, and
        `ToolNotStartedError` where there is no thread for it.
        """
        if self.answered_by_caller:
            message = f"{self.name} is answered by the caller: pause, and take the answer"
            raise InvalidError(message)
        return self.body.start(self.name, context, self.arguments.values(arguments))

    async def call(self, context: ToolContext, arguments: Mapping[str, JsonValue]) -> object:
        """Call it and return what it returns. Whoever is cancelled asks it to stop."""
        return await _end_of(self.start(context, arguments))

    async def preview(self, arguments: Mapping[str, JsonValue]) -> JsonValue:
        """Return what it shows beforehand for these arguments: a diff, a command line; or None."""
        return await self._said(self.previewer, "preview", arguments)

    async def preconditions(self, arguments: Mapping[str, JsonValue]) -> JsonValue:
        """Return what a call stands upon, such as the hash of the file it changes; or None."""
        return await self._said(self.conditioner, "preconditions", arguments)

    async def _said(
        self, callee: Callee | None, what: str, arguments: Mapping[str, JsonValue]
    ) -> JsonValue:
        if callee is None:
            return None
        values = self.arguments.values(arguments)
        stored = stored_result(
            await _end_of(callee.start(f"the {what} of {self.name}", None, values))
        )
        if not stored.readable:
            raise InvalidError(f"the {what} of {self.name} cannot be recorded: {stored.problem}")
        return stored.result

    def start_probe(self, context: ToolContext, arguments: Mapping[str, JsonValue]) -> Call:
        """Begin to ask how a call under the context's idempotency key ended."""
        if self.prober is None:
            message = f"{self.name} has no probe; ask a person"
            raise InvalidError(message)
        values = self.arguments.values(arguments)
        return self.prober.start(f"the probe of {self.name}", context, values)

    async def probe(self, context: ToolContext, arguments: Mapping[str, JsonValue]) -> ProbeAnswer:
        """Ask how a call under the context's idempotency key ended; its errors are raised."""
        answer = await _end_of(self.start_probe(context, arguments))
        if not isinstance(answer, Done | NotDone | CannotTell):
            message = (
                f"the probe of {self.name} returned {shown(answer)}; "
                "it must return Done(result), NOT_DONE or CANNOT_TELL"
            )
            raise InvalidError(message)
        return answer


async def _end_of(call: Call) -> object:
    try:
        return await call.result()
    except asyncio.CancelledError:
        call.cancel()
        raise
