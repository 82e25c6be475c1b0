"""Blocks of private keys, in PEM: whole ones, and those that were cut off."""

import re
from collections.abc import Iterator
from functools import cache

from quarterdeck_kernel.guards.personal_data.category import Finding

_MARK = "PRIVATE KEY"


@cache
def _pattern() -> re.Pattern[str]:
    return re.compile(
        r"-----(?P<word>BEGIN|END) (?:[A-Z0-9]{1,20} ){0,4}PRIVATE KEY(?: BLOCK)?-----"
    )


@cache
def _lines() -> re.Pattern[str]:
    # Breaks of lines may be spelt out, in a text that is JSON.
    return re.compile(r"(?:(?:\s|\\[nr]){0,8}[A-Za-z0-9+/=]{16,})*+")


def private_keys(text: str) -> Iterator[Finding]:
    """Find keys from their first line to their last, or as far as they go."""
    if _MARK not in text:
        return
    begun: re.Match[str] | None = None
    for match in _pattern().finditer(text):
        if match["word"] == "END":
            if begun is not None:
                yield Finding(begun.start(), match.end(), "private_key")
            begun = None
        else:
            if begun is not None:
                yield _cut_off(text, begun)
            begun = match
    if begun is not None:
        yield _cut_off(text, begun)


def _cut_off(text: str, begun: re.Match[str]) -> Finding:
    lines = _lines().match(text, begun.end())
    stop = lines.end() if lines is not None else begun.end()
    return Finding(begun.start(), stop, "private_key")
