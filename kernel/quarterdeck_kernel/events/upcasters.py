"""Lifting payloads of older schemas to today's, when they are read.

The stored bytes never change: an upcaster is a pure function from the plain data of one schema
to that of the next, and the classes describe only the newest. `SCHEMA` is raised by one whenever
a released payload gets a field, loses one, or changes a meaning; the golden log of every released
schema is replayed by the tests.
"""

from collections.abc import Callable, Mapping

from pydantic import JsonValue

Plain = dict[str, JsonValue]
Upcaster = Callable[[Plain], Plain]

SCHEMA = 1


def _cost_in_micros(payload: Plain) -> Plain:
    """Lift a model's answer of the draft schema 0, which counted cost in cents.

    Schema 0 was never released; this is the example to copy. An absent cost stays unknown.
    """
    cents = payload.pop("cost_cents", None)
    cost = cents * 10_000 if isinstance(cents, int) else None
    return {**payload, "cost_micros": cost}


UPCASTERS: Mapping[tuple[str, int], Upcaster] = {("model_completed", 0): _cost_in_micros}
"""From (kind, schema) to what lifts it to schema + 1; a pair not listed did not change."""


def upcast(
    kind: str,
    schema: int,
    payload: Plain,
    upcasters: Mapping[tuple[str, int], Upcaster] = UPCASTERS,
) -> Plain:
    """Return `payload`, written under `schema`, as today's schema has it."""
    for step in range(schema, SCHEMA):
        lift = upcasters.get((kind, step))
        if lift is not None:
            payload = lift(dict(payload))
    return payload
