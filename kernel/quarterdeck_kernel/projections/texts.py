"""Text as a state keeps it: short."""

from quarterdeck_kernel.vocabulary.limits import STATE_TEXT_CHARS


def kept(text: str | None) -> str | None:
    """Return the beginning of `text`."""
    if text is None or len(text) <= STATE_TEXT_CHARS:
        return text
    return text[: STATE_TEXT_CHARS - 1] + "…"
