"""Rows of the fleet and the inbox as JSON arrays, written as they are and read with a check.

What stands in the database comes from outside: whatever is no row is a ValueError or a TypeError
here, which `rebuildable` makes the one error a person sees. By hand and with the standard library,
for the first frame waits for these rows and for nothing that they would need pydantic for.
"""

import json
from collections.abc import Sequence
from functools import cache
from types import NoneType
from typing import Any, Literal, NamedTuple, TypeVar, get_args, get_origin, get_type_hints

from quarterdeck_kernel.canonical import encode
from quarterdeck_kernel.vocabulary.rows import FleetRow, InboxRow
from quarterdeck_kernel.vocabulary.words import NeedRank

Row = TypeVar("Row", FleetRow, InboxRow)


class _Form(NamedTuple):
    """What a kind of row may hold: the types of each field, the words of some, the enumerations.

    `shapes` are the rows' types met so far and found right: most rows have one of a few.
    """

    types: tuple[frozenset[type], ...]
    words: tuple[tuple[int, frozenset[object]], ...]
    ranks: tuple[int, ...]
    shapes: set[tuple[type, ...]]


def text_of(row: FleetRow | InboxRow) -> str:
    """Return a row as it is stored."""
    return encode(row, from_model=True)


def path_of(kind: type[FleetRow | InboxRow], name: str) -> str:
    """Return where SQLite finds a field in a stored row."""
    return f"$[{kind._fields.index(name)}]"


def rows_of(kind: type[Row], texts: Sequence[str]) -> list[Row]:
    """Return stored rows; a page at once costs less than one row after the other."""
    form = _forms()[kind]
    text = f"[{','.join(texts)}]"
    found: list[list[Any]] = json.loads(text)
    if "\\u" in text:
        # Only an escape can bring in half a character, which no screen can show.
        json.dumps(found, ensure_ascii=False).encode()
    rows: list[Row] = []
    for values, _ in zip(found, texts, strict=True):
        shape = tuple(map(type, values))
        if shape not in form.shapes:
            _check(kind, form, shape)
        for place, words in form.words:
            if values[place] not in words:
                raise ValueError(f"{kind._fields[place]} is {values[place]!r}: use one of {words}")
        for place in form.ranks:
            values[place] = _RANKS[values[place]]
        rows.append(kind._make(values))
    return rows


_RANKS = {int(rank): rank for rank in NeedRank}


def _check(kind: type[FleetRow | InboxRow], form: _Form, shape: tuple[type, ...]) -> None:
    """Remember a shape that is right; refuse one that is not."""
    for name, types, found in zip(kind._fields, form.types, shape, strict=True):
        if found not in types:
            raise ValueError(f"{name} is a {found.__name__}")
    form.shapes.add(shape)


@cache
def _forms() -> dict[object, _Form]:
    return {kind: _form(kind) for kind in (FleetRow, InboxRow)}


def _form(kind: type[FleetRow | InboxRow]) -> _Form:
    types: list[frozenset[type]] = []
    words: list[tuple[int, frozenset[object]]] = []
    ranks: list[int] = []
    for place, hint in enumerate(get_type_hints(kind).values()):
        # `Risk | None` is a union of typing's, `str | None` one of Python's own.
        parts = get_args(hint) if NoneType in get_args(hint) else (hint,)
        said = frozenset(
            word for part in parts if get_origin(part) is Literal for word in get_args(part)
        )
        if said:
            words.append((place, said | ({None} if NoneType in parts else set())))
        if hint is NeedRank:
            words.append((place, frozenset(_RANKS)))
            ranks.append(place)
        types.append(frozenset(map(_stored_as, parts)))
    return _Form(tuple(types), tuple(words), tuple(ranks), set())


def _stored_as(hint: object) -> type:
    if get_origin(hint) is Literal:
        return str
    if hint is NeedRank:
        return int
    assert isinstance(hint, type), "a field is a word, a rank or something plain"
    return hint
