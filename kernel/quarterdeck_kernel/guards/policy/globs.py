"""Globs: several patterns for a name, some of which may take names out again.

A rule only ever makes things stricter. So a pattern fits in whatever case a name is written, and
one that takes names out does so only for exactly what it says.
"""

import re
from collections.abc import Sequence
from fnmatch import translate

OUT = "!"
"""Before a pattern: names that fit it are not meant."""


class Globs:
    """Patterns such as `deploy*`; `!deploy_docs` takes out what another lets in."""

    def __init__(self, patterns: Sequence[str]) -> None:
        """Read the patterns. Where all of them take out, every other name is meant."""
        meant = [pattern for pattern in patterns if not pattern.startswith(OUT)] or ["*"]
        self._meant = [re.compile(translate(pattern), re.IGNORECASE) for pattern in meant]
        self._out = [
            re.compile(translate(pattern.removeprefix(OUT)))
            for pattern in patterns
            if pattern.startswith(OUT)
        ]

    def fit(self, name: str) -> bool:
        """Tell whether a name is meant."""
        if any(pattern.match(name) for pattern in self._out):
            return False
        return any(pattern.match(name) for pattern in self._meant)
