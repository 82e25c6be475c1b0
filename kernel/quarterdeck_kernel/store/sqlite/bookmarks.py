"""Bookmarks in SQLite: a part of the store with a table of its own."""

from quarterdeck_kernel.canonical import encode
from quarterdeck_kernel.errors import NotFoundError
from quarterdeck_kernel.store.bookmark import Bookmark
from quarterdeck_kernel.store.sqlite.reader import Reader
from quarterdeck_kernel.store.sqlite.writer import Writer
from quarterdeck_kernel.vocabulary.actor import Actor


class BookmarkTable:
    """What a store does about bookmarks."""

    reader: Reader
    writer: Writer

    async def put_bookmark(self, bookmark: Bookmark) -> None:
        """Keep a bookmark; one that is kept already under its id stays as it is."""
        found = await self.writer.execute(
            "put_bookmark",
            bookmark_id=bookmark.bookmark_id,
            run_id=bookmark.run_id,
            seq=bookmark.seq,
            note=bookmark.note,
            actor=encode(bookmark.actor.model_dump(mode="json", exclude_none=True)),
            at_us=bookmark.at_us,
        )
        if not found:
            head = (await self.reader.run(bookmark.run_id)).head.seq
            raise NotFoundError(
                f"run {bookmark.run_id!r} has no event #{bookmark.seq}; name one from #1 to #{head}"
            )

    async def drop_bookmark(self, bookmark_id: str) -> None:
        """Take a bookmark away."""
        if not await self.writer.execute("drop_bookmark", bookmark_id=bookmark_id):
            raise NotFoundError(f"there is no bookmark {bookmark_id!r} (any more)")

    async def bookmarks(self, run_id: str) -> list[Bookmark]:
        """Return the bookmarks of a run, and of what it shares with others, by event."""
        found: list[Bookmark] = []
        for stretch in await self.reader.lineage(run_id):
            rows = await self.reader.fetch("bookmarks", run_no=stretch.run_no, until=stretch.until)
            found += [
                Bookmark(
                    bookmark_id=bookmark_id,
                    run_id=stretch.run_id,
                    seq=seq,
                    note=note,
                    actor=Actor.model_validate_json(actor),
                    at_us=at_us,
                )
                for bookmark_id, seq, note, actor, at_us in rows
            ]
        return sorted(found, key=lambda mark: (mark.seq, mark.at_us, mark.bookmark_id))
