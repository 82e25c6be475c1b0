"""`[personal_data]`: what becomes of which personal data, and where."""

from collections.abc import Mapping
from typing import Final, Literal, TypeAlias

Place = Literal["prompt", "output", "arguments", "result", "recording"]
Treatment = Literal["off", "redact", "block"]
Category = Literal[
    "email", "phone", "national_id", "iban", "card", "api_key", "private_key", "password", "name"
]

PersonalData: TypeAlias = dict[Place, Treatment | dict[Category, Treatment]]
"""For each place a word for every category, or one for each."""

_CATEGORIES: Final[tuple[Category, ...]] = (
    "email",
    "phone",
    "national_id",
    "iban",
    "card",
    "api_key",
    "private_key",
    "password",
    "name",
)
_STRENGTH: Final[dict[Treatment, int]] = {"off": 0, "redact": 1, "block": 2}


def stricter_of(mine: PersonalData, user: PersonalData) -> PersonalData:
    """Return for each place and category the stricter of what two say."""
    places: list[Place] = [*user, *(place for place in mine if place not in user)]
    merged: PersonalData = {}
    for place in places:
        first, second = _spread(mine.get(place)), _spread(user.get(place))
        merged[place] = {
            category: _stricter(first.get(category, "off"), second.get(category, "off"))
            for category in _CATEGORIES
            if category in first or category in second
        }
    return merged


def _stricter(first: Treatment, second: Treatment) -> Treatment:
    return first if _STRENGTH[first] >= _STRENGTH[second] else second


def _spread(said: Treatment | Mapping[Category, Treatment] | None) -> Mapping[Category, Treatment]:
    if said is None:
        return {}
    return said if isinstance(said, Mapping) else dict.fromkeys(_CATEGORIES, said)
