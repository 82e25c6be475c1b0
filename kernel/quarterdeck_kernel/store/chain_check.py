"""Checking records against their hashes: pure, and the same for every adapter.

Fed with all events in the order they were committed (or with one run's in order of seq), it names
the first event that is not what it was. What breaks within a run explains more than a break of
the chain over all runs, so the latter is told only if nothing better is found.
"""

import hashlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from operator import itemgetter
from typing import Any, NamedTuple

from pydantic_core import from_json

from quarterdeck_kernel.events.record import (
    SALT_BYTES,
    blob_ref,
    blob_text,
    commitment_of,
    hash_of,
)
from quarterdeck_kernel.store.run_info import Checkpoint
from quarterdeck_kernel.store.verdict import Fault, FaultKind, Sound


def chain_link(before: bytes | str, position: int, event_hash: bytes) -> bytes:
    """Return the link of an event in the chain over all runs of a workspace.

    The first event's link stands upon the workspace's id, so that no two chains are alike.
    """
    start = before.encode() if isinstance(before, str) else before
    return hashlib.sha256(b"%b|%d|%b" % (start, position, event_hash)).digest()


class RunRow(NamedTuple):
    """What the store says of a run; it must agree with the run's events."""

    run_no: int
    run_id: str
    tenant: str
    idempotency_key: str | None
    parent_no: int | None
    parent_seq: int
    seq: int
    hash: bytes | None
    epoch: int


class StoredRow(NamedTuple):
    """An event as it stands in the store, with its place there.

    Texts are bytes, for those are what is hashed, and damage may have left no UTF-8. `licensed`
    tells whether an act is on record that took the content out. Of an event of a deleted run only
    the place and the hash are left; its run's number is that of the act, below zero.
    """

    pos: int
    run_no: int
    seq: int
    kind: bytes
    at_us: int
    header: bytes
    salt: bytes | None
    payload: bytes | None
    commitment: bytes | None
    hash: bytes
    link: bytes
    licensed: bool


class ChainCheck:
    """Follows the chains of runs (`only` some of them), and of the workspace if its id is given."""

    def __init__(
        self,
        runs: Mapping[int, RunRow],
        workspace_id: str | None,
        against: Sequence[Checkpoint] = (),
        *,
        only: Collection[int] | None = None,
        keep_sound: bool = False,
    ) -> None:
        self.events = 0
        self.deleted = 0
        self.erased: list[tuple[str, int]] = []
        self._runs = runs
        self._fed = runs if only is None else only
        self._workspace_id = workspace_id
        self._against: dict[int, list[Checkpoint]] = {}
        for point in against:
            self._against.setdefault(point.position, []).append(point)
        self._ends: dict[int, tuple[int, bytes | None]] = {}
        self._owners = {run.run_no: self._owner(run) for run in runs.values()}
        self._branches = {(self._owners[run.run_no], run.parent_seq): b"" for run in runs.values()}
        self._position = 0
        self._link: bytes | str = workspace_id or ""
        self._chain_fault: Fault | None = None
        self._blobs: list[tuple[str, int, str]] = []
        self._keep_sound = keep_sound
        self._sound: list[Sound] = []

    def _owner(self, run: RunRow) -> int | None:
        """Return the number of the run that wrote the event a fork branches from."""
        number = run.parent_no
        while number is not None and (parent := self._runs.get(number)) is not None:
            # A parent is older than its heir; a damaged file may say otherwise.
            older = parent.parent_no is not None and parent.parent_no < number
            if not older or run.parent_seq > parent.parent_seq:
                break
            number = parent.parent_no
        return number

    def page(self, rows: Iterable[Sequence[Any]]) -> Fault | None:
        """Check the next rows; return the first that is wrong."""
        for row in map(StoredRow._make, rows):
            gone = row.run_no < 0 and not row.header
            if (fault := self._hollow(row) if gone else self._row(row)) is not None:
                return fault
            if self._workspace_id is not None:
                self._follow(row)
            if gone:
                self.deleted += 1
            else:
                self.events += 1
        return None

    def finish(self) -> Fault | None:
        """Check where the logs end, once all rows were seen."""
        for run in (self._runs[number] for number in self._fed):
            seq, digest = self._ends.get(run.run_no, (run.parent_seq, None))
            if seq < run.seq:
                reason = f"the log ends at #{seq}; its head says #{run.seq}"
                return _fault("truncated", run.run_id, seq + 1, reason)
            if (seq, digest) != (run.seq, run.hash):
                reason = "its head does not name its newest event"
                return _fault("head_mismatch", run.run_id, seq, reason)
        for position, points in self._against.items():
            self._compare(points, bytes(32) if position == 0 else None)
        return self._chain_fault

    def take_blobs(self) -> list[tuple[str, int, str]]:
        """Return (run, seq, blob) of the events seen since the last call that name a blob."""
        blobs, self._blobs = self._blobs, []
        return blobs

    def take_sound(self) -> list[Sound]:
        """Return the events found sound since the last call, if `keep_sound` was asked for."""
        sound, self._sound = self._sound, []
        return sound

    def _hollow(self, row: StoredRow) -> Fault | None:
        """Check what a deleted run leaves of an event: its place, and an act on record."""
        left = (row.kind, row.at_us, row.salt, row.payload, row.commitment)
        if row.licensed and left == (b"", 0, None, None, None):
            return None
        message = f"the event at position {row.pos} was deleted, and nobody is on record for it"
        return Fault(kind="missing", run_id=None, seq=None, message=message)

    def _row(self, row: StoredRow) -> Fault | None:
        header, reason = _own_header(row)
        run = self._runs.get(row.run_no)
        if header is not None:
            # Its own bytes are sound, so they tell better than its place which event this is.
            name, seq = header["run_id"], header["seq"]
            if run is None or (run.run_id, row.seq) != (name, seq):
                where = f"#{row.seq} of {repr(run.run_id) if run else 'no run'}"
                return _fault("changed", name, seq, f"it stands as {where}")
        if run is None:
            message = f"event #{row.seq} at position {row.pos} belongs to no run"
            return Fault(kind="inserted", run_id=None, seq=row.seq, message=message)
        end, before = self._ends.get(row.run_no, (run.parent_seq, None))
        if end == run.parent_seq and run.parent_no is not None:
            before = self._branches[self._owners[run.run_no], run.parent_seq]
        if row.seq > end + 1:
            return _fault("missing", run.run_id, end + 1, f"#{row.seq} follows #{end}")
        if row.seq <= end:
            return _fault("inserted", run.run_id, row.seq, f"it stands behind #{end}")
        if header is not None:
            reason = _header_difference(header, row, run, before)
        if reason is not None:
            return _fault("changed", run.run_id, row.seq, reason)
        self._ends[row.run_no] = (row.seq, row.hash)
        if (row.run_no, row.seq) in self._branches:
            self._branches[row.run_no, row.seq] = row.hash
        if row.payload is None:
            self.erased.append((run.run_id, row.seq))
        elif (ref := _named_blob(row.payload)) is not None:
            self._blobs.append((run.run_id, row.seq, ref))
        if self._keep_sound and header is not None:
            self._sound.append(Sound(header, row.hash, row.seq == run.seq))
        return None

    def _follow(self, row: StoredRow) -> None:
        """Follow the chain over all runs; note the first break."""
        if self._chain_fault is None:
            link = chain_link(self._link, row.pos, row.hash)
            if row.pos != self._position + 1 or link != row.link:
                run = self._runs.get(row.run_no)
                gap = row.pos > self._position + 1
                self._chain_fault = _fault(
                    "missing" if gap else "changed",
                    run.run_id if run is not None else "(deleted)",
                    row.seq,
                    f"the chain over all runs breaks at position {row.pos}"
                    + (
                        f": {row.pos - self._position - 1} events before it are gone" if gap else ""
                    ),
                )
        self._position, self._link = row.pos, row.link
        if (points := self._against.pop(row.pos, None)) is not None:
            self._compare(points, row.link)

    def _compare(self, points: Iterable[Checkpoint], link: bytes | None) -> None:
        """Hold what was kept note of for a position against the link that stands there."""
        for point in points:
            if point.workspace_id != self._workspace_id:
                reason = f"it is workspace {self._workspace_id}, not {point.workspace_id}"
            elif link is None:
                reason = f"it ends at position {self._position}; {point.position} was reached once"
            elif link.hex() != point.link:
                reason = f"what stands up to position {point.position} is not what stood there"
            else:
                continue
            message = f"the workspace is not the one that was kept note of: {reason}"
            rewound = Fault(kind="rewound", run_id=None, seq=None, message=message)
            self._chain_fault = self._chain_fault or rewound


def _fault(kind: FaultKind, run_id: str, seq: int, reason: str) -> Fault:
    message = f"event #{seq} of run {run_id!r} is {_WORDS[kind]}: {reason}"
    # A damaged id may hold what cannot be printed.
    run_id = run_id.encode(errors="replace").decode()
    return Fault(kind=kind, run_id=run_id, seq=seq, message=message)


_BLOB_START = blob_text("", 0)[: -len('","size":0}')].encode()

_WORDS: dict[FaultKind, str] = {
    "changed": "not what was written",
    "missing": "missing",
    "inserted": "one too many",
    "truncated": "missing at the end",
    "head_mismatch": "not the head on record",
}


def _named_blob(payload: bytes) -> str | None:
    """Return the blob that a payload names; most name none, and need no decoding to tell."""
    return blob_ref(payload.decode()) if payload.startswith(_BLOB_START) else None


def _own_header(row: StoredRow) -> tuple[dict[str, Any] | None, str | None]:
    """Return a row's header if its bytes agree with its hash; else say what is wrong with them."""
    if row.salt is not None and row.payload is not None:
        if len(row.salt) != SALT_BYTES:
            return None, "its salt has another length: it may be a part of what was said"
        commitment = commitment_of(row.salt, row.payload)
        if row.commitment is not None and row.commitment != commitment:
            return None, "its commitment is not its content's"
    elif row.salt is None and row.payload is None and row.commitment is not None:
        commitment = row.commitment
    else:
        return None, "a part of its content is gone"
    if hash_of(row.header, commitment) != row.hash:
        return None, "its bytes do not give its hash"
    try:
        header = from_json(row.header, cache_strings="keys")
        if row.payload is not None:
            _named_blob(row.payload)
        if tuple(map(type, _required_of(header))) != _REQUIRED_TYPES:
            wrong = [name for name, kind in _REQUIRED.items() if type(header[name]) is not kind]
            return None, f"its header has no proper {wrong[0]}"
        if type(header.get("epoch")) not in _EPOCH_TYPES:
            return None, "its header has no proper epoch"
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None, "it cannot be read"
    return header, None


_REQUIRED = {"run_id": str, "tenant": str, "seq": int, "at_us": int, "facts": dict}
_required_of = itemgetter(*_REQUIRED)
_REQUIRED_TYPES = tuple(_REQUIRED.values())
_EPOCH_TYPES = (int, type(None))


def _header_difference(
    header: dict[str, Any], row: StoredRow, run: RunRow, before: bytes | None
) -> str | None:
    if row.payload is None and not row.licensed:
        return "its content was removed, and nobody is on record for it"
    facts = header["facts"]
    said = (
        header["tenant"],
        str(facts.get("kind")).encode(),
        header["at_us"],
        header.get("prev"),
    )
    stands = (run.tenant, row.kind, row.at_us, before.hex() if before else None)
    if said != stands:
        what, one, other = next(
            pair
            for pair in zip(("tenant", "kind", "time", "predecessor"), said, stands, strict=True)
            if pair[1] != pair[2]
        )
        return f"its {what} is {one!r} by its header, {other!r} by its place"
    if (header.get("epoch") or 0) > run.epoch:
        return f"it was written under epoch {header['epoch']}; the run has reached {run.epoch}"
    if row.seq == run.parent_seq + 1 and facts.get("idempotency_key") != run.idempotency_key:
        return "its idempotency key is not the run's"
    return None
