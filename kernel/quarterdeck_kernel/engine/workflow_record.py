"""What a workflow's code did before, and where it does something else now.

Read once, when the workflow is run again: steps by their key and by their position, timers,
values, signals. Code that renames, reorders or leaves out a step is told which one.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from quarterdeck_kernel.engine.log_reader import opened
from quarterdeck_kernel.errors import ConsistencyError
from quarterdeck_kernel.events.envelope import Event
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


@dataclass(slots=True)
class RecordedStep:
    """A step on record. `end` is what ended it; a retry that was decided takes it away again."""

    seq: int
    request: WorkflowStepRequested
    end: Event | None = None


@dataclass(slots=True)
class WorkflowRecord:
    """All that the code of one workflow finds when it runs again."""

    seq: int = 0
    steps: dict[str, RecordedStep] = field(default_factory=dict)
    positions: dict[int, str] = field(default_factory=dict)
    timers: dict[str, TimerSet] = field(default_factory=dict)
    fired: dict[str, int] = field(default_factory=dict)
    values: dict[str, ValueRecorded] = field(default_factory=dict)
    signals: dict[str, list[Event]] = field(default_factory=dict)
    visited: set[str] = field(default_factory=set)
    _keys: dict[int, str] = field(default_factory=dict)
    _signal_keys: set[tuple[str, str]] = field(default_factory=set)

    async def read_on(self, store: EventStore, run_id: str) -> None:
        """Take in what was written since the last look."""
        while True:
            records = await store.read(run_id, after=self.seq, kinds=_KINDS)
            for record in records:
                self._take(await opened(store, record))
            if len(records) < PAGE_ROWS:
                return

    def took(self, events: Iterable[Event]) -> None:
        """Take in what was just written."""
        for event in events:
            if event.seq > self.seq:
                self._take(event)

    def _take(self, event: Event) -> None:
        self.seq = event.seq
        match event.payload:
            case WorkflowStepRequested() as request:
                # A further try takes the place of the one before, in the position it has.
                self.steps[request.step_key] = RecordedStep(event.seq, request)
                self.positions[request.position] = request.step_key
                self._keys[event.seq] = request.step_key
            case WorkflowStepCompleted() | ToolReconciled() as end:
                key = self._keys.get(end.intent_seq)
                if key is not None:
                    self.steps[key].end = event
            case TimerSet() as timer:
                self.timers[timer.timer_id] = timer
            case TimerFired() as fired:
                self.fired[fired.timer_id] = event.seq
            case ValueRecorded() as value:
                self.values[value.step_key] = value
            case SignalReceived() as signal:
                # The same key twice is one signal.
                if (signal.name, signal.key) not in self._signal_keys:
                    self._signal_keys.add((signal.name, signal.key))
                    self.signals.setdefault(signal.name, []).append(event)
            case _:
                pass

    def at(self, name: str, key: str, position: int) -> RecordedStep | None:
        """Return the step on record that the code has come to, None if there is none yet."""
        self.visited.add(key)
        step = self.steps.get(key)
        if step is not None and step.request.position == position:
            return step
        if step is not None:
            recorded, offered = f"{name!r} as step {step.request.position}", f"as step {position}"
            raise ConsistencyError(
                f"the workflow was reordered: {recorded} is on record (event #{step.seq}), and the "
                f"code comes to it {offered}; run the code that began this run, or fork it",
                seq=step.seq,
                recorded=recorded,
                offered=f"{name!r} {offered}",
            )
        other = self.positions.get(position)
        if other is not None:
            before = self.steps[other]
            recorded = f"step {position} {before.request.name!r}"
            offered = f"step {position} {name!r}"
            raise ConsistencyError(
                f"the workflow was changed: {recorded} is on record (event #{before.seq}), and the "
                f"code has {offered} there: was it renamed, or a step put in or left out before "
                "it? Run the code that began this run, or fork it",
                seq=before.seq,
                recorded=recorded,
                offered=offered,
            )
        return None

    def check_whole(self) -> None:
        """Raise if the code came to its end without a step that is on record."""
        for key, step in self.steps.items():
            if key not in self.visited:
                recorded = f"step {step.request.position} {step.request.name!r}"
                raise ConsistencyError(
                    f"the workflow lacks {recorded}, which is on record (event #{step.seq}); run "
                    "the code that began this run, or fork it",
                    seq=step.seq,
                    recorded=recorded,
                    offered="the end of the workflow",
                )
