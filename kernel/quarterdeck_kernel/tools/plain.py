"""Python values as plain data: what JSON can hold, and what reads back as the same.

One set of rules for the arguments that Python code hands over and for the results of tools, so
that what a person approved, what is stored and what is dispatched are the same data. It must not
guess: what has no rule here is refused.
"""

import base64
import dataclasses
import datetime as dt
import ipaddress
import math
import uuid
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from decimal import Decimal
from enum import Enum
from pathlib import PurePath
from reprlib import Repr
from typing import TypeAlias, cast

from pydantic import BaseModel, JsonValue

from quarterdeck_kernel.canonical import encode, visible
from quarterdeck_kernel.errors import NotCanonicalError
from quarterdeck_kernel.vocabulary.limits import JSON_DEPTH

_AS_TEXT = (
    uuid.UUID,
    PurePath,
    ipaddress.IPv4Address,
    ipaddress.IPv6Address,
    ipaddress.IPv4Network,
    ipaddress.IPv6Network,
)
_ATOMS = frozenset({type(None), bool, int})
_SHOWN_CHARS = 120
_PLACE_CHARS = 100
_repr = Repr()
_repr.maxstring = _repr.maxother = _repr.maxlong = 80


def shown(value: object) -> str:
    """Return a short `repr` for a message; it never raises, however broken the value is."""
    try:
        text = visible(_repr.repr(value))
    except Exception:  # noqa: BLE001 - the `repr` is somebody else's code, and this is for a message
        text = f"<{type(value).__name__}>"
    return text if len(text) <= _SHOWN_CHARS else f"{text[:_SHOWN_CHARS]}…"


def plain(value: object, *, exact: bool = False) -> JsonValue:
    """Return the value as plain data, or raise `NotCanonicalError` naming what has no such form.

    `exact` refuses what would have to be changed: keys that are no text, and lone surrogates,
    which are otherwise turned into text and made visible.
    """
    try:
        return _Plain(exact=exact).of(value, None, 0)
    except RecursionError:
        raise NotCanonicalError(_too_deep(None)) from None


_Path: TypeAlias = "tuple[_Path, str | int] | None"
"""Where in a value something stands, linked upwards: it becomes a text only for a message."""


def _place(path: _Path) -> str:
    steps = []
    while path is not None:
        path, step = path
        steps.append(f"[{step}]" if isinstance(step, int) else f".{step}")
    text = "".join(reversed(steps)).removeprefix(".")
    return (text if len(text) <= _PLACE_CHARS else f"{text[:_PLACE_CHARS]}…") or "it"


def _too_deep(path: _Path) -> str:
    return f"{_place(path)} is nested more than {JSON_DEPTH} deep, or contains itself; flatten it"


class _Plain:
    """One walk over a value."""

    def __init__(self, *, exact: bool) -> None:
        self._exact = exact

    def of(self, value: object, path: _Path, depth: int) -> JsonValue:
        """Return the plain form of what stands at `path`."""
        kind = type(value)
        if kind in _ATOMS or (kind is str and value.isascii()):  # type: ignore[attr-defined]
            return cast("JsonValue", value)  # most of what there is, so it comes first
        if isinstance(value, Enum):
            return self.of(value.value, path, depth)
        if isinstance(value, str):
            return self._text(value, path)
        if isinstance(value, int):
            return int(value)
        if isinstance(value, float | Decimal):
            return _number(value, path)
        if depth >= JSON_DEPTH:
            raise NotCanonicalError(_too_deep(path))
        if isinstance(value, list | tuple):
            return [self.of(item, (path, i), depth + 1) for i, item in enumerate(value)]
        if isinstance(value, Mapping):
            return self._object(value, path, depth)
        return self._other(value, path, depth)

    def _text(self, value: str, path: _Path) -> str:
        text = str.__str__(value)
        if text.isascii():
            return text
        try:
            text.encode()
        except UnicodeEncodeError:
            if self._exact:
                message = f"{_place(path)} holds half a character: {shown(text)}; send whole ones"
                raise NotCanonicalError(message) from None
            return visible(text)
        return text

    def _object(self, value: Mapping[object, object], path: _Path, depth: int) -> JsonValue:
        made: dict[str, JsonValue] = {}
        for key, item in value.items():
            name = key if type(key) is str and key.isascii() else self._key(key, path)
            if name in made:
                message = f"two keys of {_place(path)} become the same text {shown(name)}"
                raise NotCanonicalError(f"{message}; rename one")
            made[name] = self.of(item, (path, name), depth + 1)
        return made

    def _key(self, key: object, path: _Path) -> str:
        name = self.of(key, path, 0)
        if isinstance(name, str):
            return name
        if self._exact or isinstance(name, dict | list):
            message = f"the key {shown(key)} of {_place(path)} is no text; use text for keys"
            raise NotCanonicalError(message)
        return encode(name)

    def _other(self, value: object, path: _Path, depth: int) -> JsonValue:
        if isinstance(value, BaseModel):
            return self.of(
                value.model_dump(mode="json", by_alias=True, warnings="none"), path, depth
            )
        if dataclasses.is_dataclass(value) and not isinstance(value, type):
            named = {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
            return self.of(named, path, depth)
        if isinstance(value, dt.date | dt.time):
            return value.isoformat()
        if isinstance(value, dt.timedelta):
            return _duration(value)
        if isinstance(value, _AS_TEXT):
            return self._text(str(value), path)
        if isinstance(value, bytes | bytearray):
            return base64.b64encode(value).decode()
        if isinstance(value, AbstractSet):
            items = [self.of(item, path, depth + 1) for item in value]
            return sorted(items, key=encode)
        message = (
            f"{_place(path)} is {shown(value)}, and {type(value).__qualname__} has no plain form; "
            "convert it to text, numbers, lists or dicts"
        )
        raise NotCanonicalError(message)


def _number(value: float | Decimal, path: _Path) -> float | str:
    if not (value.is_finite() if isinstance(value, Decimal) else math.isfinite(value)):
        message = f"{_place(path)} is {value!r}, which JSON has no number for; use a finite one"
        raise NotCanonicalError(message)
    return str(value) if isinstance(value, Decimal) else float(value)


def _duration(value: dt.timedelta) -> str:
    """Write a duration as ISO 8601 does, in seconds alone, so that one duration is one text."""
    seconds, rest = divmod(abs(value // dt.timedelta(microseconds=1)), 1_000_000)
    fraction = f".{rest:06d}".rstrip("0") if rest else ""
    return f"{'-' if value.days < 0 else ''}PT{seconds}{fraction}S"
