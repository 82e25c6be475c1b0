"""Events as lines of a run's log: what each of them says, as plain text."""

import re
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from pydantic import JsonValue

from quarterdeck.views.log_line import LogLine, Tone
from quarterdeck.views.plain import held_back, plain
from quarterdeck_kernel import canonical
from quarterdeck_kernel.events.agent_events import ChildFinished, ChildStarted
from quarterdeck_kernel.events.control_events import BudgetChanged, CancelRequested, Held, Released
from quarterdeck_kernel.events.envelope import Event, Unreadable
from quarterdeck_kernel.events.guard_events import GuardDenied, GuardWarned
from quarterdeck_kernel.events.model_events import ModelCompleted, ModelFailed, ModelRequested
from quarterdeck_kernel.events.people_events import OperatorMessage, PauseRequested, PauseResolved
from quarterdeck_kernel.events.run_events import RunFailed, RunQueued, RunStarted, RunSucceeded
from quarterdeck_kernel.events.tool_events import (
    ToolCompleted,
    ToolEvidence,
    ToolReconciled,
    ToolRequested,
)
from quarterdeck_kernel.events.turn_events import PhaseEntered

_OUTCOMES: Mapping[str, tuple[str, Tone]] = {
    "success": ("tool ok", "good"),
    "transient_error": ("tool again", "trouble"),
    "permanent_error": ("tool failed", "trouble"),
    "unknown_outcome": ("unknown", "trouble"),
    "not_dispatched": ("not sent", "quiet"),
}
_WORDS: Mapping[str, str] = {
    "agent_changed": "agent",
    "artifact_written": "file",
    "child_finished": "child done",
    "child_started": "child",
    "context_compacted": "compacted",
    "external_recorded": "external",
    "grant_given": "granted",
    "grant_revoked": "revoked",
    "guard_redacted": "redacted",
    "memory_changed": "memory",
    "model_swapped": "other model",
    "pause_expired": "expired",
    "resume_requested": "taken up",
    "run_cancelled": "cancelled",
    "run_timed_out": "timed out",
    "signal_received": "signal",
    "skill_loaded": "skill",
    "tool_scope_changed": "tools",
    "value_recorded": "value",
    "workflow_step_completed": "step done",
    "workflow_step_requested": "step",
}
"""Words for what would not fit its column."""
_DIGEST_DIGITS = 16
_ABOUT = ("command", "path", "url", "statement", "sql", "query", "question", "text")
"""What most tools call the argument that says what a call is about."""
_LINE_END = re.compile(r"\s*\\?(?:<CR>)?<LF>(?:\s|<TAB>)*")
"""What `plain` makes of the end of a line, and what parts the next one from it."""


class _Said(NamedTuple):
    word: str
    tone: Tone
    text: str
    took_us: int | None = None


def brief(value: JsonValue) -> str:
    """Return the gist of a JSON value in one line."""
    if value is None:
        return ""
    if isinstance(value, dict):
        return " · ".join(f"{plain(key)} {brief(item)}".rstrip() for key, item in value.items())
    if isinstance(value, list):
        return ", ".join(brief(item) for item in value)
    return held_back(value if isinstance(value, str) else canonical.encode(value))


def log_lines(events: Iterable[Event]) -> list[LogLine]:
    """Return the lines of events that follow each other."""
    tools: dict[int, str] = {}
    lines = []
    for event in events:
        payload = event.payload
        if isinstance(payload, ToolRequested):
            tools[event.seq] = plain(payload.tool)
        said = _said(event, tools)
        text = held_back(said.text)
        title = (
            f"#{event.seq} {plain(event.kind)} by {plain(str(event.actor))} · "
            f"hash {event.hash[:_DIGEST_DIGITS]}"
        )
        line = LogLine(event.seq, event.at_us, said.word, said.tone, said.took_us, text, title)
        lines.append(line)
    return lines


def gist(event: Event, edited: JsonValue = None, intent: ToolRequested | None = None) -> str:
    """Return what an event is about in one line, the thing itself first: for lists of many runs.

    `edited` are the arguments that took the place of those which a pause asked about, `intent` is
    the call whose outcome an event is.
    """
    payload = event.payload
    if event.content == "erased":
        return "its content was erased"
    match payload:
        case PauseRequested():
            return _on_a_line(asked_about(payload, edited))
        case ToolRequested():
            return _on_a_line(_call(payload.tool, payload.arguments))
        case ToolCompleted() if intent is not None:
            word = _OUTCOMES[payload.outcome][0]
            return _on_a_line(f"{word}: {_call(intent.tool, intent.arguments)}")
        case ChildStarted() | ChildFinished():
            return f"{_WORDS[event.kind]}: {plain(payload.child_run_id)}"
        case _:
            (line,) = log_lines([event])
            return _on_a_line(f"{line.word}: {line.text}" if line.text else line.word)


def _call(tool: str, arguments: JsonValue) -> str:
    """Return a call, what it is about before all other arguments."""
    given = dict(arguments) if isinstance(arguments, dict) else {}
    if len(given) == 1:
        return f"{tool} {brief(next(iter(given.values())))}"
    first = next((given.pop(name) for name in _ABOUT if name in given), None)
    return " ".join(filter(None, [tool, " · ".join(filter(None, [brief(first), brief(given)]))]))


def _on_a_line(text: str) -> str:
    return _LINE_END.sub(" ↵ ", held_back(text))


def asked_about(payload: PauseRequested, edited: JsonValue = None) -> str:
    """Return what would be done and then why it is asked; of a question what is asked."""
    details = payload.details if isinstance(payload.details, dict) else {}
    arguments = edited if edited is not None else details.get("arguments")
    if payload.tool is None or not isinstance(arguments, dict):
        return " · ".join(filter(None, [payload.tool, payload.title, brief(payload.details)]))
    return " · ".join(filter(None, [_call(payload.tool, arguments), payload.title]))


def _intended(payload: ToolRequested) -> str:
    again = f" · try {payload.attempt}" if payload.attempt > 1 else ""
    return f"{payload.tool} {_asked(payload.arguments)} · {payload.effect}{again}"


def _said(event: Event, tools: Mapping[int, str]) -> _Said:
    payload = event.payload
    if event.content == "erased":
        return _Said(event.kind.replace("_", " "), "quiet", "its content was erased")
    match payload:
        case ToolRequested():
            return _Said("tool", "intent", _intended(payload))
        case ToolCompleted():
            return _outcome(payload, tools)
        case ToolEvidence():
            verdict = (payload.verdict or "told").replace("_", " ")
            text = f"of #{payload.intent_seq}: {verdict} · {brief(payload.detail)}"
            return _Said("evidence", "people", text.removesuffix(" · "))
        case ToolReconciled():
            because = _because(payload.reason)
            text = f"#{payload.intent_seq} is {payload.verdict}, by {payload.by}{because}"
            return _Said("settled", "good" if payload.verdict == "done" else "people", text)
        case PauseRequested():
            return _Said("asks", "people", f"{payload.type} {asked_about(payload)}")
        case PauseResolved():
            answer = f"{payload.decision} by {event.actor}{_because(payload.reason)}"
            return _Said("answered", "people", answer)
        case Held():
            return _Said("held", "people", f"by {payload.by}{_because(payload.reason)}")
        case BudgetChanged():
            limit = "no bound" if payload.limit is None else f"{payload.limit:,}"
            return _Said("budget", "people", f"{payload.budget} {limit}".replace("_", " "))
        case PhaseEntered():
            return _Said("turn", "quiet", f"{payload.turn} · {payload.phase}")
        case ModelRequested():
            again = f" · try {payload.attempt}" if payload.attempt > 1 else ""
            return _Said("asks model", "intent", f"{payload.model} · {payload.purpose}{again}")
        case ModelCompleted():
            return _Said("model", "good", _spoken(payload), payload.duration_us)
        case ModelFailed():
            text = f"#{payload.request_seq} {payload.error} · {payload.message or ''}"
            return _Said("model error", "trouble", text)
        case GuardDenied() | GuardWarned():
            word = "denied" if isinstance(payload, GuardDenied) else "warned"
            text = f"by {payload.guard}{_because(payload.rule)}{_because(payload.reason)}"
            return _Said(word, "trouble", text)
        case OperatorMessage():
            text = "withdrawn" if payload.withdrawn else payload.text or ""
            return _Said("said", "people", f"{event.actor} · {text}")
        case Released():
            return _Said("released", "people", f"#{payload.held_seq} by {event.actor}")
        case CancelRequested():
            how = "now" if payload.now else "at the boundary"
            return _Said("cancel", "people", f"{how}, by {event.actor}{_because(payload.reason)}")
        case RunQueued():
            return _Said("queued", "quiet", f"{payload.agent} · {payload.objective}")
        case RunStarted():
            return _Said("started", "quiet", f"kernel {payload.kernel_version}")
        case RunSucceeded():
            return _Said("done", "good", brief(payload.answer))
        case RunFailed():
            return _Said("failed", "trouble", payload.message or payload.error)
        case Unreadable():
            return _Said("unreadable", "trouble", f"{payload.kind}, from a newer version")
        case _:
            facts, content = payload.split()
            facts.pop("kind")
            said: dict[str, JsonValue] = {
                name: value for name, value in (facts | content).items() if value is not None
            }
            word = _WORDS.get(event.kind, event.kind.replace("_", " "))
            return _Said(word, "quiet", brief(said))


def _spoken(payload: ModelCompleted) -> str:
    message = payload.message
    said = message.text if message is not None else ""
    calls = [f"asks for {call.tool}" for call in message.tool_calls] if message is not None else []
    return " · ".join([*([said] if said else []), *calls])


def _because(reason: str | None) -> str:
    return f" · {reason}" if reason else ""


def _asked(arguments: JsonValue) -> str:
    """Return the arguments of a call; a single one needs no name."""
    arguments = arguments if isinstance(arguments, dict) else {}
    return brief(next(iter(arguments.values())) if len(arguments) == 1 else arguments)


def _outcome(payload: ToolCompleted, tools: Mapping[int, str]) -> _Said:
    word, tone = _OUTCOMES[payload.outcome]
    of = f"#{payload.intent_seq}"
    tool = tools.get(payload.intent_seq)
    name = f"{tool} {of}" if tool else of
    if payload.outcome == "unknown_outcome":
        return _Said(word, tone, f"{name} may or may not have happened · {payload.error}")
    what = payload.error or brief(payload.result)
    return _Said(word, tone, f"{name} · {what}", payload.duration_us)
