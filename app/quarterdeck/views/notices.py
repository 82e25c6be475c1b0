"""What is announced: enough to be noticed, never so much that nobody looks any more.

The first thing that waits is said at once, what comes soon after as "7 more wait"; one bell every
ten seconds. An unknown outcome and a deadline that nears pass that limit.
"""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from quarterdeck.views.plain import plain
from quarterdeck_kernel.vocabulary.rows import InboxRow

Severity = Literal["information", "warning", "error"]

QUIET_S = 10.0
URGENT_BELL_S = 1.0
EXPIRES_SOON_US = 60_000_000
KEPT = 200


class Notice(NamedTuple):
    """Something that was said to the operator; `details` are for whoever looks into it."""

    at_us: int
    severity: Severity
    text: str
    details: str = ""

    def whole(self) -> str:
        """Return all of it, as it is copied."""
        return f"{self.text}\n\n{self.details}" if self.details else self.text


class NoticeBook:
    """The last notices, the newest first."""

    def __init__(self) -> None:
        """Begin empty."""
        self._notices: deque[Notice] = deque(maxlen=KEPT)

    def write(self, notice: Notice) -> None:
        """Keep a notice."""
        self._notices.appendleft(notice)

    def read(self) -> tuple[Notice, ...]:
        """Return the notices that are kept."""
        return tuple(self._notices)


class Arrival(NamedTuple):
    """Something that waits for a person since now. `words` hold no text of an agent."""

    text: str
    words: str
    urgent: bool


class Announcement(NamedTuple):
    """What to say now. `words` may go to the terminal: they are ours, and ids."""

    text: str
    words: str
    urgent: bool
    bell: bool


@dataclass
class Watch:
    """Finds what is new in the inbox. What waits when it is first read is no news."""

    _known: set[tuple[str, str]] | None = None
    _expiring: set[tuple[str, str]] = field(default_factory=set)

    def look(self, inbox: Iterable[InboxRow], now_us: int) -> list[Arrival]:
        """Return what came, and what will expire within a minute, since the last look."""
        rows = {(row.run_id, row.item_id): row for row in inbox}
        known = set(rows) if self._known is None else self._known
        found = [_arrived(row) for key, row in rows.items() if key not in known]
        soon = {key for key, row in rows.items() if _expires_soon(row, now_us)}
        found += [_expires(rows[key]) for key in rows if key in soon - self._expiring]
        self._known, self._expiring = set(rows), soon
        return found


@dataclass
class Announcer:
    """Says what arrived, within its limits. The times are of one monotonic clock."""

    _said_s: float = float("-inf")
    _rang_s: float = float("-inf")
    _more: int = 0

    def announce(self, arrivals: Iterable[Arrival], now_s: float) -> Announcement | None:
        """Return what to say now, if anything; call it also when nothing arrived."""
        arrivals = list(arrivals)
        urgent = [arrival for arrival in arrivals if arrival.urgent]
        self._more += len(arrivals) - len(urgent)
        if urgent:
            first, others = urgent[0], len(urgent) - 1
            return self._say(first.text, first.words, others, now_s, urgent=True)
        if not self._more or now_s - self._said_s < QUIET_S:
            return None
        more, self._more = self._more, 0
        if arrivals:
            first = arrivals[0]
            return self._say(first.text, first.words, more - 1, now_s, urgent=False)
        return self._say(
            f"{more} more {_wait(more)}", f"{more} more {_wait(more)}", 0, now_s, urgent=False
        )

    def _say(
        self, text: str, words: str, others: int, now_s: float, *, urgent: bool
    ) -> Announcement:
        if others:
            text = f"{text} · {others} more {_wait(others)}"
        bell = now_s - self._rang_s >= (URGENT_BELL_S if urgent else QUIET_S)
        self._said_s = now_s
        if bell:
            self._rang_s = now_s
        return Announcement(text, words, urgent, bell)


def _wait(count: int) -> str:
    return "waits" if count == 1 else "wait"


def _arrived(row: InboxRow) -> Arrival:
    unknown = row.kind == "unknown"
    what = "an outcome is unknown" if unknown else "somebody is needed"
    words = f"{what} in run {plain(row.run_id)}"
    return Arrival(f"{words}: {plain(row.title)}", words, unknown)


def _expires(row: InboxRow) -> Arrival:
    words = f"a pause in run {plain(row.run_id)} expires within a minute"
    return Arrival(f"{words}: {plain(row.title)}", words, urgent=True)


def _expires_soon(row: InboxRow, now_us: int) -> bool:
    return row.deadline_us is not None and row.deadline_us - now_us <= EXPIRES_SOON_US
