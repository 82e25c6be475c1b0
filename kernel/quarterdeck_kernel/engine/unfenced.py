"""What of a model's answer is JSON."""

_FENCE = "```"
_JSON_BEGINS = frozenset('{["')


def unfenced(text: str) -> str:
    """Return what stands in the first fence of a text, or all of it if there is none.

    Models fence JSON and say a word before or behind it, however often they are told not to.
    """
    stripped = text.strip()
    if stripped[:1] in _JSON_BEGINS:
        return stripped
    begin = stripped.find(_FENCE)
    line = stripped.find("\n", begin)
    # In JSON itself no line can begin with a fence: its line ends are spelt out.
    end = stripped.find(f"\n{_FENCE}", line)
    if begin < 0 or line < 0:
        return stripped
    return stripped[line : end if end >= 0 else None]
