"""Wording for a model: what is wrong with its arguments, and what to send instead.

A model pays for every character and may be sent the message a thousand times: it is bounded, shows
the values it speaks of, and never holds a traceback.
"""

from collections.abc import Sequence

from pydantic import ValidationError

from quarterdeck_kernel.tools.plain import shown
from quarterdeck_kernel.vocabulary.limits import PROBLEM_CHARS

_PROBLEMS = 10
_LISTED = 2_000
"""Pydantic lists all problems or none, and more than these would hold up the loop."""
_NAMES = 40


def listed(names: Sequence[str]) -> str:
    """Return names for a message: all that a reader can take in."""
    more = f", … ({len(names)} in all)" if len(names) > _NAMES else ""
    return ", ".join(shown(name) for name in names[:_NAMES]) + more or "nothing"


def refusal(tool: str, problem: str, names: Sequence[str]) -> str:
    """Return the whole message."""
    room = PROBLEM_CHARS // 2
    problem = problem if len(problem) <= room else f"{problem[:room]}…"
    takes = listed(names)
    takes = takes if len(takes) <= room else f"{takes[:room]}…"
    return (
        f"{tool} was not called, because of its arguments: {problem}. "
        f"It takes {takes}; send them again as one JSON object"
    )


def problems_of(error: ValidationError, names: Sequence[str]) -> str:
    """Return what a validation found: the first problems, each with its place and value."""
    count = error.error_count()
    if count > _LISTED:
        return f"{count} values are not what the schema asks for"
    problems = [
        _problem(found["type"], found["loc"], found["msg"], found["input"], names)
        for found in error.errors(include_url=False, include_context=False)[:_PROBLEMS]
    ]
    if count > _PROBLEMS:
        problems.append(f"and {count - _PROBLEMS} more problems")
    return "; ".join(problems)


def _problem(
    kind: str, path: tuple[int | str, ...], said: str, value: object, names: Sequence[str]
) -> str:
    place = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)
    where = shown(place.removeprefix("."))
    match kind:
        case "missing":
            return f"{where} is missing"
        case "extra_forbidden" | "unexpected_keyword_argument" if len(path) == 1:
            return f"there is no {where}, only {listed(names)}"
        case "extra_forbidden" | "unexpected_keyword_argument":
            return f"there is no {where}"
        case "json_invalid":
            return f"they cannot be read: {said}"
        case _:
            return f"{where}: {said[:200]}, not {shown(value)}"
