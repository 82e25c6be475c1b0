"""Functions become tools: everything that can be refused is refused here, before anything runs."""

import re
import typing
from collections.abc import Callable, Collection

from pydantic import ValidationError

from quarterdeck_kernel.errors import InvalidError
from quarterdeck_kernel.tools.arguments import TypedArguments
from quarterdeck_kernel.tools.callee import Callee
from quarterdeck_kernel.tools.docstring import read_docstring
from quarterdeck_kernel.tools.plain import shown
from quarterdeck_kernel.tools.signature import (
    Parameter,
    Signature,
    core_of,
    is_async,
    name_of,
    read_helper,
    read_signature,
)
from quarterdeck_kernel.tools.source_version import source_version
from quarterdeck_kernel.tools.tool import Tool
from quarterdeck_kernel.vocabulary.messages import ToolSchema
from quarterdeck_kernel.vocabulary.retry import RetryPolicy
from quarterdeck_kernel.vocabulary.words import Effect, Risk

_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")


def tool_of(  # noqa: PLR0913 - one keyword for each thing that a tool may declare
    function: Callable[..., object],
    *,
    name: str | None = None,
    description: str | None = None,
    effect: Effect = "once",
    capability: str | None = None,
    risk: Risk = "low",
    version: str | None = None,
    timeout_s: float | None = None,
    retry: RetryPolicy | None = None,
    preview: Callable[..., object] | None = None,
    probe: Callable[..., object] | None = None,
    preconditions: Callable[..., object] | None = None,
    answered_by_caller: bool = False,
    cost_micros: int | None = None,
    secrets: Collection[str] = (),
) -> Tool:
    """Make a tool of a function with type hints, or raise `InvalidError`.

    `effect` says what repeating a call does: `read` nothing, `idempotent` nothing under the same
    key, `once` harm. `preview` takes some of the arguments by name and returns what to show before
    the call; `preconditions` likewise what the call stands upon: it is not made upon anything else
    than was judged and approved. `probe` takes them and the context, and returns a `ProbeAnswer`.
    `cost_micros` is what a call costs, in millionths of a dollar. `secrets` are the names that may
    stand in its arguments as `{{secret:NAME}}`: a model can send no other one with it.
    """
    signature = read_signature(function)
    called = _checked_name(function, name)
    _check_word("effect", effect, typing.get_args(Effect), called)
    _check_word("risk", risk, typing.get_args(Risk), called)
    said = read_docstring(core_of(function).__doc__)
    descriptions = said.parameters | _annotated(signature.parameters)
    arguments = TypedArguments(called, signature.parameters, descriptions)
    described = said.description if description is None else description
    return Tool(
        name=called,
        description=described,
        arguments=arguments,
        schema=ToolSchema(name=called, description=described, parameters=arguments.schema),
        effect=effect,
        capability=capability,
        risk=risk,
        version=source_version(function) if version is None else version,
        retry=_retry(called, retry, timeout_s),
        answered_by_caller=answered_by_caller,
        body=_callee(function, signature),
        previewer=_helper("preview", called, preview, arguments.names),
        conditioner=_helper("preconditions", called, preconditions, arguments.names),
        prober=None if probe is None else _callee(probe, read_helper(probe, arguments.names)),
        cost_micros=_checked_cost(called, cost_micros),
        secrets=_checked_secrets(called, secrets),
    )


def _callee(function: Callable[..., object], signature: Signature) -> Callee:
    return Callee(
        function=function,
        names=tuple(parameter.name for parameter in signature.parameters),
        context_name=signature.context_name,
        threaded=not is_async(function),
    )


def _helper(
    what: str, tool: str, function: Callable[..., object] | None, names: Collection[str]
) -> Callee | None:
    if function is None:
        return None
    signature = read_helper(function, names)
    if signature.context_name is not None:
        message = (
            f"the {what} of {tool} asks for a context, but comes before there is a call; "
            "let it take arguments of the tool alone"
        )
        raise InvalidError(message)
    return _callee(function, signature)


def _checked_name(function: Callable[..., object], name: str | None) -> str:
    chosen = getattr(core_of(function), "__name__", "") if name is None else name
    if chosen == "__call__":
        chosen = name_of(function)
    if not _NAME.fullmatch(chosen):
        message = (
            f"{shown(chosen)} is no name for a tool: providers take 1 to 64 letters, digits, "
            "underscores and hyphens; give name="
        )
        raise InvalidError(message)
    return chosen


def _check_word(what: str, word: str, words: Collection[str], tool: str) -> None:
    if word not in words:
        message = f"the {what} of {tool} is {shown(word)}; it must be one of {', '.join(words)}"
        raise InvalidError(message)


def _checked_cost(tool: str, cost_micros: int | None) -> int | None:
    if cost_micros is None or (type(cost_micros) is int and cost_micros >= 0):
        return cost_micros
    message = f"a call of {tool} costs {shown(cost_micros)}; give whole micro-dollars, or nothing"
    raise InvalidError(message)


def _checked_secrets(tool: str, secrets: Collection[str]) -> frozenset[str]:
    if isinstance(secrets, str) or not all(isinstance(name, str) for name in secrets):
        message = f"the secrets of {tool} are {shown(secrets)}; give a list of their names"
        raise InvalidError(message)
    return frozenset(secrets)


def _retry(tool: str, retry: RetryPolicy | None, timeout_s: float | None) -> RetryPolicy:
    policy = retry or RetryPolicy()
    if timeout_s is None:
        return policy
    try:
        return RetryPolicy.model_validate(policy.model_dump() | {"timeout_s": timeout_s})
    except ValidationError as error:
        message = f"the timeout of {tool} is {shown(timeout_s)}; give a positive number of seconds"
        raise InvalidError(message) from error


def _annotated(parameters: Collection[Parameter]) -> dict[str, str]:
    """Return what `Annotated[..., "text"]` and `Doc("text")` say of parameters."""
    found: dict[str, str] = {}
    for parameter in parameters:
        annotation = parameter.annotation
        if typing.get_origin(annotation) is not typing.Annotated:
            continue
        for mark in typing.get_args(annotation)[1:]:
            text = mark if isinstance(mark, str) else getattr(mark, "documentation", None)
            if isinstance(text, str):
                found[parameter.name] = text
    return found
