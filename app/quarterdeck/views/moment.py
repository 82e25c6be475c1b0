"""A run's state at one moment, in words: the panel, the one line, and the banner of the past."""

from collections.abc import Iterator
from datetime import tzinfo
from typing import Literal, NamedTuple

from quarterdeck.views.charts import gauge
from quarterdeck.views.plain import held_back, plain
from quarterdeck.views.preferences import Glyphs
from quarterdeck.views.quantities import age, clock_time, counted, duration, money
from quarterdeck.views.states import MARKS
from quarterdeck_kernel.projections.state import RunState
from quarterdeck_kernel.vocabulary.rows import FleetRow
from quarterdeck_kernel.vocabulary.words import BudgetKind

StateTone = Literal["plain", "title", "quiet", "need", "trouble", "good"]

_BAR_CELLS = 8
_FINE = 1_000
"""Shares are told apart by this."""
_CROWDED = 0.8
_BUDGETS: dict[BudgetKind, str] = {
    "micros": "spent",
    "tokens": "tokens",
    "model_calls": "model calls",
    "tool_calls": "tool calls",
    "wall_time_us": "run time",
}


class StateRow(NamedTuple):
    """A line of the panel: what it is of, and how it stands."""

    label: str
    value: str
    tone: StateTone = "plain"


def banner(
    seq: int, head: int, at_us: int | None, now_us: int, zone: tzinfo | None, *, speed: int = 0
) -> str:
    """Return the banner of the past; `speed`: it plays."""
    when = "" if at_us is None else f" · {clock_time(at_us, zone)}, {_ago(at_us, now_us)}"
    word, keys = "PAST", "read-only"
    if speed:
        word, keys = f"PLAY {speed}×", "space stops"  # noqa: RUF001 - times
    return f"{word} #{seq:,} of {head:,}{when} · {keys} · L returns to live"


def live_ends(row: FleetRow, state: RunState | None, glyphs: Glyphs) -> tuple[str, str]:
    """Return both ends of the line of a live run: which it is, and how it stands."""
    mark = MARKS[row.need]
    spent = money(row.cost_micros, unknown=row.cost_unknown)
    if state is not None:
        spent = _spent(state)
    limit = state.conditions.limit("micros").limit if state is not None else row.budget_micros
    of = f" of {money(limit)}" if limit is not None else ""
    waits = f" · {plain(row.waits_for)}" if row.waits_for else ""
    left = f"{plain(row.run_id)}  {plain(row.objective)}"
    now = f"{mark.drawn(glyphs)} {mark.word}{waits} #{row.head_seq:,} live · {spent}{of}"
    return left, now


def state_line(state: RunState) -> str:
    """Return the state in one line, the most pressing first that is not always there."""
    parts = [f"turn {state.turn}"] if state.turn else []
    parts += [state.mode.replace("_", " "), _dollars(state)]
    counts = (
        (len(state.unknowns), "unknown"),
        (len(state.pauses), "pause"),
        (len(state.holds), "hold"),
    )
    opened = [f"{n} {word}{'s' if n > 1 else ''}" for n, word in counts if n]
    if opened:
        parts.append(f"{', '.join(opened)} open")
    if state.cancel is not None:
        parts.append("cancel requested")
    pressure = state.vitals.context_pressure
    if pressure is not None:
        parts.append(f"context {pressure:.0%}")
    elif state.vitals.context_tokens:
        parts.append(f"context {counted(state.vitals.context_tokens)}")
    parts.append(_scope(state, named=False))
    if state.conditions.grants:
        parts.append(f"{len(state.conditions.grants)} granted")
    return f"at #{state.head_seq:,}: {' · '.join(parts)}"


def state_rows(
    state: RunState, now_us: int, zone: tzinfo | None, glyphs: Glyphs = "rich"
) -> list[StateRow]:
    """Return the panel."""
    return [
        StateRow(f"at #{state.head_seq:,}", "", "title"),
        *_where(state, now_us, zone),
        *_needs(state, now_us),
        *_budgets(state, glyphs),
        *_rights(state),
        *_vitals(state, glyphs),
    ]


def wrapped_rows(rows: list[StateRow], width: int, label_cells: int) -> Iterator[StateRow]:
    """Yield rows whose values fit beside their labels; what is longer goes on below."""
    room = max(1, width - label_cells)
    for row in rows:
        value, label = row.value, row.label
        while len(value) > room:
            cut = value.rfind(" ", 1, room + 1)
            cut = cut if cut > 0 else room
            yield StateRow(label, value[:cut], row.tone)
            value, label = value[cut:].lstrip(), ""
        yield StateRow(label, value, row.tone)


def _where(state: RunState, now_us: int, zone: tzinfo | None) -> Iterator[StateRow]:
    phase = f" · {state.phase}" if state.phase else ""
    tone: StateTone = "trouble" if state.status in {"failed", "timed_out"} else "plain"
    yield StateRow("status", state.status.replace("_", " ") + phase, tone)
    if state.turn:
        yield StateRow("turn", f"{state.turn:,}")
    yield StateRow("mode", state.mode.replace("_", " "))
    if state.changed_us:
        at = clock_time(state.changed_us, zone)
        yield StateRow("when", f"{at}, {_ago(state.changed_us, now_us)}", "quiet")
    if state.deadline_us is not None:
        yield StateRow("deadline", clock_time(state.deadline_us, zone))
    if state.failure is not None:
        seen = "seen" if state.failure.acknowledged else "not acknowledged"
        yield StateRow("failed", f"{plain(state.failure.error)} · {seen}", "trouble")
    if state.read_only:
        yield StateRow("read-only", plain(state.read_only), "trouble")


def _needs(state: RunState, now_us: int) -> Iterator[StateRow]:
    for unknown in state.unknowns.values():
        known = f" · {unknown.evidence.replace('_', ' ')}" if unknown.evidence else ""
        since = age(unknown.since_us, now_us)
        said = f"{plain(unknown.name)} #{unknown.intent_seq:,}, {since}{known}"
        yield StateRow("unknown", said, "trouble")
    for pause in state.pauses.values():
        what = held_back(pause.title or pause.tool or pause.type)
        yield StateRow("pause", f"{what} #{pause.seq:,}", "need")
    for hold in state.holds.values():
        why = f": {held_back(hold.reason)}" if hold.reason else ""
        yield StateRow("held", f"by {hold.by}{why}", "need")
    if state.circuit_open:
        yield StateRow("breaker", "open: too many errors in a row", "trouble")
    if state.cancel is not None:
        how = "now" if state.cancel.now else "at the boundary"
        asked = age(state.cancel.at_us, now_us)
        yield StateRow("cancel", f"requested {how}, {asked}", "need")
    for tool in state.tool_intents.values():
        yield StateRow("in flight", f"{plain(tool.tool)} #{tool.seq:,} · {tool.effect}", "good")
    for model in state.model_intents.values():
        yield StateRow("in flight", f"{plain(model.model)} #{model.seq:,}", "good")
    for child_id, child in state.children.items():
        yield StateRow("child", f"{plain(child.agent)} {plain(child_id)}", "good")
    if state.messages:
        yield StateRow("queued", f"{len(state.messages)} said, not used yet")


def _budgets(state: RunState, glyphs: Glyphs) -> Iterator[StateRow]:
    for kind, label in _BUDGETS.items():
        limit, used = state.conditions.limit(kind).limit, state.spend.used(kind)
        if limit is not None:
            share = used / limit if limit > 0 else 1.0
            tone: StateTone = "trouble" if share >= 1 else "need" if share >= _CROWDED else "plain"
            said = f"{_amount(kind, used)} of {_amount(kind, limit)}"
            yield StateRow(label, f"{_gauge(share, glyphs)} {said}", tone)
        elif kind in {"micros", "tool_calls"} or used:
            said = _spent(state) if kind == "micros" else _amount(kind, used)
            yield StateRow(label, said)


def _rights(state: RunState) -> Iterator[StateRow]:
    conditions = state.conditions
    if conditions.model:
        tier = f" · {plain(conditions.tier)}" if conditions.tier else ""
        yield StateRow("model", f"{plain(conditions.model)}{tier}")
    staged = " · staged" if conditions.scope_revision > conditions.scope_applied else ""
    yield StateRow("tools", f"{_scope(state, named=True)}{staged}")
    for grant in conditions.grants.values():
        yield StateRow("granted", f"{plain(grant.tool)} #{grant.seq:,}", "need")


def _vitals(state: RunState, glyphs: Glyphs) -> Iterator[StateRow]:
    vitals = state.vitals
    pressure = vitals.context_pressure
    if pressure is not None and vitals.window_tokens is not None:
        tone: StateTone = "need" if pressure > _CROWDED else "plain"
        said = f"{counted(vitals.context_tokens)} of {counted(vitals.window_tokens)}"
        yield StateRow("context", f"{_gauge(pressure, glyphs)} {said}", tone)
    elif vitals.context_tokens:
        yield StateRow("context", counted(vitals.context_tokens))
    if vitals.progress is not None:
        said = f"{_gauge(vitals.progress, glyphs)} {vitals.plan_done} of {vitals.plan_total}"
        yield StateRow("plan", said)
    risk: StateTone = {"high": "trouble", "medium": "need", "low": "plain"}[vitals.risk]  # type: ignore[assignment]
    yield StateRow("risk", vitals.risk, risk)
    yield StateRow("uncertainty", f"{_gauge(vitals.uncertainty, glyphs)} {vitals.uncertainty:.2f}")
    yield StateRow("changes", f"{_gauge(vitals.side_effects, glyphs)} {vitals.side_effects:.2f}")
    if vitals.error_streak:
        yield StateRow("errors", f"{vitals.error_streak} in a row", "trouble")


def _ago(at_us: int, now_us: int) -> str:
    ago = age(at_us, now_us)
    return "just now" if ago == "now" else f"{ago} ago"


def _dollars(state: RunState) -> str:
    return f"{'≥' if state.spend.cost_unknown else ''}${money(state.spend.total_micros)}"


def _spent(state: RunState) -> str:
    return money(state.spend.total_micros, unknown=state.spend.cost_unknown)


def _scope(state: RunState, *, named: bool) -> str:
    conditions = state.conditions
    tools = conditions.scope_tools
    if conditions.scope == "all":
        return "all tools" if not named else "all"
    which = ", ".join(plain(tool) for tool in tools) if named else f"{len(tools)} tools"
    return f"{'only' if conditions.scope == 'allow' else 'all but'} {which}"


def _gauge(share: float, glyphs: Glyphs) -> str:
    return "".join(gauge(round(share * _FINE), _FINE, _BAR_CELLS, glyphs))


def _amount(kind: BudgetKind, amount: int) -> str:
    if kind == "micros":
        return money(amount)
    return duration(amount) if kind == "wall_time_us" else counted(amount)
