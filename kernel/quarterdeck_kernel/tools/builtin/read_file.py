"""The tool that reads a file, by the page."""

import io
import os
from typing import Annotated, BinaryIO, NamedTuple, cast

from pydantic import Field, JsonValue

from quarterdeck_kernel.errors import PermanentToolError
from quarterdeck_kernel.tools.builtin.bounds import (
    FILE_BYTES,
    PAGE_CHARS,
    PAGE_LINES,
    SNIFFED_BYTES,
)
from quarterdeck_kernel.tools.builtin.refusals import refused
from quarterdeck_kernel.tools.builtin.root import Root
from quarterdeck_kernel.tools.builtin.text import Encoding, codec_of, undecodable
from quarterdeck_kernel.tools.plain import shown
from quarterdeck_kernel.tools.report import sha256_of
from quarterdeck_kernel.tools.tool import Tool
from quarterdeck_kernel.tools.tool_of import tool_of


class Page(NamedTuple):
    """A part of a text, and where the next one begins, if there is one."""

    text: str
    last_line: int
    next_line: int | None = None
    next_column: int | None = None


def read_file_tool(root: Root) -> Tool:
    """Return the tool."""

    def read_file(
        path: str,
        first_line: Annotated[int, Field(ge=1)] = 1,
        first_column: Annotated[int, Field(ge=1)] = 1,
        lines: Annotated[int, Field(ge=1, le=PAGE_LINES)] = PAGE_LINES,
        encoding: Encoding = "auto",
    ) -> dict[str, JsonValue]:
        """Read a text file, or a part of it. Long ones come in pages: go on at `next`.

        Args:
            path: the file, from the root on
            first_line: where to begin, counted from 1
            first_column: where in that line to begin, for lines that are longer than a page
            lines: the most lines to read
            encoding: how the file is written, where that is not UTF-8
        """
        with root.file(path) as opened:
            size = opened.status.st_size
            whole = size <= FILE_BYTES
            try:
                with os.fdopen(os.dup(opened.fd), "rb") as file:
                    content = file.read(FILE_BYTES + 1) if whole else b""
                    source = cast("BinaryIO", io.BytesIO(content) if whole else file)
                    codec = codec_of(source.read(SNIFFED_BYTES), encoding, path)
                    text = codec.reader(source)
                    try:
                        page = _page(text, first_line, first_column, lines, path)
                        rest = sum(1 for _ in text) if whole else None
                    finally:
                        text.detach()
            except UnicodeDecodeError as error:
                raise undecodable(error, codec, path) from error
            except OSError as error:
                raise refused(error, path) from error
        told: dict[str, JsonValue] = {
            "path": path,
            "first_line": first_line,
            "last_line": page.last_line,
            "text": page.text,
            "size": size,
            "encoding": codec.name,
            "sha256": sha256_of(content) if whole else None,
        }
        if page.next_line is not None:
            told["next"] = {"first_line": page.next_line, "first_column": page.next_column or 1}
            told["total_lines"] = page.next_line + rest if rest is not None else None
        return told

    return tool_of(read_file, effect="read", capability="read_files", version="1", timeout_s=60)


def _page(text: io.TextIOWrapper, first: int, column: int, lines: int, path: str) -> Page:
    """Read a page; a line is never held whole before its length is known to be bounded."""
    for number in range(1, first):
        if not _pass_line(text):
            message = f"{shown(path)} has {number - 1} lines; line {first} is behind its end"
            raise PermanentToolError(message)
    _pass_columns(text, first, column - 1, path)
    pieces: list[str] = []
    room, number, at = PAGE_CHARS, first, column
    while room and number - first < lines:
        piece = text.readline(room)
        if not piece:
            return Page("".join(pieces), number if at > 1 else number - 1)
        pieces.append(piece)
        room -= len(piece)
        number, at = (number + 1, 1) if piece.endswith("\n") else (number, at + len(piece))
    last = number if at > 1 else number - 1
    # Passing over what is next tells whether there is any, and lets the rest be counted.
    return (
        Page("".join(pieces), last, number, at) if _pass_line(text) else Page("".join(pieces), last)
    )


def _pass_line(text: io.TextIOWrapper) -> bool:
    """Pass over the rest of a line; tell whether there was any."""
    passed = False
    while piece := text.readline(PAGE_CHARS):
        passed = True
        if piece.endswith("\n"):
            break
    return passed


def _pass_columns(text: io.TextIOWrapper, line: int, left: int, path: str) -> None:
    while left:
        piece = text.readline(min(left, PAGE_CHARS))
        left -= len(piece)
        if not piece or piece.endswith("\n"):
            message = f"line {line} of {shown(path)} ends before the column that was asked for"
            raise PermanentToolError(message)
