"""Text as a state keeps it: short, and storable."""

import json

from quarterdeck_kernel import canonical
from quarterdeck_kernel.vocabulary.limits import STATE_TEXT_CHARS


def kept(text: str | None) -> str | None:
    """Return the beginning of `text`, with what cannot be stored made visible as in the log."""
    if text is None:
        return None
    try:
        text.encode()
    except UnicodeEncodeError:
        # A freshly sealed event still has the characters that its stored form spells out.
        text = str(json.loads(canonical.encode(text)))
    return text if len(text) <= STATE_TEXT_CHARS else text[: STATE_TEXT_CHARS - 1] + "…"
