"""What people do about a run's past: notes, forks, what came of forks, files as they were."""

from abc import abstractmethod
from collections.abc import Collection
from pathlib import Path

from quarterdeck_kernel.clock import Clock
from quarterdeck_kernel.engine.journal import Journal
from quarterdeck_kernel.errors import InvalidError
from quarterdeck_kernel.events.envelope import Event
from quarterdeck_kernel.kernel.run import Run
from quarterdeck_kernel.projections.state import RunState
from quarterdeck_kernel.runs.bookmark import bookmark
from quarterdeck_kernel.runs.fork_at import NOTHING_CHANGED, ForkChanges, fork_at
from quarterdeck_kernel.runs.fork_plan import ForkPlan, plan_fork
from quarterdeck_kernel.runs.merge import merge
from quarterdeck_kernel.runs.restore import restore, restore_as_of
from quarterdeck_kernel.store.bookmark import Bookmark
from quarterdeck_kernel.store.port import EventStore
from quarterdeck_kernel.tools.builtin.root import Root
from quarterdeck_kernel.vocabulary.actor import Actor, operator


class Past:
    """The verbs of an operator upon what has happened. None of them changes it."""

    store: EventStore
    _clock: Clock

    @abstractmethod
    async def journal(self, run: Run | str) -> Journal:
        """Return a journal without the lease."""

    @abstractmethod
    def _known_tools(self) -> Collection[str]:
        """Return the tools that are known here."""

    # -- bookmarks

    async def bookmark(
        self, run: Run | str, seq: int, note: str = "", *, actor: Actor | None = None
    ) -> Bookmark:
        """Note something about an event; it stands beside the log, not in it."""
        return await bookmark(
            self.store,
            await self.journal(run),
            seq,
            note,
            actor=actor or operator(),
            clock=self._clock,
        )

    async def bookmarks(self, run: Run | str) -> list[Bookmark]:
        """Return the bookmarks of a run by event; a fork has those of what it shares."""
        return await self.store.bookmarks((await self.journal(run)).run_id)

    async def drop_bookmark(self, bookmark_id: str) -> None:
        """Take a bookmark away."""
        await self.store.drop_bookmark(bookmark_id)

    # -- forks

    async def plan_fork(
        self, run: Run | str, seq: int, *, changes: ForkChanges = NOTHING_CHANGED
    ) -> ForkPlan:
        """Return what a fork at an event would replay, and what would happen again."""
        return await plan_fork(
            self.store, await self.journal(run), seq, changes, known_tools=self._known_tools()
        )

    async def fork(
        self,
        run: Run | str,
        seq: int,
        *,
        changes: ForkChanges = NOTHING_CHANGED,
        run_id: str | None = None,
        actor: Actor | None = None,
    ) -> RunState:
        """Begin a run that shares another's events up to one of them; return its state.

        It is queued: a supervisor takes it up. No effect that is `once` happens in it unasked.
        """
        journal = await fork_at(
            self.store,
            await self.journal(run),
            seq,
            changes,
            known_tools=self._known_tools(),
            run_id=run_id,
            actor=actor or operator(),
            clock=self._clock,
        )
        return journal.state

    async def merge(self, fork: Run | str, *, actor: Actor | None = None) -> Event:
        """Bring what came of a fork into the run it was forked from; return the event there."""
        journal = await self.journal(fork)
        lineage = journal.state.identity.lineage
        if lineage is None:
            raise InvalidError(f"run {journal.run_id!r} is no fork: there is nothing to merge into")
        target = await self.journal(lineage.parent_run_id)
        return await merge(self.store, journal, target, actor=actor or operator())

    # -- files

    async def restore(
        self,
        run: Run | str,
        seq: int,
        *,
        files: Root | Path,
        anyway: bool = False,
        actor: Actor | None = None,
    ) -> Event | None:
        """Put back what a file below `files` held before event `seq` changed it.

        Returns None if it holds that already. A file that was changed since is left alone, unless
        it is to be restored `anyway`.
        """
        return await restore(
            self.store,
            await self.journal(run),
            seq,
            files if isinstance(files, Root) else Root(files),
            anyway=anyway,
            actor=actor or operator(),
        )

    async def restore_as_of(
        self,
        run: Run | str,
        seq: int,
        path: str,
        *,
        files: Root | Path,
        anyway: bool = False,
        actor: Actor | None = None,
    ) -> Event | None:
        """Put back what a file held behind event `seq`, however often it was changed since."""
        return await restore_as_of(
            self.store,
            await self.journal(run),
            seq,
            path,
            files if isinstance(files, Root) else Root(files),
            anyway=anyway,
            actor=actor or operator(),
        )
