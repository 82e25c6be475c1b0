"""The text that a model sends as arguments, read strictly.

JSON readers differ about what is not quite JSON: the same key twice, NaN, numbers beyond measure,
half characters. All of that is refused here, with a message that a model can act on.
"""

import json
import math
import re
from collections import Counter
from decimal import Decimal, InvalidOperation

from pydantic import JsonValue

from quarterdeck_kernel.errors import ToolArgumentsError
from quarterdeck_kernel.tools.plain import shown
from quarterdeck_kernel.vocabulary.limits import JSON_DEPTH, TOOL_ARGUMENTS_BYTES

_LONG_DIGITS = 309
_LONG_NUMBER = re.compile(rf"(?<!\d)\d{{{_LONG_DIGITS}}}")
_EXACT_DIGITS = 15
"""A plain number of at most so many digits is the same number after it was a float."""


def read_object(text: str) -> tuple[dict[str, JsonValue], set[Decimal]]:
    """Return the object that the text holds, and those of its numbers that lost digits in it.

    An empty text is the empty object: providers send it for tools without parameters.
    """
    _check_size(text)
    if not text.strip():
        return {}, set()
    reader = _Reader()
    try:
        value = reader.read(text)
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        near = shown(text[max(0, error.pos - 20) : error.pos + 20])
        message = f"they are not JSON: {error.msg} at {place}, near {near}"
        raise ToolArgumentsError(message) from None
    except RecursionError:
        message = f"they are nested more than {JSON_DEPTH} deep; flatten them"
        raise ToolArgumentsError(message) from None
    if not isinstance(value, dict):
        message = f"they are {shown(value)}, not an object; send one JSON object"
        raise ToolArgumentsError(message)
    if text.count("{") + text.count("[") > JSON_DEPTH:
        _check_depth(value)
    _check_characters(text, value)
    return value, reader.shortened


def _check_size(text: str) -> None:
    size = len(text)
    if size <= TOOL_ARGUMENTS_BYTES and not text.isascii():
        size = len(text.encode(errors="surrogatepass"))
    if size > TOOL_ARGUMENTS_BYTES:
        message = (
            f"they take {size} bytes, and at most {TOOL_ARGUMENTS_BYTES} are taken; "
            "send less, or do it in several calls"
        )
        raise ToolArgumentsError(message)


def _has_long_number(text: str) -> bool:
    # Counting is much faster than looking, and few texts have so many digits at all.
    digits = sum(map(text.count, "0123456789"))
    return digits >= _LONG_DIGITS and _LONG_NUMBER.search(text) is not None


class _Reader:
    """Python's own JSON reader, with its leniences taken away."""

    def __init__(self) -> None:
        self.shortened: set[Decimal] = set()

    def read(self, text: str) -> object:
        """Read any JSON value."""
        return json.loads(
            text,
            object_pairs_hook=self._object,
            parse_constant=self._constant,
            parse_float=self._float,
            # Only a text with such a number pays for a look at each.
            parse_int=self._int if _has_long_number(text) else None,
        )

    def _object(self, pairs: list[tuple[str, object]]) -> dict[str, object]:
        made = dict(pairs)
        if len(made) != len(pairs):
            counts = Counter(name for name, _ in pairs)
            twice = next(name for name, count in counts.items() if count > 1)
            message = f"the key {shown(twice)} stands twice in one object; say which one counts"
            raise ToolArgumentsError(message)
        return made

    def _constant(self, name: str) -> object:
        message = f"{name} is no number of JSON; send a finite number, or null"
        raise ToolArgumentsError(message)

    def _float(self, text: str) -> float:
        number = float(text)
        if not math.isfinite(number):
            message = f"the number {shown(text)} is too large; send a smaller one"
            raise ToolArgumentsError(message)
        if len(text) > _EXACT_DIGITS or "e" in text or "E" in text:
            kept = Decimal(repr(number))
            try:
                exact = Decimal(text) == kept
            except InvalidOperation:  # an exponent beyond measure
                exact = False
            if not exact:
                self.shortened.add(kept)
        return number

    def _int(self, text: str) -> int:
        try:
            float(int(text))
        except (OverflowError, ValueError):
            message = f"the number {shown(text)} is too large; send a smaller one, or a text"
            raise ToolArgumentsError(message) from None
        return int(text)


def _check_depth(value: dict[str, JsonValue]) -> None:
    level: list[dict[str, JsonValue] | list[JsonValue]] = [value]
    for _ in range(JSON_DEPTH):
        level = [
            item
            for holder in level
            for item in (holder.values() if isinstance(holder, dict) else holder)
            if isinstance(item, dict | list)
        ]
        if not level:
            return
    message = f"they are nested more than {JSON_DEPTH} deep; flatten them"
    raise ToolArgumentsError(message)


def _check_characters(text: str, value: object) -> None:
    """Refuse lone surrogates, bare or as escapes: nothing that is stored can hold them."""
    if text.isascii() and "\\ud" not in text and "\\uD" not in text:
        return
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        near = shown(error.object[max(0, error.start - 20) : error.end + 20])
        message = f"they hold half a character near {near}; send whole characters"
        raise ToolArgumentsError(message) from None
