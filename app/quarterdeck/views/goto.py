"""Reading where somebody wants to go: `4120`, `40%`, `14:02`, `-5m`, or `g` for the first."""

import re
from datetime import UTC, datetime, tzinfo
from typing import NamedTuple

_SECONDS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}
_SECOND_US = 1_000_000
_NUMBER = re.compile(r"#?(\d[\d,]{0,14})")
_PERCENT = re.compile(r"(\d{1,3})\s?%")
_CLOCK = re.compile(r"(\d{1,2}):(\d\d)(?::(\d\d))?")
_AGO = re.compile(r"-\s?(\d{1,9})\s?([smhd])")

HINT = "4120, 40%, 14:02 or -5m"


class Here(NamedTuple):
    """Where one stands: the event, its time, the newest event, and whose clock is read."""

    seq: int
    at_us: int
    head_seq: int
    zone: tzinfo | None


class Goal(NamedTuple):
    """An event, or the last event up to a time."""

    seq: int | None = None
    at_us: int = 0


def read_goal(text: str, here: Here) -> Goal | None:
    """Return where a text leads; None: it says nothing that can be gone to.

    A time of day is one of the day of the event one stands at; `-5m` is before its time.
    """
    text = text.strip()
    if text == "g":
        return Goal(1)
    if match := _NUMBER.fullmatch(text):
        return Goal(_within(int(match[1].replace(",", "")), here))
    if match := _PERCENT.fullmatch(text):
        return Goal(_within(round(here.head_seq * int(match[1]) / 100), here))
    if match := _AGO.fullmatch(text):
        return Goal(at_us=max(0, here.at_us - int(match[1]) * _SECONDS[match[2]] * _SECOND_US))
    if match := _CLOCK.fullmatch(text):
        day = datetime.fromtimestamp(here.at_us / _SECOND_US, tz=UTC).astimezone(here.zone)
        try:
            at = day.replace(
                hour=int(match[1]), minute=int(match[2]), second=int(match[3] or 59), microsecond=0
            )
        except ValueError:
            return None
        # The whole of the second or minute that was named is meant.
        return Goal(at_us=int(at.timestamp()) * _SECOND_US + _SECOND_US - 1)
    return None


def _within(seq: int, here: Here) -> int:
    return max(1, min(seq, here.head_seq))
