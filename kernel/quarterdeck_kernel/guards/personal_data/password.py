"""Passwords in URLs: before the host, and in the query."""

import re
from collections.abc import Iterator
from functools import cache

from quarterdeck_kernel.guards.personal_data.category import PLACEHOLDERS, Finding


@cache
def _before_host() -> re.Pattern[str]:
    return re.compile(
        r"://[^\s/?#@:\"'<>\[\]]{0,256}+:(?P<word>(?!\$?\{|%\()[^\s/?#@\"'<>]{1,512}+)@"
    )


@cache
def _in_query() -> re.Pattern[str]:
    return re.compile(
        r"[?&;](?:password|passwd|passphrase|pwd|secret|client_secret|api_?key|access_?key|"
        r"access_token|auth_token|refresh_token|token)=(?P<word>(?!\$\{|%\()[^\s&#\"'<>;`{(.\\][^\s&#\"'<>;`]{0,4095})",
        re.IGNORECASE,
    )


def passwords(text: str) -> Iterator[Finding]:
    """Find the passwords themselves: the rest of the URL says where they were."""
    if "://" not in text:
        return
    for pattern in (_before_host(), _in_query()):
        for match in pattern.finditer(text):
            if match["word"] not in PLACEHOLDERS:
                yield Finding(match.start("word"), match.end("word"), "password")
