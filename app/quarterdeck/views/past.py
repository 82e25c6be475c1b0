"""What screens show of a run's past beyond its log, and where they get it from."""

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Protocol

from quarterdeck.views.work import Tell

if TYPE_CHECKING:
    from quarterdeck_kernel import Bookmark, Comparison, ForkChanges, ForkPlan
    from quarterdeck_kernel.projections.panels import Changed

PAGE_MESSAGES = 40
"""So many of the newest messages of a conversation are shown; an event shows any."""


class Said(NamedTuple):
    """A message of a conversation, and the event that holds it."""

    seq: int
    role: str
    text: str
    tools: tuple[str, ...] = ()


class FileSeen(NamedTuple):
    """A file as it was. Without a text `why` says what there is instead."""

    path: str
    seq: int
    size: int
    text: str | None
    why: str = ""


class Restoration(NamedTuple):
    """What putting a file back would come to: from what it holds now to what it held then.

    `changed`: it does not hold what the run last left in it, since event `seq`. Without a `diff`
    `why` says why there is none. A size is None where there is no file.
    """

    path: str
    seq: int
    now: int | None
    then: int | None
    changed: bool
    same: bool
    diff: str | None
    why: str = ""


class MomentPage(NamedTuple):
    """Conversation and files behind an event; `earlier` messages stand before those here."""

    seq: int
    earlier: int
    said: tuple[Said, ...]
    files: tuple[FileSeen, ...]


class FileDiff(NamedTuple):
    """A file that is another, since an event. Without a `diff` it is no text, or was not kept."""

    path: str
    seq: int
    before: int | None
    after: int | None
    diff: str | None


class Between(NamedTuple):
    """What is between two moments of a run."""

    before: int
    after: int
    values: "tuple[Changed, ...]"
    common: int
    gone: tuple[Said, ...]
    said: tuple[Said, ...]
    files: tuple[FileDiff, ...]

    @property
    def empty(self) -> bool:
        """Tell whether there is nothing."""
        return not (self.values or self.gone or self.said or self.files)


class Past(Protocol):
    """The past of runs. `bookmarks` and `page` answer at once, from what was read already.

    Everything else waits until it was read or is recorded, and raises what the kernel raises.
    """

    def bookmarks(self, run_id: str) -> "tuple[Bookmark, ...]":
        """Return the bookmarks of a run by event, as they were last read."""
        ...

    def page(self, run_id: str, seq: int) -> MomentPage | None:
        """Return conversation and files behind an event; None: it is being read, ask again."""
        ...

    async def between(self, run_id: str, before: int, after: int) -> Between:
        """Return what changed from one event to another."""
        ...

    async def plan(self, run_id: str, seq: int, changes: "ForkChanges") -> "ForkPlan":
        """Return what a fork there would come to, with something changed in it."""
        ...

    async def compare(self, a_run_id: str, b_run_id: str) -> "Comparison":
        """Return two runs side by side."""
        ...

    async def bookmark(self, run_id: str, seq: int, note: str) -> None:
        """Note something about an event, beside the log."""
        ...

    async def drop_bookmark(self, mark: "Bookmark") -> None:
        """Take a bookmark away."""
        ...

    async def fork(self, run_id: str, seq: int, changes: "ForkChanges") -> str:
        """Begin a run that shares the events up to one; return its id."""
        ...

    async def merge(self, fork_id: str) -> str:
        """Bring what came of a fork home; return in words what that was."""
        ...

    async def restoration(self, run_id: str, seq: int, path: str) -> Restoration:
        """Look at a file and at what it held behind an event; nothing is changed."""
        ...

    async def restore(self, run_id: str, seq: int, path: str, *, anyway: bool) -> int | None:
        """Put a file back as it was behind an event; None: it holds that already.

        What was changed since the run last did is left alone, but `anyway`.
        """
        ...

    async def export(
        self, run_id: str, target: Path, *, forks: bool, children: bool, tell: Tell
    ) -> str:
        """Write a run into a new file; return in words what it holds."""
        ...
