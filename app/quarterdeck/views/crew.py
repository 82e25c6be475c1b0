"""Who works in a workspace and with what, as values: agents, tools, models, servers, grants."""

from dataclasses import dataclass
from typing import NamedTuple

from quarterdeck.views.model_keys import key_variable
from quarterdeck_kernel.vocabulary.words import Effect, Risk


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentLine:
    """An agent. `model` is what it names, or stands in its tier; `absent` why it cannot be used."""

    name: str
    source: str
    absent: str | None = None
    identity: str = ""
    model: str | None = None
    tier: str | None = None
    tools: tuple[str, ...] = ()
    skills: tuple[str, ...] = ()
    sub_agents: tuple[str, ...] = ()
    budget_micros: int | None = None
    deadline_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolLine:
    """A tool: what it does to the world, and what it needs; of secrets the names alone."""

    name: str
    source: str
    description: str
    effect: Effect
    risk: Risk
    capability: str | None = None
    probe: bool = False
    preview: bool = False
    secrets: tuple[str, ...] = ()


class ModelLine(NamedTuple):
    """A model. `offline` needs nobody: a script answers in its place."""

    name: str
    tier: str | None = None
    offline: bool = False


class ServerLine(NamedTuple):
    """How an MCP server fares; of the secrets that it is sent the names alone."""

    name: str
    connected: bool
    tools: int = 0
    failures: int = 0
    last_error: str | None = None
    left_out: tuple[str, ...] = ()
    secrets: tuple[str, ...] = ()


class GrantOf(NamedTuple):
    """A grant that stands, and the run in which it does."""

    run_id: str
    agent: str
    grant_id: str
    tool: str
    seq: int
    by: str
    at_us: int
    bounds: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Crew:
    """All of a workspace.

    `keys` are the variables that are set, of those which providers read; `trouble` is why the
    settings could not be read.
    """

    agents: tuple[AgentLine, ...] = ()
    tools: tuple[ToolLine, ...] = ()
    models: tuple[ModelLine, ...] = ()
    servers: tuple[ServerLine, ...] = ()
    tenants: tuple[str, ...] = ()
    default_model: str | None = None
    keys: frozenset[str] = frozenset()
    trouble: str | None = None
    loaded: bool = False

    def agent(self, name: str) -> AgentLine | None:
        """Return an agent."""
        return next((agent for agent in self.agents if agent.name == name), None)

    def model(self, name: str) -> ModelLine | None:
        """Return a model that the settings know, or that was found out about."""
        return next((model for model in self.models if model.name == name), None)

    def key(self, model: str) -> str | None:
        """Return the variable that a model's provider reads its key from, if there is one."""
        known = self.model(model)
        return None if known is not None and known.offline else key_variable(model)

    def missing_key(self, model: str) -> str | None:
        """Return the variable that a model needs and that is not set."""
        key = self.key(model)
        return None if key in self.keys else key

    def users(self, tool: str) -> list[str]:
        """Return the agents that may use a tool."""
        return [agent.name for agent in self.agents if tool in agent.tools]
