"""What a model charges."""

from decimal import ROUND_CEILING, Decimal

from pydantic import Field

from quarterdeck_kernel.vocabulary.model import Value


class Price(Value):
    """Dollars for a million tokens, which is micro-dollars for one."""

    input: Decimal = Field(ge=0)
    output: Decimal = Field(ge=0)

    def micros(self, input_tokens: int, output_tokens: int) -> int:
        """Return what so many tokens cost, rounded up."""
        exact = input_tokens * self.input + output_tokens * self.output
        return int(exact.to_integral_value(rounding=ROUND_CEILING))
