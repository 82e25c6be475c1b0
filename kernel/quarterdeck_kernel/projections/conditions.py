"""The conditions a run works under: model, agent's configuration, tools, budgets, grants."""

from dataclasses import dataclass, field
from typing import Literal

from pydantic import JsonValue

from quarterdeck_kernel.projections.open_items import Grant, Limit, Overlay
from quarterdeck_kernel.vocabulary.words import BudgetKind

UNLIMITED = Limit(None, 0)
"""A bound that was never set."""


@dataclass(slots=True)
class Conditions:
    """What applies now, each with the revision that the next change must follow.

    `scope_applied` is the revision of the tool scope that the newest request of a turn went by: a
    greater `scope_revision` is staged. `overlay` narrows one turn, and is gone once it is answered.
    `asks_before_once`: a fork, in which a person is asked before any effect that is `once`.
    """

    model: str | None = None
    tier: str | None = None
    parameters: dict[str, JsonValue] = field(default_factory=dict)
    model_revision: int = 0
    config_digest: str | None = None
    config_seq: int | None = None
    agent_revision: int = 0
    scope: Literal["all", "allow", "deny"] = "all"
    scope_tools: tuple[str, ...] = ()
    scope_revision: int = 0
    scope_applied: int = 0
    overlay: Overlay | None = None
    budgets: dict[BudgetKind, Limit] = field(default_factory=dict)
    grants: dict[str, Grant] = field(default_factory=dict)
    asks_before_once: bool = False

    def copy(self) -> "Conditions":
        """Return an equal one to change; parameters are replaced whole, never changed inside."""
        return Conditions(
            self.model,
            self.tier,
            self.parameters,
            self.model_revision,
            self.config_digest,
            self.config_seq,
            self.agent_revision,
            self.scope,
            self.scope_tools,
            self.scope_revision,
            self.scope_applied,
            self.overlay,
            self.budgets.copy(),
            self.grants.copy(),
            self.asks_before_once,
        )

    def limit(self, budget: BudgetKind) -> Limit:
        """Return the bound of a kind."""
        return self.budgets.get(budget, UNLIMITED)
