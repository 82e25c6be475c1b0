"""`[personal_data]`: what becomes of which personal data, and where."""

from collections.abc import Mapping
from typing import Final, TypeAlias, get_args

from quarterdeck_kernel.guards.personal_data.category import CATEGORIES, Category
from quarterdeck_kernel.guards.personal_data.policy import PersonalDataPolicy, Place, Treatment

PersonalData: TypeAlias = dict[Place, Treatment | dict[Category, Treatment]]
"""For each place a word for every category, or one for each."""

_STRENGTH: Final[dict[Treatment, int]] = {"off": 0, "redact": 1, "block": 2}


def spelled_out(policy: PersonalDataPolicy) -> PersonalData:
    """Return a policy as settings would say it."""
    places: tuple[Place, ...] = get_args(Place)
    return {
        place: {category: policy.of(place).of(category) for category in CATEGORIES}
        for place in places
    }


def stricter_of(mine: PersonalData, user: PersonalData) -> PersonalData:
    """Return for each place and category the stricter of what two say."""
    places: list[Place] = [*user, *(place for place in mine if place not in user)]
    merged: PersonalData = {}
    for place in places:
        first, second = _spread(mine.get(place)), _spread(user.get(place))
        merged[place] = {
            category: _stricter(first.get(category, "off"), second.get(category, "off"))
            for category in CATEGORIES
            if category in first or category in second
        }
    return merged


def _stricter(first: Treatment, second: Treatment) -> Treatment:
    return first if _STRENGTH[first] >= _STRENGTH[second] else second


def _spread(said: Treatment | Mapping[Category, Treatment] | None) -> Mapping[Category, Treatment]:
    if said is None:
        return {}
    return said if isinstance(said, Mapping) else dict.fromkeys(CATEGORIES, said)
