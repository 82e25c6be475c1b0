"""Bookmarks: notes beside the log."""

# ruff: noqa: PLR2004 - expected numbers are clearest where they are compared

from dataclasses import replace

from quarterdeck_kernel.errors import NotFoundError, RunNotFoundError
from quarterdeck_kernel.store.bookmark import Bookmark
from quarterdeck_kernel.testing.contract.stage import Contract, raises
from quarterdeck_kernel.testing.logs import ADA, BEN


def _mark(name: str, run_id: str, seq: int, note: str = "look") -> Bookmark:
    return Bookmark(bookmark_id=name, run_id=run_id, seq=seq, note=note, actor=ADA, at_us=7)


class BookmarkContract(Contract):
    """`put_bookmark`, `drop_bookmark`, `bookmarks`."""

    async def test_bookmarks_come_by_event_as_they_were_made(self) -> None:
        """Several may stand at one event; who made one, and when, is kept."""
        async with self.stage() as stage:
            await stage.driven(events=4)
            marks = [_mark("b", "run-1", 4), _mark("c", "run-1", 2), _mark("a", "run-1", 2)]
            marks[1] = replace(marks[1], actor=BEN, note="größer 😀", at_us=9)
            for mark in marks:
                await stage.store.put_bookmark(mark)
            assert await stage.store.bookmarks("run-1") == [marks[2], marks[1], marks[0]]
            log = await stage.stored("run-1")
            assert [record.kind for record in log].count("bookmark") == 0
            assert len(log) == 4

    async def test_a_bookmark_is_kept_once_and_can_be_taken_away(self) -> None:
        """The same id again changes nothing; what is gone cannot be taken away again."""
        async with self.stage() as stage:
            await stage.begun()
            kept = _mark("a", "run-1", 1)
            await stage.store.put_bookmark(kept)
            await stage.store.put_bookmark(replace(kept, note="another"))
            assert await stage.store.bookmarks("run-1") == [kept]
            await stage.store.drop_bookmark("a")
            assert await stage.store.bookmarks("run-1") == []
            with raises(NotFoundError):
                await stage.store.drop_bookmark("a")

    async def test_a_bookmark_needs_its_event(self) -> None:
        """No run, no event, no bookmark."""
        async with self.stage() as stage:
            await stage.begun()
            for seq in (0, 2):
                with raises(NotFoundError):
                    await stage.store.put_bookmark(_mark("a", "run-1", seq))
            with raises(RunNotFoundError):
                await stage.store.put_bookmark(_mark("a", "nobody", 1))
            with raises(RunNotFoundError):
                await stage.store.bookmarks("nobody")
            assert await stage.store.bookmarks("run-1") == []

    async def test_a_fork_shows_the_bookmarks_of_what_it_shares(self) -> None:
        """Those behind the place where it was made are its parent's alone; its own are its own."""
        async with self.stage() as stage:
            parent, _ = await stage.driven("parent", events=4)
            fork = parent.fork("fork", 2)
            await stage.put(fork, fork.create())
            for name, run_id, seq in (("a", "parent", 2), ("b", "parent", 3), ("c", "fork", 1)):
                await stage.store.put_bookmark(_mark(name, run_id, seq))
            found = await stage.store.bookmarks("fork")
            assert [(mark.bookmark_id, mark.run_id) for mark in found] == [
                ("c", "fork"),
                ("a", "parent"),
            ]
            assert [m.bookmark_id for m in await stage.store.bookmarks("parent")] == ["a", "b"]
