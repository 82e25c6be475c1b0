"""What a step may read of its run: the state that is known here, and what is on record."""

from quarterdeck_kernel.engine.audience import Audience
from quarterdeck_kernel.engine.journal import Journal
from quarterdeck_kernel.engine.log_reader import opened
from quarterdeck_kernel.events.envelope import Event
from quarterdeck_kernel.projections.state import RunState
from quarterdeck_kernel.store.port import EventStore
from quarterdeck_kernel.vocabulary.rows import StepRow


class RunLog(Audience):
    """Reads one run."""

    def __init__(self, store: EventStore, journal: Journal) -> None:
        self.store = store
        self._journal = journal

    @property
    def run_id(self) -> str:
        """Return whose driver this is."""
        return self._journal.run_id

    @property
    def tenant(self) -> str:
        """Return who owns the run."""
        return self._journal.tenant

    @property
    def state(self) -> RunState:
        """Return the state behind the newest event that is known here."""
        return self._journal.state

    async def refresh(self) -> RunState:
        """Fold what others have written meanwhile."""
        return await self._journal.refresh()

    async def moved_on(self, seen: RunState) -> bool:
        """Tell whether others have written what was not seen: what was refused may be right now."""
        return (await self.refresh()).head_seq != seen.head_seq

    async def row(self, step_key: str) -> StepRow | None:
        """Return where a step was last asked for, with a state that knows of it."""
        row = await self.store.step(self.run_id, step_key)
        if row is not None:
            newest = row.completed_seq or row.requested_seq
            if newest > self.state.head_seq:
                await self.refresh()
        return row

    async def event(self, seq: int) -> Event:
        """Return one event, whole."""
        (record,) = await self.store.read(self.run_id, after=seq - 1, until=seq, limit=1)
        return await opened(self.store, record)
