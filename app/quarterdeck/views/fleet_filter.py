"""What the fleet is filtered by: `march state:waiting agent:x tenant:y cost:>1`.

It is read anew with every key, so a condition that is still being typed hides nothing; one that
cannot be right says why, and is not taken.
"""

import operator
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from difflib import get_close_matches

from quarterdeck.views.states import MARKS
from quarterdeck_kernel.vocabulary.rows import FleetRow
from quarterdeck_kernel.vocabulary.words import Need

HINT = "text, state:waiting, agent:x, tenant:y, cost:>1"

_COMPARED: dict[str, Callable[[Decimal, Decimal], bool]] = {
    ">=": operator.ge,
    "<=": operator.le,
    ">": operator.gt,
    "<": operator.lt,
    "=": operator.eq,
}
_DOLLAR_MICROS = 1_000_000
_WORDS: dict[str, Need] = {mark.word.replace(" ", "_"): need for need, mark in MARKS.items()}

Condition = Callable[[FleetRow], bool]


@dataclass(frozen=True, slots=True)
class Filter:
    """Conditions that must all hold. `problem` says what of the text is no condition."""

    text: str = ""
    conditions: tuple[Condition, ...] = ()
    problem: str | None = None

    def fits(self, row: FleetRow) -> bool:
        """Tell whether a run is meant."""
        return all(condition(row) for condition in self.conditions)


EVERYTHING = Filter()


def read_filter(text: str) -> Filter:
    """Return what a text asks for, as far as it is typed."""
    conditions: list[Condition] = []
    for word in text.split():
        name, colon, value = word.partition(":")
        if not colon or name not in _READERS:
            conditions.append(_says(word))
            if colon and (near := get_close_matches(name, _READERS, n=1, cutoff=0.7)):
                return Filter(text, (), f"{name}: is no condition; did you mean {near[0]}:?")
        elif value:
            found = _READERS[name](value)
            if isinstance(found, str):
                return Filter(text, (), found)
            conditions.append(found)
    return Filter(text, tuple(conditions))


def _says(word: str) -> Condition:
    word = word.casefold()
    return lambda row: any(
        word in said.casefold() for said in (row.objective, row.agent, row.run_id)
    )


def _state(value: str) -> Condition | str:
    wanted: set[Need] = set()
    for part in filter(None, value.casefold().split(",")):
        # As far as it is typed: `state:w` is waiting already.
        begun: set[Need] = {need for word, need in _WORDS.items() if word.startswith(part)}
        if not begun:
            return f"no state begins with {part!r}; there are {', '.join(_WORDS)}"
        wanted |= begun
    return lambda row: row.need in wanted


def _agent(value: str) -> Condition:
    value = value.casefold()
    return lambda row: value in row.agent.casefold()


def _tenant(value: str) -> Condition:
    value = value.casefold()
    return lambda row: value in row.tenant.casefold()


def _cost(value: str) -> Condition | str:
    sign = next((sign for sign in _COMPARED if value.startswith(sign)), "")
    amount = value.removeprefix(sign).removeprefix("$")
    if not amount:
        return lambda _row: True
    try:
        dollars = Decimal(amount)
    except InvalidOperation:
        dollars = Decimal("NaN")
    if not dollars.is_finite():
        return f"{amount!r} is no sum in dollars; write cost:>1 or cost:<=0.50"
    compared, bound = _COMPARED[sign or "="], dollars * _DOLLAR_MICROS
    return lambda row: compared(Decimal(row.cost_micros), bound)


_READERS: dict[str, Callable[[str], Condition | str]] = {
    "state": _state,
    "agent": _agent,
    "tenant": _tenant,
    "cost": _cost,
}
