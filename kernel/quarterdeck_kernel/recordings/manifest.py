"""The first line of a recording: which runs are in it, and where each must end.

A recording is gzip, and in it a line of JSON for each thing: the manifest; for each run, parents
first, a line that names it and then its own events, each behind the blobs that it names, and the
notes about it; a line that says it is the end. Header and payload of an event are the very texts
that its hash was taken over: the hash itself is not in the file, it follows.
"""

from typing import Final, Literal

from pydantic import Field

from quarterdeck_kernel.vocabulary.actor import Actor
from quarterdeck_kernel.vocabulary.ids import RunId, TenantId
from quarterdeck_kernel.vocabulary.limits import NOTE_CHARS, RECORDING_RUNS, RUN_EVENTS
from quarterdeck_kernel.vocabulary.model import Value

FORMAT: Final = 1
"""Raised when a reader of the format before could not make sense of a file."""

Redaction = Literal["none", "policy", "all"]
"""What was left out: nothing; what `personal_data.recording` says; or everything but the facts."""

_HASH = r"^[0-9a-f]{64}$"


class Place(Value):
    """An event of a run, and its hash."""

    run_id: RunId
    seq: int = Field(ge=1, lt=RUN_EVENTS)
    hash: str = Field(pattern=_HASH)


class RecordedRun(Value):
    """A run of a recording. Its own events begin behind `parent`, and end at `head`.

    `redacted` of them lost their content to the export, `erased` before.
    """

    run_id: RunId
    tenant: TenantId
    head: Place
    parent: Place | None = None
    idempotency_key: str | None = None

    @property
    def begins(self) -> int:
        """Return the event behind which its own begin."""
        return self.parent.seq if self.parent is not None else 0


class Manifest(Value):
    """What a recording says of itself. `asked_for` is the run that was to be exported."""

    quarterdeck_recording: int = FORMAT
    event_schema: int
    made_by: str
    made_at_us: int
    asked_for: RunId
    redaction: Redaction = "none"
    runs: tuple[RecordedRun, ...] = Field(min_length=1, max_length=RECORDING_RUNS)

    @property
    def events(self) -> int:
        """Return how many events there are, those that forks share counted once."""
        return sum(run.head.seq - run.begins for run in self.runs)


class Note(Value):
    """A bookmark of a run, beside its log."""

    bookmark_id: RunId
    seq: int = Field(ge=1, lt=RUN_EVENTS)
    note: str = Field(max_length=NOTE_CHARS)
    actor: Actor
    at_us: int = Field(ge=0, lt=2**63)


class End(Value):
    """The last line: how much there was."""

    end: Literal[True] = True
    events: int
    blobs: int
    redacted: int
    erased: int
