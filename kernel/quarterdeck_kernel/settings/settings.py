"""The settings: every section, and what holds where a workspace and its user both have some.

A new section is a model in a file of its own, a field here, and its line in `under`.
"""

from pathlib import Path
from typing import Self, TypeVar

from pydantic import Field

from quarterdeck_kernel.guards.policy.limits import Limits
from quarterdeck_kernel.guards.policy.rule import Rule
from quarterdeck_kernel.settings.agents import AgentName, AgentSettings
from quarterdeck_kernel.settings.budgets import BudgetSettings
from quarterdeck_kernel.settings.guards import GuardSettings
from quarterdeck_kernel.settings.loops import BreakerSettings, LoopSettings
from quarterdeck_kernel.settings.mcp import McpName, McpSettings
from quarterdeck_kernel.settings.models import ModelSettings
from quarterdeck_kernel.settings.personal_data import PersonalData, stricter_of
from quarterdeck_kernel.settings.providers import ProviderSettings
from quarterdeck_kernel.settings.retention import RetentionSettings
from quarterdeck_kernel.settings.tenants import TenantSettings
from quarterdeck_kernel.settings.tiers import TierSettings
from quarterdeck_kernel.settings.tools import ToolName, ToolSettings
from quarterdeck_kernel.vocabulary.ids import TenantId
from quarterdeck_kernel.vocabulary.model import Value
from quarterdeck_kernel.vocabulary.tiers import Route

S = TypeVar("S", TenantSettings, ModelSettings, ProviderSettings, McpSettings, ToolSettings)


class Settings(Value):
    """What `quarterdeck.toml` says."""

    guards: GuardSettings = GuardSettings()
    personal_data: PersonalData = Field(
        default={}, description="What becomes of personal data and secrets in each place."
    )
    rules: tuple[Rule, ...] = Field(default=(), description="The policy; all rules are in force.")
    limits: Limits = Limits()
    budgets: BudgetSettings = BudgetSettings()
    loops: LoopSettings = LoopSettings()
    breaker: BreakerSettings = BreakerSettings()
    retention: RetentionSettings = RetentionSettings()
    tenants: dict[TenantId, TenantSettings] = Field(default={}, description="Who owns runs.")
    models: dict[str, ModelSettings] = Field(default={}, description="What is known of models.")
    model: str | None = Field(default=None, description="For agents that name no model or tier.")
    tiers: TierSettings = TierSettings()
    routes: tuple[Route, ...] = Field(
        default=(), description="Which requests go to another tier; the first that fits."
    )
    providers: dict[str, ProviderSettings] = Field(default={}, description="Who has models.")
    agents: dict[AgentName, AgentSettings] | tuple[str, ...] = Field(
        default={}, description="Agents as data, by name; or a list, which is that of `modules`."
    )
    modules: tuple[str, ...] = Field(
        default=(), description="Python files and modules with agents, tools and skills."
    )
    plugins: tuple[str, ...] = Field(
        default=(), description="Installed plugins whose agents, tools and skills are used."
    )
    tools: dict[ToolName, ToolSettings] = Field(
        default={}, description="What is said of tools, by name: the secrets they may be sent."
    )
    mcp: dict[McpName, McpSettings] = Field(
        default={}, description="MCP servers; agents name their tools SERVER__TOOL."
    )

    @property
    def agent_sections(self) -> dict[str, AgentSettings]:
        """Return the agents that are data."""
        return self.agents if isinstance(self.agents, dict) else {}

    @property
    def all_modules(self) -> tuple[str, ...]:
        """Return the Python files and modules, wherever they are named."""
        return (*self.modules, *(() if isinstance(self.agents, dict) else self.agents))

    def placed(self, folder: Path) -> Self:
        """Return them with the paths in them taken from a folder: that of their file."""
        models = {name: said.placed(folder) for name, said in self.models.items()}
        agents = {
            name: said.model_copy(
                # Whole: what has no slash any more would be the name of a skill.
                update={"skills": tuple(_whole(folder, s) for s in said.skills)}
            )
            for name, said in self.agent_sections.items()
        }
        modules = tuple(str(folder / m) if m.endswith(".py") else m for m in self.all_modules)
        servers = {name: said.placed(folder) for name, said in self.mcp.items()}
        update = {"models": models, "agents": agents, "modules": modules, "mcp": servers}
        return self.model_copy(update=update)

    def under(self, user: Self) -> Self:
        """Return what holds in a workspace of a user: never looser than the user's own.

        Rules of both are in force, the lower bound wins, the stricter treatment, the smaller
        right. What is no protection is the workspace's, where it says something.
        """
        return self.model_copy(
            update={
                "guards": self.guards.under(user.guards),
                "personal_data": stricter_of(self.personal_data, user.personal_data),
                "rules": (*user.rules, *self.rules),
                "limits": self.limits.under(user.limits),
                "budgets": self.budgets.under(user.budgets),
                "loops": self.loops.under(user.loops),
                "breaker": self.breaker.under(user.breaker),
                "retention": self.retention.under(user.retention),
                "tenants": _by_name(self.tenants, user.tenants),
                "models": _by_name(self.models, user.models),
                "model": self.model or user.model,
                "tiers": self.tiers.under(user.tiers),
                # The first that fits is followed, and the workspace knows its agents better.
                "routes": (*self.routes, *user.routes),
                "providers": _by_name(self.providers, user.providers),
                "agents": {**user.agent_sections, **self.agent_sections},
                "modules": tuple(dict.fromkeys((*user.all_modules, *self.all_modules))),
                "plugins": tuple(dict.fromkeys((*user.plugins, *self.plugins))),
                "tools": _by_name(self.tools, user.tools),
                "mcp": _by_name(self.mcp, user.mcp),
            }
        )


def _whole(folder: Path, skill: str) -> str:
    return str((folder / skill).absolute()) if "/" in skill else skill


def _by_name(mine: dict[str, S], user: dict[str, S]) -> dict[str, S]:
    merged = {**user, **mine}
    for name in mine.keys() & user.keys():
        merged[name] = mine[name].under(user[name])
    return merged
