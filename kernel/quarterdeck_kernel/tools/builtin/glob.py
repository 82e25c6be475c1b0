"""Patterns over paths: `*` and `?` within a name, `**` over any number of folders.

A pattern without a slash is about the last name alone, as people mean it. Matching takes the
product of the lengths in time, whatever the pattern.
"""

import fnmatch
import re
from functools import lru_cache

from quarterdeck_kernel.errors import PermanentToolError
from quarterdeck_kernel.tools.builtin.bounds import PATTERN_CHARS
from quarterdeck_kernel.tools.plain import shown


class Glob:
    """One pattern."""

    def __init__(self, pattern: str) -> None:
        """Read a pattern, or refuse it."""
        if len(pattern) > PATTERN_CHARS:
            message = f"the pattern {shown(pattern)} is longer than {PATTERN_CHARS} characters"
            raise PermanentToolError(message)
        names = [name for name in pattern.split("/") if name not in {"", "."}]
        self._names = tuple(names) if "/" in pattern else ("**", *names)

    def matches(self, names: tuple[str, ...]) -> bool:
        """Tell whether a path, as its names, fits."""
        fits = [True] + [False] * len(names)
        for pattern in self._names:
            if pattern == "**":
                for at in range(1, len(fits)):
                    fits[at] = fits[at] or fits[at - 1]
                continue
            one = _compiled(pattern)
            fits = [False] + [
                fits[at] and one.match(name) is not None for at, name in enumerate(names)
            ]
        return fits[-1]


@lru_cache(maxsize=256)
def _compiled(pattern: str) -> re.Pattern[str]:
    # What fnmatch makes of stars does not backtrack.
    return re.compile(fnmatch.translate(pattern))
