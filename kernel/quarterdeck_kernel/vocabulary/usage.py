"""What a call to a model used."""

from pydantic import Field

from quarterdeck_kernel.vocabulary.model import Value


class Usage(Value):
    """Tokens of one model call; cost stands beside it, because it may be unknown."""

    input_tokens: int = Field(default=0, ge=0)
    output_tokens: int = Field(default=0, ge=0)
    cached_tokens: int = Field(default=0, ge=0)
    reasoning_tokens: int = Field(default=0, ge=0)

    @property
    def total_tokens(self) -> int:
        """Return what counts against a window or a budget of tokens."""
        return self.input_tokens + self.output_tokens
