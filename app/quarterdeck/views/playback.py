"""Playing a run: where the position is after some time, at some speed.

Pure. Time goes along the line of the run, on which idle gaps are capped; what somebody waited for
all night takes no longer than it is worth.
"""

from bisect import bisect_right
from typing import Final, NamedTuple

from quarterdeck.views.timeline import Survey

SPEEDS: Final = (1, 5, 20)


class Playback(NamedTuple):
    """Playing since `since_s` from a place on the line, so many times as fast as it was."""

    from_us: int
    since_s: float
    speed: int

    def position(self, survey: Survey, now_s: float) -> int:
        """Return the event that is reached; of what was not read yet, nothing is."""
        passed_us = max(0.0, now_s - self.since_s) * self.speed * 1_000_000
        return max(1, bisect_right(survey.busy_us, self.from_us + int(passed_us)))


def play(survey: Survey, seq: int, speed: int, now_s: float) -> Playback | None:
    """Begin at an event; None: the line was not read as far as that yet."""
    if not 1 <= seq <= survey.known:
        return None
    return Playback(survey.busy_us[seq - 1], now_s, speed)


def another_speed(speed: int, step: int) -> int:
    """Return the next speed up or down; at either end the same."""
    place = SPEEDS.index(speed) + (1 if step > 0 else -1)
    return SPEEDS[max(0, min(place, len(SPEEDS) - 1))]
