"""The turn log: one JSON line for each turn of a run, for whoever adds them up.

Derived from the events of a run, facts only, in pages: it costs nobody memory, and content that
was erased is not in it in the first place.
"""

from collections.abc import AsyncIterator, Iterator

from quarterdeck_kernel import canonical
from quarterdeck_kernel.engine.log_reader import pages_of_facts
from quarterdeck_kernel.events.envelope import Event
from quarterdeck_kernel.events.model_events import ModelCompleted, ModelRequested
from quarterdeck_kernel.events.tool_events import ToolCompleted, ToolRequested
from quarterdeck_kernel.events.turn_events import PhaseEntered
from quarterdeck_kernel.store.port import EventStore
from quarterdeck_kernel.vocabulary.model import Value


class ToolLine(Value):
    """A call of a turn."""

    tool: str
    outcome: str | None = None
    duration_us: int | None = None


class TurnLine(Value):
    """A turn. A cost of None is one nobody knows; `models` are those asked, in order."""

    run_id: str
    turn: int
    seq: int
    at_us: int
    models: tuple[str, ...] = ()
    tier: str | None = None
    input_tokens: int = 0
    output_tokens: int = 0
    cost_micros: int | None = 0
    latency_us: int = 0
    tools: tuple[ToolLine, ...] = ()

    def line(self) -> str:
        """Return it as a line of JSON."""
        return canonical.encode(self.model_dump(mode="json"))


async def turn_log(store: EventStore, run_id: str) -> AsyncIterator[TurnLine]:
    """Yield the turns of a run, the one under way last."""
    turns = _Turns(run_id)
    async for page in pages_of_facts(store, run_id):
        for event in page:
            for line in turns.after(event):
                yield line
    if turns.line is not None:
        yield turns.line


class _Turns:
    """Gathers the turn under way."""

    def __init__(self, run_id: str) -> None:
        self._run_id = run_id
        self._open: dict[int, int] = {}
        self.line: TurnLine | None = None

    def after(self, event: Event) -> Iterator[TurnLine]:
        """Yield the turn that an event ends, if it does."""
        payload = event.payload
        if isinstance(payload, PhaseEntered) and (
            self.line is None or payload.turn > self.line.turn
        ):
            if self.line is not None:
                yield self.line
            self._open.clear()
            self.line = TurnLine(
                run_id=self._run_id, turn=payload.turn, seq=event.seq, at_us=event.at_us
            )
        elif self.line is not None:
            self.line = self._with(self.line, event)

    def _with(self, line: TurnLine, event: Event) -> TurnLine:
        payload = event.payload
        update: dict[str, object] = {}
        match payload:
            case ModelRequested():
                update = {"models": (*line.models, payload.model), "tier": payload.tier}
            case ModelCompleted():
                costs = (line.cost_micros, payload.cost_micros)
                known = [cost for cost in costs if cost is not None]
                update = {
                    "input_tokens": line.input_tokens + payload.usage.input_tokens,
                    "output_tokens": line.output_tokens + payload.usage.output_tokens,
                    "cost_micros": sum(known) if len(known) == len(costs) else None,
                    "latency_us": line.latency_us + payload.duration_us,
                }
            case ToolRequested():
                self._open[event.seq] = len(line.tools)
                update = {"tools": (*line.tools, ToolLine(tool=payload.tool))}
            case ToolCompleted() if payload.intent_seq in self._open:
                place = self._open[payload.intent_seq]
                ended = line.tools[place].model_copy(
                    update={"outcome": payload.outcome, "duration_us": payload.duration_us}
                )
                update = {"tools": (*line.tools[:place], ended, *line.tools[place + 1 :])}
            case _:
                return line
        return line.model_copy(update=update)
