"""From settings to models: tiers, rules, prices, limits, and who answers for which name."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from quarterdeck_kernel.errors import InvalidError, SettingsError
from quarterdeck_kernel.models.described import DescribedModel
from quarterdeck_kernel.models.port import ModelPort
from quarterdeck_kernel.vocabulary.price import Price
from quarterdeck_kernel.vocabulary.tiers import Route, Tiers

if TYPE_CHECKING:
    from quarterdeck_kernel.settings.settings import Settings


def routing_of(
    settings: "Settings | None", tiers: Tiers | None, routes: Sequence[Route]
) -> tuple[Tiers, Sequence[Route]]:
    """Return the tiers and rules given in code, else those of the settings."""
    if settings is None:
        return tiers or {}, routes
    return tiers or settings.tiers.models(settings.models), routes or settings.routes


def at_once_of(settings: "Settings | None") -> dict[str, int]:
    """Return how many requests each provider may have at a time, where that is said."""
    sections = settings.providers.items() if settings is not None else ()
    return {name: said.at_once for name, said in sections if said.at_once is not None}


def described(settings: "Settings | None", model: ModelPort | None) -> ModelPort | None:
    """Return a provider that knows what the settings say of its models."""
    if settings is None or model is None:
        return model
    prices = {
        name: Price(input=said.input_usd, output=said.output_usd)
        for name, said in settings.models.items()
        if said.input_usd is not None and said.output_usd is not None
    }
    windows = {
        name: said.window_tokens
        for name, said in settings.models.items()
        if said.window_tokens is not None
    }
    if not prices and not windows:
        return model
    return DescribedModel(model, prices=prices, windows=windows)


def models_of(settings: "Settings | None") -> ModelPort:
    """Return what answers for every model: a script or a file where one is named, else LiteLLM."""
    from quarterdeck_kernel.kernel.offline import OFFLINE, offline_model  # noqa: PLC0415 - as below
    from quarterdeck_kernel.models.switchboard import Switchboard  # noqa: PLC0415 - for commands

    models = settings.models if settings is not None else {}
    own: dict[str, ModelPort] = {} if OFFLINE in models else {OFFLINE: offline_model()}
    wrong: list[str] = []
    for name, said in models.items():
        if said.script is not None:
            try:
                own[name] = _scripted(Path(said.script))
            except InvalidError as error:
                wrong.append(f"{_section(name)}.script: {said.script}: {error}")
        elif said.gguf is not None:
            own[name] = _local(Path(said.gguf), said.window_tokens)
    if wrong:
        raise SettingsError("\n".join(wrong), problems=tuple(wrong))
    return Switchboard(own, _litellm)


def _scripted(file: Path) -> ModelPort:
    from quarterdeck_kernel.models.script import load_script  # noqa: PLC0415
    from quarterdeck_kernel.models.scripted import ScriptedModel  # noqa: PLC0415

    try:
        return ScriptedModel(load_script(file.read_bytes()))
    except OSError as error:
        message = f"it cannot be read: {error.strerror}"
        raise InvalidError(message) from error


def _section(model: str) -> str:
    """Return the key of a model's section, as problems name it."""
    from quarterdeck_kernel.settings.problems import key_of  # noqa: PLC0415 - only in an error

    return key_of(("models", model))


def _local(gguf: Path, window_tokens: int | None) -> ModelPort:
    from quarterdeck_kernel.models.local.model import LocalModel  # noqa: PLC0415

    return LocalModel(gguf, window_tokens=window_tokens)


def _litellm() -> ModelPort:
    from quarterdeck_kernel.models.litellm_adapter import LiteLLMModel  # noqa: PLC0415

    return LiteLLMModel()
