"""The arguments of a tool: what may be said, and what the function is given for it.

Three forms, and the ways between them: what a caller said (a model's text, or a mapping from
Python), plain data (what is stored, digested, shown to a person and dispatched), and Python values
(what the function gets). The way from plain data to values is the same on the first call and after
a restart, so both get the same.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Protocol, cast

from pydantic import (
    ConfigDict,
    JsonValue,
    PydanticUserError,
    TypeAdapter,
    ValidationError,
    with_config,
)
from pydantic.errors import PydanticUndefinedAnnotation
from typing_extensions import TypedDict

from quarterdeck_kernel.canonical import encode
from quarterdeck_kernel.errors import InvalidError, NotCanonicalError, ToolArgumentsError
from quarterdeck_kernel.tools.argument_problems import problems_of, refusal
from quarterdeck_kernel.tools.argument_schema import schema_of
from quarterdeck_kernel.tools.arguments_text import read_object
from quarterdeck_kernel.tools.plain import plain, shown
from quarterdeck_kernel.tools.signature import MISSING, Parameter

_CONFIG = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False, val_json_bytes="base64")


class Arguments(Protocol):
    """How a tool takes its arguments. A tool from elsewhere brings a schema and its own checks."""

    @property
    def names(self) -> Sequence[str]:
        """The names of the parameters, in order."""
        ...

    @property
    def schema(self) -> dict[str, JsonValue]:
        """The JSON Schema of the arguments."""
        ...

    def parse(self, arguments: str | Mapping[str, object]) -> dict[str, JsonValue]:
        """Return what was said as plain data, defaults filled in, or raise `ToolArgumentsError`."""
        ...

    def values(self, arguments: Mapping[str, JsonValue]) -> dict[str, object]:
        """Return the Python values of plain data, or raise `ToolArgumentsError`."""
        ...


class TypedArguments:
    """Arguments by the type hints of a function."""

    def __init__(
        self, tool: str, parameters: Sequence[Parameter], descriptions: Mapping[str, str]
    ) -> None:
        """Build the checks at once: what cannot be checked is refused at registration."""
        self._tool = tool
        self._names = tuple(parameter.name for parameter in parameters)
        self._adapter = _adapter(tool, parameters)
        self._defaults = {
            parameter.name: _default(tool, parameter)
            for parameter in parameters
            if parameter.default is not MISSING
        }
        self._check_defaults()
        try:
            self._schema = schema_of(self._adapter, self._defaults, descriptions)
        except PydanticUserError as error:
            message = f"the parameters of {tool} have no JSON Schema: {error.message}"
            raise InvalidError(message) from error

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the parameters, in order."""
        return self._names

    @property
    def schema(self) -> dict[str, JsonValue]:
        """The JSON Schema of the arguments."""
        return self._schema

    def parse(self, arguments: str | Mapping[str, object]) -> dict[str, JsonValue]:
        """Return what was said as plain data, strictly checked, defaults filled in."""
        try:
            return self._parsed(arguments)
        except ToolArgumentsError as error:
            raise ToolArgumentsError(refusal(self._tool, str(error), self._names)) from error

    def values(self, arguments: Mapping[str, JsonValue]) -> dict[str, object]:
        """Return what the function is given for plain data."""
        try:
            return self._validated(encode(dict(arguments), from_model=True))
        except (ToolArgumentsError, NotCanonicalError) as error:
            raise ToolArgumentsError(refusal(self._tool, str(error), self._names)) from error

    def _parsed(self, arguments: str | Mapping[str, object]) -> dict[str, JsonValue]:
        if isinstance(arguments, str):
            said, shortened = read_object(arguments)
        else:
            said, shortened = _from_python(arguments), set[Decimal]()
        data = self._defaults | said
        # The order of the function, for whoever reads it; an unknown name is refused below.
        data = {name: data[name] for name in self._names if name in data} | data
        values = self._validated(encode(data, from_model=True))
        if shortened:
            self._check_digits(values, shortened)
        return data

    def _validated(self, text: str) -> dict[str, object]:
        try:
            return self._adapter.validate_json(text, extra="forbid", strict=True)
        except ValidationError as error:
            raise ToolArgumentsError(problems_of(error, self._names)) from None
        except Exception as error:  # a validator of the tool's own types broke
            message = f"the tool's own check of them failed: {shown(error)}"
            raise ToolArgumentsError(message) from error

    def _check_digits(self, values: dict[str, object], shortened: set[Decimal]) -> None:
        """Refuse a number that lost digits where the function would have got each of them.

        A float is not hurt. A Decimal would silently be another number: Pydantic reads a number
        inside an object as a float, too.
        """
        found = shortened.intersection(_decimals(self._adapter.dump_python(values, warnings=False)))
        if found:
            message = (
                f"a number near {min(found)} has more digits than a JSON number keeps; "
                "send it as a text"
            )
            raise ToolArgumentsError(message)

    def _check_defaults(self) -> None:
        if not self._defaults:
            return
        try:
            self._adapter.validate_json(encode(self._defaults), extra="forbid", strict=True)
        except ValidationError as error:
            wrong = [
                found
                for found in error.errors(include_url=False, include_context=False)
                if not (found["type"] == "missing" and len(found["loc"]) == 1)
            ]
            if wrong:
                name = wrong[0]["loc"][0]
                message = (
                    f"the default of {name!r} in {self._tool} does not fit its own type: "
                    f"{wrong[0]['msg']}, not {shown(wrong[0]['input'])}; change one of them"
                )
                raise InvalidError(message) from error


def _adapter(tool: str, parameters: Sequence[Parameter]) -> TypeAdapter[dict[str, object]]:
    fields = {parameter.name: parameter.annotation for parameter in parameters}
    try:
        return _adapter_of(fields)
    except (PydanticUserError, PydanticUndefinedAnnotation, TypeError) as error:
        # Which of them it was is worth a second look: it happens while the tool is written.
        for name, annotation in fields.items():
            try:
                _adapter_of({name: annotation})
            except (PydanticUserError, PydanticUndefinedAnnotation, TypeError) as cause:
                reason = str(cause).split("\n", 1)[0][:300]
                message = (
                    f"the type of {name!r} in {tool} cannot come from JSON: {reason} "
                    "Use plain types, dataclasses or pydantic models"
                )
                raise InvalidError(message) from cause
        message = f"the parameters of {tool} cannot come from JSON together: {error}"
        raise InvalidError(message) from error


def _adapter_of(fields: dict[str, object]) -> TypeAdapter[dict[str, object]]:
    """Return the checks of a typed dict: unlike a model's, its keys may have any name."""
    make = cast("Callable[[str, dict[str, object]], type[dict[str, object]]]", TypedDict)
    return TypeAdapter(with_config(_CONFIG)(make("Arguments", fields)))


def _default(tool: str, parameter: Parameter) -> JsonValue:
    try:
        return plain(parameter.default, exact=True)
    except NotCanonicalError as error:
        message = (
            f"the default of {parameter.name!r} in {tool} cannot be recorded: {error}; "
            "use None, and make the value in the function"
        )
        raise InvalidError(message) from error


def _from_python(arguments: Mapping[str, object]) -> dict[str, JsonValue]:
    try:
        said = plain(arguments, exact=True)
    except NotCanonicalError as error:
        raise ToolArgumentsError(str(error)) from error
    except Exception as error:  # the values' own code broke
        message = f"reading them raised {shown(error)}"
        raise ToolArgumentsError(message) from error
    if not isinstance(said, dict):
        message = f"they are {shown(arguments)}, no mapping; hand over names and values"
        raise ToolArgumentsError(message)
    try:
        # The same bounds hold as for a text: what is stored must be taken again.
        return read_object(encode(said, from_model=True))[0]
    except NotCanonicalError as error:
        raise ToolArgumentsError(str(error)) from error


def _decimals(value: object) -> Iterator[Decimal]:
    if isinstance(value, Decimal):
        yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from _decimals(item)
    elif isinstance(value, list | tuple | set | frozenset):
        for item in value:
            yield from _decimals(item)
