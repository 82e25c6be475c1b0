"""Agent text made harmless and measurable: controls visible, widths in terminal cells."""

import re
import unicodedata
from functools import lru_cache

from rich.cells import cell_len, set_cell_size

_NAMES = {"\x1b": "<ESC>", "\n": "<LF>", "\r": "<CR>", "\t": "<TAB>", "\x00": "<NUL>"}
_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_SELECTORS = range(0xFE00, 0xFE10)
_LOOKED_AT = re.compile(r"[^ -~\u00a1-\u00ac\u00ae-\u02ff]")
"""All but ASCII and the letters of Latin: most of any text is passed over at once."""
_ONE_CELL = frozenset(" ·…•→▪▾▸─") | {chr(code) for code in range(0x21, 0x7F)}
"""Most lines hold nothing else, and what is cut ends with one of them: they are only counted."""
HELD_BACK_CHARS = 4_000
"""A longer text is cut before it is measured or laid out; its whole stands in the event."""


def plain(text: str) -> str:
    """Return `text` with everything spelled out that a terminal would act upon or hide."""
    if text.isascii() and text.isprintable():
        return text
    return _LOOKED_AT.sub(_shown, text)


def plain_lines(text: str) -> str:
    """Return `text` as plain as `plain` makes it, its lines kept apart."""
    return "\n".join(plain(line) for line in text.replace("\r\n", "\n").split("\n"))


def _shown(found: "re.Match[str]") -> str:
    return _visible(found[0])


@lru_cache(maxsize=4_096)
def _visible(character: str) -> str:
    if character in _NAMES:
        return _NAMES[character]
    if unicodedata.category(character) in _HIDDEN or ord(character) in _SELECTORS:
        return f"<U+{ord(character):04X}>"
    return character


def held_back(text: str) -> str:
    """Return the beginning of a text that may be huge, as plain text, saying what is missing."""
    if len(text) <= HELD_BACK_CHARS:
        return plain(text)
    return f"{plain(text[:HELD_BACK_CHARS])}… {len(text) - HELD_BACK_CHARS:,} more characters"


def cells_of(text: str) -> int:
    """Return the cells a text takes."""
    return len(text) if _ONE_CELL.issuperset(text) else cell_len(text)


def fitted(text: str, cells: int, *, right: bool = False) -> str:
    """Return `text` in exactly `cells` columns; a cut is marked."""
    if cells <= 0:
        return ""
    one_cell = _ONE_CELL.issuperset(text)
    width = len(text) if one_cell else cell_len(text)
    if width > cells:
        return f"{text[: cells - 1] if one_cell else set_cell_size(text, cells - 1)}…"
    space = " " * (cells - width)
    return space + text if right else text + space
