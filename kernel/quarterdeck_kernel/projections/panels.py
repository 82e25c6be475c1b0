"""What every panel shows of a state, by name: the one form in which two states are compared.

Each value is JSON, and everything in it follows from the state, so that what a panel shows at a
moment is the fold up to there and nothing else.
"""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from pydantic import JsonValue

from quarterdeck_kernel.projections.open_items import OpenPause, OpenUnknown
from quarterdeck_kernel.projections.state import RunState

Panel = dict[str, JsonValue]


class Changed(NamedTuple):
    """One value of a panel that is another; None where there is, or was, none."""

    panel: str
    name: str
    before: JsonValue
    after: JsonValue


def panels(state: RunState) -> dict[str, Panel]:
    """Return all panels: run, vitals, spend, budget, model, tools, pauses, unknowns, open."""
    return {
        "run": _run(state),
        "vitals": _vitals(state),
        "spend": _spend(state),
        "budget": _budget(state),
        "model": _model(state),
        "tools": _tools(state),
        "pauses": {pause_id: _pause(pause) for pause_id, pause in state.pauses.items()},
        "unknowns": {str(seq): _unknown(item) for seq, item in state.unknowns.items()},
        "open": _open(state),
    }


def changed(before: Mapping[str, Panel], after: Mapping[str, Panel]) -> tuple[Changed, ...]:
    """Return every value that differs, panel by panel, in the order in which they are shown."""
    found: list[Changed] = []
    for panel in _names(before, after):
        old, new = before.get(panel, {}), after.get(panel, {})
        found += [
            Changed(panel, name, old.get(name), new.get(name))
            for name in _names(old, new)
            if (name in old, old.get(name)) != (name in new, new.get(name))
        ]
    return tuple(found)


def _names(one: Iterable[str], other: Iterable[str]) -> list[str]:
    return list(dict.fromkeys((*one, *other)))


def _run(state: RunState) -> Panel:
    hold, failure, identity = state.hold, state.failure, state.identity
    return {
        "status": state.status,
        "objective": identity.objective,
        "phase": state.phase,
        "turn": state.turn,
        "mode": state.mode,
        "deadline_us": state.deadline_us,
        "held_by": hold.by if hold is not None else None,
        "held_because": hold.reason if hold is not None else None,
        "cancel_requested_us": state.cancel.at_us if state.cancel is not None else None,
        "failure": failure.error if failure is not None else None,
        "circuit_open": state.circuit_open,
        "read_only": state.read_only,
    }


def _vitals(state: RunState) -> Panel:
    vitals = state.vitals
    return {
        "uncertainty": vitals.uncertainty,
        "side_effects": vitals.side_effects,
        "error_streak": vitals.error_streak,
        "risk": vitals.risk,
        "context_tokens": vitals.context_tokens,
        "context_pressure": vitals.context_pressure,
        "progress": vitals.progress,
    }


def _spend(state: RunState) -> Panel:
    spend = state.spend
    return {
        "cost_micros": spend.total_micros,
        "unknown_costs": spend.unknown_costs,
        "reserved_micros": spend.reserved_micros,
        "input_tokens": spend.input_tokens,
        "output_tokens": spend.output_tokens,
        "model_calls": spend.model_calls,
        "tool_calls": spend.tool_calls,
        "busy_us": spend.busy_us,
    }


def _budget(state: RunState) -> Panel:
    left = state.budgets_left
    return {
        kind: {"limit": bound.limit, "left": left.get(kind)}
        for kind, bound in sorted(state.conditions.budgets.items())
    }


def _model(state: RunState) -> Panel:
    conditions = state.conditions
    return {
        "model": conditions.model,
        "tier": conditions.tier,
        "parameters": conditions.parameters,
        "config_digest": conditions.config_digest,
    }


def _tools(state: RunState) -> Panel:
    conditions, overlay = state.conditions, state.conditions.overlay
    return {
        "scope": conditions.scope,
        "tools": list(conditions.scope_tools),
        "for_turn": None if overlay is None else f"{overlay.scope}: {', '.join(overlay.tools)}",
        "grants": [*sorted(grant.tool for grant in conditions.grants.values())],
    }


def _pause(pause: OpenPause) -> JsonValue:
    return {
        "type": pause.type,
        "title": pause.title,
        "tool": pause.tool,
        "risk": pause.risk,
        "since_us": pause.since_us,
        "expires_at_us": pause.expires_at_us,
    }


def _unknown(unknown: OpenUnknown) -> JsonValue:
    return {
        "name": unknown.name,
        "step_key": unknown.step_key,
        "since_us": unknown.since_us,
        "evidence": unknown.evidence,
        "inherited": unknown.inherited,
    }


def _open(state: RunState) -> Panel:
    """Return what is under way, by the number of the event that began it."""
    found: dict[int, JsonValue] = {
        **{seq: f"tool {intent.tool}" for seq, intent in state.tool_intents.items()},
        **{seq: f"model {intent.model}" for seq, intent in state.model_intents.items()},
        **{seq: f"step {intent.name}" for seq, intent in state.workflow_intents.items()},
        **{child.seq: f"agent {child.agent}" for child in state.children.values()},
        **{timer.seq: f"timer until {timer.fires_at_us}" for timer in state.timers.values()},
        **{said.seq: "message not used yet" for said in state.messages.values()},
    }
    return {str(seq): what for seq, what in sorted(found.items())}
