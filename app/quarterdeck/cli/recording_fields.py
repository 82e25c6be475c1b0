"""The fields of `--json` of recordings, of erasing and deleting. `fields` has the rules."""

from typing import TypedDict


class RecordedRunFields(TypedDict):
    """A run of a recording: where it ends, and where its own events begin, if it is a fork."""

    run_id: str
    tenant: str
    head_seq: int
    head_hash: str
    forked_from: str | None
    forked_at: int | None


class ExportFields(TypedDict):
    """`export`: what was written. `redacted` events lost their content to it, `erased` before."""

    file: str
    bytes: int
    runs: list[RecordedRunFields]
    events: int
    blobs: int
    notes: int
    redacted: int
    erased: int


class ImportFields(TypedDict):
    """`import`: runs brought in, those of them that are held, and those that were here.

    `notes` are the bookmarks that came, those about runs that were here among them.
    """

    file: str
    imported: list[str]
    held: list[str]
    present: list[str]
    events: int
    notes: int


class EraseFields(TypedDict):
    """`erase`: the event whose content is gone."""

    run_id: str
    seq: int
    reason: str


class KeptFields(TypedDict):
    """A run that was not deleted, and why."""

    run_id: str
    why: str


class DeleteFields(TypedDict):
    """`delete`: runs that are gone whole, and overdue ones that another run needs."""

    deleted: list[str]
    kept: list[KeptFields]
    reason: str
