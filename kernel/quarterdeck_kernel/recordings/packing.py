"""Lines in and out of a packed file, within bounds that hold however the file was made.

Memory is bounded by the longest line, the disk by what may come of so many packed bytes: a few
kilobytes that unpack to a full disk are refused on the way.
"""

import fcntl
import json
import os
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

from pydantic_core import from_json

from quarterdeck_kernel.errors import (
    InvalidError,
    LimitExceededError,
    RecordingError,
    StoreBusyError,
    StoreMissingError,
    StoreUnwritableError,
)
from quarterdeck_kernel.vocabulary.limits import (
    RECORDING_BYTES,
    RECORDING_LINE_BYTES,
    RECORDING_RATIO,
    RECORDING_SLACK_BYTES,
)

_CHUNK = 64 * 1024
_UNPACKED_AT_ONCE = 1024 * 1024
_GZIP = 31
"""As `zlib` calls the format of gzip."""
_LEVEL = 6


def check_size(packed: int, unpacked: int) -> None:
    """Refuse what grows beyond bounds when it is unpacked."""
    if unpacked > RECORDING_BYTES:
        raise LimitExceededError(
            f"this recording unpacks to more than {RECORDING_BYTES:,} bytes, which is the limit; "
            "export fewer runs at once"
        )
    if unpacked > RECORDING_SLACK_BYTES + packed * RECORDING_RATIO:
        raise LimitExceededError(
            f"this recording unpacks to more than {RECORDING_RATIO} times its size; no log does, "
            "so it was made to fill a disk, or holds very large texts of one letter"
        )


class Packer:
    """Writes lines into a new file, which is there whole or not at all."""

    def __init__(self, target: Path) -> None:
        """Name a file that does not exist yet."""
        if not target.name:
            raise InvalidError(f"{str(target)!r} names no file; say where the recording is to go")
        self._target = target
        self._draft = target.with_name(f".{target.name}.part")
        self._packing = zlib.compressobj(_LEVEL, zlib.DEFLATED, _GZIP)
        self._file: IO[bytes] | None = None
        self.packed = 0
        self.unpacked = 0

    def __enter__(self) -> Self:
        """Begin a draft beside the file."""
        if not self._target.parent.is_dir():
            folder = str(self._target.parent)
            raise StoreMissingError(f"there is no folder {folder!r}; create it first")
        self._check_free()
        handle = os.open(self._draft, os.O_CREAT | os.O_WRONLY | os.O_NOFOLLOW, 0o600)
        file = os.fdopen(handle, "wb")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            file.close()
            raise StoreBusyError(
                f"{str(self._target)!r} is being written by another export; wait for it, or name "
                "another file"
            ) from error
        # Whoever was killed at it left a draft.
        file.truncate()
        self._file = file
        return self

    def _check_free(self) -> None:
        if os.path.lexists(self._target):
            raise StoreUnwritableError(f"{str(self._target)!r} exists; name a file that does not")

    def line(self, data: Mapping[str, Any]) -> None:
        """Write a line."""
        text = json.dumps(data, ensure_ascii=False, separators=(",", ":")).encode()
        if len(text) > RECORDING_LINE_BYTES:
            raise LimitExceededError(
                f"an event takes {len(text):,} bytes in a recording; the limit is "
                f"{RECORDING_LINE_BYTES:,}: erase it, or export without contents"
            )
        self.unpacked += len(text) + 1
        self._put(self._packing.compress(text + b"\n"))
        check_size(self.packed, self.unpacked)

    def _put(self, packed: bytes) -> None:
        assert self._file is not None, "a packer is used in its block"
        if packed:
            self.packed += len(packed)
            with self._writing():
                self._file.write(packed)

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """Say which file it was that the disk did not take."""
        try:
            yield
        except OSError as error:
            raise StoreUnwritableError(
                f"{str(self._target)!r} cannot be written ({error.strerror}), and nothing is left "
                "of it: free some space there, or name another place"
            ) from error

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        """Give the file its name; after an error there is none."""
        assert self._file is not None, "a packer is used in its block"
        # What is buffered is written again when the file is closed.
        with self._writing(), self._file:
            try:
                if kind is None:
                    self._put(self._packing.flush())
                    self._file.flush()
                    os.fsync(self._file.fileno())
                    self._check_free()
                    self._draft.rename(self._target)
            finally:
                with suppress(FileNotFoundError):
                    self._draft.unlink()


def unpacked_lines(file: IO[bytes]) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield the lines of a packed file with their numbers, one in memory at a time."""
    number = 0
    rest = bytearray()
    for piece in _unpacked(file):
        begin = 0
        while (end := piece.find(b"\n", begin)) >= 0:
            number += 1
            rest += piece[begin:end]
            yield number, _read(number, bytes(rest))
            rest.clear()
            begin = end + 1
        rest += piece[begin:]
        if len(rest) > RECORDING_LINE_BYTES:
            raise LimitExceededError(
                f"line {number + 1} of this recording is longer than {RECORDING_LINE_BYTES:,} "
                "bytes, which none of ours is; it was not read"
            )
    if rest:
        raise RecordingError(f"line {number + 1} of this recording is cut off: the file is damaged")


def _read(number: int, text: bytes) -> dict[str, Any]:
    try:
        line = from_json(text)
    except (ValueError, RecursionError) as error:
        raise RecordingError(f"line {number} of this recording is no JSON: {error}") from error
    if not isinstance(line, dict):
        raise RecordingError(f"line {number} of this recording is no object")
    return line


def _unpacked(file: IO[bytes]) -> Iterator[bytes]:
    unpacking = zlib.decompressobj(_GZIP)
    packed = unpacked = 0
    try:
        while not unpacking.eof:
            chunk = unpacking.unconsumed_tail or file.read(_CHUNK)
            if not chunk:
                raise RecordingError("this recording is cut off: get the file anew")
            piece = unpacking.decompress(chunk, _UNPACKED_AT_ONCE)
            packed += len(chunk) - len(unpacking.unconsumed_tail)
            unpacked += len(piece)
            check_size(packed, unpacked)
            yield piece
    except zlib.error as error:
        raise RecordingError(f"this is no recording, or a damaged one ({error})") from error
    if unpacking.unused_data or file.read(1):
        raise RecordingError("something stands behind the end of this recording: it was changed")
