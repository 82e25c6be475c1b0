"""Text as people are shown it: short, and times by the clock."""

from datetime import UTC, datetime

from quarterdeck_kernel.canonical import visible
from quarterdeck_kernel.vocabulary.limits import STATE_TEXT_CHARS

_ERROR_CHARS = 4_000
"""Of an error: a model is to act upon it, not to read a page of it."""


def kept(text: str | None) -> str | None:
    """Return the beginning of `text`."""
    if text is None or len(text) <= STATE_TEXT_CHARS:
        return text
    return text[: STATE_TEXT_CHARS - 1] + "…"


def clock_time(at_us: int) -> str:
    """Return a time as a person is told it."""
    return f"{datetime.fromtimestamp(at_us / 1_000_000, tz=UTC):%H:%M:%S} UTC"


def error_text(error: BaseException) -> str:
    """Return what an error says, fit to be stored: it is somebody else's code that says it."""
    try:
        text = visible(str(error)[:_ERROR_CHARS])
    except Exception:  # noqa: BLE001 - an error that cannot even be read is told of by its type
        text = ""
    return text or type(error).__name__
