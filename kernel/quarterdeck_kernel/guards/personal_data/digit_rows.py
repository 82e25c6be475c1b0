"""Whether a text has any row of digits that could belong to somebody: most have none.

Dates, times and small numbers are no such rows, so that the finders of numbers need not look.
"""

import re
from functools import cache

_DIGITS = "0123456789"


@cache
def _rows() -> re.Pattern[str]:
    # A class of characters first: the engine then skips what cannot begin a row.
    return re.compile(
        r"[0-9](?<![0-9][0-9])(?:"
        r"(?P<date>(?:[0-9]{3}-[0-9]{2}-[0-9]{2}|[0-9]?[./][0-9]{1,2}[./][0-9]{4})"
        r"(?:[T ][0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:[.,][0-9]{1,9})?)?)?(?![./-]?[0-9])"
        r"|[0-9]:[0-9]{2}:[0-9]{2}[.,][0-9]{1,9}(?![./-]?[0-9]))"
        r"|(?P<row>(?:[ ()./\u00a0\u2009\u202f\u2011\u2013+-]{0,3}[0-9]){5}))"
    )


def has_digit_row(text: str) -> bool:
    """Tell whether there are six digits that stand together, or in groups."""
    # That a text has no digit at all is known forty times sooner by asking for one after the other.
    return any(map(text.__contains__, _DIGITS)) and any(
        match.lastgroup == "row" for match in _rows().finditer(text)
    )
