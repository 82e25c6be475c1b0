"""The labelled corpus: what is personal data in which text, and texts that hold none."""

import re
from pathlib import Path
from typing import NamedTuple

from quarterdeck_kernel.guards.personal_data.category import CATEGORIES, Category, Finding

_HERE = Path(__file__).parent
_LABEL = re.compile(r"\{(?P<category>[a-z_]+):(?P<what>[^{}]+)\}")

_BY_NAME: dict[str, Category] = {category: category for category in CATEGORIES}


class Labelled(NamedTuple):
    """A text, and what of it is personal data."""

    text: str
    findings: tuple[Finding, ...]


def _lines(name: str) -> list[str]:
    lines = (_HERE / name).read_text(encoding="utf-8").splitlines()
    return [line.replace("\\n", "\n").replace("·", "") for line in lines if line[:1] != "#"]


def positives() -> list[Labelled]:
    """Return the texts that hold something."""
    return [_labelled(line) for line in _lines("positives.txt")]


def negatives() -> list[str]:
    """Return the texts that hold nothing."""
    return _lines("negatives.txt")


def _labelled(line: str) -> Labelled:
    pieces: list[str] = []
    findings: list[Finding] = []
    at = length = 0
    for match in _LABEL.finditer(line):
        category = _BY_NAME.get(match["category"])
        if category is None:
            continue
        before, what = line[at : match.start()], match["what"]
        pieces += before, what
        start = length + len(before)
        length = start + len(what)
        findings.append(Finding(start, length, category))
        at = match.end()
    assert findings, f"{line!r} is among the positives, and nothing in it is labelled"
    return Labelled("".join((*pieces, line[at:])), tuple(findings))
