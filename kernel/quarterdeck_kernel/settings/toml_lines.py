"""Where the keys of a TOML text stand: the standard reader does not say.

Owns a scan of a text that the reader has taken already, so it need not find mistakes.
"""

import re
import tomllib
from bisect import bisect_right
from typing import Final, TypeAlias

Path: TypeAlias = tuple[str | int, ...]
"""Keys, and places in lists, from the top down."""

_BARE: Final = re.compile(r"[A-Za-z0-9_-]+")
_BLANK: Final = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_SPACE: Final = re.compile(r"[ \t]*")
_PLAIN: Final = re.compile(r"[^,\]}#\n]*")
_QUOTES: Final = ('"""', "'''", '"', "'")


def line_of(lines: dict[Path, int], path: Path) -> int:
    """Return the line of a key, or that of what it would stand in."""
    while path and path not in lines:
        path = path[:-1]
    return lines.get(path, 1)


def lines_of(text: str) -> dict[Path, int]:
    """Return the line of every key, table and element of a list."""
    scan = _Scan(text)
    scan.whole()
    return scan.lines


class _Scan:
    """One pass over a text."""

    def __init__(self, text: str) -> None:
        self.lines: dict[Path, int] = {}
        self._text = text
        self._at = 0
        self._ends = [match.start() for match in re.finditer("\n", text)]
        self._newest: dict[Path, int] = {}

    def whole(self) -> None:
        """Read all of it."""
        table: Path = ()
        while True:
            self._skip(_BLANK)
            if self._at >= len(self._text):
                return
            if self._next("["):
                table = self._header(many=self._next("["))
            else:
                self._pair(table)

    def _header(self, *, many: bool) -> Path:
        line = self._line()
        *parents, last = self._key()
        path: Path = ()
        for part in parents:
            path = self._inside((*path, part))
        path = (*path, last)
        if many:
            self._newest[path] = self._newest.get(path, -1) + 1
            self._note(path, line)
        path = self._inside(path)
        self._note(path, line)
        self._at = self._text.index("]", self._at) + (2 if many else 1)
        return path

    def _inside(self, path: Path) -> Path:
        """Return the newest table of a list of tables, and any other path as it is."""
        newest = self._newest.get(path)
        return path if newest is None else (*path, newest)

    def _pair(self, table: Path) -> None:
        line = self._line()
        path = table
        for part in self._key():
            path = (*path, part)
            self._note(path, line)
        self._skip(_SPACE)
        self._at += 1  # the equals sign
        self._skip(_SPACE)
        self._value(path)

    def _key(self) -> list[str]:
        parts: list[str] = []
        while True:
            self._skip(_SPACE)
            if bare := _BARE.match(self._text, self._at):
                parts.append(bare.group())
                self._at = bare.end()
            else:
                begins = self._at
                self._string()
                parts.append(tomllib.loads(f"it = {self._text[begins : self._at]}")["it"])
            self._skip(_SPACE)
            if not self._next("."):
                return parts

    def _value(self, path: Path) -> None:
        self._note(path, self._line())
        if self._text.startswith(_QUOTES, self._at):
            self._string()
        elif self._next("["):
            self._list(path)
        elif self._next("{"):
            self._table(path)
        else:
            self._skip(_PLAIN)

    def _list(self, path: Path) -> None:
        place = 0
        while True:
            self._skip(_BLANK)
            if self._next("]"):
                return
            self._value((*path, place))
            place += 1
            self._skip(_BLANK)
            self._next(",")

    def _table(self, path: Path) -> None:
        while True:
            self._skip(_BLANK)
            if self._next("}"):
                return
            self._pair(path)
            self._skip(_BLANK)
            self._next(",")

    def _string(self) -> None:
        quote = next(each for each in _QUOTES if self._text.startswith(each, self._at))
        at = self._at + len(quote)
        while not self._text.startswith(quote, at):
            at += 2 if quote[0] == '"' and self._text[at] == "\\" else 1
        at += len(quote)
        # A long string may end with quotes of its own.
        while len(quote) > 1 and self._text.startswith(quote[0], at):
            at += 1
        self._at = at

    def _next(self, text: str) -> bool:
        found = self._text.startswith(text, self._at)
        self._at += len(text) if found else 0
        return found

    def _skip(self, pattern: re.Pattern[str]) -> None:
        match = pattern.match(self._text, self._at)
        self._at = match.end() if match else self._at

    def _line(self) -> int:
        return bisect_right(self._ends, self._at - 1) + 1

    def _note(self, path: Path, line: int) -> None:
        self.lines.setdefault(path, line)
