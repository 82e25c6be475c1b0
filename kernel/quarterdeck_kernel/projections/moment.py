"""A moment of a run: its state, its conversation, its files; and what is between two moments.

Only pointers: what a message says and what a file holds is read when somebody looks at it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from quarterdeck_kernel.projections.panels import Changed, changed, panels
from quarterdeck_kernel.projections.state import RunState


class Line(NamedTuple):
    """One message of a conversation: event `seq` holds it, or brings it as its `part`-th."""

    seq: int
    part: int
    digest: str


class FileAt(NamedTuple):
    """A file as it was at a moment. Without a `sha256` it was gone; without a `ref` not kept."""

    path: str
    seq: int
    sha256: str | None
    ref: str | None
    size: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """A run behind one of its events. `files` are those that the run has changed by then."""

    state: RunState
    lines: tuple[Line, ...] = ()
    files: Mapping[str, FileAt] = field(default_factory=dict)

    @property
    def seq(self) -> int:
        """Return the event it stands behind."""
        return self.state.head_seq


class FileChanged(NamedTuple):
    """A file that is another; None where the run had not touched it by then."""

    path: str
    before: FileAt | None
    after: FileAt | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """What is between two moments, of one run or of two.

    Conversations share their first `common` messages; `gone` and `said` are what each has behind
    them.
    """

    before_seq: int
    after_seq: int
    values: tuple[Changed, ...]
    common: int
    gone: tuple[Line, ...]
    said: tuple[Line, ...]
    files: tuple[FileChanged, ...]

    @property
    def empty(self) -> bool:
        """Tell whether there is none."""
        return not (self.values or self.gone or self.said or self.files)


def difference(before: Moment, after: Moment) -> Difference:
    """Return what would turn one moment into the other."""
    common = _common(before.lines, after.lines)
    paths = dict.fromkeys((*before.files, *after.files))
    return Difference(
        before_seq=before.seq,
        after_seq=after.seq,
        values=changed(panels(before.state), panels(after.state)),
        common=common,
        gone=before.lines[common:],
        said=after.lines[common:],
        files=tuple(
            FileChanged(path, old, new)
            for path in sorted(paths)
            for old, new in [(before.files.get(path), after.files.get(path))]
            if (old.sha256 if old else "") != (new.sha256 if new else "")
        ),
    )


def _common(one: Sequence[Line], other: Sequence[Line]) -> int:
    count = 0
    for mine, theirs in zip(one, other, strict=False):
        if mine.digest != theirs.digest:
            break
        count += 1
    return count
