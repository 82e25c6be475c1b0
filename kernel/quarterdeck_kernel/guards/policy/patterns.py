"""Regular expressions that take time in proportion to the text, whoever wrote either.

The engine is the one that pydantic brings (Rust's `regex`): it never goes back, and refuses what
would make it (look-around and references to groups).
"""

from functools import lru_cache
from typing import Annotated, Final

from pydantic import StringConstraints, TypeAdapter, ValidationError
from pydantic_core import SchemaError

TEXT_CHARS: Final = 200_000
"""A longer text is not searched: nobody can tell, then."""

PATTERN_CHARS: Final = 1_000


@lru_cache(maxsize=512)
def _searcher(pattern: str) -> TypeAdapter[str]:
    return TypeAdapter(Annotated[str, StringConstraints(pattern=pattern)])


def checked_pattern(pattern: str) -> str:
    """Return a pattern that can be searched for; say what is wrong with it otherwise."""
    if len(pattern) > PATTERN_CHARS:
        raise ValueError(f"a pattern has at most {PATTERN_CHARS:,} characters")
    try:
        _searcher(pattern)
    except SchemaError as error:
        lines = [line for line in str(error).splitlines() if line.strip()]
        why = lines[-1].strip().removeprefix("error: ")
        raise ValueError(f"{pattern!r} is no pattern that can be searched for: {why}") from None
    return pattern


def found(pattern: str, text: str) -> bool | None:
    """Tell whether a pattern is somewhere in a text. None: nobody can tell."""
    if len(text) > TEXT_CHARS:
        return None
    try:
        _searcher(pattern).validate_python(text)
    except ValidationError as error:
        mismatch = error.errors()[0]["type"] == "string_pattern_mismatch"
        return False if mismatch else None
    return True
