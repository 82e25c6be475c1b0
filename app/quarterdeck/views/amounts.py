"""Amounts as people type them: dollars, and spans of time. One reading for screen and shell."""

import re
from decimal import Decimal, InvalidOperation
from typing import Final

_UNITS: Final = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}
_MOST_DOLLARS: Final = 1_000_000_000


def dollars(text: str) -> int | None:
    """Return micro-dollars above zero; None: it is no amount."""
    try:
        micros = Decimal(text.strip().removeprefix("$")) * 1_000_000
    except InvalidOperation:
        return None
    exact = micros.is_finite() and 1 <= micros <= _MOST_DOLLARS * 1_000_000
    return int(micros) if exact and micros == micros.to_integral_value() else None


def span_s(text: str) -> int | None:
    """Return the seconds of 90s, 10m, 2h or 1d; None: it is no span."""
    found = re.fullmatch(r"([1-9]\d{0,6})([smhd])", text.strip(), re.ASCII)
    return int(found[1]) * _UNITS[found[2]] if found is not None else None
