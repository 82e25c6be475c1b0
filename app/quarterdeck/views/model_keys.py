"""The variables of the environment that model providers read their keys from: names, no values."""

from collections.abc import Collection, Mapping

VARIABLES = {
    "anthropic": "ANTHROPIC_API_KEY",
    "azure": "AZURE_API_KEY",
    "bedrock": "AWS_ACCESS_KEY_ID",
    "cohere": "COHERE_API_KEY",
    "deepseek": "DEEPSEEK_API_KEY",
    "fireworks_ai": "FIREWORKS_AI_API_KEY",
    "gemini": "GEMINI_API_KEY",
    "groq": "GROQ_API_KEY",
    "huggingface": "HF_TOKEN",
    "mistral": "MISTRAL_API_KEY",
    "openai": "OPENAI_API_KEY",
    "openrouter": "OPENROUTER_API_KEY",
    "perplexity": "PERPLEXITYAI_API_KEY",
    "together_ai": "TOGETHERAI_API_KEY",
    "xai": "XAI_API_KEY",
}
_BY_NAME = {"claude": "anthropic", "gpt": "openai", "o1": "openai", "o3": "openai", "o4": "openai"}


def key_variable(model: str) -> str | None:
    """Return the variable that a model's provider usually reads, if the provider is known here."""
    provider, parted, _ = model.partition("/")
    if not parted:
        provider = _BY_NAME.get(model.partition("-")[0], "")
    return VARIABLES.get(provider)


def missing_key(model: str, offline: Collection[str], environment: Mapping[str, str]) -> str | None:
    """Return the variable that a model needs and that is not set; those offline need none."""
    variable = key_variable(model)
    if variable is None or model in offline:
        return None
    return None if environment.get(variable) else variable


def present(environment: Mapping[str, str]) -> list[str]:
    """Return the names of those that are set."""
    return sorted(name for name in VARIABLES.values() if environment.get(name))
