"""From what a user writes to what the engine carries: tools by name, prompts, defaults.

Owns the checks that come before anything is judged: the tool is there, the run may see it, the
arguments fit.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pydantic import JsonValue

from quarterdeck_kernel import canonical
from quarterdeck_kernel.engine.hook import ToolTurn
from quarterdeck_kernel.engine.model_ask import as_stored
from quarterdeck_kernel.engine.run_driver import RunDriver
from quarterdeck_kernel.engine.tool_call import AskedCall, idempotency_key
from quarterdeck_kernel.errors import AccessDeniedError, InvalidError
from quarterdeck_kernel.tools.tool import Tool
from quarterdeck_kernel.tools.toolbox import ToolBox
from quarterdeck_kernel.vocabulary.messages import Message
from quarterdeck_kernel.vocabulary.retry import RetryPolicy
from quarterdeck_kernel.vocabulary.tenant import Tenant

_STEP_KEY_CHARS = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolAsk:
    """One call of a batch, as a user writes it. `arguments` may be the text a model wrote."""

    step_key: str
    tool: str
    arguments: Mapping[str, object] | str
    call_id: str | None = None
    model_seq: int | None = None
    turn: int | None = None


def asked_call(
    driver: RunDriver,
    box: ToolBox,
    ask: ToolAsk,
    retry: RetryPolicy | None = None,
) -> AskedCall:
    """Return a call whose tool may be used and whose arguments fit, or raise what is wrong."""
    step_key = checked_step_key(ask.step_key)
    tool = box.get(ask.tool)
    if ask.model_seq is None:
        # What a model asks for was held against what its request offered.
        _check_access(driver, tool)
    arguments = tool.parse(ask.arguments)
    turn = ToolTurn(driver.run_id, driver.tenant, step_key, tool.name, arguments)
    rewritten = driver.hooks.arguments(turn)
    if rewritten is not arguments:
        arguments = tool.parse(rewritten)
    scrubbed = driver.ingress.value(arguments, "arguments")
    if scrubbed.value is not arguments:
        assert isinstance(scrubbed.value, dict), "an object stays one"
        # What stands in the place of something need not fit.
        arguments = tool.parse(scrubbed.value)
    arguments_digest = canonical.digest(arguments)
    return AskedCall(
        step_key=step_key,
        tool=tool,
        arguments=arguments,
        arguments_digest=arguments_digest,
        idempotency_key=idempotency_key(driver.run_id, step_key, tool.name, arguments_digest),
        retry=retry or tool.retry,
        call_id=ask.call_id,
        model_seq=ask.model_seq,
        turn=ask.turn,
        taken_out=scrubbed.counts,
        blocked=scrubbed.blocked,
    )


def checked_tenant(tenant: str, tenants: Mapping[str, Tenant]) -> str:
    """Return a tenant that may own runs: where any are named, one of those."""
    if not tenants or tenant in tenants:
        return tenant
    raise InvalidError(f"tenant {tenant!r} is not known here; known are {sorted(tenants)}")


def checked_step_key(step_key: str) -> str:
    """Return a step key that can stand in a log."""
    if 0 < len(step_key) <= _STEP_KEY_CHARS and step_key.isprintable():
        return step_key
    raise InvalidError(
        f"{step_key[:100]!r} is no usable step key; use 1 to {_STEP_KEY_CHARS} printable characters"
    )


def messages_of(prompt: str | None, messages: Sequence[Message] | None) -> tuple[Message, ...]:
    """Return what is said to a model: a prompt, or a whole conversation."""
    if (prompt is None) == (messages is None):
        raise InvalidError("give a model either a prompt or messages")
    if prompt is not None:
        if not prompt.strip():
            raise InvalidError("the prompt is empty; ask the model something")
        return (as_stored(Message(role="user", text=prompt)),)
    assert messages is not None, "one of the two is given"
    return tuple(as_stored(message) for message in messages)


def parameters_of(given: Mapping[str, JsonValue] | None) -> dict[str, JsonValue]:
    """Return parameters of a model as they will be read back."""
    plain: dict[str, JsonValue] = json.loads(canonical.encode(dict(given or {})))
    return plain


def _check_access(driver: RunDriver, tool: Tool) -> None:
    conditions = driver.state.conditions
    match conditions.scope:
        case "all":
            hidden = False
        case "allow":
            hidden = tool.name not in conditions.scope_tools
        case "deny":
            hidden = tool.name in conditions.scope_tools
    if hidden:
        raise AccessDeniedError(
            f"access denied: tool {tool.name!r} is hidden from run {driver.run_id!r}"
        )
