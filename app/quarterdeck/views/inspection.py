"""One event, looked at closely: as lines of a tree that folds, or as JSON. Never as markup."""

import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import tzinfo
from typing import Literal, NamedTuple

from pydantic import JsonValue
from rich.cells import cell_len, chop_cells

from quarterdeck.views.log_lines import brief
from quarterdeck.views.plain import plain
from quarterdeck.views.quantities import duration, money
from quarterdeck.views.readable import Tone, diff_lines, is_diff, is_markdown, markdown_lines
from quarterdeck_kernel import canonical
from quarterdeck_kernel.events.envelope import Event, Unreadable
from quarterdeck_kernel.events.guard_events import GuardDenied, GuardWarned
from quarterdeck_kernel.events.model_events import ModelCompleted, ModelFailed
from quarterdeck_kernel.events.people_events import PauseRequested
from quarterdeck_kernel.events.tool_events import ToolCompleted, ToolRequested

View = Literal["compact", "full", "json"]
Fold = Literal["none", "open", "closed"]

VIEWS: tuple[View, ...] = ("compact", "full", "json")

_TEXT_CHARS: dict[View, int] = {"compact": 2_000, "full": 32_000, "json": 32_000}
"""How much of one text is laid out; `y` copies all of it."""
_ITEMS: dict[View, int] = {"compact": 50, "full": 1_000, "json": 1_000}
"""How many items of one list or object are laid out."""
_LINES = 5_000
ROOMY_LINES = 20
"""From this height on the facts of an event are unfolded by themselves."""
_DEEPEST = 24
_GIST_CHARS = 200
_INDENT = 2


class Near(NamedTuple):
    """What an event is looked at with: its intent, and what guards said of the same step."""

    intent: Event | None = None
    verdicts: tuple[Event, ...] = ()


class Spot(NamedTuple):
    """An event that can be gone to."""

    run_id: str
    seq: int


class InspectorLine(NamedTuple):
    """A line: `path` names what it is of, so that folding survives another event.

    `spots` are the events that it is about: Enter goes there.
    """

    path: str
    depth: int
    label: str
    text: str
    fold: Fold = "none"
    quiet: bool = False
    tone: Tone = ""
    spots: tuple[Spot, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """How an event is looked at. `turned` are the paths that are not as the view would have it.

    `roomy`: there is room for the facts even in the compact view.
    """

    view: View = "compact"
    turned: frozenset[str] = frozenset()
    cells: int = 80
    roomy: bool = False
    zone: tzinfo | None = None


def intent_seq_of(event: Event) -> int | None:
    """Return the event that an outcome, or what was learnt of it, names."""
    seq = getattr(event.payload, "intent_seq", None) or getattr(event.payload, "request_seq", None)
    return seq if isinstance(seq, int) and 0 < seq < event.seq else None


def step_of(event: Event) -> str | None:
    """Return the step that an event belongs to."""
    step = getattr(event.payload, "step_key", None)
    return step if isinstance(step, str) else None


def is_verdict_on(event: Event, step: str | None) -> bool:
    """Tell whether a guard said something of a step."""
    is_one = isinstance(event.payload, GuardWarned | GuardDenied)
    return is_one and step is not None and step_of(event) == step


def inspected(event: Event, near: Near, look: Look) -> list[InspectorLine]:
    """Return the lines of an event."""
    lines = _json_lines(event, look) if look.view == "json" else _tree_lines(event, near, look)
    found = []
    for number, line in enumerate(lines):
        if number >= _LINES:
            found.append(InspectorLine("", 0, "…", "more lines · y copies all", quiet=True))
            break
        found.append(line)
    return found


def copied_text(event: Event) -> str:
    """Return the whole event as JSON."""
    return json.dumps(_data(event), ensure_ascii=False, indent=2, default=str)


def _data(event: Event) -> dict[str, JsonValue]:
    facts, content = _parts(event)
    data: dict[str, JsonValue] = {
        "run_id": event.run_id,
        "seq": event.seq,
        "event_id": event.event_id,
        "tenant": event.tenant,
        "at_us": event.at_us,
        "actor": str(event.actor),
        "epoch": event.epoch,
        "prev": event.prev,
        "hash": event.hash,
        **facts,
    }
    return data | ({"content": "erased"} if event.content == "erased" else content)


def _parts(event: Event) -> tuple[dict[str, JsonValue], dict[str, JsonValue]]:
    if isinstance(event.payload, Unreadable):
        return {"kind": event.kind, **event.payload.facts}, {}
    return event.payload.split()


def _json_lines(event: Event, look: Look) -> Iterator[InspectorLine]:
    bounded = _bounded(_data(event), _TEXT_CHARS["json"])
    text = json.dumps(bounded, ensure_ascii=False, indent=1, default=str)
    for line in text.split("\n"):
        shown = plain(line)
        for piece in _wrapped(shown, look.cells):
            yield InspectorLine("json", 0, "", piece)


def _bounded(value: JsonValue, chars: int) -> JsonValue:
    if isinstance(value, str) and len(value) > chars:
        return f"{value[:chars]}… {len(value) - chars:,} more characters"
    if isinstance(value, dict):
        return {key: _bounded(item, chars) for key, item in value.items()}
    if isinstance(value, list):
        return [_bounded(item, chars) for item in value]
    return value


def _tree_lines(event: Event, near: Near, look: Look) -> Iterator[InspectorLine]:
    yield from _summary(event, near)
    for verdict in near.verdicts:
        yield InspectorLine("verdict", 0, "guard", _verdict(verdict))
    facts, content = _parts(event)
    if event.content == "erased":
        yield InspectorLine("content", 0, "content", "erased for ever; the chain still verifies")
    for name, value in content.items():
        if value not in (None, [], {}):
            yield from value_lines(name, 0, name, value, look, is_open=True)
    if near.intent is not None:
        _, asked = _parts(near.intent)
        for name, value in asked.items():
            if value not in (None, []) and name in {"arguments", "preview"}:
                label = f"{name} of #{near.intent.seq:,}"
                yield from value_lines(f"intent.{name}", 0, label, value, look, is_open=True)
    kept: dict[str, JsonValue] = {
        name: value
        for name, value in facts.items()
        if value not in (None, [], {}) and name != "kind"
    }
    if kept:
        yield from value_lines(
            "facts", 0, "facts", kept, look, is_open=look.roomy or look.view == "full"
        )
    if look.view == "full":
        envelope: dict[str, JsonValue | None] = {
            "event_id": event.event_id,
            "tenant": event.tenant,
            "epoch": event.epoch,
            "prev": event.prev,
            "trace_id": event.trace_id,
            "blob": event.blob,
        }
        known: dict[str, JsonValue] = {
            name: value for name, value in envelope.items() if value is not None
        }
        yield from value_lines("envelope", 0, "envelope", known, look, is_open=True)
    yield InspectorLine("hash", 0, "hash", event.hash, quiet=True)


def _summary(event: Event, near: Near) -> Iterator[InspectorLine]:
    payload = event.payload
    who = plain(str(event.actor))
    parts = [who]
    took = getattr(payload, "duration_us", None)
    if isinstance(took, int):
        parts.append(f"took {duration(took)}")
    if isinstance(payload, ModelCompleted | ModelFailed | ToolCompleted):
        cost = payload.cost_micros
        parts.append(f"cost ${money(cost)}" if cost is not None else "cost not known")
    if isinstance(payload, ModelCompleted):
        usage = payload.usage
        parts.append(f"{usage.input_tokens:,} tokens in, {usage.output_tokens:,} out")
    if isinstance(payload, ToolRequested | PauseRequested) and payload.risk is not None:
        parts.append(f"risk {payload.risk}")
    if isinstance(payload, ToolRequested):
        parts.append(_allowed_by(payload))
    yield InspectorLine("by", 0, "by", " · ".join(parts))
    if isinstance(payload, ToolCompleted) and near.intent is not None:
        asked = near.intent.payload
        if isinstance(asked, ToolRequested):
            said = f"{plain(asked.tool)} · {asked.effect} · {_allowed_by(asked)}"
            yield InspectorLine("call", 0, "call", said)


def _allowed_by(payload: ToolRequested) -> str:
    if payload.grant_id is not None:
        return "allowed by a grant"
    if payload.pause_id is not None:
        return "allowed by a person"
    if payload.decision_seq is not None:
        return f"allowed by the decision #{payload.decision_seq:,}"
    return "allowed by the guards"


def _verdict(event: Event) -> str:
    payload = event.payload
    assert isinstance(payload, GuardWarned | GuardDenied)
    word = "warned" if isinstance(payload, GuardWarned) else "denied"
    rule = f" by rule {plain(payload.rule)}" if payload.rule else ""
    return f"{plain(payload.guard)} {word}{rule} #{event.seq:,}: {brief(payload.reason)}"


def value_lines(
    path: str, depth: int, label: str, value: JsonValue, look: Look, *, is_open: bool
) -> Iterator[InspectorLine]:
    """Yield a value as a tree that folds."""
    name = plain(str(label))
    if isinstance(value, str):
        yield from text_lines(path, depth, name, value, look, is_open=is_open)
    elif isinstance(value, dict | list) and value and depth < _DEEPEST:
        opened = is_open ^ (path in look.turned)
        size = _size(value)
        gist = size if opened else gist_of(value)
        yield InspectorLine(path, depth, name, gist, "open" if opened else "closed", quiet=opened)
        if opened:
            yield from _items(path, depth + 1, value, look)
    else:
        shown = gist_of(value) if isinstance(value, dict | list) else canonical.encode(value)
        yield InspectorLine(path, depth, name, shown)


def _items(
    path: str, depth: int, value: "Mapping[str, JsonValue] | list[JsonValue]", look: Look
) -> Iterator[InspectorLine]:
    items: Collection[tuple[str, JsonValue]]
    if isinstance(value, list):
        items = [(str(number), item) for number, item in enumerate(value)]
    else:
        items = list(value.items())
    most = _ITEMS[look.view]
    for number, (key, item) in enumerate(items):
        if number >= most:
            left = f"{len(items) - most:,} more · y copies all"
            yield InspectorLine(path, depth, "…", left, quiet=True)
            return
        # What becomes of a file is what one looks for, so it is never folded by itself.
        inner = look.view == "full" or (isinstance(item, str) and is_diff(key, item))
        yield from value_lines(f"{path}.{key}", depth, key, item, look, is_open=inner)


def text_lines(
    path: str,
    depth: int,
    label: str,
    text: str,
    look: Look,
    *,
    is_open: bool,
    field: str | None = None,
) -> Iterator[InspectorLine]:
    """Yield a text: in its label's line if it fits, else folded. `field` tells what it is of."""
    room = max(8, look.cells - depth * _INDENT - len(label) - 4)
    if "\n" not in text and len(text) <= room and cell_len(shown := plain(text)) <= room:
        yield InspectorLine(path, depth, label, shown)
        return
    opened = is_open ^ (path in look.turned)
    lines = text.count("\n") + 1
    size = f"{lines:,} lines" if lines > 1 else f"{len(text):,} characters"
    gist = size if opened else plain(text[:_GIST_CHARS])
    yield InspectorLine(path, depth, label, gist, "open" if opened else "closed", quiet=opened)
    if not opened:
        return
    most = _TEXT_CHARS[look.view]
    cells = max(8, look.cells - (depth + 1) * _INDENT - 2)
    lines_shown = text[:most].replace("\r\n", "\n").split("\n")
    for tone, line in _toned(field or label, text, lines_shown, look):
        for piece in _wrapped(plain(line), cells):
            yield InspectorLine(path, depth + 1, "", piece, tone=tone)
    if len(text) > most:
        more = f"{len(text) - most:,} more characters · "
        how = "v shows more, y copies all" if look.view == "compact" else "y copies all"
        yield InspectorLine(path, depth + 1, "…", more + how, quiet=True)


def _toned(label: str, text: str, lines: list[str], look: Look) -> Iterable[tuple[Tone, str]]:
    """Return lines with their tones: a diff always, Markdown in the compact view, else as is."""
    if is_diff(label, text):
        return diff_lines(lines)
    if look.view == "compact" and is_markdown(label, text):
        return markdown_lines(lines)
    return (("", line) for line in lines)


def gist_of(value: JsonValue) -> str:
    """Return the beginning of a value in one line, without looking at all of it."""
    parts, length = [], 0
    items = value.items() if isinstance(value, dict) else enumerate(value) if value else ()  # type: ignore[arg-type]
    for key, item in items:
        shown = "{…}" if isinstance(item, dict) else "[…]" if isinstance(item, list) else item
        said = shown[:_GIST_CHARS] if isinstance(shown, str) else canonical.encode(shown)
        parts.append(f"{key}: {said}" if isinstance(value, dict) else said)
        length += len(parts[-1])
        if length > _GIST_CHARS:
            parts.append("…")
            break
    joined = plain(", ".join(parts))
    return f"{{{joined}}}" if isinstance(value, dict) else f"[{joined}]"


def _size(value: "dict[str, JsonValue] | list[JsonValue]") -> str:
    word = "field" if isinstance(value, dict) else "item"
    return f"{len(value):,} {word}{'' if len(value) == 1 else 's'}"


def _wrapped(text: str, cells: int) -> list[str]:
    """Return a text in pieces that fit; plain ASCII, most of it, is only sliced."""
    if text.isascii():
        return [text[at : at + cells] for at in range(0, len(text), cells)] or [""]
    return chop_cells(text, cells) or [""]
