"""What may be decided about an item now, and why not: one answer for keys, footer and menu."""

from collections.abc import Mapping
from typing import NamedTuple

from quarterdeck.views.matter import Kind, Matter
from quarterdeck.views.plain import plain
from quarterdeck_kernel.engine.answer_form import APPROVABLE

_CALL: frozenset[Kind] = frozenset({"call"})
_PAUSE: frozenset[Kind] = frozenset({"call", "question"})
_UNKNOWN: frozenset[Kind] = frozenset({"unknown"})

_KINDS: Mapping[str, frozenset[Kind]] = {
    "approval.approve": _PAUSE,
    "approval.once": _PAUSE,
    "approval.grant": _CALL,
    "approval.edit": _CALL,
    "approval.reject": _PAUSE,
    "approval.answer": frozenset({"question"}),
    "unknown.probe": _UNKNOWN,
    "unknown.done": _UNKNOWN,
    "unknown.failed": _UNKNOWN,
    "unknown.retry": _UNKNOWN,
}
_METHODS: Mapping[str, str] = {
    "arm": "approval.approve",
    "approve_once": "approval.once",
    "approve_run": "approval.grant",
    "edit": "approval.edit",
    "reject": "approval.reject",
    "answer": "approval.answer",
    "probe": "unknown.probe",
    "settle_done": "unknown.done",
    "settle_failed": "unknown.failed",
    "retry": "unknown.retry",
}
_CONSENTS = frozenset(
    {"approval.approve", "approval.once", "approval.grant", "approval.edit", "approval.answer"}
)
"""What says yes to the text, and needs it to be read."""
_COUNTED = _CONSENTS - {"approval.edit", "approval.answer"}
"""What makes a person one of two."""

DECIDING: tuple[str, ...] = tuple(_KINDS)
"""The ids of all decisions."""


class Circumstances(NamedTuple):
    """What is known when somebody wants to decide."""

    matter: Matter | None
    trouble: str | None
    deciding: bool
    unread: int
    held: int
    now_us: int
    inert: str | None


def fits(method: str, matter: Matter | None) -> bool:
    """Tell whether an item can be asked for this at all."""
    action = _METHODS.get(method)
    if action is None:
        return True
    if matter is None or matter.kind not in _KINDS[action]:
        return False
    asked = matter.asked
    if action in {"approval.approve", "approval.once"} and matter.kind == "question":
        return asked is not None and asked.type in APPROVABLE
    if action == "approval.answer":
        return asked is not None and asked.type not in APPROVABLE - {"confirm"}
    return True


def why_not(action: str, now: Circumstances) -> str | None:
    """Return why an item may not be decided in some way now; None: it may."""
    matter = now.matter
    if matter is None:
        return "it is being read"
    return now.inert or _closed(now) or _unfit(action, matter) or _unread(action, now)


def _closed(now: Circumstances) -> str | None:
    if now.trouble is not None:
        return plain(now.trouble)
    if now.deciding:
        return "a decision is being recorded"
    pause = now.matter.pause if now.matter is not None else None
    if pause is not None and pause.expires_at_us is not None and now.now_us >= pause.expires_at_us:
        return "its time is up, and nobody had decided"
    return None


def _unfit(action: str, matter: Matter) -> str | None:
    if matter.erased and matter.kind != "unknown" and action != "approval.reject":
        return "what was asked was erased; reject it"
    if action == "approval.grant" and matter.needs_two:
        return "two people are needed each time"
    if action in _COUNTED and _agreed_already(matter):
        return "you agreed already; another person is needed"
    if action == "unknown.probe" and not matter.can_probe:
        return f"the probe of {plain(matter.tool or 'it')} is not known in this process"
    if action == "unknown.retry" and matter.unknown is not None and matter.unknown.inherited:
        return "its parent sent it; it is not tried again from a fork"
    return None


def _agreed_already(matter: Matter) -> bool:
    if matter.pause is None or matter.me is None or not matter.needs_two:
        return False
    return any(person.is_same(matter.me) for person in matter.pause.agreed)


def _unread(action: str, now: Circumstances) -> str | None:
    if action not in _CONSENTS:
        return None
    if now.held:
        return "all of it has to be shown first (v)"
    if now.unread:
        return f"{now.unread} line{'s' if now.unread > 1 else ''} to read"
    return None
