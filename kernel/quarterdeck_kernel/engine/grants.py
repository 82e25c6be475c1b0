"""Grants: calls like one that a person approved may go unasked, until the run ends.

A grant is for one tool in one run, under the terms that were asked about (version, effect, risk,
the rules that matched), for arguments that meet its constraints: those that were shown, but where
the person has let one of them vary. It is looked at for each call anew, and may be taken back.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import JsonValue

from quarterdeck_kernel import canonical
from quarterdeck_kernel.engine.log_reader import opened
from quarterdeck_kernel.engine.schema_check import misfit
from quarterdeck_kernel.errors import InvalidError
from quarterdeck_kernel.events.control_events import GrantGiven
from quarterdeck_kernel.events.people_events import PauseRequested
from quarterdeck_kernel.projections.open_items import Grant
from quarterdeck_kernel.projections.state import RunState
from quarterdeck_kernel.store.port import EventStore
from quarterdeck_kernel.vocabulary.actor import Actor

Arguments = dict[str, JsonValue]


@dataclass(frozen=True, slots=True, kw_only=True)
class StandingGrant:
    """A grant that stands: what may go unasked, and who allowed it when.

    `constraints` are a JSON schema that the arguments must fit; None if they were erased, and then
    nothing goes by it.
    """

    grant_id: str
    tool: str
    pause_id: str
    seq: int
    constraints: dict[str, JsonValue] | None
    actor: Actor
    at_us: int


def terms_of(question: PauseRequested) -> str:
    """Return the hash over what a grant is bound to besides the arguments."""
    details = question.details if isinstance(question.details, dict) else {}
    return canonical.digest(
        [
            question.tool,
            question.tool_version,
            question.effect,
            question.risk,
            question.people_needed,
            details.get("rules"),
        ]
    )


def constraints_on(shown: Arguments, loosened: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
    """Return the schema of calls like the one shown; `loosened` says which arguments may vary."""
    unknown = sorted(set(loosened) - set(shown))
    if unknown:
        raise InvalidError(f"the call has no arguments {unknown!r}; it has {sorted(shown)!r}")
    properties: dict[str, JsonValue] = {
        name: loosened.get(name, {"const": value}) for name, value in shown.items()
    }
    schema: dict[str, JsonValue] = {
        "type": "object",
        "properties": properties,
        "required": [*sorted(shown)],
        "additionalProperties": False,
    }
    problem = misfit(schema, shown)
    if problem is not None:
        raise InvalidError(f"the grant would not cover the very call it is for: {problem}")
    return schema


async def standing(store: EventStore, state: RunState) -> list[StandingGrant]:
    """Return the grants that stand in a run, the oldest first."""
    grants = sorted(state.conditions.grants.items(), key=lambda item: item[1].seq)
    return [await _whole(store, state, grant_id, grant) for grant_id, grant in grants]


async def covering(
    store: EventStore, state: RunState, question: PauseRequested, arguments: Arguments
) -> str | None:
    """Return the grant by which a call may go that a person would have to be asked about."""
    terms = terms_of(question)
    for grant_id, grant in state.conditions.grants.items():
        if (grant.tool, grant.terms) == (question.tool, terms):
            constraints = (await _whole(store, state, grant_id, grant)).constraints
            if constraints is not None and misfit(constraints, arguments) is None:
                return grant_id
    return None


async def _whole(store: EventStore, state: RunState, grant_id: str, grant: Grant) -> StandingGrant:
    (record,) = await store.read(state.identity.run_id, after=grant.seq - 1, until=grant.seq)
    event = await opened(store, record)
    assert isinstance(event.payload, GrantGiven), "the state names the event that gave it"
    return StandingGrant(
        grant_id=grant_id,
        tool=grant.tool,
        pause_id=grant.pause_id,
        seq=grant.seq,
        constraints=event.payload.constraints,
        actor=event.actor,
        at_us=event.at_us,
    )
