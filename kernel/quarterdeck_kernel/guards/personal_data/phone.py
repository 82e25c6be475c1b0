"""Telephone numbers: those with a country's code or a known form, others where a word says so."""

import re
from collections.abc import Iterator
from functools import cache

from quarterdeck_kernel.guards.personal_data.category import Finding
from quarterdeck_kernel.guards.personal_data.checksum import digits_of
from quarterdeck_kernel.guards.personal_data.context import (
    part_of_number,
    part_of_word,
)

GAP = r"[ .\u00a0\u2009\u202f\u2011\u2013/-]"
_WORLD_DIGITS = range(9, 16)
_LONG_COUNTRIES = ("1", "7")
"""Their numbers have eleven digits, always."""


@cache
def _pattern() -> re.Pattern[str]:
    # A class of characters first: the engine then skips what cannot begin a number.
    return re.compile(
        r"(?a)[+(0-9](?:"
        # +49 (0)30 1234567
        rf"(?<=\+)[1-9]\d{{0,2}}(?:{GAP}?(?:\(\d{{1,5}}\)|\d{{1,14}})){{1,7}}"
        # (415) 555-2671
        rf"|(?<=\()[2-9]\d\d\){GAP}?[2-9]\d\d{GAP}\d{{4}}"
        rf"|(?<=1){GAP}\([2-9]\d\d\){GAP}?[2-9]\d\d{GAP}\d{{4}}"
        # 415-555-2671
        r"|(?<=[2-9])\d\d(?P<a>[.-])[2-9]\d\d(?P=a)\d{4}"
        r"|(?<=1)(?P<b>[.-])[2-9]\d\d(?P=b)[2-9]\d\d(?P=b)\d{4}"
        # 01 23 45 67 89
        r"|(?<=0)[1-9](?P<c>[ .\u00a0\u202f-])\d\d(?:(?P=c)\d\d){3}"
        r")"
    )


def phones(text: str) -> Iterator[Finding]:
    """Find numbers to call somebody at."""
    for match in _pattern().finditer(text):
        start, stop = match.span()
        if part_of_word(text, start, stop, "+") or part_of_number(text, start, stop):
            continue
        if text[start] != "+" or _of_the_world(digits_of(match.group())):
            yield Finding(start, stop, "phone")


def _of_the_world(digits: str) -> bool:
    """Tell whether digits that begin with a country's code are as many as they must be."""
    if digits.startswith(_LONG_COUNTRIES):
        return len(digits) == 11  # noqa: PLR2004
    return len(digits) in _WORLD_DIGITS


def could_be_phone(digits: str) -> bool:
    """Tell whether somebody can be called there: by a trunk's 0, or ten digits of America."""
    if digits.startswith("00"):
        return _of_the_world(digits[2:])
    if digits.startswith("0"):
        return len(digits) in range(8, 13)
    digits = digits.removeprefix("1")
    return len(digits) == 10 and digits[0] in "23456789" and digits[3] in "23456789"  # noqa: PLR2004
