"""What the inspector shows besides an event, as lines that fold: a moment, and what lies between.

Pure: each page is made of what was read, for the width there is.
"""

import json
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from itertools import groupby
from typing import NamedTuple

from pydantic import JsonValue

from quarterdeck.views.inspection import Fold, InspectorLine, Look, Spot, text_lines
from quarterdeck.views.moment import StateRow
from quarterdeck.views.past import Between, FileDiff, FileSeen, MomentPage, Said
from quarterdeck.views.plain import held_back, plain
from quarterdeck.views.quantities import duration, money
from quarterdeck.views.readable import Tone
from quarterdeck_kernel.projections.panels import Changed

_MICROS = "_micros"
_SPAN_US = frozenset({"busy_us", "wall_time_us"})
_AT_US = frozenset({"since_us", "expires_at_us"})
_OPEN_MESSAGES = 3
_MANY_MESSAGES = 12


class Page(NamedTuple):
    """A page. One of the same name and content is the same; `from_end`: its end is seen first."""

    name: Hashable
    lines: Callable[[Look], list[InspectorLine]]
    content: object = None
    from_end: bool = False


def conversation_page(run_id: str, page: MomentPage) -> Page:
    """Return the conversation at a moment, the newest in sight."""

    def lines(look: Look) -> list[InspectorLine]:
        found = []
        if page.earlier:
            said = f"{page.earlier:,} messages before these; go back to see them"
            found.append(InspectorLine("earlier", 0, "…", said, quiet=True))
        if not page.said:
            found.append(InspectorLine("none", 0, "", "nothing was said by then", quiet=True))
        newest = len(page.said) - _OPEN_MESSAGES
        for number, message in enumerate(page.said):
            path, spot = f"said.{message.seq}.{number}", Spot(run_id, message.seq)
            found += _about(spot, _message(path, message, look, number >= newest))
        return found

    return Page((run_id, "conversation", page.seq), lines, content=page, from_end=True)


def _about(spot: Spot, lines: Iterable[InspectorLine]) -> Iterator[InspectorLine]:
    """Yield lines that are about an event."""
    return (line._replace(spots=(spot,)) for line in lines)


def _message(path: str, message: Said, look: Look, is_open: bool) -> Iterator[InspectorLine]:  # noqa: FBT001 - passed on
    label = f"{message.role} #{message.seq:,}"
    calls = f"calls {', '.join(plain(tool) for tool in message.tools)}" if message.tools else ""
    if message.text or not calls:
        text = message.text
        yield from text_lines(path, 0, label, text, look, is_open=is_open, field="text")
        label = ""
    if calls:
        yield InspectorLine(f"{path}.calls", 0 if label else 1, label, calls, quiet=True)


def files_page(run_id: str, page: MomentPage) -> Page:
    """Return the files that the run had changed by a moment, as they were."""

    def lines(look: Look) -> list[InspectorLine]:
        if not page.files:
            said = "no file was changed by then"
            return [InspectorLine("none", 0, "", said, quiet=True)]
        return [
            line
            for file in page.files
            for line in _about(Spot(run_id, file.seq), _file(file, look))
        ]

    return Page((run_id, "files"), lines, content=page.files)


def _file(file: FileSeen, look: Look) -> Iterator[InspectorLine]:
    path, since = f"file.{file.path}", f"since #{file.seq:,}"
    name = plain(file.path)
    if file.text is None:
        yield InspectorLine(path, 0, name, f"{file.why} · {since}", quiet=True)
        return
    opened = path in look.turned
    fold: Fold = "open" if opened else "closed"
    yield InspectorLine(path, 0, name, f"{file.size:,} bytes · {since}", fold, quiet=True)
    if opened:
        yield from text_lines(f"{path}.text", 1, "content", file.text, look, is_open=True)


def state_page(run_id: str, seq: int, rows: Sequence[StateRow]) -> Page:
    """Return the state at a moment, where there is no room for its panel."""

    def lines(_look: Look) -> list[InspectorLine]:
        return [
            InspectorLine(f"{row.label}.{number}", 0, row.label, row.value)
            for number, row in enumerate(rows)
            if row.tone != "title"
        ]

    return Page((run_id, "state"), lines, content=(seq, tuple(rows)))


# -- what lies between two moments


def between_page(run_id: str, between: Between) -> Page:
    """Return what changed: what was said, files, and the values of every panel."""

    def lines(look: Look) -> list[InspectorLine]:
        if between.empty:
            return [InspectorLine("none", 0, "", "nothing changed between them", quiet=True)]
        return [
            line
            for section in (
                _spoken(run_id, between),
                _files(run_id, between.files),
                *_values(Spot(run_id, between.after), between.values),
            )
            for line in _section(section, look)
        ]

    return Page((run_id, "between", between.before, between.after), lines)


class _Section(NamedTuple):
    """What changed of one kind: folded by itself where it would hide the rest."""

    title: str
    gist: str
    lines: Callable[[Look], Iterable[InspectorLine]]
    long: bool = False

    @classmethod
    def of(cls, title: str, lines: Sequence[InspectorLine]) -> "_Section":
        """Return one whose lines are the same however it is looked at."""
        return cls(title, f"{len(lines):,} changed", lambda _look: lines)


def _section(section: _Section | None, look: Look) -> Iterator[InspectorLine]:
    if section is None:
        return
    opened = section.long == (section.title in look.turned)
    fold: Fold = "open" if opened else "closed"
    yield InspectorLine(section.title, 0, section.title.upper(), section.gist, fold, quiet=True)
    if opened:
        yield from section.lines(look)


def _spoken(run_id: str, between: Between) -> _Section | None:
    if not (between.said or between.gone):
        return None
    said = [f"{len(between.said):,} added"] if between.said else []
    said += [f"{len(between.gone):,} left out"] if between.gone else []

    def lines(look: Look) -> Iterator[InspectorLine]:
        signs: tuple[tuple[str, Tone, Sequence[Said]], ...] = (
            ("-", "removed", between.gone),
            ("+", "added", between.said),
        )
        for sign, tone, messages in signs:
            for number, message in enumerate(messages):
                # What is long is a line until somebody wants it.
                path = f"{sign}.{message.seq}.{number}"
                spoken = _message(path, message, look, is_open=False)
                for line in _about(Spot(run_id, message.seq), spoken):
                    label = f"{sign} {line.label}" if line.label else line.label
                    yield line._replace(depth=line.depth + 1, label=label, tone=tone, quiet=False)

    gist = f"{', '.join(said)} · {between.common:,} the same"
    many = len(between.said) + len(between.gone) > _MANY_MESSAGES
    return _Section("conversation", gist, lines, many)


def _files(run_id: str, files: Sequence[FileDiff]) -> _Section | None:
    def lines(look: Look) -> Iterator[InspectorLine]:
        for file in files:
            yield from _about(Spot(run_id, file.seq), _changed_file(file, look))

    return _Section("files", f"{len(files):,} changed", lines) if files else None


def _changed_file(file: FileDiff, look: Look) -> Iterator[InspectorLine]:
    path = f"file.{file.path}"
    yield InspectorLine(path, 1, plain(file.path), f"{_sizes(file)} · #{file.seq:,}", quiet=True)
    if file.diff:
        diff = file.diff.rstrip("\n")
        yield from text_lines(f"{path}.diff", 2, "diff", diff, look, is_open=True)
    else:
        said = "no text, or it was not kept"
        yield InspectorLine(f"{path}.none", 2, "", said, quiet=True)


def _sizes(file: FileDiff) -> str:
    if file.before is None:
        return f"new · {file.after or 0:,} bytes"
    if file.after is None:
        return f"gone · it had {file.before:,} bytes"
    return f"{file.before:,} → {file.after:,} bytes"


def _values(spot: Spot, values: Iterable[Changed]) -> Iterator[_Section]:
    """Yield what no single event changed: it is about the later of the two moments."""
    for panel, changes in groupby(values, key=lambda change: change.panel):
        yield _Section.of(panel, list(_about(spot, [_value(change) for change in changes])))


def _value(change: Changed) -> InspectorLine:
    before, after = (_said(change.name, value) for value in (change.before, change.after))
    name = "money" if change.name == "micros" else change.name
    label = plain(name.replace("_micros", "").replace("_us", "").replace("_", " "))
    return InspectorLine(f"{change.panel}.{change.name}", 1, label, f"{before} → {after}")


def _said(name: str, value: JsonValue) -> str:
    """Return a value as it is told: money as money, time as time, the rest as it is."""
    if value is None:
        return "-"
    if isinstance(value, int) and not isinstance(value, bool):
        if name.endswith(_MICROS) or name == "micros":
            return money(value)
        return duration(value) if name in _SPAN_US else f"{value:,}"
    if isinstance(value, float):
        return f"{value:.2f}"
    if isinstance(value, dict):
        inner = (
            f"{key.replace('_', ' ')} {_said(name if name == 'micros' else key, item)}"
            for key, item in value.items()
            if item is not None and key not in _AT_US
        )
        return ", ".join(inner) or "there"
    return held_back(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))
