"""The tool that searches in files.

Patterns come from models, and a pattern can take for ever: each search has a deadline that also
holds inside one match, and matching lets other threads run.
"""

import os
import time
from collections.abc import Iterator
from typing import Annotated, NamedTuple

from pydantic import Field, JsonValue

from quarterdeck_kernel.errors import PermanentToolError, ToolError
from quarterdeck_kernel.tools.builtin.bounds import (
    FILE_BYTES,
    MATCH_CHARS,
    MATCHES,
    PATTERN_CHARS,
    SEARCH_S,
)
from quarterdeck_kernel.tools.builtin.glob import Glob
from quarterdeck_kernel.tools.builtin.root import Root
from quarterdeck_kernel.tools.builtin.text import codec_of
from quarterdeck_kernel.tools.builtin.walk import Entry, Walk
from quarterdeck_kernel.tools.plain import shown
from quarterdeck_kernel.tools.tool import Tool
from quarterdeck_kernel.tools.tool_of import tool_of

_SLACK_S = 10


class Match(NamedTuple):
    """One line that matches, and where in it."""

    line: int
    column: int
    text: str


def search_files_tool(root: Root, *, limit_s: float = SEARCH_S) -> Tool:
    """Return the tool."""

    def search_files(
        pattern: Annotated[str, Field(min_length=1, max_length=PATTERN_CHARS)],
        folder: str = ".",
        files: str | None = None,
        literal: bool = False,  # noqa: FBT001, FBT002 - a model gives it by name
        ignore_case: bool = False,  # noqa: FBT001, FBT002 - as above
        limit: Annotated[int, Field(ge=1, le=10 * MATCHES)] = MATCHES,
    ) -> dict[str, JsonValue]:
        """Search text files for a regular expression, line by line.

        Args:
            pattern: the regular expression (as in Python), or the text itself
            folder: where to search, from the root on, folders below included; or one file
            files: only in files that fit, such as "*.py" or "src/**/*.md"
            literal: the pattern is no expression but the text itself
            ignore_case: do not tell capital from small letters
            limit: the most lines to return
        """
        search = Search(pattern, literal=literal, ignore_case=ignore_case, limit_s=limit_s)
        glob = Glob(files) if files is not None else None
        base = root.parts(folder)
        walk = Walk(root, recursive=True)
        found: list[JsonValue] = []
        not_searched: list[JsonValue] = []
        cut = None
        try:
            for entry in _files(root, walk, base):
                if glob is not None and not glob.matches(entry.names[len(base) :] or base[-1:]):
                    continue
                try:
                    text = _text(root, entry)
                except ToolError:
                    not_searched.append(entry.path)
                    continue
                for match in search.lines(text):
                    if len(found) == limit:
                        cut = f"there are more than {limit} lines"
                        break
                    found.append({"path": entry.path, **match._asdict()})
                if cut is not None:
                    break
        except TimeoutError:
            cut = f"the search took more than {limit_s:g} s; search less, or for something simpler"
        told: dict[str, JsonValue] = {"matches": found}
        if cut is not None or walk.stopped:
            told["cut"] = cut or "there are too many files; search a folder below"
        if not_searched:
            told["not_searched"] = not_searched[:20]
            told["why"] = f"{len(not_searched)} files are binary or too large"
        if walk.skipped:
            told["not_entered"] = [*walk.skipped[:20]]
        return told

    return tool_of(
        search_files,
        effect="read",
        capability="read_files",
        version="1",
        timeout_s=limit_s + _SLACK_S,
    )


class Search:
    """One compiled pattern, and until when it may be used."""

    def __init__(self, pattern: str, *, literal: bool, ignore_case: bool, limit_s: float) -> None:
        """Compile a pattern, or refuse it."""
        import regex  # noqa: PLC0415 - most runs never search

        self._until = time.monotonic() + limit_s
        flags = regex.MULTILINE | regex.VERSION0 | (regex.IGNORECASE if ignore_case else 0)
        try:
            self._pattern = regex.compile(regex.escape(pattern) if literal else pattern, flags)
        except (regex.error, RecursionError, OverflowError, MemoryError) as error:
            message = (
                f"{shown(pattern)} is no regular expression ({error}); mend it, or use literal"
            )
            raise PermanentToolError(message) from error

    def lines(self, text: str) -> Iterator[Match]:
        """Yield each line in which a match begins, once; TimeoutError when the time is over."""
        at, line, counted = 0, 1, 0
        while at <= len(text):
            left_s = self._until - time.monotonic()
            if left_s <= 0:
                raise TimeoutError
            match = self._pattern.search(text, at, concurrent=True, timeout=left_s)
            if match is None:
                return
            start = match.start()
            line += text.count("\n", counted, start)
            counted = start
            begin = text.rfind("\n", 0, start) + 1
            end = text.find("\n", start)
            end = len(text) if end < 0 else end
            if start < len(text) or not text.endswith("\n"):
                yield Match(line, start - begin + 1, _shown(text, begin, start, end))
            at = end + 1


def _files(root: Root, walk: Walk, base: tuple[str, ...]) -> Iterator[Entry]:
    """Yield the files to search: one that was named, or all in a folder."""
    if base:
        with root.folder(base[:-1]) as fd:
            try:
                status = os.stat(base[-1], dir_fd=fd, follow_symlinks=False)
            except OSError:
                status = None
            if status is not None:
                entry = Entry(base, status, fd)
                if entry.kind == "file":
                    yield entry
                    return
    yield from (entry for entry in walk.entries(base) if entry.kind == "file")


def _text(root: Root, entry: Entry) -> str:
    with root.file_in(entry.folder_fd, entry.names[-1], entry.path) as file:
        if file.status.st_size > FILE_BYTES:
            raise PermanentToolError(f"{shown(entry.path)} is too large to be searched")
        with os.fdopen(os.dup(file.fd), "rb") as opened:
            content = opened.read(FILE_BYTES + 1)
    return codec_of(content, "auto", entry.path).decode(content, entry.path)


def _shown(text: str, begin: int, start: int, end: int) -> str:
    """Return the line, or of a long one what stands round the match."""
    if end - begin <= MATCH_CHARS:
        return text[begin:end]
    left = max(begin, start - MATCH_CHARS // 3)
    right = min(end, left + MATCH_CHARS)
    return f"{'…' if left > begin else ''}{text[left:right]}{'…' if right < end else ''}"
