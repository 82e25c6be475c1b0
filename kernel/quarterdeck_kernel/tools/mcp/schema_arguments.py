"""Arguments by a JSON Schema that somebody else wrote.

The schema is data of the server's: nothing is fetched for it, and its patterns, which could take
for ever, are left for the server itself to check.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import JsonValue

from quarterdeck_kernel.canonical import encode
from quarterdeck_kernel.errors import InvalidError, NotCanonicalError, ToolArgumentsError
from quarterdeck_kernel.tools.argument_problems import refusal
from quarterdeck_kernel.tools.arguments_text import read_object
from quarterdeck_kernel.tools.plain import plain, shown

_SLOW = frozenset({"pattern", "patternProperties", "format"})
_SCHEMA_CHARS = 64 * 1024
_PROBLEMS = 5

ARGUMENTS = "arguments"
"""Under what name a tool's body gets all of its arguments."""


class SchemaArguments:
    """The arguments of one tool of a server."""

    def __init__(self, tool: str, schema: Mapping[str, Any]) -> None:
        """Read a schema, or refuse it."""
        import jsonschema  # noqa: PLC0415 - only where a server is used
        from jsonschema.validators import validator_for  # noqa: PLC0415 - as above
        from referencing import Registry  # noqa: PLC0415 - as above

        self._tool = tool
        try:
            data = plain(schema)
            text = encode(data, from_model=True)
        except NotCanonicalError as error:
            raise InvalidError(f"the schema of {tool} cannot be read: {error}") from error
        if not isinstance(data, dict) or len(text) > _SCHEMA_CHARS:
            raise InvalidError(f"the schema of {tool} is no object, or too long ({len(text)})")
        self._schema = data
        properties = data.get("properties")
        self._names = tuple(properties) if isinstance(properties, dict) else ()
        checked: Any = _without(data)
        kind = validator_for(checked, jsonschema.Draft202012Validator)
        try:
            kind.check_schema(checked)
        except (jsonschema.SchemaError, RecursionError) as error:
            raise InvalidError(f"the schema of {tool} is none: {shown(str(error))}") from error
        # A registry of its own fetches nothing.
        self._validator = kind(checked, registry=Registry())

    @property
    def names(self) -> Sequence[str]:
        """The names of the parameters, in order."""
        return self._names

    @property
    def schema(self) -> dict[str, JsonValue]:
        """The JSON Schema of the arguments."""
        return self._schema

    def parse(self, arguments: str | Mapping[str, object]) -> dict[str, JsonValue]:
        """Return what was said as plain data, checked."""
        try:
            if isinstance(arguments, str):
                said = read_object(arguments)[0]
            else:
                text = encode(plain(arguments, exact=True), from_model=True)
                said = read_object(text)[0]
            self._check(said)
        except (ToolArgumentsError, NotCanonicalError) as error:
            raise ToolArgumentsError(refusal(self._tool, str(error), self._names)) from error
        return said

    def values(self, arguments: Mapping[str, JsonValue]) -> dict[str, object]:
        """Return what the body is given for plain data."""
        said = dict(arguments)
        try:
            self._check(said)
        except ToolArgumentsError as error:
            raise ToolArgumentsError(refusal(self._tool, str(error), self._names)) from error
        return {ARGUMENTS: said}

    def _check(self, said: dict[str, JsonValue]) -> None:
        problems = []
        try:
            for error in self._validator.iter_errors(said):
                place = ".".join(str(step) for step in error.absolute_path) or "they"
                problems.append(f"{shown(place)}: {shown(error.message)}")
                if len(problems) == _PROBLEMS:
                    break
        except Exception as error:  # a reference that leads nowhere, a schema without an end
            message = f"the schema that the server gave cannot be applied: {shown(error)}"
            raise ToolArgumentsError(message) from error
        if problems:
            raise ToolArgumentsError("; ".join(problems))


def _without(schema: JsonValue) -> JsonValue:
    """Return a schema without what could take long to check."""
    if isinstance(schema, list):
        return [_without(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    made: dict[str, JsonValue] = {}
    for key, value in schema.items():
        if key == "properties" and isinstance(value, dict):
            made[key] = {name: _without(one) for name, one in value.items()}
        elif key in {"enum", "const", "default", "examples"}:
            made[key] = value
        elif key not in _SLOW:
            made[key] = _without(value)
    return made
