"""Payment cards: a brand's beginning and length, and Luhn's digit."""

import re
from collections.abc import Iterator
from functools import cache

from quarterdeck_kernel.guards.personal_data.category import Finding
from quarterdeck_kernel.guards.personal_data.checksum import digits_of, luhn
from quarterdeck_kernel.guards.personal_data.context import part_of_word


@cache
def _pattern() -> re.Pattern[str]:
    gap = r"[ \u00a0\u202f.-]"
    return re.compile(
        rf"(?a)[2-6]\d{{3}}(?P<g>{gap})(?:\d{{4}}(?P=g)\d{{4}}(?P=g)\d{{4}}(?:(?P=g)\d{{3}}(?!\d))?"
        r"|\d{6}(?P=g)\d{4,5})(?!\d)"
        # Of 13 or 19 digits in one piece most are no card: see `announced`.
        r"|[2-6]\d{13,15}(?!\d)"
    )


@cache
def _brands() -> re.Pattern[str]:
    return re.compile(
        r"(?a)4(?:\d{15}|\d{12}|\d{18})"  # Visa
        r"|(?:5[1-5]\d\d|222[1-9]|22[3-9]\d|2[3-6]\d\d|27[01]\d|2720)\d{12}"  # Mastercard
        r"|3[47]\d{13}"  # American Express
        r"|3(?:0[0-5]|[68]\d|09|9\d)\d{11}"  # Diners Club
        r"|6(?:011|4[4-9]\d|5\d\d)\d{12}(?:\d{3})?"  # Discover
        r"|35(?:2[89]|[3-8]\d)\d{12}"  # JCB
        r"|62\d{14}(?:\d{3})?"  # UnionPay
        r"|220[0-4]\d{12}"  # Mir
        r"|(?:5018|5020|5038|5893|6304|6759|676[1-3])\d{12}"  # Maestro
    )


def cards(text: str) -> Iterator[Finding]:
    """Find card numbers, in one piece or grouped as they are printed."""
    for match in _pattern().finditer(text):
        start, stop = match.span()
        if part_of_word(text, start, stop, "+") or _of_a_fraction(text, start):
            continue
        if is_card(digits_of(match.group())):
            yield Finding(start, stop, "card")


def is_card(digits: str) -> bool:
    """Tell whether digits make a card's number."""
    return _brands().fullmatch(digits) is not None and luhn(digits)


def _of_a_fraction(text: str, start: int) -> bool:
    return start > 1 and text[start - 1] in ".," and text[start - 2].isdigit()
