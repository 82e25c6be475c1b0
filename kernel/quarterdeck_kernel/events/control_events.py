"""Events by which people and guards steer a run."""

from typing import Literal

from pydantic import Field, JsonValue

from quarterdeck_kernel.events.payload import Erasable, Payload
from quarterdeck_kernel.vocabulary.words import BudgetKind


class ControlPayload(Payload):
    """What changes the conditions a run works under."""


class Held(ControlPayload):
    """The run stops at its next boundary until it is released."""

    kind: Literal["held"] = "held"
    by: Literal["operator", "guardrail", "budget", "breaker"]
    reason: Erasable[str]


class Released(ControlPayload):
    """The hold of event `held_seq` is over."""

    kind: Literal["released"] = "released"
    held_seq: int
    reason: Erasable[str]


class CancelRequested(ControlPayload):
    """The run is to stop, at once or at its next boundary."""

    kind: Literal["cancel_requested"] = "cancel_requested"
    now: bool
    reason: Erasable[str]


class BudgetChanged(ControlPayload):
    """A bound of the run was raised or lowered; None means no bound."""

    kind: Literal["budget_changed"] = "budget_changed"
    budget: BudgetKind
    limit: int | None = None
    revision: int


class ModelSwapped(ControlPayload):
    """From the next boundary the run asks another model, or with other parameters."""

    kind: Literal["model_swapped"] = "model_swapped"
    model: str
    tier: str | None = None
    parameters: dict[str, JsonValue] = Field(default_factory=dict)
    revision: int


class AgentChanged(ControlPayload):
    """The run adopts a new configuration of its agent."""

    kind: Literal["agent_changed"] = "agent_changed"
    config_digest: str
    revision: int
    config: Erasable[dict[str, JsonValue]]


class ToolScopeChanged(ControlPayload):
    """From the next boundary the run sees other tools."""

    kind: Literal["tool_scope_changed"] = "tool_scope_changed"
    scope: Literal["all", "allow", "deny"]
    tools: tuple[str, ...] = ()
    revision: int


class GrantGiven(ControlPayload):
    """Calls like the one approved may run without asking, until the run ends.

    `terms` is the hash over what it is bound to besides the arguments, which `constraints`, a JSON
    schema, must take.
    """

    kind: Literal["grant_given"] = "grant_given"
    grant_id: str
    pause_id: str
    tool: str
    terms: str = ""
    constraints: Erasable[dict[str, JsonValue]]


class GrantRevoked(ControlPayload):
    """A grant is over."""

    kind: Literal["grant_revoked"] = "grant_revoked"
    grant_id: str
    reason: Erasable[str]


AnyControlEvent = (
    Held
    | Released
    | CancelRequested
    | BudgetChanged
    | ModelSwapped
    | AgentChanged
    | ToolScopeChanged
    | GrantGiven
    | GrantRevoked
)
