"""What the detail of an item says: its heads, and the text that has to be read before it counts.

All of it is plain text. What an agent wrote stands behind a bar or in quotes wherever it could be
taken for words of ours.
"""

import json
from collections.abc import Iterator
from datetime import tzinfo
from typing import Literal, NamedTuple

from pydantic import JsonValue

from quarterdeck.views.log_lines import brief
from quarterdeck.views.matter import Earlier, Matter, settled_words, who
from quarterdeck.views.plain import fitted, plain
from quarterdeck.views.quantities import age, clock_time, countdown
from quarterdeck_kernel import Event
from quarterdeck_kernel.events.people_events import PauseRequested, PauseResolved
from quarterdeck_kernel.events.tool_events import ToolCompleted, ToolEvidence

_KEY_CELLS = 12
_DIGEST_DIGITS = 4
_BEFORE = 3
_BEFORE_CELLS = 48
_WHY_LINES, _WHY_LINES_TALL, _TALL = 2, 6, 36
"""As many as the style sheet gives to the model's words, and from which height on it gives more."""
_BROKEN_CELLS = 10
"""What stays empty of a line: two at its ends, and where it is broken between words."""


class Heads(NamedTuple):
    """The lines above the text: left and right ends, and the title of the text."""

    what: tuple[str, str]
    whose: tuple[str, str]
    title: str


def heads(matter: Matter, place: str, now_us: int, zone: tzinfo | None) -> Heads:
    """Return the heads of an item; only these change as time passes."""
    whose = [matter.agent, f"run {matter.run_id}", f"tenant {matter.tenant}"]
    if matter.parent is not None:
        whose[0] = f"{matter.parent} > {matter.agent}"
    if matter.model is not None:
        whose.append(f"model {matter.model}")
    since = f"since {clock_time(matter.opened.at_us, zone)}, {age(matter.opened.at_us, now_us)}"
    expires = matter.pause.expires_at_us if matter.pause is not None else None
    left = countdown(expires, now_us)
    right = ""
    if matter.settled is None and left:
        right = "EXPIRED" if left == "expired" else f"expires in {left}"
    what = f"{place}   {_kind_words(matter)}"
    return Heads((what, right), (plain(" · ".join(whose)), since), title(matter))


def _kind_words(matter: Matter) -> str:
    asked = matter.asked
    if matter.kind == "unknown":
        return f"UNKNOWN  {plain(matter.tool or '')} · sent, no answer"
    if matter.kind == "question" or asked is None:
        kind = asked.type.replace("_", " ") if asked is not None else ""
        return f"QUESTION  {kind}"
    version = f" v{plain(asked.tool_version)}" if asked.tool_version else ""
    return f"APPROVAL  {plain(asked.tool or '')}{version} · risk {asked.risk or 'not told'}"


def title(matter: Matter) -> str:
    """Return the title of the text."""
    if matter.kind == "unknown":
        return "WHAT WAS SENT"
    if matter.kind == "question":
        return "WHAT IS ASKED"
    digest = matter.digest or ""
    groups = [digest[:_DIGEST_DIGITS], digest[_DIGEST_DIGITS : 2 * _DIGEST_DIGITS]]
    effect = matter.asked.effect if matter.asked is not None else None
    return f"WHAT WILL RUN · digest {' '.join(groups)} · effect: {effect or 'not told'}"


def body(matter: Matter, zone: tzinfo | None) -> str:
    """Return the text of an item, whole."""
    match matter.kind:
        case "unknown":
            lines = _unknown(matter, zone)
        case "question":
            lines = _question(matter)
        case "call":
            lines = _call(matter, zone)
    return "\n".join(lines)


# -- a call


def _call(matter: Matter, zone: tzinfo | None) -> Iterator[str]:
    asked = matter.asked
    assert asked is not None, "a call is asked about"
    if matter.erased:
        yield "What was asked was erased: it can be rejected, and nothing else."
        return
    if matter.earlier is not None:
        yield from _earlier(matter.earlier, zone)
    yield from _agreement(matter, asked)
    if asked.title:
        yield from _field("asked", asked.title)
    details = asked.details if isinstance(asked.details, dict) else {}
    yield from _field("arguments", matter.arguments)
    if matter.edited is not None:
        at = clock_time(matter.edited.at_us, zone)
        yield f"edited by {plain(who(matter.edited.actor))} {at}; asked for was"
        yield from _field("asked for", details.get("arguments"))
    for name in ("preview", "preconditions", "rules"):
        if details.get(name) not in (None, []):
            yield from _field(name, details[name])
    known = {"arguments", "asked", "preview", "preconditions", "rules"}
    if "arguments" not in details:
        known = set()
    for name, value in details.items():
        if name not in known and value is not matter.arguments:
            yield from _field(name, value)


def _earlier(earlier: Earlier, zone: tzinfo | None) -> Iterator[str]:
    answer = earlier.event.payload
    decision = answer.decision if isinstance(answer, PauseResolved) else "approved"
    when = clock_time(earlier.event.at_us, zone)
    by = f"{plain(who(earlier.event.actor))} {when} (#{earlier.event.seq})"
    if earlier.used_seq is not None:
        yield f"{decision} before by {by}, and used by #{earlier.used_seq}; asked again because"
    else:
        yield f"{decision} before by {by}. That is void and was never used, because"
    for difference in earlier.differences or ("the call is another one now",):
        yield f"  {plain(difference)}"
    yield ""


def _agreement(matter: Matter, asked: PauseRequested) -> Iterator[str]:
    if not matter.needs_two:
        return
    agreed = matter.pause.agreed if matter.pause is not None else ()
    names = ", ".join(plain(f"{person.name or person.login} ({person.login})") for person in agreed)
    yield f"needs {asked.people_needed} different people; agreed so far: {names or 'nobody'}"
    yield ""


# -- a question


def _question(matter: Matter) -> Iterator[str]:
    asked = matter.asked
    assert asked is not None, "a question is asked"
    if matter.erased:
        yield "What was asked was erased: it can be rejected, and nothing else."
        return
    yield from _field("question", asked.title or "")
    if asked.details is not None:
        yield from _field("details", asked.details)
    for number, option in enumerate(asked.options or (), 1):
        yield from _field(f"option {number}", option)


# -- an unknown outcome


def _unknown(matter: Matter, zone: tzinfo | None) -> Iterator[str]:
    intent, unknown = matter.intent, matter.unknown
    sent = clock_time(matter.opened.at_us, zone)
    if intent is not None:
        yield from _field("tool", f"{intent.tool} v{intent.version} · effect {intent.effect}")
        yield f"{'sent':<{_KEY_CELLS}}{sent}, try {intent.attempt}, #{matter.opened.seq}"
        yield from _field("step", intent.step_key)
        yield from _field("key", intent.idempotency_key)
        if matter.erased:
            yield "what was sent was erased"
        else:
            yield from _field("arguments", intent.arguments)
            if intent.preview is not None:
                yield from _field("preview", intent.preview)
    elif unknown is not None:
        yield from _field("step", unknown.step_key)
        yield f"{'sent':<{_KEY_CELLS}}{sent}, #{matter.opened.seq}"
    yield ""
    yield "what is known"
    outcome = matter.outcome.payload if matter.outcome is not None else None
    if isinstance(outcome, ToolCompleted):
        yield from _indented(f"no answer: {outcome.cause or 'not told'} · {outcome.error or ''}")
    for event in matter.evidence:
        yield from _indented(_evidence(event, zone))
    if unknown is not None and unknown.inherited:
        yield "  this run is a fork: it was sent by its parent, and is not tried again from here"
    yield f"  {_driver(matter)}"
    probe = "known here" if matter.can_probe else "not known in this process"
    yield f"  the tool's probe is {probe}"
    if matter.can_probe:
        yield "  p asks it; nothing is sent again"


def _evidence(event: Event, zone: tzinfo | None) -> str:
    said = event.payload
    assert isinstance(said, ToolEvidence), "only evidence is kept as evidence"
    verdict = (said.verdict or "told").replace("_", " ")
    source = said.source.replace("_", " ")
    detail = f" · {brief(said.detail)}" if said.detail is not None else ""
    return f"{clock_time(event.at_us, zone)} {source}: {verdict}{detail}"


def _driver(matter: Matter) -> str:
    lease = matter.lease
    if lease is None or lease.holder is None:
        return "nobody drives the run"
    where = f"pid {lease.pid} on {plain(lease.host or '?')}" if lease.pid else plain(lease.holder)
    if lease.live:
        return f"its driver is alive: {where}"
    return f"its driver is gone: {where}; nobody drives the run"


# -- what stands below


def why_line(matter: Matter, width: int, height: int) -> str:
    """Return the model's words, if a model asked for it, as far as there is room for them."""
    if not matter.why:
        return ""
    lines = _WHY_LINES_TALL if height >= _TALL else _WHY_LINES
    words = f'WHY (the model\'s words) "{plain(matter.why)}"'
    return fitted(words, lines * (width - _BROKEN_CELLS)).rstrip()


def before_line(matter: Matter) -> str:
    """Return what came just before."""
    if not matter.before:
        return ""
    events = [f"#{line.seq} {line.word} {line.text}".strip() for line in matter.before[-_BEFORE:]]
    return "BEFORE  " + " · ".join(fitted(event, _BEFORE_CELLS).rstrip() for event in events)


def lock_line(unread: int, total: int, *, held: int = 0, locks: str = "approve is locked") -> str:
    """Return what is to be read yet, as the line below the text says it, and what that locks."""
    locks = f" · {locks}" if locks else ""
    if held:
        return f"{held:,} characters are held back · v shows all of it{locks}"
    if not unread:
        return f"all {total} lines read" if total > 1 else "read"
    lines = "line" if total == 1 else "lines"
    return f"{unread} of {total} {lines} not read yet · PgDn{locks}"


def inert_line(matter: Matter, zone: tzinfo | None) -> str | None:
    """Return who settled it, where and when; None: it is open."""
    event = matter.settled
    if event is None:
        return None
    where = f" on {plain(event.actor.host)}" if event.actor.host else ""
    minute = clock_time(event.at_us, zone)[:5]
    return f"{plain(settled_words(event, minute))}{where} · nothing is left to decide"


def banner(
    matter: Matter, inert: str | None, trouble: str | None, *, armed: bool
) -> tuple[Literal["notice", "trouble"], str] | None:
    """Return what stands over everything else about an item; None: it can be decided."""
    if inert is not None:
        return "notice", inert
    if trouble is not None:
        return "trouble", f"nothing can be decided: {plain(trouble)}"
    if armed:
        grant = " · u grants it until the run ends" if not matter.needs_two else ""
        words = f"ARMED: Enter approves exactly this, once{grant} · any other key lets go"
        return "notice", words
    return None


# -- values


def _field(name: str, value: JsonValue) -> Iterator[str]:
    yield from _value(plain(name), value, "")


def _value(name: str, value: JsonValue, indent: str) -> Iterator[str]:
    lead = f"{indent}{name:<{_KEY_CELLS}}" if len(name) < _KEY_CELLS else f"{indent}{name}  "
    if isinstance(value, dict) and value:
        yield f"{indent}{name}"
        for key, item in value.items():
            yield from _value(plain(key) or '""', item, f"{indent}  ")
    elif isinstance(value, list) and value:
        yield f"{indent}{name}"
        for number, item in enumerate(value, 1):
            yield from _value(f"{number}.", item, f"{indent}  ")
    elif isinstance(value, str) and "\n" in value:
        yield f"{indent}{name}"
        for line in value.split("\n"):
            yield f"{indent}  │ {plain(line)}"
    else:
        yield f"{lead}{_scalar(value)}"


def _scalar(value: JsonValue) -> str:
    if not isinstance(value, str):
        return json.dumps(value)
    if value != value.strip() or not value or _reads_as_json(value):
        return json.dumps(plain(value), ensure_ascii=False)
    return plain(value)


def _reads_as_json(value: str) -> bool:
    """Tell whether a text would be taken for a number, a truth or a structure."""
    try:
        json.loads(value)
    except ValueError:
        return False
    return True


def _indented(text: str) -> Iterator[str]:
    for line in text.split("\n"):
        yield f"  {plain(line)}"
