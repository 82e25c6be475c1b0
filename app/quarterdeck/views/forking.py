"""Forking a run, in words: what a fork there comes to, and what was typed for it."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Final, Literal, NamedTuple, cast

from quarterdeck.views.plain import plain
from quarterdeck.views.quantities import money
from quarterdeck_kernel import Event, ForkChanges, ForkEffect, ForkPlan, ForkTotals, NewResult
from quarterdeck_kernel.events.tool_events import ToolCompleted

LABEL_CELLS: Final = 13
"""What stands before a line of the plan, as before a field of the form."""
_LISTED = 4
_TYPED_CHARACTERS = 4_000
"""A longer result is not offered to be changed in a line; another can be typed all the same."""
_SCOPES = ("all", "allow", "deny")


def plan_text(plan: ForkPlan) -> str:
    """Return what a fork will do, before it does it: what, and how much of it."""
    return "\n".join(f"{what:<{LABEL_CELLS}}{said}" for what, said in _plan_rows(plan))


def _plan_rows(plan: ForkPlan) -> Iterator[tuple[str, str]]:
    done, ahead = plan.replayed, plan.behind
    if plan.changed:
        yield "changed", ", ".join(name.replace("_", " ") for name in plan.changed)
    yield "from record", f"{_calls(done)}: never again"
    if plan.again:
        yield "begun anew", _listed(plan.again)
    if plan.unknown:
        yield "in doubt", f"{_listed(plan.unknown)}: asks for a verdict"
    if plan.pauses:
        yield "asked anew", ", ".join(plain(pause) for pause in plan.pauses[:_LISTED])
    if ahead.model_calls or ahead.tool_calls:
        yield "may repeat", f"{_calls(ahead)}, as after #{plan.seq:,}"
    if plan.asks_first:
        yield "asks first", f"{_listed(plan.asks_first)}: once only"
    elif plan.ahead:
        yield "asks first", "nothing of that is to happen only once"
    if plan.barred:
        yield "has no tool", f"{_listed(plan.barred)}: will not repeat"
    if plan.left_micros is not None:
        yield "budget", f"${money(plan.left_micros)} is left of its parent's allotment"


def _calls(totals: ForkTotals) -> str:
    calls = f"{totals.model_calls:,} model, {totals.tool_calls:,} tool calls"
    return f"{calls}, ${money(totals.cost_micros)}"


def _listed(effects: Sequence[ForkEffect]) -> str:
    shown = [f"#{effect.seq:,} {plain(effect.name)}" for effect in effects[:_LISTED]]
    more = f", {len(effects) - _LISTED:,} more" if len(effects) > _LISTED else ""
    return f"{', '.join(shown)}{more}"


class Recorded(NamedTuple):
    """What a tool returned, as it is typed; or (without a text) what there is to know of it."""

    text: str
    hint: str


def recorded_result(event: Event | None) -> Recorded | None:
    """Return what a fork can be told anew; None: the event is no outcome of a tool."""
    if event is None or not isinstance(event.payload, ToolCompleted):
        return None
    outcome = event.payload
    if event.content != "present":
        return Recorded("", "erased; or: JSON that it returned")
    if outcome.outcome != "success":
        said = plain(outcome.error or outcome.outcome.replace("_", " "))
        return Recorded("", f"{said}; or: JSON that it returned")
    text = json.dumps(outcome.result, ensure_ascii=False)
    if len(text) > _TYPED_CHARACTERS:
        return Recorded("", f"as it was, {len(text):,} characters; or: JSON")
    return Recorded(text, "as it was; or: JSON")


def read_changes(
    values: Mapping[str, str], *, objective: str, model: str, result: str = ""
) -> ForkChanges:
    """Return what is to be another; what stands there as it was stays as it is."""
    scope, tools = _read_tools(values["tools"])
    told = _changed(values.get("result", ""), result)
    return ForkChanges(
        objective=_changed(values["objective"], objective),
        model=_changed(values["model"], model),
        message=values["message"].strip() or None,
        scope=scope,
        tools=tools,
        tool_result=None if told is None else NewResult(json.loads(told)),
    )


def fork_problem(values: Mapping[str, str]) -> str | None:
    """Return what is wrong with what was typed."""
    if not values["objective"].strip():
        return "a run needs an objective; type one"
    if not _is_json(values.get("result", "")):
        return "the result is no JSON; a text stands in quotes"
    words = values["tools"].split()
    if not words:
        return None
    if words[0] not in _SCOPES:
        return f"{plain(words[0])!r} is no scope; type all, allow TOOL … or deny TOOL …"
    _, tools = _read_tools(values["tools"])
    if (words[0] == "all") == bool(tools):
        return "name tools to allow or deny, and none for all"
    return None


def _is_json(text: str) -> bool:
    try:
        json.loads(text or "null")
    except (ValueError, RecursionError):
        return False
    return True


def _changed(text: str, before: str) -> str | None:
    text = text.strip()
    return text if text and text != before.strip() else None


def _read_tools(text: str) -> tuple[Literal["all", "allow", "deny"] | None, tuple[str, ...]]:
    words = text.replace(",", " ").split()
    if not words or words[0] not in _SCOPES:
        return None, ()
    return cast("Literal['all', 'allow', 'deny']", words[0]), tuple(words[1:])
