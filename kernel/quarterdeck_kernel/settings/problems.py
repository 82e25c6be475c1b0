"""Problems of a settings file: where, which key, what is wrong, and what was perhaps meant."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from typing import Any, Final, NamedTuple

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from quarterdeck_kernel.settings.toml_lines import Path

_VALUE_CHARS: Final = 80

_INPUT: Final = re.compile("^(?:Decimal i|I)nput")
_WORD: Final = re.compile(r"'([^']*)'")

_KINDS: Final = {
    "string_type": "a text, in quotes",
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "bool_type": "true or false",
    "decimal_type": "a number",
    "decimal_parsing": "a number",
    "tuple_type": "a list, in [brackets]",
    "list_type": "a list, in [brackets]",
    "dict_type": "a table",
    "model_type": "a table",
    "time_parsing": 'a time of day such as "22:00"',
}


class Problem(NamedTuple):
    """What is wrong with a key."""

    path: Path
    message: str


def key_of(path: Path) -> str:
    """Return a path as it is told to people: `rules[1].arguments.path`."""
    key = ""
    for part in path:
        if isinstance(part, int):
            key += f"[{part}]"
        else:
            bare = part if part and part.replace("-", "").replace("_", "").isalnum() else repr(part)
            key += f".{bare}" if key else bare
    return key


def problems_of(
    error: ValidationError, data: Mapping[str, object], schema: Mapping[str, Any]
) -> list[Problem]:
    """Return all that is wrong, once for each key."""
    found: dict[Path, list[ErrorDetails]] = {}
    for detail in error.errors(include_url=False):
        found.setdefault(_in_data(detail, data), []).append(detail)
    return [
        Problem(path, _message(details, path, schema))
        for path, details in found.items()
        # What is no word fails inside, too, where it may also be a table: that says more.
        if not any(len(other) > len(path) and other[: len(path)] == path for other in found)
    ]


def nearest(name: str, names: Iterable[str]) -> str:
    """Return the end of a sentence that says what was perhaps meant."""
    known = sorted(set(names))
    near = get_close_matches(name.casefold(), known, n=1)
    if near:
        return f"; did you mean {near[0]!r}?"
    return f"; there is {', '.join(map(repr, known))}" if known else ""


def _in_data(detail: ErrorDetails, data: object) -> Path:
    """Return where in the file an error is: what only the types know of is left out."""
    path: list[str | int] = []
    missing = detail["type"] == "missing"
    for place, part in enumerate(detail["loc"]):
        if part == "[key]":
            break
        inside = _at(data, part)
        if inside is None:
            if missing and place == len(detail["loc"]) - 1:
                path.append(part)
            continue
        data = inside[0]
        path.append(part)
    key = detail.get("ctx", {}).get("key")
    return (*path, key) if isinstance(key, str) else tuple(path)


def _at(data: object, part: str | int) -> tuple[object] | None:
    match data, part:
        case dict(), str() if part in data:
            return (data[part],)
        case list(), int() if 0 <= part < len(data):
            return (data[part],)
        case _:
            return None


def _message(details: Sequence[ErrorDetails], path: Path, schema: Mapping[str, Any]) -> str:
    """A value that may be of several types fails once for each of them."""
    kinds: dict[str, None] = {}
    for detail in details:
        given, kind = detail["input"], detail["type"]
        if kind in _KINDS:
            kinds[_KINDS[kind]] = None
        elif kind == "literal_error" and not isinstance(given, str):
            kinds["one of its words"] = None
        else:
            return _sentence(detail, path, schema)
    return f"{_shown(details[0]['input'])} is not {' or '.join(kinds)}"


def _sentence(detail: ErrorDetails, path: Path, schema: Mapping[str, Any]) -> str:
    given = detail["input"]
    match detail["type"]:
        case "extra_forbidden":
            name = str(path[-1])
            return f"there is no setting {name!r} here{nearest(name, _names(schema, path[:-1]))}"
        case "missing":
            return "it is missing, and has to be set"
        case "literal_error":
            words = _WORD.findall(str(detail.get("ctx", {}).get("expected")))
            what = "setting" if detail["loc"][-1] == "[key]" else "word"
            return f"there is no {what} {_shown(given)} here{nearest(str(given), words)}"
        case "value_error" | "rule" | "mcp":
            return detail["msg"].removeprefix("Value error, ")
        case "string_pattern_mismatch":
            return f"{_shown(given)} is no name that can be used here; use letters, digits, . _ -"
        case "too_short" | "string_too_short":
            return "it is empty; leave it out, or name something"
        case _:
            return f"{_INPUT.sub('it', detail['msg'])}, not {_shown(given)}"


def _shown(value: object) -> str:
    text = repr(value) if isinstance(value, str) else str(value)
    return text if len(text) <= _VALUE_CHARS else f"{text[:_VALUE_CHARS]}…"


# -- what the schema knows of a place


def _names(schema: Mapping[str, Any], path: Path) -> set[str]:
    return {name for node in _nodes(schema, path) for name in node.get("properties", ())}


def _nodes(schema: Mapping[str, Any], path: Path) -> list[Mapping[str, Any]]:
    """Return what a schema allows at a place: one node, or one for each alternative."""
    nodes = list(_alternatives(schema, schema))
    for part in path:
        nodes = [
            each
            for node in nodes
            for inner in _inner(node, part)
            for each in _alternatives(schema, inner)
        ]
    return nodes


def _inner(node: Mapping[str, Any], part: str | int) -> Iterator[Mapping[str, Any]]:
    if isinstance(part, int):
        inner = node.get("items")
        if isinstance(inner, dict):
            yield inner
        return
    if part in node.get("properties", {}):
        yield node["properties"][part]
        return
    for inner in (node.get("additionalProperties"), *node.get("patternProperties", {}).values()):
        if isinstance(inner, dict):
            yield inner


def _alternatives(
    schema: Mapping[str, Any], node: Mapping[str, Any]
) -> Iterator[Mapping[str, Any]]:
    while "$ref" in node:
        node = schema["$defs"][str(node["$ref"]).rpartition("/")[2]]
    yield node
    for inner in node.get("anyOf", ()):
        yield from _alternatives(schema, inner)
