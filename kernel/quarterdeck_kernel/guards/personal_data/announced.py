"""Numbers that could be anything by themselves, where a word before them says what they are.

Looked for from the digits backwards: most texts have few.
"""

import re
from collections.abc import Iterator
from functools import cache

from quarterdeck_kernel.guards.personal_data.card import is_card
from quarterdeck_kernel.guards.personal_data.category import Category, Finding
from quarterdeck_kernel.guards.personal_data.checksum import digits_of
from quarterdeck_kernel.guards.personal_data.context import part_of_word
from quarterdeck_kernel.guards.personal_data.national_id import SAID_FORM, could_be_id
from quarterdeck_kernel.guards.personal_data.phone import GAP, could_be_phone

_BEFORE_CHARS = 40


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


_WORDS: tuple[tuple[Category, frozenset[str], tuple[str, ...]], ...] = (
    (
        "national_id",
        _set(
            "ssn bsn burgerservicenummer sofinummer rijksregisternummer rrn steuerid idnr "
            "steueridentifikationsnummer steuernummer personnummer pnr cpr pesel nif contribuinte "
            "nino pps ppsn fødselsnummer fnr dni nie insee"
        ),
        (
            "social security",
            "tax id",
            "tax number",
            "national id",
            "id number",
            "steuer id",
            "person number",
            "ni number",
            "national insurance",
            "codice fiscale",
            "sécurité sociale",
        ),
    ),
    (
        "card",
        _set("card cards credit debit visa cc pan karte kreditkarte carte tarjeta carta"),
        (),
    ),
    (
        "phone",
        _set(
            "tel tél telephone téléphone telefon telefono teléfono telefoon telefonnummer phone "
            "phones ph mobile mobil móvil cell cellphone handy handynummer fax call called calling "
            "ring dial text sms whatsapp reach portable rufnummer anrufen ruf"
        ),
        ("number is", "call me at", "call us at"),
    ),
)


@cache
def _start() -> re.Pattern[str]:
    # The first of six digits or more: neither within a row of them, nor within a date or a time.
    return re.compile(
        r"[(0-9](?<![0-9][0-9])(?<![0-9][.,:/-][0-9])(?<!-[0-9])"
        r"(?:[ ()./\u00a0\u202f-]{0,2}[0-9]){5}"
    )


@cache
def _parting() -> re.Pattern[str]:
    """What parts a number from a word that belongs to something else."""
    return re.compile(r"[\d\n;!?+(]|\.(?=\s*\w)")


@cache
def _word() -> re.Pattern[str]:
    return re.compile(r"\w+")


@cache
def _form(category: Category) -> re.Pattern[str]:
    match category:
        case "phone":
            # 020 7946 0958, 030/1234567, 0044 20 7946 0958, 415 555 2671
            form = rf"\(?\d{{2,14}}\)?(?:{GAP}?\d{{2,12}}){{0,6}}"
        case "card":
            form = r"[2-6](?:\d{12}|\d{18})(?!\d)"
        case _:
            form = SAID_FORM
    return re.compile(form, re.IGNORECASE | re.ASCII)


def announced_numbers(text: str) -> Iterator[Finding]:
    """Find numbers of people, cards and telephones that are called so."""
    at = 0
    while (digit := _start().search(text, at)) is not None:
        start = at = digit.start()
        category = _announced(text, start)
        if category == "national_id":
            # These begin with letters at times, which the look from the digits passed by.
            while start and text[start - 1].isalpha() and at - start < _LETTERS:
                start -= 1
        match = _form(category).match(text, start) if category is not None else None
        if match is not None and category is not None and _could_be(category, match):
            yield Finding(*match.span(), category)
            at = match.end()
        else:
            at = _end_of_number(text, at + 1)


_LETTERS = 2


def _end_of_number(text: str, at: int) -> int:
    while at < len(text) and text[at].isdigit():
        at += 1
    return at


def _announced(text: str, start: int) -> Category | None:
    """Return what the words before a number call it: the last of them counts."""
    before = text[max(0, start - _BEFORE_CHARS) : start]
    before = _parting().split(before)[-1].lower()
    said = _word().findall(before)
    if not said:
        return None
    phrase = " ".join(said)
    for category, words, phrases in _WORDS:
        if not words.isdisjoint(said) or any(p in phrase for p in phrases):
            return category
    return None


def _could_be(category: Category, match: re.Match[str]) -> bool:
    if part_of_word(match.string, *match.span()):
        return False
    match category:
        case "phone":
            return could_be_phone(digits_of(match.group()))
        case "card":
            return is_card(match.group())
        case _:
            return could_be_id(match)
