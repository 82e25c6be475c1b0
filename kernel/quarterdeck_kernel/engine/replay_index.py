"""What is on record of a run up to one event: all that code has to come to when it is run again."""

from collections.abc import Sequence
from typing import NamedTuple

from quarterdeck_kernel.engine.log_reader import pages_of_facts
from quarterdeck_kernel.engine.workflow_record import timer_key
from quarterdeck_kernel.events.envelope import Event
from quarterdeck_kernel.events.run_events import RunFailed, RunSucceeded
from quarterdeck_kernel.events.workflow_events import TimerSet, WorkflowStepRequested
from quarterdeck_kernel.projections.run_state import empty, fold
from quarterdeck_kernel.projections.state import RunState
from quarterdeck_kernel.projections.steps import step_rows
from quarterdeck_kernel.store.port import EventStore
from quarterdeck_kernel.vocabulary.rows import StepRow


class Asked(NamedTuple):
    """Something on record that the code asked for: a step, a pause, a value, a timer."""

    seq: int
    key: str
    ended_seq: int | None = None
    is_workflow_step: bool = False


class ReplayIndex:
    """What is on record of a run up to one event: the newest row of each step, and all askings."""

    def __init__(self) -> None:
        self.rows: dict[str, StepRow] = {}
        self.asked: dict[tuple[str, int], Asked] = {}
        self.last_seq: int | None = None

    @classmethod
    async def of(cls, store: EventStore, run_id: str, until: int) -> "ReplayIndex":
        """Read a run's log, without its content."""
        index, state = cls(), empty()
        async for page in pages_of_facts(store, run_id, until=until):
            events = tuple(page)
            index._take(state, events)
            state = fold(state, events)
        return index

    def _take(self, before: RunState, events: Sequence[Event]) -> None:
        workflow = {e.seq for e in events if isinstance(e.payload, WorkflowStepRequested)}
        for row in step_rows(before, events):
            key, seq = row.step_key, row.requested_seq
            known = self.asked.get((key, seq))
            is_workflow_step = seq in workflow or (known is not None and known.is_workflow_step)
            self.asked[key, seq] = Asked(seq, key, row.completed_seq, is_workflow_step)
            newest = self.rows.get(key)
            if newest is None or newest.requested_seq <= seq:
                self.rows[key] = row
        for event in events:
            match event.payload:
                case TimerSet() as timer:
                    key = timer_key(timer.timer_id)
                    self.asked[key, event.seq] = Asked(event.seq, key)
                case RunSucceeded() | RunFailed():
                    self.last_seq = event.seq
                case _:
                    pass

    def left(self, visited: set[str]) -> Asked | None:
        """Return the first thing that the code has not come to."""
        spans = [
            (item.seq, item.ended_seq)
            for item in self.asked.values()
            if item.is_workflow_step and item.key in visited
        ]

        def inside(seq: int) -> bool:
            return any(a < seq and (b is None or seq < b) for a, b in spans)

        missing = [i for i in self.asked.values() if i.key not in visited and not inside(i.seq)]
        return min(missing, default=None)
