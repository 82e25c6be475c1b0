"""Noting something about an event: for people, beside the log, with who did and when."""

from quarterdeck_kernel.clock import Clock
from quarterdeck_kernel.engine.journal import Journal
from quarterdeck_kernel.errors import InvalidError, LimitExceededError, NotFoundError
from quarterdeck_kernel.store.bookmark import Bookmark
from quarterdeck_kernel.store.port import EventStore
from quarterdeck_kernel.vocabulary.actor import Actor
from quarterdeck_kernel.vocabulary.ids import new_id
from quarterdeck_kernel.vocabulary.limits import BOOKMARKS, NOTE_CHARS


async def bookmark(
    store: EventStore, journal: Journal, seq: int, note: str, *, actor: Actor, clock: Clock
) -> Bookmark:
    """Keep a note about an event; what must not be kept is taken out of it as of everything."""
    head = (await journal.refresh()).head_seq
    if not 1 <= seq <= head:
        raise NotFoundError(
            f"run {journal.run_id!r} has no event #{seq}; name one from #1 to #{head}"
        )
    if len(note) > NOTE_CHARS:
        raise InvalidError(
            f"a note has at most {NOTE_CHARS:,} characters, not {len(note):,}; shorten it"
        )
    if len(await store.bookmarks(journal.run_id)) >= BOOKMARKS:
        raise LimitExceededError(
            f"run {journal.run_id!r} has {BOOKMARKS:,} bookmarks; remove those that are done with"
        )
    made = Bookmark(
        bookmark_id=new_id(),
        run_id=journal.run_id,
        seq=seq,
        note=journal.ingress.text(note.strip(), "prompt").value,
        actor=actor,
        at_us=clock.now_us(),
    )
    await store.put_bookmark(made)
    return made
