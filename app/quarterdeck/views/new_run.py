"""The form of a new run: what was typed, what is wrong with it, and what will come of it."""

from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import Final, Literal, NamedTuple, get_args

from quarterdeck.views.amounts import dollars, span_s
from quarterdeck.views.crew import Crew
from quarterdeck.views.plain import plain
from quarterdeck.views.quantities import money

FieldName = Literal["agent", "objective", "model", "budget", "tenant", "deadline"]
FIELDS: Final[tuple[FieldName, ...]] = get_args(FieldName)
CHOSEN: Final[tuple[FieldName, ...]] = ("agent", "model", "tenant")
"""Fields that have something to choose from."""

LOCAL: Final = "local"
_OBJECTIVE_CHARS: Final = 20_000
_NAME_CHARS: Final = 200


class Order(NamedTuple):
    """What is to be done, and on which terms."""

    agent: str
    objective: str
    model: str | None = None
    budget_micros: int | None = None
    tenant: str = LOCAL
    deadline_s: int | None = None


class Started(NamedTuple):
    """A run that was queued, and whether this very process drives it."""

    run_id: str
    driven: bool

    def told(self) -> str:
        """Return what becomes of it."""
        then = "it is driven here" if self.driven else "queued: start `quarterdeck worker`"
        return f"run {plain(self.run_id)}: {then}"


class Fault(NamedTuple):
    """What is wrong, and with which field."""

    field: FieldName
    text: str


def choices(name: FieldName, crew: Crew) -> list[str]:
    """Return what a field can be chosen from."""
    if name == "agent":
        return [agent.name for agent in crew.agents]
    if name == "model":
        return [model.name for model in crew.models]
    return list(dict.fromkeys((LOCAL, *crew.tenants))) if name == "tenant" else []


def beside(name: FieldName, typed: str, step: int, crew: Crew) -> str | None:
    """Return the choice before or after the one that stands there; None: something else does."""
    known = choices(name, crew)
    if not known or (typed and typed not in known):
        return None
    if not typed:
        return known[0 if step > 0 else -1]
    return known[(known.index(typed) + step) % len(known)]


def asked_model(values: Mapping[str, str], crew: Crew) -> str | None:
    """Return the model that the run will ask."""
    agent = crew.agent(values["agent"].strip())
    of_agent = agent.model if agent is not None else None
    return values["model"].strip() or of_agent or crew.default_model


def fault(values: Mapping[str, str], crew: Crew) -> Fault | None:
    """Return the first thing that is wrong, in a sentence that says what to type instead."""
    typed: dict[str, str] = {name: values[name].strip() for name in FIELDS}
    if not crew.loaded:
        return Fault("agent", crew.trouble or "the agents are still being read")
    return (
        _agent_fault(typed["agent"], crew)
        or _objective_fault(typed["objective"])
        or _model_fault(values, crew)
        or _amount_fault(typed)
        or _tenant_fault(typed["tenant"], crew)
    )


def _agent_fault(name: str, crew: Crew) -> Fault | None:
    if not name:
        return Fault("agent", "name the agent")
    agent = crew.agent(name)
    if agent is None:
        return Fault("agent", f"there is no agent {name[:80]!r}{_nearest(name, crew, 'agent')}")
    return Fault("agent", agent.absent) if agent.absent is not None else None


def _objective_fault(text: str) -> Fault | None:
    if not text:
        return Fault("objective", "say what is to be done")
    if len(text) > _OBJECTIVE_CHARS:
        more = f"{len(text):,} characters; {_OBJECTIVE_CHARS:,} are the most"
        return Fault("objective", f"the objective has {more}: put the rest into a file")
    return None


def _model_fault(values: Mapping[str, str], crew: Crew) -> Fault | None:
    model = asked_model(values, crew)
    if model is None:
        agent = values["agent"].strip()
        return Fault("model", f"agent {agent!r} names no model, and there is no default: name one")
    if len(model) > _NAME_CHARS or not model.isprintable() or " " in model:
        return Fault("model", f"{plain(model[:80])!r} is no name of a model")
    return None


def _amount_fault(typed: Mapping[str, str]) -> Fault | None:
    budget, deadline = typed["budget"], typed["deadline"]
    if budget and dollars(budget) is None:
        shown = plain(budget[:80])
        return Fault("budget", f"{shown!r} is no amount in dollars; write it as 2.50")
    if deadline and span_s(deadline) is None:
        shown = plain(deadline[:80])
        return Fault("deadline", f"{shown!r} is no time; write it as 90s, 10m, 2h or 1d")
    return None


def _tenant_fault(name: str, crew: Crew) -> Fault | None:
    if not name:
        return Fault("tenant", f"name whose run it is; {LOCAL!r} if nobody else's")
    if crew.tenants and name not in crew.tenants:
        hint = _nearest(name, crew, "tenant") or f"; there are {', '.join(crew.tenants)}"
        return Fault("tenant", f"there is no tenant {name[:80]!r}{hint}")
    return None


def _nearest(name: str, crew: Crew, field: FieldName) -> str:
    near = get_close_matches(name, choices(field, crew), n=1)
    return f"; did you mean {near[0]!r}?" if near else ""


def order_of(values: Mapping[str, str]) -> Order:
    """Return what was typed, once nothing is wrong with it."""
    typed = {name: values[name].strip() for name in FIELDS}
    return Order(
        agent=typed["agent"],
        objective=typed["objective"],
        model=typed["model"] or None,
        budget_micros=dollars(typed["budget"]) if typed["budget"] else None,
        tenant=typed["tenant"],
        deadline_s=span_s(typed["deadline"]) if typed["deadline"] else None,
    )


def missing_key(values: Mapping[str, str], crew: Crew) -> str | None:
    """Return what is said of a key that is not there, before a run is started that needs it."""
    model = asked_model(values, crew)
    key = crew.missing_key(model) if model is not None else None
    if model is None or key is None:
        return None
    offline = [each.name for each in crew.models if each.offline]
    instead = f", or choose {offline[0]!r}, which needs none" if offline else ""
    return f"{plain(model)} needs {key}, which is not set here: set it{instead}"


def explained(name: FieldName, values: Mapping[str, str], crew: Crew) -> str:
    """Return what is to be known of a field while the cursor is in it."""
    match name:
        case "agent":
            return _about_agent(values, crew)
        case "model":
            return _about_model(values, crew)
        case "objective":
            return "What the agent is to do, in your own words."
        case "budget":
            agent = crew.agent(values["agent"].strip())
            own = agent.budget_micros if agent is not None else None
            bound = f"the agent's own is {money(own)}" if own is not None else "empty: none"
            return f"What it may cost in dollars, as 2.50; {bound}."
        case "tenant":
            return "Whose run it is: rights and budgets are a tenant's."
        case "deadline":
            return "When its time is over, from now: 90s, 10m, 2h, 1d; empty: never."


def _about_agent(values: Mapping[str, str], crew: Crew) -> str:
    if not crew.loaded:
        return crew.trouble or "reading the agents…"
    agent = crew.agent(values["agent"].strip())
    if agent is None:
        return f"One of {_listed(choices('agent', crew))}."
    tools = f"{len(agent.tools)} tools" if len(agent.tools) != 1 else "1 tool"
    said = plain(agent.identity) or f"from {plain(agent.source)}"
    return f"{said} · {tools}"


def _about_model(values: Mapping[str, str], crew: Crew) -> str:
    model = asked_model(values, crew)
    if model is None:
        return "The agent names no model: name one."
    own = "" if values["model"].strip() else "empty: the agent's own, "
    known = crew.model(model)
    if known is not None and known.offline:
        return f"{own}{plain(model)}: answers offline, needs no key."
    key = crew.key(model)
    if key is not None:
        there = "is set" if key in crew.keys else "is not set"
        return f"{own}{plain(model)}: {key} {there}."
    return f"{own}{plain(model)}."


def _listed(names: Sequence[str], most: int = 8) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(map(plain, names[:most])) + more
