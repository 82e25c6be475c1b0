"""What a packed file may come to is bounded, however it was made; without the bounds it grows."""

import os
import random
import zlib
from pathlib import Path

import pytest

from quarterdeck_kernel import verify_recording
from quarterdeck_kernel.errors import (
    LimitExceededError,
    RecordingError,
    StoreBusyError,
    StoreUnwritableError,
)
from quarterdeck_kernel.recordings import packing
from tests.kernel.recordings.tapes import Lines, packed


def bomb(path: Path, letters: int) -> Path:
    packing_ = zlib.compressobj(9, zlib.DEFLATED, 31)
    piece = b" " * 1_000_000
    with path.open("wb") as file:
        for _ in range(letters // len(piece)):
            file.write(packing_.compress(piece))
        file.write(packing_.flush())
    return path


def test_a_line_without_end_is_not_read_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packing, "RECORDING_LINE_BYTES", 3_000_000)
    path = bomb(tmp_path / "bomb", 20_000_000)
    with pytest.raises(LimitExceededError, match="line 1 of this recording is longer"):
        verify_recording(path)
    monkeypatch.setattr(packing, "RECORDING_LINE_BYTES", 2**40)
    with pytest.raises(RecordingError):
        verify_recording(path)


@pytest.mark.parametrize(
    ("bound", "small", "says"),
    [
        ("RECORDING_BYTES", 3_000_000, "more than 3,000,000 bytes"),
        ("RECORDING_SLACK_BYTES", 2_000_000, "times its size"),
    ],
)
def test_what_unpacks_to_too_much_is_not_unpacked(
    bound: str, small: int, says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = bomb(tmp_path / "bomb", 20_000_000)
    assert path.stat().st_size < 30_000
    monkeypatch.setattr(packing, "RECORDING_LINE_BYTES", 2**40)
    monkeypatch.setattr(packing, bound, small)
    with pytest.raises(LimitExceededError, match=says):
        verify_recording(path)
    monkeypatch.setattr(packing, "check_size", lambda *_: None)
    with pytest.raises(RecordingError, match="cut off"):
        verify_recording(path)


def test_an_export_keeps_the_bounds_that_a_reader_has(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(packing, "RECORDING_LINE_BYTES", 100)
    with (
        pytest.raises(LimitExceededError, match="an event takes"),
        packing.Packer(tmp_path / "tape") as packer,
    ):
        packer.line({"text": "x" * 200})
    assert list(tmp_path.iterdir()) == []


def fill_the_disk(tape: Path, text: str) -> None:
    with packing.Packer(tape) as packer, Path("/dev/full").open("wb") as full:
        assert packer._file is not None
        os.dup2(full.fileno(), packer._file.fileno())
        packer.line({"text": text})


@pytest.mark.parametrize("letters", [10, 400_000], ids=["at the end", "on the way"])
def test_a_full_disk_is_told_of_by_the_file_and_leaves_none(tmp_path: Path, letters: int) -> None:
    noise = random.Random(1).randbytes(letters // 2).hex()
    with pytest.raises(StoreUnwritableError, match=r"tape' cannot be written \(No space left"):
        fill_the_disk(tmp_path / "tape", noise)
    assert list(tmp_path.iterdir()) == []


def test_two_exports_to_one_file_do_not_mix(tmp_path: Path) -> None:
    with packing.Packer(tmp_path / "tape") as packer:
        packer.line({"a": 1})
        with (
            pytest.raises(StoreBusyError, match="being written by another export"),
            packing.Packer(tmp_path / "tape"),
        ):
            raise AssertionError
    with (tmp_path / "tape").open("rb") as file:
        assert [line for _, line in packing.unpacked_lines(file)] == [{"a": 1}]
    assert [path.name for path in tmp_path.iterdir()] == ["tape"]


def test_the_draft_of_a_process_that_was_killed_is_written_over(tmp_path: Path) -> None:
    (tmp_path / ".tape.part").write_bytes(b"x" * 10_000)
    with packing.Packer(tmp_path / "tape") as packer:
        packer.line({"a": 1})
    with (tmp_path / "tape").open("rb") as file:
        assert [line for _, line in packing.unpacked_lines(file)] == [{"a": 1}]


def test_a_packed_file_of_few_lines_is_read_as_it_was_written(tmp_path: Path) -> None:
    lines: Lines = [{"a": 1}, {"b": "ü" * 100_000}, {"c": [1, 2]}]
    with packing.Packer(tmp_path / "tape") as packer:
        for line in lines:
            packer.line(line)
    with (tmp_path / "tape").open("rb") as file:
        assert [line for _, line in packing.unpacked_lines(file)] == lines
    assert packed(tmp_path / "again", lines).exists()
