"""What is said to the terminal itself: its title and its notifications.

Our words and ids only, in printable ASCII: what an agent wrote never becomes part of a sequence
that a terminal acts upon.
"""

_BELL = "\x07"
_LONGEST = 120


def title(words: str) -> str:
    """Return what sets the title of the terminal's window (OSC 0)."""
    return f"\x1b]0;{_safe(words)}{_BELL}"


def notification(words: str) -> str:
    """Return what shows a notification where the terminal has them (OSC 9)."""
    return f"\x1b]9;{_safe(words)}{_BELL}"


def _safe(words: str) -> str:
    return "".join(c for c in words if c.isascii() and c.isprintable())[:_LONGEST]
