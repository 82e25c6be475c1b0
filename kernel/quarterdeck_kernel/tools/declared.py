"""What a function may declare about itself when it becomes a tool: the keywords of `tool_of`."""

from collections.abc import Callable, Collection
from typing import TypedDict

from quarterdeck_kernel.vocabulary.retry import RetryPolicy
from quarterdeck_kernel.vocabulary.words import Effect, Risk


class Declared(TypedDict, total=False):
    """Says what is possible wherever these keywords are handed on."""

    name: str | None
    description: str | None
    effect: Effect
    capability: str | None
    risk: Risk
    version: str | None
    timeout_s: float | None
    retry: RetryPolicy | None
    preview: Callable[..., object] | None
    probe: Callable[..., object] | None
    preconditions: Callable[..., object] | None
    answered_by_caller: bool
    cost_micros: int | None
    secrets: Collection[str]
