"""How each state of a run looks: glyph, word, colour; the same everywhere."""

from typing import NamedTuple

from quarterdeck.views.preferences import Glyphs
from quarterdeck_kernel.vocabulary.words import Need


class Mark(NamedTuple):
    """The look of a state. `plain` is for fonts that draw the glyph two cells wide."""

    glyph: str
    plain: str
    word: str

    def drawn(self, glyphs: Glyphs) -> str:
        """Return the glyph as a person's font can draw it."""
        return self.plain if glyphs == "plain" else self.glyph


MARKS: dict[Need, Mark] = {
    "unknown": Mark("?", "?", "unknown"),
    "waiting": Mark("◆", "!", "waiting"),
    "failed": Mark("×", "X", "failed"),  # noqa: RUF001 - the glyph of INTERFACE.md
    "timed_out": Mark("◷", "T", "timed out"),
    "adrift": Mark("~", "~", "adrift"),
    "held": Mark("‖", "=", "held"),
    "running": Mark("►", ">", "running"),
    "queued": Mark("○", ".", "queued"),
    "done": Mark("✓", "+", "done"),
    "cancelled": Mark("-", "-", "cancelled"),
}
"""In order of need."""

COUNTED: tuple[Need, ...] = (
    "running",
    "held",
    "adrift",
    "waiting",
    "timed_out",
    "failed",
    "unknown",
)
"""What the header counts: everything that moves or wants somebody."""
