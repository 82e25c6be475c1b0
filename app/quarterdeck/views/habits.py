"""What a person has done already and when they last looked: remembered from one day to the next."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

_MOST_PLACES = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Habits:
    """`did`: names of actions. `looked_us`: of each workspace, when it was last looked at."""

    did: frozenset[str] = frozenset()
    looked_us: Mapping[str, int] = field(default_factory=dict)


def read_habits(text: str) -> Habits:
    """Return what was remembered; what cannot be read is forgotten: nothing depends on it."""
    try:
        data = json.loads(text)
        return Habits(
            did=frozenset(str(name) for name in data.get("did", ())),
            looked_us={str(place): int(at) for place, at in data.get("looked_us", {}).items()},
        )
    except (ValueError, AttributeError, TypeError):
        return Habits()


def habits_text(habits: Habits) -> str:
    """Return what to remember; of the workspaces the last that were looked at."""
    last = sorted(habits.looked_us.items(), key=lambda place: -place[1])[:_MOST_PLACES]
    data = {"did": sorted(habits.did), "looked_us": dict(last)}
    return json.dumps(data, indent=1) + "\n"
