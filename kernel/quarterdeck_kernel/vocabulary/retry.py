"""The one retry policy, for models and tools alike."""

from typing import Self

from pydantic import Field, model_validator

from quarterdeck_kernel.vocabulary.model import Value


class RetryPolicy(Value):
    """How often something is tried, how long each try may take, and how long is waited between.

    `budget_s` bounds all tries and waits of one step together: a wait that would end behind it is
    not begun, whatever a server asks for.
    """

    tries: int = Field(default=3, ge=1, le=100)
    timeout_s: float = Field(default=120.0, gt=0)
    first_delay_s: float = Field(default=0.5, ge=0)
    longest_delay_s: float = Field(default=30.0, ge=0)
    jitter: float = Field(default=0.1, ge=0, le=1)
    budget_s: float = Field(default=600.0, gt=0)

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.first_delay_s > self.longest_delay_s:
            message = (
                f"the first delay of {self.first_delay_s} s is longer than the longest of "
                f"{self.longest_delay_s} s; raise longest_delay_s"
            )
            raise ValueError(message)
        return self

    def delay_us(self, failures: int, chance: float, retry_after_us: int | None = None) -> int:
        """Return how long to wait after so many failures.

        `chance` is drawn from [0, 1). What a server asks for is the least, never shortened.
        """
        doubled_s = self.first_delay_s * 2.0 ** min(failures - 1, 60)
        spread = 1 + self.jitter * (2 * chance - 1)
        delay_us = int(min(doubled_s, self.longest_delay_s) * spread * 1_000_000)
        return max(delay_us, retry_after_us or 0)


ONCE = RetryPolicy.model_construct(tries=1)  # validated, it would build a schema at import
"""No second try."""
