"""Text in lines of so many cells: nothing cut, nothing left out, and each line knows its place."""

from typing import NamedTuple

from rich.cells import cell_len, get_character_cell_size

GOES_ON = "» "
"""What a line begins with that is the rest of the one above it: no text can pretend to be one."""
_WORD_CELLS = 24
"""A line ends at a space if there is one so near; else in the midst of a word."""


class Wrapped(NamedTuple):
    """A line, and the characters of the whole text that stand in it. A line end is one of them."""

    begin: int
    end: int
    text: str


def wrapped(text: str, cells: int) -> list[Wrapped]:
    """Return the lines of a plain text; a line that goes on is marked, so that none looks new."""
    cells = max(cells, 8)
    lines: list[Wrapped] = []
    begin = 0
    for paragraph in text.split("\n"):
        lines += _paragraph(paragraph, begin, cells)
        begin += len(paragraph) + 1
    return lines


def _paragraph(text: str, offset: int, cells: int) -> list[Wrapped]:
    indent = min(len(text) - len(text.lstrip(" ")), cells // 3)
    lines = []
    begin = 0
    while True:
        lead = f"{' ' * indent}{GOES_ON}" if begin else ""
        end = _fits(text, begin, cells - len(lead))
        last = end >= len(text)
        # The end of the paragraph stands in its last line.
        lines.append(Wrapped(offset + begin, offset + end + last, lead + text[begin:end]))
        if last:
            return lines
        begin = end


def _fits(text: str, begin: int, cells: int) -> int:
    """Return where the line that begins at `begin` ends."""
    rest = text[begin : begin + cells]
    if rest.isascii():
        end = begin + len(rest)
        if end >= len(text):
            return end
    else:
        end, room = begin, cells
        while end < len(text):
            width = get_character_cell_size(text[end])
            if width > room and end > begin:
                break
            room -= width
            end += 1
        # Marks join what stands before them in ways that only the whole line tells.
        while end > begin + 1 and cell_len(text[begin:end]) > cells:
            end -= 1
        if end >= len(text):
            return end
    space = text.rfind(" ", max(begin + 1, end - _WORD_CELLS), end)
    return space + 1 if space > begin else end
