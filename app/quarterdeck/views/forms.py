"""Forms made of JSON schemas: fields, what was typed as JSON again, and what it changes."""

import json
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from pydantic import JsonValue

from quarterdeck.views.plain import plain
from quarterdeck_kernel.engine.schema_check import misfit

Schema = Mapping[str, JsonValue]
WHOLE = "the arguments"


class FormField(NamedTuple):
    """A field: its name, what stands in it at first, and what may."""

    name: str
    value: str
    hint: str


class Typed(NamedTuple):
    """What was typed, as JSON; or what is wrong with it."""

    value: JsonValue
    problem: str | None = None


def fields_of(schema: Schema | None, value: JsonValue) -> tuple[FormField, ...]:
    """Return a field for each argument; where none are named, one for the whole."""
    properties = _properties(schema, value)
    if not properties:
        return (FormField(WHOLE, json.dumps(value), "JSON"),)
    present = value if isinstance(value, dict) else {}
    required = _names(schema)
    return tuple(
        FormField(
            name,
            shown(present[name]) if name in present else "",
            _hint(described, optional=name not in required),
        )
        for name, described in properties.items()
    )


def _properties(schema: Schema | None, value: JsonValue) -> dict[str, dict[str, JsonValue]]:
    described = (schema or {}).get("properties")
    found: dict[str, dict[str, JsonValue]] = {}
    if isinstance(described, dict):
        found = {name: kind if isinstance(kind, dict) else {} for name, kind in described.items()}
    if isinstance(value, dict):
        found |= {name: {} for name in value if name not in found}
    return found


def _names(schema: Schema | None) -> list[JsonValue]:
    required = (schema or {}).get("required")
    return required if isinstance(required, list) else []


def _hint(described: Mapping[str, JsonValue], *, optional: bool) -> str:
    said = [described.get("type"), described.get("description")]
    words = [plain(str(word)) for word in said if word]
    return " · ".join([*words, *(["may be left out"] if optional else [])])


def shown(value: JsonValue) -> str:
    """Return a value as it can be typed: text as it is, all else as JSON with nothing hidden."""
    if isinstance(value, str) and plain(value) == value and not _quoted(value):
        return value
    return json.dumps(value)


def _quoted(text: str) -> bool:
    return text.startswith('"') or not text


def typed(schema: Schema | None, original: JsonValue, values: Mapping[str, str]) -> Typed:
    """Return what a form says now."""
    if set(values) == {WHOLE} and not _properties(schema, original):
        return _checked(schema, _parsed(values[WHOLE], {}))
    before = original if isinstance(original, dict) else {}
    result: dict[str, JsonValue] = {}
    for name, described in _properties(schema, original).items():
        text = values.get(name, "")
        if name in before and text == shown(before[name]):
            result[name] = before[name]
        elif text or name in _names(schema):
            said = _parsed(text, described)
            if said.problem is not None:
                return Typed(None, f"{plain(name)}: {said.problem}")
            result[name] = said.value
    return _checked(schema, Typed(result))


def _parsed(text: str, described: Schema) -> Typed:
    kinds = described.get("type")
    if not described or kinds == "string" or (isinstance(kinds, list) and "string" in kinds):
        if not text.startswith('"') and (kinds == "string" or not _is_json(text)):
            return Typed(text)
    elif kinds is None and not _is_json(text):
        return Typed(text)
    try:
        return Typed(json.loads(text))
    except ValueError:
        return Typed(None, f"{plain(text)!r} is no {kinds or 'JSON'}")


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


def _checked(schema: Schema | None, said: Typed) -> Typed:
    if said.problem is not None or not schema:
        return said
    problem = misfit(dict(schema), said.value)
    return said if problem is None else Typed(said.value, plain(problem))


def diff(before: JsonValue, after: JsonValue) -> tuple[str, ...]:
    """Return what differs between two values, by name."""
    return tuple(_differences("", before, after))


def _differences(name: str, before: JsonValue, after: JsonValue) -> Iterator[str]:
    if isinstance(before, dict) and isinstance(after, dict):
        for key in [*before, *(key for key in after if key not in before)]:
            inner = f"{name}.{plain(key)}" if name else plain(key)
            if key not in after:
                yield f"- {inner} {_short(before[key])}"
            elif key not in before:
                yield f"+ {inner} {_short(after[key])}"
            else:
                yield from _differences(inner, before[key], after[key])
    elif json.dumps(before, sort_keys=True) != json.dumps(after, sort_keys=True):
        yield f"{name or 'it'}: {_short(before)} → {_short(after)}"


def _short(value: JsonValue) -> str:
    return json.dumps(value)


# -- answers


def choices_of(schema: Schema | None, options: tuple[str, ...] | None) -> tuple[JsonValue, ...]:
    """Return what there is to choose from; nothing: the answer is typed."""
    if schema is None:
        return tuple(options or ())
    if isinstance(values := schema.get("enum"), list):
        return tuple(values)
    if "const" in schema:
        return (schema["const"],)
    if schema.get("type") == "string":
        return tuple(options or ())
    return (True, False) if schema.get("type") == "boolean" else ()


def takes_own_words(schema: Schema | None) -> bool:
    """Tell whether an answer may be another than those there are to choose from."""
    return schema is not None and schema.get("type") == "string" and "enum" not in schema


def choice_label(value: JsonValue) -> str:
    """Return a choice as a person reads it."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return plain(value) if isinstance(value, str) else json.dumps(value)


def answer_fields(schema: Schema | None) -> tuple[FormField, ...]:
    """Return the fields of an answer that is typed."""
    if schema is not None and isinstance(schema.get("properties"), dict):
        return fields_of(schema, {})
    return (FormField("answer", "", _hint(schema or {}, optional=False)),)


def typed_answer(schema: Schema | None, values: Mapping[str, str]) -> Typed:
    """Return an answer that was typed."""
    if schema is not None and isinstance(schema.get("properties"), dict):
        return typed(schema, {}, values)
    text = values["answer"]
    if not text.strip():
        return Typed(None, "say something, or press Esc")
    if schema is None:
        return Typed(text)
    return _checked(schema, _parsed(text, schema))
