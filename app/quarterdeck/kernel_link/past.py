"""The past of runs for the screen: moments beside it, notes, forks, files, recordings."""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING

from quarterdeck.kernel_link.workspace import Workspace
from quarterdeck.views.past import Between, MomentPage, Restoration
from quarterdeck.views.work import Tell
from quarterdeck_kernel.clock import Clock

if TYPE_CHECKING:
    from quarterdeck_kernel import (
        Bookmark,
        Comparison,
        Decisions,
        EventStore,
        ForkChanges,
        ForkPlan,
        Moments,
    )

_PAGES = 32
_STALE_US = 2_000_000
"""Somebody else's note is no event: notes are read anew this often while they are looked at."""

_Name = tuple[str, int]


class KernelPast:
    """Implements `views.past.Past`. The store is open only while the link reads it."""

    def __init__(
        self, decisions: "Callable[[], Awaitable[Decisions]]", workspace: Workspace, clock: Clock
    ) -> None:
        """Know where the files and the settings of the workspace are."""
        self._decisions = decisions
        self._workspace = workspace
        self._clock = clock
        self._moments: Moments | None = None
        self._pages: OrderedDict[_Name, MomentPage] = OrderedDict()
        self._page_wish: _Name | None = None
        self._marks: dict[str, tuple[Bookmark, ...]] = {}
        self._marked_us: dict[str, int] = {}
        self._marks_wish: str | None = None
        self._wished = asyncio.Event()

    # -- what is known, and what is wished for

    def bookmarks(self, run_id: str) -> "tuple[Bookmark, ...]":
        """Return the bookmarks of a run, as they were last read."""
        if self._clock.now_us() - self._marked_us.get(run_id, 0) > _STALE_US:
            self._marks_wish = run_id
            self._wished.set()
        return self._marks.get(run_id, ())

    def page(self, run_id: str, seq: int) -> MomentPage | None:
        """Return a page, or wish for it; a newer wish takes the place of an older."""
        found = self._pages.get((run_id, seq))
        if found is None:
            self._page_wish = (run_id, seq)
            self._wished.set()
        else:
            self._pages.move_to_end((run_id, seq))
        return found

    async def read_next(self, store: "EventStore") -> None:
        """Wait for a wish, and read it."""
        await self._wished.wait()
        self._wished.clear()
        name, self._page_wish = self._page_wish, None
        run_id, self._marks_wish = self._marks_wish, None
        if name is not None:
            from quarterdeck.kernel_link.past_reading import read_page

            self._pages[name] = await read_page(store, self._of(store), *name)
            while len(self._pages) > _PAGES:
                self._pages.popitem(last=False)
        if run_id is not None:
            await self._read_marks(store, run_id)

    async def _read_marks(self, store: "EventStore", run_id: str) -> None:
        self._marks[run_id] = tuple(await store.bookmarks(run_id))
        self._marked_us[run_id] = self._clock.now_us()

    def _of(self, store: "EventStore") -> "Moments":
        if self._moments is None:
            from quarterdeck_kernel import Moments

            self._moments = Moments(store)
        return self._moments

    # -- what is waited for

    async def between(self, run_id: str, before: int, after: int) -> Between:
        """Return what changed from one event to another."""
        from quarterdeck.kernel_link.past_reading import read_between

        store = (await self._decisions()).store
        return await read_between(store, self._of(store), run_id, (before, after))

    async def plan(self, run_id: str, seq: int, changes: "ForkChanges") -> "ForkPlan":
        """Return what a fork there would come to, with something changed in it."""
        return await (await self._decisions()).plan_fork(run_id, seq, changes=changes)

    async def compare(self, a_run_id: str, b_run_id: str) -> "Comparison":
        """Return two runs side by side."""
        from quarterdeck_kernel import compare

        return await compare((await self._decisions()).store, a_run_id, b_run_id)

    # -- what is done

    async def bookmark(self, run_id: str, seq: int, note: str) -> None:
        """Note something about an event, beside the log."""
        kernel = await self._decisions()
        await kernel.bookmark(run_id, seq, note)
        await self._read_marks(kernel.store, run_id)

    async def drop_bookmark(self, mark: "Bookmark") -> None:
        """Take a bookmark away."""
        kernel = await self._decisions()
        await kernel.drop_bookmark(mark.bookmark_id)
        # A fork shows what its parent has: whatever was read of it is read anew.
        self._marked_us.clear()
        await self._read_marks(kernel.store, mark.run_id)

    async def fork(self, run_id: str, seq: int, changes: "ForkChanges") -> str:
        """Begin a run that shares the events up to one; return its id."""
        return (await (await self._decisions()).fork(run_id, seq, changes=changes)).identity.run_id

    async def merge(self, fork_id: str) -> str:
        """Bring what came of a fork home; return in words what that was."""
        event = await (await self._decisions()).merge(fork_id)
        files = getattr(event.payload, "merged", {}).get("files") or []
        return f"its answer and {len(files):,} files into {event.run_id}, #{event.seq:,}"

    async def restoration(self, run_id: str, seq: int, path: str) -> Restoration:
        """Look at a file and at what it held behind an event; nothing is changed."""
        from quarterdeck.kernel_link.past_reading import read_restoration

        store = (await self._decisions()).store
        place = (self._workspace.files, path)
        return await read_restoration(store, self._of(store), run_id, seq, place)

    async def restore(self, run_id: str, seq: int, path: str, *, anyway: bool) -> int | None:
        """Put a file back as it was behind an event; None: it holds that already."""
        event = await (await self._decisions()).restore_as_of(
            run_id, seq, path, files=self._workspace.files, anyway=anyway
        )
        return event.seq if event is not None else None

    async def export(
        self, run_id: str, target: Path, *, forks: bool, children: bool, tell: Tell
    ) -> str:
        """Write a run into a new file; return in words what it holds."""
        from quarterdeck_kernel import export_run
        from quarterdeck_kernel.kernel.configured import settings_of
        from quarterdeck_kernel.kernel.guarding import personal_data_of

        store = (await self._decisions()).store
        settings = await asyncio.to_thread(settings_of, self._workspace.folder)
        done = await export_run(
            store,
            run_id,
            target,
            forks=forks,
            children=children,
            personal_data=personal_data_of(settings, {}),
            clock=self._clock,
            progress=lambda far: tell(far.events, far.of),
        )
        runs = len(done.manifest.runs)
        left = f", {done.redacted:,} of them without what is personal" if done.redacted else ""
        return f"{runs:,} {'run' if runs == 1 else 'runs'}, {done.events:,} events{left}"
