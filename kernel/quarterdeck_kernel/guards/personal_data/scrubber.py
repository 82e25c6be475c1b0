"""The scrubber: texts and JSON values in, the same without personal data out, and what was there.

Pure: the same value always gives the same. What holds nothing comes back as the very object that
was given. Scrubbing what was scrubbed changes nothing.
"""

import json
import logging
import re
from bisect import bisect
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Generic, NamedTuple, Protocol, TypeVar

from pydantic import JsonValue

from quarterdeck_kernel.guards.personal_data.announced import announced_numbers
from quarterdeck_kernel.guards.personal_data.card import cards
from quarterdeck_kernel.guards.personal_data.category import (
    CATEGORIES,
    Category,
    Finding,
    Found,
    placeholder,
)
from quarterdeck_kernel.guards.personal_data.digit_rows import has_digit_row
from quarterdeck_kernel.guards.personal_data.email import emails
from quarterdeck_kernel.guards.personal_data.iban import ibans
from quarterdeck_kernel.guards.personal_data.national_id import fiscal_codes, national_ids
from quarterdeck_kernel.guards.personal_data.password import passwords
from quarterdeck_kernel.guards.personal_data.phone import phones
from quarterdeck_kernel.guards.personal_data.policy import PersonalDataPolicy, Place
from quarterdeck_kernel.guards.personal_data.private_key import private_keys
from quarterdeck_kernel.guards.personal_data.token import tokens

T = TypeVar("T")

_log = logging.getLogger("quarterdeck")

_ROUNDS = 8
"""What was found may have hidden its neighbour; more often than this only on purpose."""

_LEAST_CHARS = 6
"""The shortest of all that is looked for is an address, `a@b.de`."""


class Finder(Protocol):
    """Finds personal data in a text: the patterns here, or something of one's own."""

    def __call__(self, text: str, /) -> Iterable[Finding]:
        """Return what was found, in any order; the same text must always give the same."""
        ...


class Pattern(NamedTuple):
    """One of our own finders: which categories it finds, and whether those are rows of digits."""

    categories: frozenset[Category]
    finder: Finder
    numbers: bool = False


PATTERNS = (
    Pattern(frozenset({"private_key"}), private_keys),
    Pattern(frozenset({"password"}), passwords),
    Pattern(frozenset({"api_key"}), tokens),
    Pattern(frozenset({"iban"}), ibans, numbers=True),
    Pattern(frozenset({"card"}), cards, numbers=True),
    Pattern(frozenset({"card", "national_id", "phone"}), announced_numbers, numbers=True),
    Pattern(frozenset({"national_id"}), national_ids, numbers=True),
    Pattern(frozenset({"national_id"}), fiscal_codes),
    Pattern(frozenset({"email"}), emails),
    Pattern(frozenset({"phone"}), phones, numbers=True),
)
"""In order of who is right where two claim the same characters."""


class Scrubbed(NamedTuple, Generic[T]):
    """A value without what was found in it.

    `counts` says what was taken out; `blocked` what must not pass at all: the value is then not to
    be used.
    """

    value: T
    counts: Mapping[Found, int]
    blocked: Mapping[Found, int]


class Scrubber:
    """Takes personal data out, by a policy.

    `finders` are asked besides the patterns here. `secrets` finds those that are known, which are
    taken out everywhere, before anybody takes a part of them for something else.
    """

    def __init__(
        self,
        policy: PersonalDataPolicy,
        *,
        finders: Sequence[Finder] = (),
        secrets: Finder | None = None,
    ) -> None:
        """Scrub by a policy."""
        self.policy = policy
        self._finders = tuple(finders)
        self._secrets = (Pattern(frozenset(), secrets),) if secrets is not None else ()
        self._asked: dict[Place, tuple[Pattern, ...]] = {}

    def text(self, text: str, place: Place) -> Scrubbed[str]:
        """Return a text without what its place must not hold."""
        pass_ = _Pass(self, place)
        return pass_.scrubbed(pass_.text(text))

    def value(self, value: JsonValue, place: Place) -> Scrubbed[JsonValue]:
        """Return a JSON value without it: in its texts, its keys, and its whole numbers."""
        pass_ = _Pass(self, place)
        return pass_.scrubbed(pass_.value(value))

    def json_text(self, text: str, place: Place) -> Scrubbed[str]:
        """Return a text that is mostly JSON: looked at as what it says, however it is spelt."""
        pass_ = _Pass(self, place)
        return pass_.scrubbed(pass_.json_text(text))

    def findings(self, text: str, place: Place) -> list[Finding]:
        """Return what is in a text that its place must not hold, in order."""
        return _Pass(self, place).findings(text)

    def asked(self, place: Place) -> tuple[Pattern, ...]:
        """Return who is asked about a place: whoever is off there need not look."""
        asked = self._asked.get(place)
        if asked is None:
            treatments = self.policy.of(place)
            on = {category for category in CATEGORIES if treatments.of(category) != "off"}
            patterns = [pattern for pattern in PATTERNS if pattern.categories & on]
            others = [Pattern(frozenset(CATEGORIES), _closed(finder)) for finder in self._finders]
            asked = (*self._secrets, *patterns, *others) if on else self._secrets
            self._asked[place] = asked
        return asked


def _closed(finder: Finder) -> Finder:
    """Return a finder that fails closed: what it could not look at must not pass."""

    def found(text: str) -> Iterable[Finding]:
        try:
            return list(finder(text))
        except Exception:  # noqa: BLE001 - not ours, and it fails closed; logged
            _log.exception("a finder of personal data failed; all of the text is taken out")
            return [Finding(0, len(text), "name")]

    return found


class _Pass:
    """One look at one value."""

    def __init__(self, scrubber: Scrubber, place: Place) -> None:
        self._patterns = scrubber.asked(place)
        self._treatments = scrubber.policy.of(place)
        self._counts: Counter[Found] = Counter()
        self._blocked: Counter[Found] = Counter()

    def scrubbed(self, value: T) -> Scrubbed[T]:
        return Scrubbed(value, dict(self._counts), dict(self._blocked))

    def text(self, text: str) -> str:
        if len(text) < _LEAST_CHARS or not self._patterns:
            return text
        for _ in range(_ROUNDS):
            again = self._once(text)
            if again is text:
                return text
            text = again
        return text

    def value(self, value: JsonValue) -> JsonValue:
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, dict):
            return self._object(value)
        if isinstance(value, list):
            items = [self.value(item) for item in value]
            return value if _same(items, value) else items
        if isinstance(value, int) and value > _LEAST_NUMBER:
            return self._number("", value)
        return value

    def _named(self, key: str, value: JsonValue) -> JsonValue:
        """Look through what stands under a key: that may say what kind of number it is."""
        if isinstance(value, int):
            return self._number(key, value) if value > _LEAST_NUMBER else value
        if isinstance(value, str) and len(value) < _NUMBER_CHARS and has_digit_row(value):
            said = f"{_word_break().sub(' ', key)}: "
            again = self.text(said + value)
            if again.startswith(said) and not again.endswith(value):
                return again.removeprefix(said)
        return self.value(value)

    def json_text(self, text: str) -> str:
        try:
            value: JsonValue = json.loads(text, object_pairs_hook=_object)
        except (ValueError, RecursionError):
            return self.text(text)
        scrubbed = self.value(value)
        if scrubbed is not value:
            text = json.dumps(scrubbed, ensure_ascii=False)
        return text

    def _object(self, value: dict[str, JsonValue]) -> dict[str, JsonValue]:
        made: dict[str, JsonValue] = {}
        changed = False
        names: dict[str, str] = {}
        # In the order of the alphabet, which is the one they are stored in.
        for key in sorted(value):
            name, number = plain, at = self.text(key), 1
            while name in names.values() or (name != key and name in value):
                at, number = at + 1, number + 1
                name = f"{plain} {at}"
            names[key] = name
        for key, item in value.items():
            made[names[key]] = again = self._named(key, item)
            changed = changed or names[key] != key or again is not item
        return made if changed else value

    def _number(self, key: str, value: int) -> JsonValue:
        """Look through a whole number: where it is somebody's, all of it is."""
        said = f"{_word_break().sub(' ', key)}: "
        for start, stop, category in self.findings(f"{said}{value}"):
            if (start, stop) == (len(said), len(said) + len(str(value))):
                return self._replaced(category)
        return value

    def _once(self, text: str) -> str:
        found = self.findings(text)
        if not found:
            return text
        pieces: list[str] = []
        at = 0
        for start, stop, category in found:
            pieces += text[at:start], self._replaced(category)
            at = stop
        pieces.append(text[at:])
        return "".join(pieces)

    def findings(self, text: str) -> list[Finding]:
        found: list[Finding] = []
        numbers = has_digit_row(text)
        for pattern in self._patterns:
            if pattern.numbers and not numbers:
                continue
            for finding in pattern.finder(text):
                if self._treatments.of(finding.category) == "off":
                    continue
                place = bisect(found, finding)
                before, after = found[max(0, place - 1) : place], found[place : place + 1]
                if any(f.stop > finding.start for f in before):
                    continue
                if not any(f.start < finding.stop for f in after):
                    found.insert(place, finding)
        return found

    def _replaced(self, category: Found) -> str:
        which = self._blocked if self._treatments.of(category) == "block" else self._counts
        which[category] += 1
        return placeholder(category)


_LEAST_NUMBER = 10**6
_NUMBER_CHARS = 40


@cache
def _word_break() -> re.Pattern[str]:
    """Where `phone_number` and `phoneNumber` are two words."""
    return re.compile(r"_|(?<=[a-z])(?=[A-Z])")


def _object(pairs: list[tuple[str, JsonValue]]) -> dict[str, JsonValue]:
    made = dict(pairs)
    if len(made) < len(pairs):
        raise ValueError(
            "a key stands twice: what a reader does not see is in the text all the same"
        )
    return made


def _same(made: Sequence[object], given: Sequence[object]) -> bool:
    return all(a is b for a, b in zip(made, given, strict=True))
