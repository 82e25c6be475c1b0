"""Texts that are more than text: Markdown as it is meant, diffs by what they add and take away.

Line by line and never as markup: a line is given a tone, and of Markdown the signs are left out.
Whoever wants the very characters looks at it in full, or as JSON.
"""

import re
from collections.abc import Iterable, Iterator
from typing import Literal

Tone = Literal["", "strong", "quiet", "added", "removed"]

_HEADING = re.compile(r"#{1,6}[ \t]+")
_BULLET = re.compile(r"([ \t]*)[-*+][ \t]+")
_BOLD = re.compile(r"(\*\*|__)(?=\S)(.+?)(?<=\S)\1")
_CODE = re.compile(r"`([^`]+)`")
_LINK = re.compile(r"!?\[([^\]]*)\]\(([^)\s]+)[^)]*\)")
_MARKS = re.compile(r"^(?:#{1,6} |[ \t]*[-*+] |```|> )|\*\*\S", re.MULTILINE)
_HUNK = re.compile(r"^@@ -\d+(?:,\d+)? \+\d+(?:,\d+)? @@", re.MULTILINE)
_LOOKED_AT_CHARS = 4_000
_SAID = frozenset({"text", "answer", "partial_answer", "summary", "reasoning", "objective"})
"""Fields in which an agent or a person speaks. What a tool returned is shown as it is."""


def is_diff(label: str, text: str) -> bool:
    """Tell whether a text is a unified diff."""
    head = text[:_LOOKED_AT_CHARS]
    return bool(_HUNK.search(head)) and (label == "diff" or head.startswith(("@@ ", "--- ")))


def is_markdown(label: str, text: str) -> bool:
    """Tell whether somebody speaks here, and in Markdown."""
    return label in _SAID and bool(_MARKS.search(text[:_LOOKED_AT_CHARS]))


def diff_lines(lines: Iterable[str]) -> Iterator[tuple[Tone, str]]:
    """Yield the lines of a diff with what they do."""
    for line in lines:
        tone: Tone = ""
        if line.startswith(("@@", "--- ", "+++ ", "\\")):
            tone = "quiet"
        elif line.startswith("+"):
            tone = "added"
        elif line.startswith("-"):
            tone = "removed"
        yield tone, line


def markdown_lines(lines: Iterable[str]) -> Iterator[tuple[Tone, str]]:
    """Yield the lines of a text as they are meant; code stays to the letter."""
    fenced = False
    for line in lines:
        if line.lstrip().startswith(("```", "~~~")):
            fenced = not fenced
            continue
        if fenced:
            yield "quiet", f"  {line}"
        elif heading := _HEADING.match(line):
            yield "strong", _inline(line[heading.end() :])
        elif line.startswith("> "):
            yield "quiet", f"│ {_inline(line[2:])}"
        elif bullet := _BULLET.match(line):
            yield "", f"{bullet[1]}• {_inline(line[bullet.end() :])}"
        else:
            yield "", _inline(line)


def _inline(line: str) -> str:
    line = _LINK.sub(lambda link: f"{link[1]} <{link[2]}>" if link[1] else link[2], line)
    return _CODE.sub(r"\1", _BOLD.sub(r"\2", line))
