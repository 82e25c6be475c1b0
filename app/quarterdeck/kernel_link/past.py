"""The past of runs for the screen: moments beside it, notes, forks, files, recordings."""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Sequence
from pathlib import Path

from quarterdeck.views.past import (
    PAGE_MESSAGES,
    Between,
    FileDiff,
    FileSeen,
    MomentPage,
    Said,
)
from quarterdeck_kernel import (
    Bookmark,
    Comparison,
    Decisions,
    EventStore,
    ForkChanges,
    ForkPlan,
    Moments,
    compare,
    difference,
    export_run,
)
from quarterdeck_kernel.clock import Clock
from quarterdeck_kernel.engine.moments import file_content, messages_of
from quarterdeck_kernel.errors import NotFoundError, StoreClosedError
from quarterdeck_kernel.events.run_events import ForkMerged
from quarterdeck_kernel.projections.moment import FileAt, FileChanged, Line
from quarterdeck_kernel.tools.builtin.diff import diff_of

_PAGES = 32
_FILES = 50
_SHOWN_BYTES = 64 * 1024
_STALE_US = 2_000_000
"""Somebody else's note is no event: notes are read anew this often while they are looked at."""

_Name = tuple[str, int]


class KernelPast:
    """Implements `views.past.Past`. The store is open only while the link reads it."""

    def __init__(
        self, decisions: Callable[[], Decisions | None], files: Path, clock: Clock
    ) -> None:
        """Know where the files of the workspace are."""
        self._decisions = decisions
        self._files = files
        self._clock = clock
        self._moments: Moments | None = None
        self._pages: OrderedDict[_Name, MomentPage] = OrderedDict()
        self._page_wish: _Name | None = None
        self._marks: dict[str, tuple[Bookmark, ...]] = {}
        self._marked_us: dict[str, int] = {}
        self._marks_wish: str | None = None
        self._wished = asyncio.Event()

    @property
    def _kernel(self) -> Decisions:
        decisions = self._decisions()
        if decisions is None:
            raise StoreClosedError("the workspace is not open (any more); open it again")
        return decisions

    # -- what is known, and what is wished for

    def bookmarks(self, run_id: str) -> tuple[Bookmark, ...]:
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

    async def read_next(self, store: EventStore) -> None:
        """Wait for a wish, and read it."""
        await self._wished.wait()
        self._wished.clear()
        name, self._page_wish = self._page_wish, None
        run_id, self._marks_wish = self._marks_wish, None
        if name is not None:
            self._pages[name] = await self._read_page(store, *name)
            while len(self._pages) > _PAGES:
                self._pages.popitem(last=False)
        if run_id is not None:
            await self._read_marks(store, run_id)

    async def _read_marks(self, store: EventStore, run_id: str) -> None:
        self._marks[run_id] = tuple(await store.bookmarks(run_id))
        self._marked_us[run_id] = self._clock.now_us()

    async def _read_page(self, store: EventStore, run_id: str, seq: int) -> MomentPage:
        moment = await self._of(store).moment(run_id, seq)
        lines = moment.lines[-PAGE_MESSAGES:]
        files = sorted(moment.files.values())
        return MomentPage(
            seq,
            len(moment.lines) - len(lines),
            await _said(store, run_id, lines),
            tuple([await _seen(store, file) for file in files[:_FILES]]),
        )

    def _of(self, store: EventStore) -> Moments:
        self._moments = self._moments or Moments(store)
        return self._moments

    # -- what is waited for

    async def between(self, run_id: str, before: int, after: int) -> Between:
        """Return what changed from one event to another."""
        store = self._kernel.store
        moments = self._of(store)
        found = difference(
            await moments.moment(run_id, before), await moments.moment(run_id, after)
        )
        return Between(
            before=before,
            after=after,
            values=found.values,
            common=found.common,
            gone=await _said(store, run_id, found.gone),
            said=await _said(store, run_id, found.said),
            files=tuple([await _diff(store, file) for file in found.files]),
        )

    async def plan(self, run_id: str, seq: int) -> ForkPlan:
        """Return what a fork there would come to."""
        return await self._kernel.plan_fork(run_id, seq)

    async def compare(self, a_run_id: str, b_run_id: str) -> Comparison:
        """Return two runs side by side."""
        return await compare(self._kernel.store, a_run_id, b_run_id)

    # -- what is done

    async def bookmark(self, run_id: str, seq: int, note: str) -> None:
        """Note something about an event, beside the log."""
        kernel = self._kernel
        await kernel.bookmark(run_id, seq, note)
        await self._read_marks(kernel.store, run_id)

    async def drop_bookmark(self, mark: Bookmark) -> None:
        """Take a bookmark away."""
        kernel = self._kernel
        await kernel.drop_bookmark(mark.bookmark_id)
        # A fork shows what its parent has: whatever was read of it is read anew.
        self._marked_us.clear()
        await self._read_marks(kernel.store, mark.run_id)

    async def fork(self, run_id: str, seq: int, changes: ForkChanges) -> str:
        """Begin a run that shares the events up to one; return its id."""
        return (await self._kernel.fork(run_id, seq, changes=changes)).identity.run_id

    async def merge(self, fork_id: str) -> str:
        """Bring what came of a fork home; return in words what that was."""
        event = await self._kernel.merge(fork_id)
        payload = event.payload
        assert isinstance(payload, ForkMerged), "that is what a merge writes"
        files = (payload.merged or {}).get("files")
        count = len(files) if isinstance(files, list) else 0
        return f"its answer and {count:,} files into {event.run_id}, #{event.seq:,}"

    async def restore(self, run_id: str, seq: int, path: str) -> int | None:
        """Put a file back as it was behind an event; None: it holds that already."""
        event = await self._kernel.restore_as_of(run_id, seq, path, files=self._files)
        return event.seq if event is not None else None

    async def export(self, run_id: str, target: Path, *, forks: bool, children: bool) -> str:
        """Write a run into a new file; return in words what it holds."""
        done = await export_run(
            self._kernel.store, run_id, target, forks=forks, children=children, clock=self._clock
        )
        runs = len(done.manifest.runs)
        left = f", {done.redacted:,} of them without what is personal" if done.redacted else ""
        return f"{runs:,} {'run' if runs == 1 else 'runs'}, {done.events:,} events{left}"


async def _said(store: EventStore, run_id: str, lines: Sequence[Line]) -> tuple[Said, ...]:
    messages = await messages_of(store, run_id, lines)
    return tuple(
        Said(line.seq, message.role, message.text, tuple(call.tool for call in message.tool_calls))
        for line, message in zip(lines, messages, strict=True)
    )


async def _seen(store: EventStore, file: FileAt) -> FileSeen:
    if file.sha256 is None:
        return FileSeen(file.path, file.seq, 0, None, "gone")
    if file.size > _SHOWN_BYTES:
        return FileSeen(file.path, file.seq, file.size, None, f"{file.size:,} bytes")
    try:
        content = await file_content(store, file)
        text = content.decode() if content is not None else None
    except NotFoundError:
        return FileSeen(file.path, file.seq, file.size, None, "not kept")
    except UnicodeDecodeError:
        return FileSeen(file.path, file.seq, file.size, None, f"{file.size:,} bytes, no text")
    return FileSeen(file.path, file.seq, file.size, text)


async def _diff(store: EventStore, file: FileChanged) -> FileDiff:
    sizes = [
        side.size if side is not None and side.sha256 is not None else None
        for side in (file.before, file.after)
    ]
    try:
        contents = [
            None if side is None else await file_content(store, side)
            for side in (file.before, file.after)
        ]
        texts = [None if content is None else content.decode() for content in contents]
        text = diff_of(texts[0], texts[1])
    except (NotFoundError, UnicodeDecodeError):
        text = None
    return FileDiff(file.path, sizes[0], sizes[1], text)
