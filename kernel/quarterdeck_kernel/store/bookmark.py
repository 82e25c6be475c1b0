"""Bookmarks: what people note about an event. Kept beside the log, and never sealed into it."""

from dataclasses import dataclass

from quarterdeck_kernel.vocabulary.actor import Actor


@dataclass(frozen=True, slots=True, kw_only=True)
class Bookmark:
    """A note of a person about an event of a run; without a text it marks the place alone."""

    bookmark_id: str
    run_id: str
    seq: int
    note: str
    actor: Actor
    at_us: int
