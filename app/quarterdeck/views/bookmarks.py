"""Bookmarks as lines: where, what was noted, by whom and when."""

from datetime import UTC, datetime, tzinfo
from typing import NamedTuple

from quarterdeck.views.plain import plain
from quarterdeck.views.zone import Now
from quarterdeck_kernel import Bookmark


class BookmarkLine(NamedTuple):
    """What stands left and right, and all there is to know of it."""

    label: str
    right: str
    meaning: str


def bookmark_line(mark: Bookmark, run_id: str, now: Now) -> BookmarkLine:
    """Return a bookmark as the list of a run shows it; a fork has those of what it shares, too."""
    who = plain(mark.actor.name or mark.actor.kind)
    of = "" if mark.run_id == run_id else f" in run {plain(mark.run_id)}"
    made = f"{who}, {written(mark.at_us, now.zone)}{of}"
    return BookmarkLine(
        f"#{mark.seq:,}  {plain(mark.note) or '(no note)'}",
        f"{who} {now.ago(mark.at_us)}",
        f"{made}: {plain(mark.note)}" if mark.note else made,
    )


def written(at_us: int, zone: tzinfo | None) -> str:
    """Return day and time."""
    at = datetime.fromtimestamp(at_us // 1_000_000, tz=UTC).astimezone(zone)
    return f"{at:%Y-%m-%d %H:%M:%S}"
