"""Bringing LiteLLM in: late, in a thread, and without its reaching for network, files or screen.

Owns what must be set around the import. Left to itself, LiteLLM fetches prices and headers from the
network, reads a `.env` file of any folder above into the environment, and prints over the screen.
"""

import asyncio
import logging
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import TYPE_CHECKING, ClassVar, Final, cast

from quarterdeck_kernel.models.litellm_adapter.shapes import LiteLLM

if TYPE_CHECKING:
    from collections.abc import Mapping

_ENVIRONMENT: Final["Mapping[str, str]"] = {
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",
    "LITELLM_LOCAL_ANTHROPIC_BETA_HEADERS": "True",
    "LITELLM_MODE": "PRODUCTION",
    "LITELLM_LOG": "ERROR",
}
_LOGGERS: Final = ("LiteLLM", "LiteLLM Proxy", "LiteLLM Router")


class _Loaded:
    """The module, once it is there."""

    lock: ClassVar = threading.Lock()
    module: ClassVar[LiteLLM | None] = None


async def load() -> LiteLLM:
    """Return LiteLLM; importing it takes seconds, during which the loop goes on."""
    if _Loaded.module is None:
        return await asyncio.to_thread(_load)
    return _Loaded.module


def loaded() -> LiteLLM | None:
    """Return LiteLLM if it is there already."""
    return _Loaded.module


def _load() -> LiteLLM:
    with _Loaded.lock:
        if _Loaded.module is None:
            # Whoever imported it before has settled what it does and where it logs.
            ours = "litellm" not in sys.modules
            with _quiet_environment():
                module = _imported()
            if ours:
                _settle(module)
            _Loaded.module = cast("LiteLLM", module)
        return _Loaded.module


def _imported() -> ModuleType:
    """Import LiteLLM, and have it do now what would hold up the loop with the first call."""
    import litellm  # noqa: PLC0415 - seconds and 150 MB, for those who call a model only
    import openai.resources  # noqa: PLC0415 - 0.2 s, which the client puts off until it is used

    assert openai.resources is not None, "imported for what importing does"
    # Reads the headers while the environment says that no network is to be asked.
    litellm.anthropic_beta_headers_manager.is_beta_header_supported("x", "anthropic")
    return cast("ModuleType", litellm)


def _settle(module: ModuleType) -> None:
    """Switch off what would print, and what would be done without having been asked for."""
    settings = vars(module)
    settings["suppress_debug_info"] = True
    # It counts the tokens of nothing when a stream begins, and for that reads tables of 115 MB,
    # which takes 0.15 s of the loop. Counting for a provider that does not is `models.counting`.
    settings["disable_token_counter"] = True
    # It breaks off a stream for a hundred pieces that are alike: a ruled table, say.
    settings["REPEATED_STREAMING_CHUNK_LIMIT"] = sys.maxsize
    for name in _LOGGERS:
        logger = logging.getLogger(name)
        # With no handler at all, Python itself would print warnings.
        logger.handlers[:] = [logging.NullHandler()]
        # What it logs about failures holds prompts, and so does all that its client debugs.
        logger.propagate = False
    logging.getLogger("openai").setLevel(logging.WARNING)


@contextmanager
def _quiet_environment() -> Iterator[None]:
    """Set what LiteLLM asks the environment while it is imported, and put back what was there."""
    before = {name: os.environ.get(name) for name in _ENVIRONMENT}
    os.environ.update(_ENVIRONMENT)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
