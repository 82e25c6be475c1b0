"""`[agents.NAME]`: agents as data, and `modules`: where those in Python are."""

from decimal import Decimal
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, JsonValue, field_validator

from quarterdeck_kernel.agent.spec import AgentSpec, Autonomy
from quarterdeck_kernel.engine.schema_check import schema_problem
from quarterdeck_kernel.settings.amounts import Count, Usd, micros
from quarterdeck_kernel.vocabulary.model import Value
from quarterdeck_kernel.vocabulary.tiers import Tier


def _plain(value: object) -> object:
    """TOML's numbers with a point are read exactly; in JSON they are what they were."""
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    return [_plain(inner) for inner in value] if isinstance(value, list) else value


Plain = Annotated[dict[str, JsonValue], BeforeValidator(_plain)]
AgentName = Annotated[str, Field(pattern=r"^[a-zA-Z0-9_-]{1,60}$")]


class AgentSettings(Value):
    """One agent. Its sub-agents are other agents of these settings, or of the modules."""

    identity: str = Field(default="", description="Who it is, in a sentence.")
    prompt: str = Field(default="", description="How it is to work.")
    model: str | None = None
    tier: Tier | None = Field(default=None, description="In place of a model: one of [tiers].")
    parameters: Plain = Field(default={}, description="For the model: temperature and the like.")
    tools: tuple[str, ...] = ()
    lends: tuple[str, ...] = Field(default=(), description="Tools for its sub-agents alone.")
    skills: tuple[str, ...] = Field(default=(), description="Names, or folders with a SKILL.md.")
    sub_agents: tuple[str, ...] = ()
    memory: bool = False
    budget_usd: Usd | None = None
    deadline_s: Count | None = None
    max_run_time_s: Count | None = None
    max_turns: Count = 20
    autonomy: Autonomy = "medium"
    attended: bool = Field(default=True, description="Whether somebody may be asked.")
    chat: bool = False
    output_schema: Plain | None = Field(
        default=None, description="The JSON schema that its answer has to fit."
    )

    @field_validator("output_schema")
    @classmethod
    def _usable(cls, schema: dict[str, JsonValue] | None) -> dict[str, JsonValue] | None:
        problem = schema_problem(schema) if schema is not None else None
        if problem is not None:
            message = f"it is no JSON schema: {problem}"
            raise ValueError(message)
        return schema

    def spec(
        self, name: str, sub_agents: tuple[AgentSpec, ...], skills: tuple[str, ...]
    ) -> AgentSpec:
        """Return the agent that this describes; raises what pydantic finds wrong with it."""
        values: dict[str, Any] = self.model_dump(
            exclude={"budget_usd", "output_schema", "sub_agents", "skills"}
        )
        return AgentSpec(
            **values,
            name=name,
            sub_agents=sub_agents,
            skills=skills,
            budget_micros=micros(self.budget_usd) if self.budget_usd is not None else None,
            answer_schema=self.output_schema,
        )
