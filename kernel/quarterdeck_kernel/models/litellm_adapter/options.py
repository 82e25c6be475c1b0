"""What a LiteLLM provider is told once, for all its calls."""

from pydantic import Field, JsonValue, SecretStr

from quarterdeck_kernel.vocabulary.model import Value


class LiteLLMOptions(Value):
    """Where the provider is, what opens it, and what is asked of it when a request says nothing.

    Without an `api_key`, LiteLLM looks for the provider's usual variable in the environment.
    `headers` are sent along; `secrets` and `extra` are further arguments of LiteLLM's, such as
    `aws_secret_access_key` and `api_version`. What is secret appears in no message and no repr.
    """

    api_base: str | None = None
    api_key: SecretStr | None = None
    headers: dict[str, SecretStr] = Field(default_factory=dict)
    secrets: dict[str, SecretStr] = Field(default_factory=dict)
    extra: dict[str, JsonValue] = Field(default_factory=dict)
    # Without one LiteLLM asks Anthropic for the most that a model gives, which rate limits count.
    max_tokens: int | None = Field(default=4_096, ge=1)
    window_tokens: int | None = Field(default=None, ge=1)

    def secret_texts(self) -> tuple[str, ...]:
        """Return what must not be shown."""
        held = (self.api_key, *self.headers.values(), *self.secrets.values())
        texts = {secret.get_secret_value() for secret in held if secret is not None}
        # Longer ones first: one may be a part of another.
        return tuple(sorted(texts - {""}, key=len, reverse=True))
