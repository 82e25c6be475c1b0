"""A rule: which steps it is about, and what it says of them."""

from typing import Annotated, Literal, Self, TypeAlias

from pydantic import Field, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from quarterdeck_kernel import canonical
from quarterdeck_kernel.guards.policy.argument_test import ArgumentTest, Text, Texts
from quarterdeck_kernel.guards.policy.window import Window
from quarterdeck_kernel.vocabulary.limits import LONGEST_WAIT_S
from quarterdeck_kernel.vocabulary.model import Value
from quarterdeck_kernel.vocabulary.words import Effect, Risk

RuleVerdict = Literal["allow", "deny", "require_approval", "warn"]
RuleName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$")]
Globs: TypeAlias = Annotated[
    Texts, Field(description="Names with * and ?; !NAME takes some out again.")
]

MOST_PEOPLE = 10

_OF_APPROVALS = ("risk", "expires_after_s", "people_needed")


class Rule(Value):
    """One rule of a policy. It is about the steps that meet everything it names.

    `tools`, `effects`, `capabilities`, `risks` and `arguments` are about tool calls, `models` is
    about model requests; a rule with none of them is about both.
    """

    name: RuleName = Field(description="What verdicts call it; every rule has its own.")
    verdict: RuleVerdict = Field(description="What it says; the strictest of all rules counts.")
    reason: Text | None = Field(default=None, description="Told to the model and to people.")
    tools: Globs | None = None
    models: Globs | None = None
    tenants: Globs | None = None
    people: Globs | None = Field(default=None, description="Who began the run.")
    agents: Globs | None = None
    effects: Annotated[tuple[Effect, ...], Field(min_length=1)] | None = None
    capabilities: Globs | None = None
    risks: Annotated[tuple[Risk, ...], Field(min_length=1)] | None = None
    arguments: dict[Text, ArgumentTest] = Field(
        default={}, description='By name, by a path such as "options.url", or "*" for all.'
    )
    when: Window | None = None
    risk: Risk | None = Field(default=None, description="How risky a person is told that it is.")
    expires_after_s: Annotated[int, Field(strict=True, gt=0, le=LONGEST_WAIT_S)] | None = Field(
        default=None, description="Unanswered for so many seconds, an approval is denied."
    )
    people_needed: Annotated[int, Field(strict=True, ge=1, le=MOST_PEOPLE)] | None = Field(
        default=None, description="How many different people must agree."
    )

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.verdict != "require_approval":
            for name in _OF_APPROVALS:
                if getattr(self, name) is not None:
                    raise _wrong(name, f"only a rule that asks for approval has {name!r}")
        elif self.about_requests:
            key = "models" if self.models is not None else "verdict"
            raise _wrong(
                key,
                "a model request waits for nobody, so no rule can ask for its approval; "
                'name `tools`, or use "deny" for models',
            )
        return self

    @property
    def about_calls(self) -> bool:
        """Tell whether it may be about tool calls."""
        return self._names_calls or self.models is None

    @property
    def about_requests(self) -> bool:
        """Tell whether it may be about model requests."""
        return self.models is not None or not self._names_calls

    @property
    def _names_calls(self) -> bool:
        named = (self.tools, self.effects, self.capabilities, self.risks)
        return any(each is not None for each in named) or bool(self.arguments)

    @property
    def identity(self) -> str:
        """Return its name with a digest of all it says: an approval is bound to that."""
        said = self.model_dump(mode="json", exclude_defaults=True)
        return f"{self.name}@{canonical.digest(said)[:16]}"


def _wrong(key: str, message: str) -> PydanticCustomError:
    """Return an error that names the key which is wrong."""
    return PydanticCustomError("rule", "{message}", {"key": key, "message": message})
