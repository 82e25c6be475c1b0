"""A sample of everything that a theme colours, for its preview."""

from typing import NamedTuple

from quarterdeck.views.preferences import Glyphs
from quarterdeck.views.states import MARKS
from quarterdeck_kernel.vocabulary.words import Need


class SampleLine(NamedTuple):
    """A line of the sample and the name of its style."""

    text: str
    style: str
    cursor: bool = False


_SAYS: dict[Need, str] = {
    "unknown": "a verdict is needed",
    "waiting": "a pause is open",
    "failed": "ended in failure",
    "timed_out": "its time was up",
    "adrift": "nobody drives it",
    "held": "an operator holds it",
    "running": "at work",
    "queued": "not started yet",
    "done": "reached its end",
    "cancelled": "stays so",
}


def theme_sample(glyphs: Glyphs) -> list[SampleLine]:
    """Return the sample: every state, the cursor, the past, the marks, quiet text."""
    lines = []
    for need, says in _SAYS.items():
        mark = MARKS[need]
        text = f"{mark.drawn(glyphs)} {mark.word:<10} {says}"
        lines.append(SampleLine(text, f"state--{need}"))
    under = f"{MARKS['running'].drawn(glyphs)} {'running':<10} under the cursor"
    return [
        *lines,
        SampleLine(under, "", cursor=True),
        SampleLine("", ""),
        SampleLine("PAST #4120 · L returns to live", "sample--past"),
        SampleLine("A  the first mark", "sample--mark-a"),
        SampleLine("B  the second mark", "sample--mark-b"),
        SampleLine("quiet: ages, hints, what is over", "sample--quiet"),
    ]  # fmt: skip
