"""Forking a run, in words: what a fork there comes to, and what was typed for it."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Literal, cast

from quarterdeck.views.plain import plain
from quarterdeck.views.quantities import money
from quarterdeck_kernel import ForkChanges, ForkEffect, ForkPlan

_LISTED = 4
_SCOPES = ("all", "allow", "deny")


def plan_text(plan: ForkPlan) -> str:
    """Return what a fork will do, before it does it."""
    return "\n".join(_plan_lines(plan))


def _plan_lines(plan: ForkPlan) -> Iterator[str]:
    done, ahead = plan.replayed, plan.behind
    yield (
        f"From the record, never again: {_calls(done.model_calls, done.tool_calls)}, "
        f"${money(done.cost_micros)}."
    )
    yield from _listed("Begun anew, it was open here", plan.again)
    yield from _listed("In doubt here, a verdict is asked for", plan.unknown)
    if plan.pauses:
        yield f"Asked afresh: {', '.join(plain(pause) for pause in plan.pauses[:_LISTED])}."
    if ahead.model_calls or ahead.tool_calls:
        yield (
            f"Behind this event, may happen again: "
            f"{_calls(ahead.model_calls, ahead.tool_calls)}, ${money(ahead.cost_micros)}."
        )
    if plan.asks_first:
        yield from _listed("Of that asks you first (once)", plan.asks_first)
    elif plan.ahead:
        yield "Nothing of that must happen only once."
    if plan.left_micros is not None:
        yield f"${money(plan.left_micros)} is left of its parent's allotment."


def _calls(model_calls: int, tool_calls: int) -> str:
    return f"{model_calls:,} model and {tool_calls:,} tool calls"


def _listed(what: str, effects: Sequence[ForkEffect]) -> Iterator[str]:
    if effects:
        shown = [f"#{effect.seq:,} {plain(effect.name)}" for effect in effects[:_LISTED]]
        more = f", and {len(effects) - _LISTED:,} more" if len(effects) > _LISTED else ""
        yield f"{what}: {', '.join(shown)}{more}."


def read_changes(values: Mapping[str, str], *, objective: str, model: str) -> ForkChanges:
    """Return what is to be another; what stands there as it was stays as it is."""
    scope, tools = _read_tools(values["tools"])
    return ForkChanges(
        objective=_changed(values["objective"], objective),
        model=_changed(values["model"], model),
        message=values["message"].strip() or None,
        scope=scope,
        tools=tools,
    )


def fork_problem(values: Mapping[str, str]) -> str | None:
    """Return what is wrong with what was typed."""
    if not values["objective"].strip():
        return "a run needs an objective; type one"
    words = values["tools"].split()
    if not words:
        return None
    if words[0] not in _SCOPES:
        return f"{plain(words[0])!r} is no scope; type all, allow TOOL … or deny TOOL …"
    _, tools = _read_tools(values["tools"])
    if (words[0] == "all") == bool(tools):
        return "name tools to allow or deny, and none for all"
    return None


def _changed(text: str, before: str) -> str | None:
    text = text.strip()
    return text if text and text != before.strip() else None


def _read_tools(text: str) -> tuple[Literal["all", "allow", "deny"] | None, tuple[str, ...]]:
    words = text.replace(",", " ").split()
    if not words or words[0] not in _SCOPES:
        return None, ()
    return cast("Literal['all', 'allow', 'deny']", words[0]), tuple(words[1:])
