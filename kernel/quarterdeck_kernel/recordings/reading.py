"""Reading a recording: a stranger's file, of which nothing is believed that does not follow.

Every event is held against the one before it by its hash, up to the head that the manifest names;
what nests too deep, names what is not there, or stands where it should not is refused, with the
number of its line. Nothing is written here, and nothing is run.
"""

import base64
import binascii
import re
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Self

from pydantic import ValidationError
from pydantic_core import from_json

from quarterdeck_kernel.errors import QuarterdeckError, RecordingError, StoreMissingError
from quarterdeck_kernel.errors import StoreTooNewError as TooNewError
from quarterdeck_kernel.events.record import (
    SALT_BYTES,
    Record,
    blob_ref,
    blob_text,
    commitment_of,
    hash_of,
)
from quarterdeck_kernel.recordings.manifest import FORMAT, End, Manifest, Note, RecordedRun
from quarterdeck_kernel.recordings.packing import unpacked_lines
from quarterdeck_kernel.store.arrival import SealedBlob
from quarterdeck_kernel.store.bookmark import Bookmark
from quarterdeck_kernel.vocabulary.limits import (
    HEADER_BYTES,
    JSON_DEPTH,
    PAYLOAD_BYTES,
    RECORDING_NOTES,
)

_DEPTH = JSON_DEPTH + 16
"""What an event wraps its values in counts, too."""
_HASH_BYTES = 32
_BRACKET = re.compile(r'"(?:[^"\\]|\\.)*"|[\[{]|[\]}]', re.DOTALL)
_NUMBERS = 2**63
"""Numbers from here on fit no column."""


@contextmanager
def open_file(path: Path) -> Iterator[IO[bytes]]:
    """Open the file of a recording; it must be one, and no device that never ends."""
    if not path.is_file():
        raise StoreMissingError(f"there is no file {str(path)!r}; name a recording")
    with path.open("rb") as file:
        yield file


class Recording:
    """The lines of a file, understood and checked as they come by: each can be read once."""

    def __init__(self, file: IO[bytes]) -> None:
        """Read the manifest."""
        self._lines = unpacked_lines(file)
        self._number = 0
        self.ends: dict[tuple[str, int], bytes] = {}
        self.places: set[tuple[str, int]] = set()
        self.notes: list[Bookmark] = []
        self.events = self.blobs = self.erased = 0
        self.manifest = _manifest(self.next_line())
        _check_runs(self.manifest)
        self.redacted_at: dict[str, set[int]] = {run.run_id: set() for run in self.manifest.runs}
        for run in self.manifest.runs:
            if run.parent is not None:
                self.places.add((run.parent.run_id, run.parent.seq))

    @property
    def redacted(self) -> int:
        """Return how many events lost their content to the export."""
        return sum(map(len, self.redacted_at.values()))

    def next_line(self) -> dict[str, Any]:
        """Return the next line; there must be one."""
        try:
            self._number, line = next(self._lines)
        except StopIteration:
            raise RecordingError("this recording ends before its end: get the file anew") from None
        return line

    def runs(self) -> Iterator[tuple[RecordedRun, Iterator[SealedBlob | Record]]]:
        """Yield each run with its pieces, which must all be taken before the next."""
        line = self.next_line()
        for run in self.manifest.runs:
            if line != {"run": run.run_id}:
                raise self.wrong(f"the events of run {run.run_id!r} should begin here")
            reader = _Run(self, run)
            yield run, reader.pieces()
            if reader.after is None:
                raise RecordingError(f"run {run.run_id!r} was not read to its end")
            line = reader.after
        self._end(line)

    def _end(self, line: dict[str, Any]) -> None:
        counted = End(
            events=self.events, blobs=self.blobs, redacted=self.redacted, erased=self.erased
        )
        if line != counted.model_dump(mode="json"):
            raise self.wrong("the recording should end here, and say so")
        for number, _ in self._lines:
            raise RecordingError(f"line {number} stands behind the end of this recording")

    def wrong(self, reason: str) -> RecordingError:
        """Return the error for the line that was read last."""
        return RecordingError(f"line {self._number} of this recording is wrong: {reason}")


@dataclass(slots=True)
class _Run:
    """One run on its way by."""

    recording: Recording
    run: RecordedRun
    after: dict[str, Any] | None = None
    _seq: int = 0
    _hash: bytes | None = None
    _refs: set[str] = field(default_factory=set)

    def pieces(self) -> Iterator[SealedBlob | Record]:
        recording, run = self.recording, self.run
        self._seq = run.begins
        if run.parent is not None:
            place = (run.parent.run_id, run.parent.seq)
            self._hash = recording.ends.get(place)
            if self._hash is None or self._hash.hex() != run.parent.hash:
                raise self._wrong(f"run {run.run_id!r} was not forked from that event")
        while True:
            line = recording.next_line()
            if "note" in line:
                self._note(line)
                continue
            if "header" not in line and "blob" not in line:
                break
            with self._understood():
                piece = self._event(line) if "header" in line else self._blob(line)
            yield piece
        if (self._seq, (self._hash or b"").hex()) != (run.head.seq, run.head.hash):
            raise self._wrong(
                f"run {run.run_id!r} ends with an event #{self._seq} that is not the #"
                f"{run.head.seq} its head names"
            )
        self.after = line

    @contextmanager
    def _understood(self) -> Iterator[None]:
        try:
            yield
        except QuarterdeckError:
            raise
        except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
            detail = f"{type(error).__name__} {' '.join(str(error).split())[:200]}"
            raise self._wrong(f"it is not understood ({detail})") from error

    def _wrong(self, reason: str) -> RecordingError:
        return self.recording.wrong(reason)

    def _note(self, line: dict[str, Any]) -> None:
        try:
            note = Note.model_validate(line["note"])
        except ValidationError as error:
            raise self._wrong("it is no bookmark of ours") from error
        if len(self.recording.notes) >= RECORDING_NOTES or note.seq > self._seq:
            raise self._wrong(f"it is about no event, or there are more than {RECORDING_NOTES:,}")
        self.recording.notes.append(
            Bookmark(
                bookmark_id=note.bookmark_id,
                run_id=self.run.run_id,
                seq=note.seq,
                note=note.note,
                actor=note.actor,
                at_us=note.at_us,
            )
        )

    def _blob(self, line: dict[str, Any]) -> SealedBlob:
        ref, salt, content = str(line["blob"]), _bytes(line["salt"]), _bytes(line["content"])
        if len(content) > PAYLOAD_BYTES or len(salt) != SALT_BYTES:
            raise self._wrong("a blob of that size is none of ours")
        if commitment_of(salt, content).hex() != ref:
            raise self._wrong("this blob is not what its name says")
        self._refs.add(ref)
        self.recording.blobs += 1
        return SealedBlob(ref, salt, content)

    def _event(self, line: dict[str, Any]) -> Record:
        recording = self.recording
        header = _text(line["header"], HEADER_BYTES)
        seq = self._seq + 1
        payload = salt = commitment = None
        if line.get("payload") is not None:
            payload, salt = _text(line["payload"], PAYLOAD_BYTES), _bytes(line["salt"])
            if len(salt) != SALT_BYTES:
                raise self._wrong(f"event #{seq} has a salt of another length")
            committed = commitment_of(salt, payload.encode())
            self._check_blob(payload)
        else:
            committed = commitment = bytes.fromhex(line["commitment"])
            if len(committed) != _HASH_BYTES:
                raise self._wrong(f"event #{seq} has a commitment of another length")
            if line["gone"] not in {"erased", "redacted"}:
                raise self._wrong(f"event #{seq} does not say why its content is gone")
            if line["gone"] == "redacted":
                recording.redacted_at[self.run.run_id].add(seq)
            else:
                recording.erased += 1
        said = from_json(header)
        kind, at_us = self._check(said, seq)
        if "\\u0000" in header:
            self._check_names(said, seq)
        self._seq, self._hash = seq, hash_of(header, committed)
        if (self.run.run_id, seq) in recording.places:
            recording.ends[self.run.run_id, seq] = self._hash
        recording.events += 1
        name = self.run.run_id
        return Record(name, seq, kind, at_us, header, salt, payload, commitment, self._hash)

    def _check(self, header: dict[str, Any], seq: int) -> tuple[str, int]:
        """Hold a header against its place; return the kind and the time."""
        run, facts = self.run, header["facts"]
        before = self._hash.hex() if self._hash is not None else None
        if header.get("prev") != before:
            raise self._wrong(
                f"event #{seq} does not follow the event before it, or that one was changed"
            )
        said = (header["run_id"], header["tenant"], header["seq"])
        if said != (run.run_id, run.tenant, seq) or seq > run.head.seq:
            raise self._wrong(f"event #{seq} of run {run.run_id!r} should stand here, not {said!r}")
        if seq == run.begins + 1 and facts.get("idempotency_key") != run.idempotency_key:
            raise self._wrong("the key of the run is not the one that it was begun under")
        kind, at_us, epoch = facts["kind"], header["at_us"], header.get("epoch")
        numbers = (at_us, header["schema"], *(() if epoch is None else (epoch,)))
        if type(kind) is not str or any(
            type(number) is not int or not 0 <= number < _NUMBERS for number in numbers
        ):
            raise self._wrong(f"event #{seq} has no proper kind, time, schema or epoch")
        return kind, at_us

    def _check_names(self, header: dict[str, Any], seq: int) -> None:
        """No name of ours holds NUL: SQLite takes it for the end, and two names for one."""
        for value in (*header["facts"].values(), *header["actor"].values()):
            if isinstance(value, str) and "\0" in value:
                raise self._wrong(f"event #{seq} has a name with a NUL in it: {value[:80]!r}")

    def _check_blob(self, payload: str) -> None:
        """A payload that names a blob says nothing else, and the blob stood before it."""
        ref = blob_ref(payload)
        if ref is None:
            return
        size = from_json(payload)["size"]
        if payload != blob_text(ref, size) or ref not in self._refs:
            raise self._wrong(f"event #{self._seq + 1} names a blob that is not in this recording")


def _text(given: object, limit: int) -> str:
    """Return a text of JSON that is neither too long nor too deep."""
    if not isinstance(given, str) or len(given) > limit:
        raise ValueError("a text is missing, or longer than any of ours")
    if given.count("[") + given.count("{") > _DEPTH:
        depth = 0
        for found in _BRACKET.finditer(given):
            depth += {"[": 1, "{": 1, "]": -1, "}": -1}.get(found[0], 0)
            if depth > _DEPTH:
                raise ValueError(f"it nests more than {_DEPTH} deep")
    return given


def _bytes(given: object) -> bytes:
    if not isinstance(given, str):
        raise TypeError("bytes are missing")
    try:
        return base64.b64decode(given, validate=True)
    except binascii.Error as error:
        raise ValueError("bytes are not written as base64") from error


def _manifest(line: dict[str, Any]) -> Manifest:
    number = line.get("quarterdeck_recording")
    if type(number) is not int:
        raise RecordingError("this file is no recording of Quarterdeck's; name another")
    if number > FORMAT:
        raise TooNewError(
            f"this recording was made by a newer Quarterdeck (format {number}, this one knows "
            f"{FORMAT}); update this installation"
        )
    try:
        return Manifest.model_validate(line, strict=False)
    except ValidationError as error:
        problem = error.errors()[0]
        where = ".".join(map(str, problem["loc"]))
        raise RecordingError(
            f"the first line of this recording is wrong: {where}: {problem['msg']}"
        ) from error


def _check_runs(manifest: Manifest) -> None:
    """Refuse runs that stand twice, stand before their parents, or have no events of their own."""
    known: dict[str, RecordedRun] = {}
    for run in manifest.runs:
        parent = known.get(run.parent.run_id) if run.parent is not None else None
        fits = run.parent is None or (
            parent is not None
            and parent.tenant == run.tenant
            and parent.begins < run.parent.seq <= parent.head.seq
        )
        begun = run.head.run_id == run.run_id and run.head.seq > run.begins
        if run.run_id in known or not fits or not begun:
            raise RecordingError(
                f"the first line of this recording is wrong: run {run.run_id!r} stands twice, "
                "ends before it begins, or is a fork of what is not in it"
            )
        known[run.run_id] = run
    if manifest.asked_for not in known:
        raise RecordingError(
            f"the first line of this recording is wrong: run {manifest.asked_for!r} is not in it"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """A recording that is what it says: every event follows from the one before it.

    `redacted_at` names, for each run, the events that lost their content to the export.
    """

    manifest: Manifest
    events: int
    blobs: int
    redacted: int
    redacted_at: Mapping[str, Collection[int]]
    erased: int
    notes: int

    @classmethod
    def of(cls, recording: Recording) -> Self:
        """Return what was counted on the way to the end."""
        return cls(
            manifest=recording.manifest,
            events=recording.events,
            blobs=recording.blobs,
            redacted=recording.redacted,
            redacted_at=recording.redacted_at,
            erased=recording.erased,
            notes=len(recording.notes),
        )


def verify_recording(path: Path) -> Verified:
    """Read a recording from its first byte to its last, and keep nothing of it."""
    with open_file(path) as file:
        recording = Recording(file)
        for _, pieces in recording.runs():
            for _ in pieces:
                pass
        return Verified.of(recording)
