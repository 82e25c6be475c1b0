"""Verbs of SQL: what the statements of a text do.

Dialects disagree about where a string or a comment ends, and attacks live on that. So a text is
read as each of three families does, and its verbs are those of all readings.
"""

import re
from typing import Final, NamedTuple


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_STRONG: Final = _words(
    "insert update delete merge replace upsert truncate create alter drop grant revoke exec execute"
    " call"
)
"""What changes something, wherever it stands: not every dialect parts statements by semicolons."""

_VERBS: Final = _STRONG | _words(
    "select rename do copy load attach detach pragma vacuum analyze set lock explain show describe "
    "values table begin commit rollback savepoint prepare use kill comment import handler install "
    "uninstall reindex refresh cluster listen notify"
)

_NESTS: Final = _words(
    "with explain prepare create alter do begin declare merge exec execute copy call if while loop "
    "end else for"
)
"""A statement that begins so may do anything that stands further inside."""

_NO_VERB_BEHIND: Final = frozenset(("for", "on", "key"))
"""`FOR UPDATE` locks, `ON DELETE` declares."""

_FUNCTIONS: Final = frozenset(("insert", "replace", "truncate", "update"))
"""Before a bracket they may be functions; what else changes something has no such namesake."""

_OTHER: Final = "."
"""Stands for what is no word: a number, a string, a sign."""

_END: Final = ";"
_WORD = re.compile(r"[^\W\d]\w*")
_DOLLAR = re.compile(r"\$(?:[^\W\d]\w*)?\$")


class Dialect(NamedTuple):
    """What a family of dialects takes for a comment or a string."""

    nests: bool = False
    dollars: bool = False
    backslashes: bool = False
    hashes: bool = False
    brackets: bool = False


_DIALECTS: Final = (
    Dialect(nests=True, dollars=True),  # PostgreSQL
    Dialect(backslashes=True, hashes=True),  # MySQL
    Dialect(brackets=True),  # SQLite, SQL Server
)


def verbs_of(text: str) -> frozenset[str] | None:
    """Return the verbs of all statements of a text. None: nobody can tell."""
    found: set[str] = set()
    for dialect in _DIALECTS:
        pieces = _pieces(text, dialect)
        if pieces is not None:
            found |= _verbs(pieces)
    if not found and text.strip():
        return None
    return frozenset(found)


def _verbs(pieces: list[str]) -> set[str]:
    found: set[str] = set()
    statement: list[str] = []
    for piece in [*pieces, _END]:
        if piece == _END:
            found |= _of_statement(statement)
            statement = []
        else:
            statement.append(piece)
    return found


def _of_statement(pieces: list[str]) -> set[str]:
    words = [piece for piece in pieces if piece not in {"(", ")", _OTHER}]
    if not words:
        return set()
    first, nests = words[0], words[0] in _NESTS
    inside: set[str] = set()
    for at, word in enumerate(pieces):
        before = pieces[at - 1] if at else ""
        behind = pieces[at + 1] if at + 1 < len(pieces) else ""
        named = before in _NO_VERB_BEHIND or (behind == "(" and word in _FUNCTIONS)
        if word == "select" or (word in _STRONG and not named) or (nests and word in _VERBS):
            inside.add(word)
        elif word == "into" and before not in _STRONG and "select" in inside:
            # It writes a table or a file.
            inside.add(word)
    return inside if first == "with" and inside else {first, *inside}


def _pieces(text: str, dialect: Dialect) -> list[str] | None:
    """Return words, brackets and semicolons; of all else, such as strings, only that it is there.

    None: a string or comment has no end, in this dialect.
    """
    pieces: list[str] = []
    at, size = 0, len(text)
    while at < size:
        char = text[at]
        if _begins_comment(text, at, dialect):
            end = text.find("\n", at)
            at = size if end < 0 else end
        elif dialect.hashes and text.startswith(("/*!", "/*M!"), at):
            # MySQL runs what stands in it.
            at = text.index("!", at) + 1
        elif text.startswith("*/", at) and dialect.hashes:
            at += 2
        elif text.startswith("/*", at):
            after = _after_comment(text, at, nests=dialect.nests)
            if after is None:
                return None
            at = after
        elif char in "'\"`" or (char == "[" and dialect.brackets):
            after = _after_quote(text, at, "]" if char == "[" else char, dialect)
            if after is None:
                return None
            pieces.append(_OTHER)
            at = after
        elif char == "$" and dialect.dollars and (mark := _DOLLAR.match(text, at)):
            end = text.find(mark.group(), mark.end())
            if end < 0:
                return None
            if any(piece in _NESTS for piece in pieces):
                # The body of a function or a block: it is going to be run.
                pieces += _pieces(text[mark.end() : end].replace(";", " "), dialect) or []
            at = end + len(mark.group())
        elif char in ";()":
            pieces.append(char)
            at += 1
        elif word := _WORD.match(text, at):
            pieces.append(word.group().casefold())
            at = word.end()
        else:
            if not char.isspace():
                pieces.append(_OTHER)
            at += 1
    return pieces


def _begins_comment(text: str, at: int, dialect: Dialect) -> bool:
    if not dialect.hashes:
        return text.startswith("--", at)
    # In MySQL 5--1 is a sum.
    return text[at] == "#" or (text.startswith("--", at) and not text[at + 2 : at + 3].strip())


def _after_comment(text: str, at: int, *, nests: bool) -> int | None:
    depth, at = 1, at + 2
    while depth:
        end = text.find("*/", at)
        if end < 0:
            return None
        begin = text.find("/*", at, end) if nests else -1
        if begin >= 0:
            depth, at = depth + 1, begin + 2
        else:
            depth, at = depth - 1, end + 2
    return at


def _after_quote(text: str, at: int, quote: str, dialect: Dialect) -> int | None:
    escapes = dialect.backslashes and quote != "`"
    if not escapes and quote == "'" and text[at - 1 : at] in {"e", "E"}:
        # PostgreSQL's E'...', where it is a word of its own.
        escapes = dialect.dollars and not text[at - 2 : at - 1].isalnum()
    at += 1
    while at < len(text):
        if escapes and text[at] == "\\":
            at += 2
        elif text[at] != quote:
            at += 1
        elif text[at + 1 : at + 2] == quote:
            at += 2
        else:
            return at + 1
    return None
