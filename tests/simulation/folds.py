"""The kernel's fold with one thing taken out of it, to see that the protocol needs it.

Each was missing once, and the model found it.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from types import MappingProxyType
from typing import Any
from unittest.mock import patch

from quarterdeck_kernel.events.envelope import Event
from quarterdeck_kernel.events.tool_events import ToolCompleted
from quarterdeck_kernel.projections import fold_control, fold_tool, legal_run
from quarterdeck_kernel.projections.fold_tool import Learnt
from quarterdeck_kernel.projections.open_items import AllowedRetry, OpenUnknown, ToolIntent
from quarterdeck_kernel.projections.state import RunState

_completed = fold_tool._completed
_unknown = fold_tool._unknown


def _never(*_arguments: object) -> None:
    """Do not do it."""


def _allows_nothing_back(
    state: RunState, event: Event, payload: ToolCompleted, intent: ToolIntent
) -> None:
    if payload.outcome == "not_dispatched":
        intent = intent._replace(allowed=None, retry=None)
    _completed(state, event, payload, intent)


def _restores_what_is_overtaken(
    state: RunState, event: Event, payload: ToolCompleted, intent: ToolIntent
) -> None:
    retry = intent.retry
    if retry is not None and retry.overtaken and retry.unknown is not None:
        forgets = retry.unknown._replace(evidence=None, evidence_seq=None)
        intent = intent._replace(retry=retry._replace(unknown=forgets))
    _completed(state, event, payload, intent)


def _unknown_without_evidence(intent: ToolIntent, at_us: int) -> OpenUnknown:
    return _unknown(intent, at_us)._replace(evidence=None, evidence_seq=None)


def _retry_untold(_learnt: Learnt, retry: AllowedRetry) -> AllowedRetry:
    return retry


_Patch = tuple[Any, str, Callable[..., Any]]

FOLDS: Mapping[str, tuple[_Patch, ...]] = MappingProxyType(
    {
        "a cancelled run makes no further try": (
            (fold_control, "withdraw_retry", _never),
            (legal_run, "_end_refusal", _never),
        ),
        "what is not dispatched gives back what allowed it": (
            (fold_tool, "_completed", _allows_nothing_back),
        ),
        "what is not dispatched and not needed any more is not given back": (
            (fold_tool, "_completed", _restores_what_is_overtaken),
        ),
        "evidence before its unknown counts": ((fold_tool, "_unknown", _unknown_without_evidence),),
        "the strongest evidence stays": ((Learnt, "is_news", lambda *_: True),),
        "evidence stops a further try": ((Learnt, "told_retry", _retry_untold),),
    }
)
"""What the fold does, and how it is kept from it."""


@contextmanager
def without(name: str) -> Iterator[None]:
    """Fold without one of them."""
    patches = [patch.object(*parts) for parts in FOLDS[name]]
    for each in patches:
        each.start()
    try:
        yield
    finally:
        for each in patches:
            each.stop()
