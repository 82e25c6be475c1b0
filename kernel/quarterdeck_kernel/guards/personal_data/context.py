"""What stands round a row of digits."""

_JOINTS = frozenset(".,-/:")


def part_of_word(text: str, start: int, stop: int, more: str = "") -> bool:
    """Tell whether letters, digits or any of `more` touch a piece of text."""
    before = text[start - 1] if start else " "
    after = text[stop] if stop < len(text) else " "
    return _touches(before, more) or _touches(after, more)


def part_of_number(text: str, start: int, stop: int) -> bool:
    """Tell whether it is a piece of a longer number: of a version, an amount, a fraction."""
    before, after = text[max(0, start - 2) : start], text[stop : stop + 2]
    return (before[:1].isdigit() and before[1:] in _JOINTS) or (
        after[:1] in _JOINTS and after[1:].isdigit()
    )


def _touches(c: str, more: str) -> bool:
    return c.isalnum() or c == "_" or c in more
