"""What a workflow's code did before, and where it does something else now.

Read once, when the workflow is run again: steps by their key and by their position, timers,
values, signals. Code that renames, reorders or leaves out a step is told which one.
"""

from dataclasses import dataclass, field
from typing import NamedTuple

from pydantic import JsonValue

from quarterdeck_kernel import canonical
from quarterdeck_kernel.engine.log_reader import opened
from quarterdeck_kernel.engine.workflow_branch import in_a_body, path_of
from quarterdeck_kernel.errors import DriftError
from quarterdeck_kernel.events.envelope import Content, Event
from quarterdeck_kernel.events.tool_events import ToolReconciled
from quarterdeck_kernel.events.workflow_events import (
    SignalReceived,
    TimerFired,
    TimerSet,
    ValueRecorded,
    WorkflowStepCompleted,
    WorkflowStepRequested,
)
from quarterdeck_kernel.store.port import EventStore
from quarterdeck_kernel.vocabulary.limits import PAGE_ROWS

_KINDS = (
    "workflow_step_requested",
    "workflow_step_completed",
    "tool_reconciled",
    "timer_set",
    "timer_fired",
    "value_recorded",
    "signal_received",
)

_SHOWN_CHARS = 300

THE_END = "the end of the code"


def step_text(position: int, name: str) -> str:
    """Return what a step is called in a message; in a task of its own it has no position."""
    return f"step {position} {name!r}" if position else f"step {name!r}"


def timer_key(timer_id: str) -> str:
    """Return what a timer is called among the things that code comes to."""
    return f"timer:{timer_id}"


@dataclass(slots=True)
class RecordedStep:
    """A step on record. `end` is what ended it; a retry that was decided takes it away again."""

    seq: int
    request: WorkflowStepRequested
    content: Content
    end: Event | None = None


class Thing(NamedTuple):
    """Something on record that the code has to come to."""

    seq: int
    text: str
    path: str


@dataclass(slots=True)
class WorkflowRecord:
    """All that the code of one workflow finds when it runs again."""

    seq: int = 0
    steps: dict[str, RecordedStep] = field(default_factory=dict)
    fired: dict[str, int] = field(default_factory=dict)
    signals: dict[str, list[Event]] = field(default_factory=dict)
    _things: dict[str, Thing] = field(default_factory=dict)
    _visited: set[str] = field(default_factory=set)
    _positions: dict[tuple[str, int], str] = field(default_factory=dict)
    _timers: dict[str, TimerSet] = field(default_factory=dict)
    _values: dict[str, ValueRecorded] = field(default_factory=dict)
    _keys: dict[int, str] = field(default_factory=dict)
    _signal_keys: set[tuple[str, str]] = field(default_factory=set)
    _ahead: set[int] = field(default_factory=set)

    async def read_on(self, store: EventStore, run_id: str, until: int | None = None) -> None:
        """Take in what was written since the last look."""
        while True:
            records = await store.read(run_id, after=self.seq, until=until, kinds=_KINDS)
            for record in records:
                event = await opened(store, record)
                # Another branch may have looked at the same time.
                if event.seq > self.seq:
                    self.seq = event.seq
                    if event.seq in self._ahead:
                        self._ahead.discard(event.seq)
                    else:
                        self._take(event)
            if len(records) < PAGE_ROWS:
                return

    def took(self, event: Event) -> None:
        """Take in what was just written: others may have written before it, so look there still."""
        if event.seq > self.seq:
            self._ahead.add(event.seq)
            self._take(event)

    def _take(self, event: Event) -> None:
        match event.payload:
            case WorkflowStepRequested() as request:
                # A further try takes the place of the one before, in the position it has.
                key, position, path = request.step_key, request.position, path_of(request.step_key)
                self.steps[key] = RecordedStep(event.seq, request, event.content)
                if position:
                    self._positions[path, position] = key
                self._keys[event.seq] = key
                self._things[key] = Thing(event.seq, step_text(position, request.name), path)
            case WorkflowStepCompleted() | ToolReconciled() as end:
                known = self._keys.get(end.intent_seq)
                if known is not None:
                    self.steps[known].end = event
            case TimerSet() as timer:
                self._timers[timer.timer_id] = timer
                path = path_of(timer.timer_id)
                self._things[timer_key(timer.timer_id)] = Thing(
                    event.seq, f"timer {timer.timer_id!r}", path
                )
            case TimerFired() as fired:
                self.fired[fired.timer_id] = event.seq
            case ValueRecorded() as value:
                key = value.step_key
                self._values[key] = value
                self._things[key] = Thing(event.seq, f"{value.source} as {key!r}", path_of(key))
            case SignalReceived() as signal:
                # The same key twice is one signal.
                if (signal.name, signal.key) not in self._signal_keys:
                    self._signal_keys.add((signal.name, signal.key))
                    self.signals.setdefault(signal.name, []).append(event)
            case _:
                pass

    # -- what the code comes to

    def at(self, name: str, key: str, position: int, given: JsonValue) -> RecordedStep | None:
        """Return the step on record that the code has come to, None if there is none yet."""
        self._visited.add(key)
        step = self.steps.get(key)
        if step is not None and (not position or step.request.position in {0, position}):
            _check_given(step, given)
            return step
        before = self.steps.get(self._positions.get((path_of(key), position), ""), step)
        if before is None:
            return None
        recorded = step_text(before.request.position, before.request.name)
        offered = step_text(position, name)
        was = (
            f"{name!r} is step {step.request.position} on record: was the order changed, or a step "
            "left out or put in before it?"
            if step is not None
            else "was it renamed, or a step left out or put in before it?"
        )
        raise DriftError(
            f"the workflow was changed: {recorded} is on record (event #{before.seq}), and the "
            f"code has {offered} there; {was} Run the code that began this run, or fork it",
            seq=before.seq,
            recorded=recorded,
            offered=offered,
            step_key=before.request.step_key,
            digest=canonical.digest([key, position, given]),
        )

    def timer(self, timer_id: str) -> TimerSet | None:
        """Return the timer that the code has come to, None if it is not set yet."""
        self._visited.add(timer_key(timer_id))
        return self._timers.get(timer_id)

    def value(self, key: str, source: str) -> ValueRecorded | None:
        """Return the value that the code has come to, None if there is none yet."""
        self._visited.add(key)
        recorded = self._values.get(key)
        if recorded is not None and recorded.source != source:
            seq = self._things[key].seq
            raise DriftError(
                f"the workflow was changed: {key!r} is on record as {recorded.source} (event "
                f"#{seq}), and the code asks for {source}; run the code that began this run, or "
                "fork it",
                seq=seq,
                recorded=f"{recorded.source} as {key!r}",
                offered=f"{source} as {key!r}",
                step_key=key,
                digest=canonical.digest([key, source]),
            )
        return recorded

    def check_whole(self) -> None:
        """Raise if the code came to its end without something that is on record."""
        for key, thing in self._things.items():
            if key not in self._visited and not in_a_body(thing.path):
                raise DriftError(
                    f"the workflow lacks {thing.text}, which is on record (event #{thing.seq}); "
                    "run the code that began this run, or fork it",
                    seq=thing.seq,
                    recorded=thing.text,
                    offered=THE_END,
                    step_key=key,
                    digest=canonical.digest([key, THE_END]),
                )


def _check_given(step: RecordedStep, given: JsonValue) -> None:
    """Raise if a step is handed something else than the one on record was: its answer is of that.

    What was erased cannot be compared.
    """
    if step.content != "present":
        return
    before, now = canonical.encode(step.request.input), canonical.encode(given)
    if before != now:
        name = step.request.name
        recorded = f"step {name!r} with {before[:_SHOWN_CHARS]}"
        offered = f"step {name!r} with {now[:_SHOWN_CHARS]}"
        raise DriftError(
            f"{recorded} is on record (event #{step.seq}), and the code has {offered}; give it "
            "the same, give what changed another name, or fork the run before that event",
            seq=step.seq,
            recorded=recorded,
            offered=offered,
            step_key=step.request.step_key,
            digest=canonical.digest([step.request.step_key, given]),
        )
