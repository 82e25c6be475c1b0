"""Addresses of electronic mail."""

import re
from collections.abc import Iterator
from functools import cache

from quarterdeck_kernel.guards.personal_data.category import Finding

_NO_DOMAIN_WORDS = """
    png jpg jpeg gif svg webp avif ico bmp tiff pdf css scss js mjs ts jsx tsx json yaml yml toml
    xml html md txt py rs go rb java sh zip gz tgz tar whl lock service timer socket local
    localhost lan invalid
"""
_NO_DOMAIN = frozenset(_NO_DOMAIN_WORDS.split())
"""Endings of files (`icon@2x.png`), units (`getty@tty1.service`), machines: no mail goes there."""


@cache
def _pattern() -> re.Pattern[str]:
    # From the sign outwards: no other text costs more than a look for it.
    return re.compile(
        r"(?:@|%40)(?:[^\W_](?:[\w-]{0,61}[^\W_])?\.){1,8}(?:[^\W\d_]{2,24}|xn--[a-z0-9-]{2,59})"
        r"(?![\w@-])",
        re.IGNORECASE,
    )


_LOCAL = frozenset("!#$%&'*+/=?^_`{|}~.-")
_FIRST = frozenset("+_")
_LOCAL_CHARS = 64


def emails(text: str) -> Iterator[Finding]:
    """Find addresses."""
    if "@" not in text and "%40" not in text:
        return
    for match in _pattern().finditer(text):
        start = _local_start(text, match.start())
        local = text[start : match.start()]
        domain = match.group()
        if not local or domain.rpartition(".")[2].lower() in _NO_DOMAIN:
            continue
        if local == "git" and text[match.end() : match.end() + 1] == ":":
            continue  # a repository, reached by SSH
        yield Finding(start, match.end(), "email")


def _local_start(text: str, at: int) -> int:
    """Return where the part before the sign begins."""
    start = at
    while start and at - start < _LOCAL_CHARS:
        c = text[start - 1]
        if not (c.isalnum() or c in _LOCAL):
            break
        if c == "'" and not text[max(0, start - 2) : start - 1].isalnum():
            break  # an opening quote, not that of O'Brien
        start -= 1
    piece = text[start:at]
    # Of `to=bob@…`, `user/bob@…` and `'bob@…'` the address is what comes last.
    start += max(piece.rfind(c) for c in "/=?&|`{}#") + 1
    while start < at and not (text[start].isalnum() or text[start] in _FIRST):
        start += 1
    return start
