"""Names of runs, tenants and events: how they are made and what they may look like."""

import os
import re
import time
from typing import Annotated

from pydantic import StringConstraints

from quarterdeck_kernel.errors import InvalidError

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_PAIRS = [first + second for first in _ALPHABET for second in _ALPHABET]
_SHIFTS = range(120, -1, -10)
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:@-]{0,127}")

RunId = Annotated[str, StringConstraints(pattern=f"^{_NAME.pattern}$")]
TenantId = Annotated[str, StringConstraints(pattern=f"^{_NAME.pattern}$")]


def new_id() -> str:
    """Return a fresh id of 26 characters that sorts by the time it was made."""
    number = (time.time_ns() // 1_000_000) << 80 | int.from_bytes(os.urandom(10))
    return "".join([_PAIRS[number >> shift & 1023] for shift in _SHIFTS])


def checked_name(value: str, what: str) -> str:
    """Return `value` if it can name a run or a tenant; say what is wrong with it otherwise."""
    if _NAME.fullmatch(value):
        return value
    message = (
        f"{what} {value[:140]!r} is not a usable name; use 1 to 128 letters, digits or . _ : @ - "
        "and begin with a letter or digit"
    )
    raise InvalidError(message)
