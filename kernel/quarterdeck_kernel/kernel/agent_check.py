"""Checking an agent against the record of a run: what it would ask, call and answer today.

An agent follows from its state, so it is run again from every place at which it decided something,
as if it had been taken up there: what it goes on with is held against what stands on record.
Nothing is done, nothing is written, no model is asked and no tool is called.
"""

from collections.abc import Callable, Sequence
from itertools import zip_longest
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from quarterdeck_kernel.agent.spec import AgentSpec, spec_of
from quarterdeck_kernel.clock import Clock
from quarterdeck_kernel.engine.journal import Decide, Journal
from quarterdeck_kernel.engine.log_reader import opened
from quarterdeck_kernel.engine.model_ask import AskedModel, ModelResult, as_stored
from quarterdeck_kernel.engine.pauses import PauseAnswer, PauseQuestion
from quarterdeck_kernel.engine.replay import ReplayDriver, ReplayEndError
from quarterdeck_kernel.engine.replay_index import ReplayIndex
from quarterdeck_kernel.engine.replay_report import ReplayReport, same_end, text_of
from quarterdeck_kernel.engine.request_reader import request_sent
from quarterdeck_kernel.engine.run_driver import RunDriver
from quarterdeck_kernel.engine.store_as_of import store_as_of
from quarterdeck_kernel.engine.tool_step import Result
from quarterdeck_kernel.errors import InvalidError, ToolArgumentsError, UnknownToolError
from quarterdeck_kernel.events.control_events import AgentChanged
from quarterdeck_kernel.events.envelope import Event, open_record
from quarterdeck_kernel.events.guard_events import GuardDenied
from quarterdeck_kernel.events.model_events import ModelCompleted, ModelRequested
from quarterdeck_kernel.events.people_events import PauseRequested
from quarterdeck_kernel.events.run_events import RunFailed, RunQueued, RunSucceeded
from quarterdeck_kernel.events.tool_events import ToolRequested
from quarterdeck_kernel.events.union import AnyEvent
from quarterdeck_kernel.kernel.agents import KernelHost
from quarterdeck_kernel.projections.state import RunState
from quarterdeck_kernel.tools.toolbox import ToolBox
from quarterdeck_kernel.vocabulary.actor import AGENT, Actor
from quarterdeck_kernel.vocabulary.limits import PAGE_ROWS
from quarterdeck_kernel.vocabulary.messages import Message, ToolSchema
from quarterdeck_kernel.vocabulary.rows import StepRow

if TYPE_CHECKING:
    from quarterdeck_kernel.agent.ports import AgentCall
    from quarterdeck_kernel.kernel.kernel import Kernel

_DECIDED = ("model_requested", "model_completed", "run_succeeded", "run_failed")
_FOLLOWING = (
    "tool_requested",
    "guard_denied",
    "pause_requested",
    "model_requested",
    "run_succeeded",
)
"""What becomes of the calls of an answer, and what stands behind all of them."""
_SHOWN_CHARS = 200


class _NextError(BaseException):
    """What an agent goes on with where its record ends. No `Exception`: no code survives it."""

    def __init__(
        self, what: "AskedModel | tuple[AgentCall, ...] | PauseQuestion | AnyEvent"
    ) -> None:
        self.what = what


class _Parted(NamedTuple):
    """Where record and agent part, and what each has."""

    seq: int
    recorded: str
    offered: str


class _AsOfDriver(ReplayDriver):
    """Drives a run whose log ends in its past, without an index: the store has the steps."""

    async def ready(self) -> None:
        """Read nothing: what was before is looked up."""
        self.answer_from(ReplayIndex())

    async def row(self, step_key: str) -> StepRow | None:
        return await RunDriver.row(self, step_key)

    async def append(
        self,
        decide: Decide,  # noqa: ARG002 - nothing is decided here
        *,
        actor: Actor = AGENT,  # noqa: ARG002
        stands: str | None = None,  # noqa: ARG002
    ) -> tuple[Event, ...]:
        """Write nothing, and go on: phases are entered on the way to what is looked for."""
        return ()

    async def end(self, decide: Callable[[RunState], AnyEvent], *, actor: Actor) -> Event:  # noqa: ARG002
        raise _NextError(self.ingress.taken([decide(self.state)]).payloads[-1])


class _AsOfClock:
    """The time of a moment: no deadline that passed since stops what is run again."""

    def __init__(self, clock: Clock, now_us: int) -> None:
        self._clock = clock
        self._now_us = now_us

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - of the clock
        return getattr(self._clock, name)

    def now_us(self) -> int:
        return self._now_us


class _CheckHost(KernelHost):
    """Answers from the record alone; the first thing that is not there ends the agent."""

    def __init__(self, kernel: "Kernel", driver: RunDriver) -> None:
        super().__init__(kernel)
        self.store = driver.store
        self._as_of = driver.clock

    @property
    def clock(self) -> Clock:
        return self._as_of

    async def model(self, driver: RunDriver, asked: AskedModel) -> ModelResult:
        row = await driver.row(asked.step_key)
        if row is None or row.completed_seq is None:
            raise _NextError(asked)
        return await super().model(driver, asked)

    async def call(
        self, driver: RunDriver, box: ToolBox, calls: Sequence["AgentCall"], opening: Decide
    ) -> list[Result]:
        rows = [await driver.row(call.step_key) for call in calls]
        if not any(row is not None and row.completed_seq is not None for row in rows):
            # What is not understood is told to the model, and never made.
            made = tuple(call for call in calls if _understood(box, call))
            if made:
                raise _NextError(made)
        return await super().call(driver, box, calls, opening)

    async def ask(self, driver: RunDriver, question: PauseQuestion) -> PauseAnswer:
        row = await driver.row(question.step_key)
        if row is None or row.completed_seq is None:
            raise _NextError(question)
        return await super().ask(driver, question)


class AgentCheck:
    """Checks one run of an agent."""

    def __init__(self, kernel: "Kernel", journal: Journal, spec: AgentSpec | None) -> None:
        self._kernel = kernel
        self._journal = journal
        self._spec = spec

    async def report(self) -> ReplayReport:
        """Return what was found; the first place at which they part is named."""
        store, state = self._kernel.store, self._journal.state
        if state.identity.workload != "agent" or not await self._is_agents():
            raise InvalidError(
                f"run {self._journal.run_id!r} is no agent's; check its code with `Kernel.check` "
                "or `quarterdeck replay --check --workflow MODULE:NAME`"
            )
        run_id, after = self._journal.run_id, 0
        while after < state.head_seq:
            records = await store.read(run_id, after=after, until=state.head_seq, kinds=_DECIDED)
            for record in records:
                parted = await self._checked(await opened(store, record))
                if parted is not None:
                    return self._report(parted)
            after = records[-1].seq if len(records) == PAGE_ROWS else state.head_seq
        goes_on = None
        if not state.terminal and not state.blocked:
            goes_on = _text(await self._next(state.head_seq))
        return self._report(None, goes_on)

    def _report(self, parted: _Parted | None, goes_on: str | None = None) -> ReplayReport:
        run_id, state = self._journal.run_id, self._journal.state
        if parted is None:
            sentence = f"the agent does what run {run_id!r} has on record"
            if goes_on is not None:
                sentence += (
                    f", which ends with event #{state.head_seq}; it would go on with {goes_on}"
                )
            return ReplayReport(
                run_id=run_id,
                head_seq=state.head_seq,
                equal=True,
                complete=state.status in {"succeeded", "failed"},
                sentence=sentence,
                offered=goes_on,
            )
        return ReplayReport(
            run_id=run_id,
            head_seq=state.head_seq,
            equal=False,
            complete=False,
            sentence=(
                f"agent and log part at event #{parted.seq}: recorded is {parted.recorded}, and "
                f"the agent has {parted.offered}"
            ),
            seq=parted.seq,
            recorded=parted.recorded,
            offered=parted.offered,
        )

    async def _is_agents(self) -> bool:
        return bool((await self._pinned(self._journal.state)).get("name"))

    async def _checked(self, event: Event) -> _Parted | None:
        payload = event.payload
        match payload:
            case _ if event.content != "present":
                return None
            case ModelRequested():
                return await self._request(event, payload)
            case ModelCompleted() if payload.tool_calls:
                return await self._calls(event)
            case RunSucceeded() | RunFailed():
                return await self._end(event, payload)
            case _:
                return None

    # -- what is decided

    async def _request(self, event: Event, payload: ModelRequested) -> _Parted | None:
        store, before = self._kernel.store, event.seq - 1
        if await store.step(self._journal.run_id, payload.step_key, until=before) is not None:
            # Asked again as it stood, after it had been broken off.
            return None
        offered = await self._next(before)
        recorded = text_of(payload)
        if not isinstance(offered, AskedModel) or offered.step_key != payload.step_key:
            return _Parted(event.seq, recorded, _text(offered))
        sent = await request_sent(store, self._journal.run_id, event.seq)
        if sent.erased:
            return None
        messages = [self._kept(message) for message in offered.messages]
        for at, (mine, theirs) in enumerate(zip_longest(sent.request.messages, messages)):
            if mine != theirs:
                where = f"message {at + 1} of model step {payload.step_key!r}: "
                return _Parted(event.seq, where + _said(mine), _said(theirs))
        tools = [sorted(tool.name for tool in of) for of in (sent.request.tools, offered.tools)]
        if sorted(map(_schema, sent.request.tools)) == sorted(map(_schema, offered.tools)):
            return None
        what = [f"the tools {', '.join(names)}" for names in tools]
        if what[0] == what[1]:
            what = ["other descriptions of its tools", what[1]]
        return _Parted(event.seq, f"model step {payload.step_key!r} with {what[0]}", what[1])

    async def _calls(self, event: Event) -> _Parted | None:
        """Hold the calls that are made of an answer against those that were made."""
        run_id, store = self._journal.run_id, self._kernel.store
        following = await store.read(run_id, after=event.seq, kinds=_FOLLOWING, payloads=False)
        made: dict[str, tuple[int, str]] = {}
        judged: set[str | None] = set()
        then: int | None = None
        for record in following:
            asked = open_record(record, facts_only=True).payload
            match asked:
                case ToolRequested() if asked.model_seq == event.seq:
                    made.setdefault(asked.step_key, (record.seq, asked.tool))
                case GuardDenied() | PauseRequested():
                    judged.add(asked.step_key)
                case ModelRequested() | RunSucceeded():
                    then = record.seq
                    break
                case _:
                    continue
        offered = await self._next(event.seq)
        calls = offered if isinstance(offered, tuple) else ()
        keys = {call.step_key: call.tool for call in calls}
        for key, (seq, tool) in made.items():
            if keys.get(key) != tool:
                return _Parted(seq, f"tool step {key!r}: {tool}", _text(offered))
        more = tuple(c for c in calls if c.step_key not in made and c.step_key not in judged)
        if more and then is not None:
            # The run went on without them: no decision kept it from making them.
            return _Parted(then, await self._said_at(then), _text(more))
        return None

    async def _said_at(self, seq: int) -> str:
        (record,) = await self._kernel.store.read(self._journal.run_id, after=seq - 1, until=seq)
        return text_of((await opened(self._kernel.store, record)).payload)

    async def _end(self, event: Event, payload: RunSucceeded | RunFailed) -> _Parted | None:
        offered = await self._next(event.seq - 1)
        if isinstance(offered, AskedModel) and payload.kind == "run_failed":
            # What no model answered is asked again by who takes the run up: that it failed for
            # good is known to who asked, and no decision of the agent's.
            newest = await self._kernel.store.read(
                self._journal.run_id, until=event.seq - 1, backwards=True, limit=1, payloads=False
            )
            if newest[0].kind == "model_failed":
                return None
        if not isinstance(offered, RunSucceeded | RunFailed) or not same_end(payload, offered):
            return _Parted(event.seq, text_of(payload), _text(offered))
        return None

    # -- running it

    async def _next(self, until: int) -> object:
        """Return what the agent goes on with behind an event, or how it ended without."""
        from quarterdeck_kernel.agent.loop import AgentLoop  # noqa: PLC0415 - a tenth of the import

        run_id, ingress = self._journal.run_id, self._journal.ingress
        store = store_as_of(self._kernel.store, run_id, until)
        journal = await Journal.load(store, run_id, ingress=ingress)
        driver = self._kernel._driver(_AsOfDriver, journal)  # noqa: SLF001 - a part of the kernel
        driver.store = store
        driver.clock = cast("Clock", _AsOfClock(driver.clock, journal.state.changed_us))
        await driver.ready()
        driver.flowing = True
        spec = await self._spec_at(journal.state)
        try:
            return await AgentLoop(_CheckHost(self._kernel, driver), driver, spec).run()
        except _NextError as ended:
            return ended.what
        except ReplayEndError as ended:
            return str(ended)
        except Exception as error:  # noqa: BLE001 - it is what the agent does today
            return error

    async def _spec_at(self, state: RunState) -> AgentSpec:
        """Return the agent as it was pinned then; the newest is today's."""
        newest = self._journal.state.conditions.config_seq
        if self._spec is not None and state.conditions.config_seq == newest:
            return self._spec
        return spec_of(await self._pinned(state), self._journal.run_id)

    async def _pinned(self, state: RunState) -> dict[str, Any]:
        seq = state.conditions.config_seq or 1
        (record,) = await self._kernel.store.read(self._journal.run_id, after=seq - 1, until=seq)
        event = await opened(self._kernel.store, record)
        payload = event.payload
        assert isinstance(payload, RunQueued | AgentChanged), "only these bring one"
        if event.content != "present":
            raise InvalidError(
                f"the content of event #{seq} of run {self._journal.run_id!r} was erased, and with "
                "it what its agent is made of: there is nothing to check it against"
            )
        return payload.config or {}

    def _kept(self, message: Message) -> Message:
        return self._journal.ingress.message(as_stored(message), "prompt").value


def _said(message: Message | None) -> str:
    if message is None:
        return "nothing"
    calls = "".join(f" calls {call.tool} {call.arguments}" for call in message.tool_calls)
    return f"{message.role} {message.text[:_SHOWN_CHARS]!r}{calls[:_SHOWN_CHARS]}"


def _understood(box: ToolBox, call: "AgentCall") -> bool:
    try:
        box.get(call.tool).parse(call.arguments)
    except (UnknownToolError, ToolArgumentsError):
        return False
    return True


def _schema(tool: ToolSchema) -> str:
    return tool.digest()


def _text(offered: object) -> str:
    """Return what an agent goes on with, as one side of a divergence."""
    match offered:
        case AskedModel():
            return f"model step {offered.step_key!r}: {_said(offered.messages[-1])}"
        case PauseQuestion():
            return f"pause {offered.title!r}"
        case tuple():
            calls = ", ".join(f"{c.tool} {c.arguments}" for c in offered)
            return f"the calls {calls}"[:_SHOWN_CHARS]
        case Exception():
            return f"{type(offered).__name__}: {offered}"[:_SHOWN_CHARS]
        case str():
            return offered
        case _:
            return text_of(offered)
