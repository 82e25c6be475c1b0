"""What a tool returned, as it is stored.

An effect that happened is never turned into a failure because its result cannot be kept: then the
call is a success whose result is unreadable, and the problem says why (DESIGN, Tools).
"""

from dataclasses import dataclass

from pydantic import JsonValue

from quarterdeck_kernel.canonical import encode
from quarterdeck_kernel.errors import NotCanonicalError
from quarterdeck_kernel.tools.plain import plain, shown
from quarterdeck_kernel.vocabulary.limits import PROBLEM_CHARS, TOOL_RESULT_BYTES


@dataclass(frozen=True, slots=True)
class Stored:
    """A result to be recorded. Unreadable: `result` is None, and `problem` is a sentence."""

    result: JsonValue
    readable: bool = True
    problem: str | None = None


def stored_result(value: object) -> Stored:
    """Return what is kept of a returned value; it never raises."""
    try:
        result = plain(value)
        size = len(encode(result, from_model=True).encode())
    except NotCanonicalError as error:
        return _unreadable(value, str(error))
    except Exception as error:  # noqa: BLE001 - a value's own code failed; what it did has happened
        return _unreadable(value, f"reading it raised {type(error).__name__}: {shown(str(error))}")
    if size > TOOL_RESULT_BYTES:
        limit = f"it takes {size} bytes, and at most {TOOL_RESULT_BYTES} are kept"
        return _unreadable(value, f"{limit}; return less, or the path of a file")
    return Stored(result)


def _unreadable(value: object, reason: str) -> Stored:
    problem = f"the tool returned {shown(value)}, which cannot be stored: {reason}"
    return Stored(None, readable=False, problem=problem[:PROBLEM_CHARS])
