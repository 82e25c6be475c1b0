"""International bank account numbers: a country's length, and a remainder of 1 by 97."""

import re
from collections.abc import Iterator
from functools import cache

from quarterdeck_kernel.guards.personal_data.category import Finding
from quarterdeck_kernel.guards.personal_data.checksum import mod97

_PLACES = {
    country: places
    for places, countries in {
        15: "NO",
        16: "BE",
        18: "DK FI FK FO GL NL SD",
        19: "MK SI",
        20: "AT BA EE KZ LT LU MN XK",
        21: "CH HR LI LV",
        22: "BG BH CR DE GB GE IE ME RS VA",
        23: "AE GI IL IQ OM SO TL",
        24: "AD CZ ES MD PK RO SA SE SK TN VG YE",
        25: "LY PT ST",
        26: "IS TR",
        27: "BI DJ FR GR IT MC MR SM",
        28: "AL AZ BY CY DO GT HN HU LB NI PL SV",
        29: "BR EG PS QA UA",
        30: "JO KW MU",
        31: "MT SC",
        32: "LC",
        33: "RU",
    }.items()
    for country in countries.split()
}
_GAPS = frozenset(" -\u00a0\u202f")


@cache
def _pattern() -> re.Pattern[str]:
    # Of the check digits, which are rarer than letters.
    return re.compile(r"[0-9](?<=[A-Za-z]{2}[0-9])[0-9](?=[ \u00a0\u202f-]?[A-Za-z0-9])")


def ibans(text: str) -> Iterator[Finding]:
    """Find account numbers, in one piece or in groups."""
    for match in _pattern().finditer(text):
        start = match.start() - 2
        places = _PLACES.get(text[start : start + 2].upper())
        if places is None or text[max(0, start - 1) : start].isalnum():
            continue
        number, stop = _walked(text, start, places)
        if number is not None and mod97(number) == 1:
            yield Finding(start, stop, "iban")


def _walked(text: str, start: int, places: int) -> tuple[str | None, int]:
    """Return as many letters and digits as the country has, and where they end."""
    number: list[str] = []
    at = start
    while len(number) < places and at < len(text):
        c = text[at]
        if c.isascii() and c.isalnum():
            number.append(c)
        elif c not in _GAPS or text[at - 1] in _GAPS:
            break
        at += 1
    whole = len(number) == places and not text[at : at + 1].isalnum()
    return ("".join(number) if whole else None), at
