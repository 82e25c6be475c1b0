"""Tests of one argument of a call: what it says, and whether a value meets it.

What cannot be told (a URL that no two clients read alike, a path that is a number) counts as met:
a rule that is in doubt applies, because rules only ever make things stricter. An argument that is
not there meets nothing.
"""

from collections.abc import Iterable, Iterator
from decimal import Decimal, InvalidOperation
from functools import cached_property
from pathlib import Path
from typing import Annotated, Final, Self, TypeAlias

from pydantic import (
    AfterValidator,
    Field,
    JsonValue,
    StrictBool,
    StrictInt,
    StrictStr,
    model_validator,
)

from quarterdeck_kernel.guards.policy.hosts import Hosts, hosts_of
from quarterdeck_kernel.guards.policy.paths import places_of, under_any
from quarterdeck_kernel.guards.policy.patterns import checked_pattern, found
from quarterdeck_kernel.guards.policy.sql_verbs import verbs_of
from quarterdeck_kernel.vocabulary.model import Value

ANY_ARGUMENT: Final = "*"
"""Stands for every value in the arguments, however deep."""


def _hosts(patterns: tuple[str, ...]) -> tuple[str, ...]:
    Hosts(patterns)
    return patterns


def _lower(words: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(word.casefold() for word in words)


Text = Annotated[str, Field(min_length=1)]
Texts: TypeAlias = Annotated[tuple[Text, ...], Field(min_length=1)]
HostNames = Annotated[Texts, AfterValidator(_hosts)]
Verbs = Annotated[Texts, AfterValidator(_lower)]
Pattern = Annotated[Text, AfterValidator(checked_pattern)]
Scalar: TypeAlias = StrictStr | StrictBool | StrictInt | Decimal


class ArgumentTest(Value):
    """What must be true of an argument; of what is given here, all of it.

    Of a list of values one that meets the test is enough.
    """

    path_under: Texts | None = Field(
        default=None, description="Folders: it is one of them, or below, links resolved."
    )
    path_outside: Texts | None = Field(default=None, description="Folders: it is in none of them.")
    host_in: HostNames | None = Field(
        default=None, description="Names (and their subdomains), addresses, networks."
    )
    host_not_in: HostNames | None = Field(default=None, description="The host is none of these.")
    sql_verb_in: Verbs | None = Field(default=None, description="A statement does one of these.")
    sql_verb_not_in: Verbs | None = Field(
        default=None, description="A statement does something else than these."
    )
    over: Decimal | None = Field(default=None, description="A number above this one.")
    matches: Pattern | None = Field(
        default=None, description="A regular expression is found in it (Rust's syntax)."
    )
    matches_not: Pattern | None = Field(
        default=None, description="A regular expression is not found in it."
    )
    one_of: tuple[Scalar, ...] | None = Field(default=None, description="It equals one of these.")
    none_of: tuple[Scalar, ...] | None = Field(default=None, description="It equals none of these.")

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not self.given:
            raise ValueError('there is nothing to test; say for example { one_of = ["x"] }')
        return self

    @property
    def given(self) -> dict[str, object]:
        """Return the tests that are set, by name."""
        names = type(self).model_fields
        return {name: value for name in names if (value := getattr(self, name)) is not None}

    def __str__(self) -> str:
        """Return it as people say it."""
        return " and ".join(f"{_WORDS[name]} {_said(value)}" for name, value in self.given.items())

    # -- judging

    def met(self, value: JsonValue, root: Path) -> bool:
        """Tell whether a value of an argument, or one of its values, meets every test."""
        return any(self._met(each, root) for each in _values(value))

    def _met(self, value: JsonValue, root: Path) -> bool:
        answers = (
            self._path_met(value, root),
            self._host_met(value),
            self._sql_met(value),
            self._amount_met(value),
            self._pattern_met(value),
            self._equality_met(value),
        )
        return all(answers)

    def _path_met(self, value: JsonValue, root: Path) -> bool:
        if self.path_under is None and self.path_outside is None:
            return True
        places = places_of(value, root) if isinstance(value, str) else None
        if places is None:
            return True
        under, outside = self.path_under, self.path_outside
        return (
            under is None or any(under_any(place, under, root, any_case=True) for place in places)
        ) and (
            outside is None
            or any(not under_any(place, outside, root, any_case=False) for place in places)
        )

    def _host_met(self, value: JsonValue) -> bool:
        if self.host_in is None and self.host_not_in is None:
            return True
        hosts = hosts_of(value) if isinstance(value, str) else None
        if hosts is None:
            return True
        inside, outside = self._hosts_in, self._hosts_not_in
        return (inside is None or any(map(inside.meant, hosts))) and (
            outside is None or not all(map(outside.meant, hosts))
        )

    @cached_property
    def _hosts_in(self) -> Hosts | None:
        return Hosts(self.host_in) if self.host_in is not None else None

    @cached_property
    def _hosts_not_in(self) -> Hosts | None:
        return Hosts(self.host_not_in) if self.host_not_in is not None else None

    def _sql_met(self, value: JsonValue) -> bool:
        if self.sql_verb_in is None and self.sql_verb_not_in is None:
            return True
        verbs = verbs_of(value) if isinstance(value, str) else None
        if verbs is None:
            return True
        inside, outside = self.sql_verb_in, self.sql_verb_not_in
        return (inside is None or not verbs.isdisjoint(inside)) and (
            outside is None or not verbs.issubset(outside)
        )

    def _amount_met(self, value: JsonValue) -> bool:
        if self.over is None:
            return True
        amount = _number(value)
        return amount is None or amount > self.over

    def _pattern_met(self, value: JsonValue) -> bool:
        if self.matches is None and self.matches_not is None:
            return True
        text = _text(value)
        wanted = found(self.matches, text) if self.matches is not None else True
        unwanted = found(self.matches_not, text) if self.matches_not is not None else False
        return wanted is not False and unwanted is not True

    def _equality_met(self, value: JsonValue) -> bool:
        wanted, unwanted = self.one_of, self.none_of
        return (wanted is None or any(_equal(value, each) for each in wanted)) and not (
            unwanted is not None and any(_equal(value, each) for each in unwanted)
        )


_WORDS: Final = {
    "path_under": "is under",
    "path_outside": "is outside",
    "host_in": "has a host in",
    "host_not_in": "has a host not in",
    "sql_verb_in": "does in SQL",
    "sql_verb_not_in": "does in SQL other than",
    "over": "is over",
    "matches": "matches",
    "matches_not": "does not match",
    "one_of": "is one of",
    "none_of": "is none of",
}


def values_at(arguments: dict[str, JsonValue], name: str) -> Iterator[JsonValue]:
    """Yield what stands under a name: `path`, `options.path`, or `*` for everything."""
    if name == ANY_ARGUMENT:
        yield from _leaves(arguments)
        return
    if name in arguments:
        yield arguments[name]
    inside: JsonValue = arguments
    for part in name.split(".") if "." in name else ():
        if not isinstance(inside, dict) or part not in inside:
            return
        inside = inside[part]
    if inside is not arguments:
        yield inside


def _leaves(value: JsonValue) -> Iterator[JsonValue]:
    if isinstance(value, dict):
        for each in value.values():
            yield from _leaves(each)
    elif isinstance(value, list):
        for each in value:
            yield from _leaves(each)
    else:
        yield value


def _values(value: JsonValue) -> Iterable[JsonValue]:
    """Return the values of an argument. One that is null is not there."""
    if isinstance(value, list):
        return [each for item in value for each in _values(item)]
    return [] if value is None else [value]


def _text(value: JsonValue) -> str:
    if isinstance(value, str):
        return value
    from quarterdeck_kernel.canonical import encode  # noqa: PLC0415

    return encode(value)


def _number(value: JsonValue) -> Decimal | None:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    try:
        number = Decimal(value.strip() if isinstance(value, str) else str(value))
    except (InvalidOperation, ValueError):
        return None
    return number if number.is_finite() else None


def _equal(value: JsonValue, other: Scalar) -> bool:
    if isinstance(value, bool) or isinstance(other, bool):
        return value is other
    if isinstance(value, int | float) and isinstance(other, int | Decimal):
        return Decimal(str(value)) == other
    return value == other


def _said(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)
