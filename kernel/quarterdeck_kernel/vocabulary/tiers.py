"""Tiers of models, and the rules by which a request is given to one of them."""

import re
from collections.abc import Mapping
from typing import Literal

from pydantic import Field, field_validator

from quarterdeck_kernel.vocabulary.model import Value

Tier = Literal["frontier", "mid", "small"]
Tiers = Mapping[str, tuple[str, ...]]
"""Models by tier, the best tier first; in a tier, the one to ask first."""


class Route(Value):
    """A rule of the router: a request that fits goes to `tier`. All that is given must hold.

    `said_pattern` is searched for in what was said to the model last, whoever said it.
    """

    name: str = Field(min_length=1)
    tier: Tier
    purposes: tuple[Literal["turn", "extraction", "compaction", "repair", "other"], ...] = ()
    agents: tuple[str, ...] = ()
    said_pattern: str | None = None
    max_chars: int | None = Field(default=None, ge=1)
    min_chars: int | None = Field(default=None, ge=1)

    @field_validator("said_pattern")
    @classmethod
    def _compiles(cls, pattern: str | None) -> str | None:
        try:
            re.compile(pattern or "")
        except re.error as error:
            message = f"the pattern {pattern!r} is no regular expression: {error}"
            raise ValueError(message) from error
        return pattern

    def fits(self, *, purpose: str, agent: str, said: str) -> bool:
        """Tell whether a request is one of those that are meant."""
        return (
            (not self.purposes or purpose in self.purposes)
            and (not self.agents or agent in self.agents)
            and (self.max_chars is None or len(said) <= self.max_chars)
            and (self.min_chars is None or len(said) >= self.min_chars)
            and (self.said_pattern is None or re.search(self.said_pattern, said) is not None)
        )
