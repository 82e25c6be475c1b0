"""National identity, tax and insurance numbers: by their form and check digits.

Where the form is that of any number (nine digits with a one-in-eleven check), a word must say what
it is.
"""

import re
from collections.abc import Callable, Iterator
from datetime import date
from functools import cache

from quarterdeck_kernel.guards.personal_data.category import Finding
from quarterdeck_kernel.guards.personal_data.checksum import (
    digits_of,
    ean13,
    luhn,
    mod11_10,
    weighted,
)
from quarterdeck_kernel.guards.personal_data.context import (
    part_of_number,
    part_of_word,
)

_DNI = "TRWAGMYFPDXBNJZSQVHLCKE"
_HETU = "0123456789ABCDEFHJKLMNPRSTUVWXY"
_PPS = "WABCDEFGHIJKLMNOPQRSTUV"


def _spain(text: str) -> bool:
    digits = {"X": "0", "Y": "1", "Z": "2"}.get(text[0], text[0]) + text[1:-1]
    return _DNI[int(digits_of(digits)) % 23] == text[-1]


def _france(text: str) -> bool:
    if text[0] not in "12":
        return False
    plain = "".join(text.split()).replace("2A", "19", 1).replace("2B", "18", 1)
    return 97 - int(plain[:13]) % 97 == int(plain[13:])


_ODD = (
    1,
    0,
    5,
    7,
    9,
    13,
    15,
    17,
    19,
    21,
    2,
    4,
    18,
    20,
    11,
    3,
    6,
    8,
    12,
    14,
    16,
    10,
    22,
    25,
    24,
    23,
)


def _italy(text: str) -> bool:
    values = [int(c) if c.isdigit() else ord(c) - 65 for c in text[:15]]
    total = sum(v if place % 2 else _ODD[v] for place, v in enumerate(values))
    return chr(65 + total % 26) == text[15]


def _finland(text: str) -> bool:
    return _HETU[int(text[:6] + text[7:10]) % 31] == text[10] and _day(text[:2], text[2:4])


def _norway(text: str) -> bool:
    digits = digits_of(text)
    first = weighted(digits, (3, 7, 6, 1, 8, 9, 4, 5, 2, 1)) % 11 == 0
    second = weighted(digits, (5, 4, 3, 2, 7, 6, 5, 4, 3, 2, 1)) % 11 == 0
    return first and second and _day(digits[:2], digits[2:4])


def _belgium(text: str) -> bool:
    digits = digits_of(text)
    key = int(digits[9:])
    return key in {97 - int(digits[:9]) % 97, 97 - int("2" + digits[:9]) % 97}


def _day(day: str, month: str) -> bool:
    try:
        date(2000, int(month), int(day))
    except ValueError:
        return False
    return True


def _britain(text: str) -> bool:
    return text[0] in "ABCEGHJKLMNOPRSTWXYZ" and text[:2] not in _NO_BRITONS


_NO_BRITONS = frozenset({"BG", "GB", "NK", "KN", "TN", "NT", "ZZ"})


def _germany(text: str) -> bool:
    return text[0] != "0" and mod11_10(digits_of(text))


def _switzerland(text: str) -> bool:
    return text.startswith("756") and ean13(digits_of(text))


def _usa(text: str) -> bool:
    digits = digits_of(text)
    area, group, serial = digits[:3], digits[3:5], digits[5:]
    if area in {"000", "666"} or area[0] == "9":
        return False
    return group != "00" and serial != "0000"


_GAP = r"[ \u00a0\u202f]?"
_MONTH = r"(?:0[1-9]|1[0-2]|[2-9]\d)"

_DIGITS_FIRST: tuple[tuple[str, str, Callable[[str], bool]], ...] = (
    ("us", r"\d\d-\d\d-\d{4}", _usa),
    ("es", r"\d{7}-?[A-HJ-NP-TV-Z]", _spain),
    ("fi", r"\d{5}[-+A-FU-Y]\d{3}[0-9A-FHJ-NPR-Y]", _finland),
    ("ch", r"\d\d\.\d{4}\.\d{4}\.\d{2}", _switzerland),
    ("be", r"\d\.\d{2}\.\d{2}-\d{3}\.\d{2}", _belgium),
    ("no", r"\d{5} ?\d{5}", _norway),
    ("de", r"\d \d{3} \d{3} \d{3}", _germany),
    (
        "fr",
        _GAP.join(("", r"\d\d", _MONTH, r"(?:\d\d|2[AB])", r"\d{3}", r"\d{3}", r"\d\d")),
        _france,
    ),
)
"""What follows the first digit."""

_LETTERS_FIRST: tuple[tuple[str, str, Callable[[str], bool]], ...] = (
    ("nie", r"(?<=[XYZ])-?\d{7}-?[A-HJ-NP-TV-Z]", _spain),
    ("gb", r"[A-CEGHJ-NPR-TW-Z] \d\d \d\d \d\d [A-D]", _britain),
)

_CHECKS = {name: check for name, _, check in (*_DIGITS_FIRST, *_LETTERS_FIRST)}


@cache
def _patterns() -> tuple[re.Pattern[str], ...]:
    # A class of characters first: the engine then skips what cannot begin a number.
    return tuple(
        re.compile(
            f"(?a){first}(?:"
            + "|".join(f"(?P<{name}>{rest})" for name, rest, _ in forms)
            + ")(?!\\d)"
        )
        for first, forms in (("[0-9]", _DIGITS_FIRST), ("[A-Z]", _LETTERS_FIRST))
    )


@cache
def _fiscal_code() -> re.Pattern[str]:
    return re.compile(r"(?a)[A-Z]{6}\d{2}[A-EHLMPRST]\d{2}[A-Z]\d{3}[A-Z]")


SAID_FORM = (
    r"(?P<gb>[A-Z]{2} ?\d\d ?\d\d ?\d\d ?[A-D])(?!\w)|(?P<ie>\d{7}[A-W][A-IW]?)(?!\w)"
    r"|(?P<digits>\d{3}[ -]\d{2}[ -]\d{4}|\d{6}(?:\d\d)?[-+]\d{4}|\d(?:[ .-]?\d){8,11})(?!\d)"
)
"""What stands behind a word that says what it is; the case of letters does not matter."""


def national_ids(text: str) -> Iterator[Finding]:
    """Find the numbers that a state gives to people."""
    for pattern in _patterns():
        for match in pattern.finditer(text):
            start, stop = match.span()
            if part_of_word(text, start, stop, "-+") or part_of_number(text, start, stop):
                continue
            if _CHECKS[match.lastgroup or ""](match.group()):
                yield Finding(start, stop, "national_id")


def fiscal_codes(text: str) -> Iterator[Finding]:
    """Find Italy's, in which no digits stand together."""
    for match in _fiscal_code().finditer(text):
        if not part_of_word(text, *match.span()) and _italy(match.group()):
            yield Finding(*match.span(), "national_id")


def could_be_id(match: re.Match[str]) -> bool:
    """Tell whether what `SAID_FORM` found has the right check digits for some country."""
    if match["gb"]:
        return True
    digits = digits_of(match.group())
    if match["ie"]:
        letters = match.group()[7:].upper()
        more = ord(letters[1]) - 64 if len(letters) > 1 and letters[1] != "W" else 0
        return _PPS[(weighted(digits, range(8, 1, -1)) + 9 * more) % 23] == letters[0]
    match len(digits):
        case 9:
            return any(check(digits) for check in (_usa, _netherlands, _portugal))
        case 10:
            # Denmark gave up its check digit in 2007.
            return luhn(digits) or _day(digits[:2], digits[2:4])
        case 11:
            checks = (mod11_10, _poland, _norway, _belgium)
            return any(check(digits) for check in checks)
        case 12:
            return luhn(digits[2:])
        case _:
            return False


def _netherlands(digits: str) -> bool:
    return weighted(digits, (9, 8, 7, 6, 5, 4, 3, 2, -1)) % 11 == 0


def _portugal(digits: str) -> bool:
    check = 11 - weighted(digits[:8], range(9, 1, -1)) % 11
    return (0 if check > 9 else check) == int(digits[8])  # noqa: PLR2004 - 10 and 11 are written 0


def _poland(digits: str) -> bool:
    return weighted(digits, (1, 3, 7, 9, 1, 3, 7, 9, 1, 3, 1)) % 10 == 0
