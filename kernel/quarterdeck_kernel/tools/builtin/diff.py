"""What a change does to a file, as people read it: a unified diff, in bounded time and size."""

import difflib
from collections.abc import Iterator, Sequence
from itertools import islice

from quarterdeck_kernel.tools.builtin.bounds import DIFF_CHARS, DIFF_LINES

_CONTEXT = 3


def diff_of(before: str | None, after: str | None) -> str:
    """Return the diff from one text to another; None is a file that is not there."""
    old, new = _lines(before), _lines(after)
    pieces: list[str] = []
    room = DIFF_CHARS
    for line in _hunks(old, new):
        if len(line) > room:
            pieces.append("… (the diff is longer; what is written stands in the arguments)\n")
            break
        pieces.append(line)
        room -= len(line)
    return "".join(pieces)


def _lines(text: str | None) -> list[str]:
    """Return lines with their ends, parted at line feeds alone."""
    lines = [f"{line}\n" for line in (text or "").split("\n")]
    last = lines.pop().removesuffix("\n")
    return [*lines, last] if last else lines


def _hunks(old: Sequence[str], new: Sequence[str]) -> Iterator[str]:
    # What is equal at both ends is most of a large file, and found in one pass.
    start = _shared(old, new)
    end = _shared(old[start:][::-1], new[start:][::-1])
    lead = max(0, start - _CONTEXT)
    trail = max(0, end - _CONTEXT)
    old_part, new_part = old[lead : len(old) - trail], new[lead : len(new) - trail]
    if old_part == new_part:
        return
    if max(len(old), len(new)) - start - end > DIFF_LINES:
        yield f"@@ -{start + 1},{len(old) - start - end} +{start + 1},{len(new) - start - end} @@\n"
        for mark, lines, stop in (("-", old, len(old) - end), ("+", new, len(new) - end)):
            for line in islice(lines, start, stop):
                yield _marked(mark, line)
        return
    matcher = difflib.SequenceMatcher(None, old_part, new_part)
    for group in matcher.get_grouped_opcodes(_CONTEXT):
        first, last = group[0], group[-1]
        yield (
            f"@@ -{lead + first[1] + 1},{last[2] - first[1]} "
            f"+{lead + first[3] + 1},{last[4] - first[3]} @@\n"
        )
        for tag, i1, i2, j1, j2 in group:
            if tag == "equal":
                yield from (_marked(" ", line) for line in old_part[i1:i2])
                continue
            yield from (_marked("-", line) for line in old_part[i1:i2])
            yield from (_marked("+", line) for line in new_part[j1:j2])


def _marked(mark: str, line: str) -> str:
    return f"{mark}{line}" if line.endswith("\n") else f"{mark}{line}\n\\ No newline at the end\n"


def _shared(one: Sequence[str], other: Sequence[str]) -> int:
    """Return how many lines two texts begin with alike."""
    count = 0
    for left, right in zip(one, other, strict=False):
        if left != right:
            break
        count += 1
    return count
