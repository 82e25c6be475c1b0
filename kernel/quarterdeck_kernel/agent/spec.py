"""What an agent is, as data: pinned into the log of every run that it makes.

Owns the shape and what is refused of it before a run begins. What the words do stands in the
other modules of `agent`.
"""

import re
from typing import Literal, Self

from pydantic import Field, JsonValue, ValidationError, field_validator, model_validator

from quarterdeck_kernel import canonical
from quarterdeck_kernel.errors import InvalidError
from quarterdeck_kernel.vocabulary.model import Value
from quarterdeck_kernel.vocabulary.retry import RetryPolicy

FINISH = "finish"
ASK = "ask"
LOAD_SKILL = "load_skill"
MEMORY_TOOLS = ("memory_append", "memory_replace", "memory_search")
RESERVED = frozenset({FINISH, ASK, LOAD_SKILL, *MEMORY_TOOLS})
"""Names of the tools that an agent has from the kernel: no tool of a user may have one."""

SECTION_ORDER = ("episodic", "documents", "worldview", "facts")
"""In this order sections are left out of a prompt that does not fit."""

_NAME = re.compile(r"[a-zA-Z0-9_-]{1,60}")

Autonomy = Literal["low", "medium", "high"]
QUESTIONS: dict[Autonomy, int] = {"low": 5, "medium": 3, "high": 1}
"""How often an agent may ask a person in one run."""


class Section(Value):
    """Something an agent should know, that may be left out where the window is too small."""

    kind: Literal["episodic", "documents", "worldview", "facts"]
    text: str = Field(min_length=1)


class CompactionPolicy(Value):
    """When the conversation is shortened, and how much of its end is kept as it is.

    `at_window` is the share of the model's window, where that is known; `at_messages` counts.
    """

    at_window: float = Field(default=0.8, gt=0, le=1)
    at_messages: int | None = Field(default=None, ge=8)
    keep_messages: int = Field(default=8, ge=1)

    @model_validator(mode="after")
    def _gains(self) -> Self:
        if self.at_messages is not None and self.at_messages < 2 * self.keep_messages:
            message = (
                f"a conversation that is shortened at {self.at_messages} messages cannot keep "
                f"{self.keep_messages} of them; keep half as many at the most"
            )
            raise ValueError(message)
        return self


class AgentSpec(Value):
    """An agent. `tools` are those it may use; `lends` those that only its sub-agents may.

    `attended` is whether somebody may be asked. A `chat` answers in plain text and then waits for
    what is said next; any other agent works until it calls `finish`.
    """

    name: str
    identity: str = ""
    prompt: str = ""
    sections: tuple[Section, ...] = ()
    model: str | None = None
    tier: str | None = None
    parameters: dict[str, JsonValue] = Field(default_factory=dict)
    retry: RetryPolicy = Field(default_factory=RetryPolicy)
    tools: tuple[str, ...] = ()
    lends: tuple[str, ...] = ()
    skills: tuple[str, ...] = ()
    sub_agents: tuple["AgentSpec", ...] = ()
    memory: bool = False
    budget_micros: int | None = Field(default=None, gt=0)
    deadline_s: float | None = Field(default=None, gt=0)
    max_run_time_s: float | None = Field(default=None, gt=0)
    autonomy: Autonomy = "medium"
    attended: bool = True
    chat: bool = False
    max_turns: int = Field(default=20, ge=1)
    history_turns: int = Field(default=50, ge=1)
    answer_schema: dict[str, JsonValue] | None = None
    compaction: CompactionPolicy | None = Field(default_factory=CompactionPolicy)

    @field_validator("name")
    @classmethod
    def _named(cls, name: str) -> str:
        if _NAME.fullmatch(name):
            return name
        message = f"{name[:80]!r} is no name for an agent; use 1 to 60 letters, digits, _ or -"
        raise ValueError(message)

    @field_validator("tools", "lends", "skills")
    @classmethod
    def _sorted(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        """In what order they are named never matters, nor does it change a digest."""
        return tuple(sorted(set(names)))

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        taken = RESERVED.intersection(self.tools)
        if taken:
            message = f"{sorted(taken)!r} are tools of the kernel; leave them out of tools"
            raise ValueError(message)
        names = [*self.tools, *(child.name for child in self.sub_agents)]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice or RESERVED.intersection(names):
            message = f"a sub-agent needs a name that no tool of {self.name!r} has: {twice!r}"
            raise ValueError(message)
        for child in self.sub_agents:
            wider = child.rights - self.rights
            if wider:
                message = (
                    f"sub-agent {child.name!r} may do more than {self.name!r}: {sorted(wider)!r}; "
                    "name those among its tools, or under lends"
                )
                raise ValueError(message)
        return self

    @property
    def rights(self) -> frozenset[str]:
        """Return the tools that it may use or lend."""
        return frozenset((*self.tools, *self.lends))

    def config(self) -> dict[str, JsonValue]:
        """Return the form that is pinned in the log."""
        return self.model_dump(mode="json", exclude_defaults=True) | {"name": self.name}

    def digest(self) -> str:
        """Return the hash by which a changed configuration is known."""
        return canonical.digest(self.config())

    def narrowed(self, allowed: frozenset[str]) -> "AgentSpec":
        """Return it with no other rights than these, and its sub-agents likewise."""
        return self.model_copy(
            update={
                "tools": tuple(name for name in self.tools if name in allowed),
                "lends": tuple(name for name in self.lends if name in allowed),
                "sub_agents": tuple(child.narrowed(allowed) for child in self.sub_agents),
            }
        )


def spec_of(config: dict[str, JsonValue] | None, run_id: str) -> AgentSpec:
    """Return the agent that a run has pinned; names from a newer version are passed over."""
    try:
        return AgentSpec.model_validate(_known(config or {}))
    except ValidationError as error:
        raise InvalidError(
            f"run {run_id!r} holds no usable configuration of an agent; give one "
            f"({error.error_count()} problems: {error.errors(include_url=False)[0]['msg']})"
        ) from error


def _known(config: dict[str, JsonValue]) -> dict[str, JsonValue]:
    known = {name: value for name, value in config.items() if name in AgentSpec.model_fields}
    children = known.get("sub_agents")
    if isinstance(children, list):
        known["sub_agents"] = [_known(child) for child in children if isinstance(child, dict)]
    return known
