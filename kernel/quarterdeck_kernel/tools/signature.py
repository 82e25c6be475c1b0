"""The parameters of a function, as far as a tool needs them.

Says at registration, with the names of function and parameter, what could never be called from
JSON: so that nothing about a signature is first noticed when a model calls it.
"""

import functools
import inspect
import types
import typing
from collections.abc import Callable, Collection
from dataclasses import dataclass

from pydantic.fields import FieldInfo

from quarterdeck_kernel.errors import InvalidError
from quarterdeck_kernel.tools.context import ToolContext


class _Missing:
    """Stands for a default that there is not."""

    def __repr__(self) -> str:
        return "MISSING"


MISSING: typing.Final = _Missing()


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter that a caller fills in."""

    name: str
    annotation: object
    default: object = MISSING


@dataclass(frozen=True, slots=True)
class Signature:
    """What a caller fills in, and which parameter gets the `ToolContext`, if one does."""

    parameters: tuple[Parameter, ...]
    context_name: str | None


def core_of(function: Callable[..., object]) -> Callable[..., object]:
    """Return the function that is at the heart of a partial, a method, a callable object."""
    while True:
        if isinstance(function, functools.partial):
            function = function.func
        elif inspect.ismethod(function):
            function = function.__func__
        elif hasattr(function, "__wrapped__"):
            function = function.__wrapped__
        elif not inspect.isroutine(function) and not isinstance(function, type):
            function = type(function).__call__
        else:
            return function


def name_of(function: object) -> str:
    """Return how messages name a function."""
    if isinstance(function, functools.partial):
        return name_of(function.func)
    return getattr(function, "__qualname__", None) or type(function).__qualname__


def is_async(function: Callable[..., object]) -> bool:
    """Tell whether calling it only makes a coroutine; everything else may block."""
    while isinstance(function, functools.partial):
        function = function.func
    if inspect.iscoroutinefunction(function):
        return True
    # A callable object; the `__call__` of its type is what runs.
    return not inspect.isroutine(function) and inspect.iscoroutinefunction(type(function).__call__)


def _plain_signature(function: Callable[..., object]) -> inspect.Signature:
    called = name_of(function)
    if isinstance(function, type) or not callable(function):
        message = f"{called} is no function; hand over a function, a method or a callable object"
        raise InvalidError(message)
    core = core_of(function)
    if inspect.isgeneratorfunction(core) or inspect.isasyncgenfunction(core):
        message = f"{called} is a generator; a tool returns one value, so return a list"
        raise InvalidError(message)
    try:
        return inspect.signature(function)
    except (TypeError, ValueError) as error:
        message = f"{called} shows no signature ({error}); wrap it in a function with type hints"
        raise InvalidError(message) from error


def _resolved(function: Callable[..., object], name: str, annotation: object) -> object:
    """Return what an annotation names; one that is a text is looked up where it was written."""
    holder = types.SimpleNamespace(__annotations__={name: annotation})
    namespace = getattr(core_of(function), "__globals__", {})
    try:
        return typing.get_type_hints(holder, globalns=namespace, include_extras=True)[name]
    except Exception as error:
        message = (
            f"the annotation {annotation!r} of {name!r} in {name_of(function)} cannot be resolved "
            f"({error}); import what it names at the top of the module, outside TYPE_CHECKING"
        )
        raise InvalidError(message) from error


def read_signature(function: Callable[..., object]) -> Signature:
    """Read a tool's function."""
    parameters: list[Parameter] = []
    context_name = None
    bound = _bound_names(function)
    for name, parameter in _plain_signature(function).parameters.items():
        if name in bound:
            continue
        where = f"{name!r} of {name_of(function)}"
        if parameter.kind in {parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD}:
            stars = "*" if parameter.kind is parameter.VAR_POSITIONAL else "**"
            message = f"{stars}{name} of {name_of(function)} has no schema; name each parameter"
            raise InvalidError(message)
        if parameter.kind is parameter.POSITIONAL_ONLY:
            message = f"{where} is positional only; arguments come by name, so take away the /"
            raise InvalidError(message)
        if parameter.annotation is parameter.empty:
            message = f"{where} has no type; annotate it, since a model is told of it by its type"
            raise InvalidError(message)
        annotation = _resolved(function, name, parameter.annotation)
        if _is_context(annotation):
            if context_name is not None:
                message = f"{context_name!r} and {where} both take the ToolContext; keep one"
                raise InvalidError(message)
            context_name = name
            continue
        default = MISSING if parameter.default is parameter.empty else parameter.default
        parameters.append(_parameter(where, name, annotation, default))
    return Signature(tuple(parameters), context_name)


def _is_context(annotation: object) -> bool:
    """Tell whether an annotation asks for the context, perhaps optionally, perhaps as a text."""
    if isinstance(annotation, str):
        return annotation.rsplit(".", 1)[-1] == ToolContext.__name__
    if typing.get_origin(annotation) in {typing.Union, typing.Annotated, types.UnionType}:
        return any(_is_context(choice) for choice in typing.get_args(annotation))
    return annotation is ToolContext


def _bound_names(function: object) -> set[str]:
    """Return what a partial has filled in by name: a caller does not see it."""
    names: set[str] = set()
    while isinstance(function, functools.partial):
        names.update(function.keywords)
        function = function.func
    return names


def _parameter(where: str, name: str, annotation: object, default: object) -> Parameter:
    """Take the default out of a `Field(...)`, wherever it stands, and refuse what renames."""
    if isinstance(default, FieldInfo):
        annotation = typing.Annotated[annotation, default]
        default = MISSING
    if typing.get_origin(annotation) is typing.Annotated:
        for mark in typing.get_args(annotation)[1:]:
            if not isinstance(mark, FieldInfo):
                continue
            if mark.alias or mark.validation_alias:
                message = f"the Field of {where} has an alias; rename the parameter instead"
                raise InvalidError(message)
            if mark.default_factory is not None:
                message = f"the Field of {where} has a default_factory; give a plain default"
                raise InvalidError(message)
            if default is MISSING and not mark.is_required():
                default = mark.default
    return Parameter(name, annotation, default)


def read_helper(function: Callable[..., object], names: Collection[str]) -> Signature:
    """Read a probe or a preview: it takes some of the tool's arguments, by their names.

    A parameter that is annotated `ToolContext`, or is called `context` as no argument is, gets the
    context.
    """
    parameters: list[Parameter] = []
    context_name = None
    bound = _bound_names(function)
    for name, parameter in _plain_signature(function).parameters.items():
        if name in bound:
            continue
        called = name_of(function)
        if parameter.kind in {parameter.VAR_POSITIONAL, parameter.POSITIONAL_ONLY}:
            message = f"{name!r} of {called} is positional; a tool's arguments come by name"
            raise InvalidError(message)
        if parameter.kind is parameter.VAR_KEYWORD:
            given = {parameter.name for parameter in parameters}
            parameters.extend(Parameter(n, object) for n in names if n not in given)
            continue
        if _is_context(parameter.annotation) or (name == "context" and name not in names):
            context_name = name
        elif name in names:
            parameters.append(Parameter(name, object))
        elif parameter.default is parameter.empty:
            known = ", ".join(map(repr, names)) or "none"
            message = f"{called} takes {name!r}, which the tool does not; its arguments are {known}"
            raise InvalidError(message)
    return Signature(tuple(parameters), context_name)
