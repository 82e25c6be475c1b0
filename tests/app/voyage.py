"""One run with something of everything in it, for the run screen."""

from quarterdeck.views.glimpse import Glimpse
from quarterdeck_kernel.events.agent_events import MemoryChanged
from quarterdeck_kernel.events.control_events import BudgetChanged, GrantGiven, ToolScopeChanged
from quarterdeck_kernel.events.envelope import Event
from quarterdeck_kernel.events.guard_events import GuardWarned
from quarterdeck_kernel.events.model_events import ModelCompleted, ModelFailed, ModelRequested
from quarterdeck_kernel.events.payload import Payload
from quarterdeck_kernel.events.people_events import PauseRequested
from quarterdeck_kernel.events.tool_events import ToolCompleted
from quarterdeck_kernel.events.turn_events import PhaseEntered
from quarterdeck_kernel.vocabulary.messages import Context, Message, Segment, ToolCall
from quarterdeck_kernel.vocabulary.usage import Usage
from tests.app.frozen import HOSTILE, FrozenSource, asked, events_of, row, succeeded, unknown

NAME = "navigator-7f3a"
LONG_LINE = "x" * 1_000_000
TURNS = 6


def _request(turn: int) -> ModelRequested:
    message = Message(role="user", text=f"turn {turn}: plot the course")
    digest = message.digest()
    context = Context(
        segments=(Segment(source="new", start=0, stop=1),),
        length=1,
        digest=digest,
        digests=(digest,),
    )
    return ModelRequested(
        step_key=f"model/{turn}",
        fingerprint="f" * 64,
        model="small-1",
        context=context,
        window_tokens=32_000,
        new_messages=(message,),
        new_tools=(),
    )


def _answer(turn: int, request_seq: int) -> ModelCompleted:
    call = ToolCall(call_id=f"c{turn}", tool="read_chart", arguments=f"{turn}.md")
    message = Message(role="assistant", text=f"I look at chart {turn} first", tool_calls=(call,))
    return ModelCompleted(
        request_seq=request_seq,
        step_key=f"model/{turn}",
        model="small-1",
        finish_reason="tool_calls",
        usage=Usage(input_tokens=2_000 * turn, output_tokens=300),
        cost_micros=61_000,
        duration_us=2_100_000,
        tool_calls=1,
        message_digest=message.digest(),
        message=message,
    )


def _failed(intent_seq: int) -> ToolCompleted:
    return ToolCompleted(
        intent_seq=intent_seq,
        outcome="permanent_error",
        duration_us=90_000,
        result=None,
        error=f"no such chart: {HOSTILE}",
    )


def voyage(further: int = 0) -> list[Event]:
    """Return turns with an error, a warning, a grant, a narrowed scope, an unknown and a pause."""
    steps: list[Payload] = [BudgetChanged(budget="micros", limit=1_000_000, revision=1)]

    def add(payload: Payload) -> int:
        steps.append(payload)
        return len(steps) + 2

    for turn in range(1, TURNS + 1):
        add(PhaseEntered(turn=turn, phase="perceive"))
        asks = add(_request(turn))
        if turn == 2:
            failed = ModelFailed(
                request_seq=asks,
                step_key="model/2",
                error="transient",
                final=True,
                message="the provider is busy",
            )
            add(failed)
            asks = add(_request(turn).model_copy(update={"attempt": 2}))
        add(_answer(turn, asks))
        add(PhaseEntered(turn=turn, phase="execute"))
        if turn == 3:
            warned = GuardWarned(
                guard="policy", rule="charts", step_key="read_chart/3.md", reason="an old chart"
            )
            add(warned)
        call = add(asked("read_chart", f"{turn}.md"))
        add(_failed(call) if turn == 4 else succeeded(call, lines=turn * 17))
    memory = MemoryChanged(operation="append", text=f"the log says:\n{LONG_LINE}\n{HOSTILE}")
    add(memory)
    add(ToolScopeChanged(scope="deny", tools=("delete", "pay"), revision=1))
    grant = GrantGiven(
        grant_id="g1", pause_id="p0", tool="read_chart", constraints={"type": "object"}
    )
    add(grant)
    add(unknown(add(asked("pay", "8841", "once"))))
    pause = PauseRequested(
        pause_id="p1",
        type="approve",
        step_key="delete/1",
        tool="delete",
        risk="high",
        title="delete 6 stale charts",
        details={"paths": [f"charts/{year}.md" for year in range(2018, 2024)], "dry": False},
        options=None,
    )
    add(pause)
    for number in range(further):
        add(BudgetChanged(budget="micros", limit=1_000_001 + number, revision=2 + number))
    return events_of(NAME, "chart the seven seas 海図を描く", *steps)


def at_sea() -> FrozenSource:
    """Return a workspace with that run alone."""
    events = voyage()
    mine = row(
        NAME,
        "unknown",
        objective="chart the seven seas 海図を描く",
        waits_for="verdict on pay",
        head_seq=len(events),
    )
    return FrozenSource(
        Glimpse(rows=(mine,), position=len(events), link="9c1f77ab" * 8, loaded=True),
        {NAME: events},
    )
