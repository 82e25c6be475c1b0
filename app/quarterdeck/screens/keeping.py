"""What is kept of a run's past: notes beside its log, and what its files held.

Nothing is taken away or replaced before a person saw what that is, and said so.
"""

from quarterdeck.dialogs.base import Choice, ConfirmDialog
from quarterdeck.dialogs.bookmarks import BookmarksDialog
from quarterdeck.dialogs.picking import Pick, PickDialog, Picked
from quarterdeck.dialogs.text import Field, TextDialog, Values
from quarterdeck.screens.seeking import Seeking
from quarterdeck.views.bookmarks import bookmark_line
from quarterdeck.views.plain import plain
from quarterdeck.views.restoring import restoration_text
from quarterdeck.views.work import Work
from quarterdeck.widgets.deck import deck
from quarterdeck_kernel import Bookmark

_NOTE = "Note; others see it, too. It may be left empty"


class Keeping(Seeking):
    """A screen of one run, of whose past something is kept."""

    # -- bookmarks

    def action_bookmark(self) -> None:
        """Ask for a note, and keep it beside the log."""
        seq = self.position
        if not seq:
            return
        dialog = TextDialog(
            f"Bookmark #{seq:,}", (Field("note", _NOTE),), decide="Bookmark", has_effect=False
        )

        def note(said: Values) -> None:
            async def do(_work: Work) -> None:
                await self.source.past.bookmark(self._run_id, seq, said["note"].strip())
                deck(self).notice(f"bookmarked #{seq:,}")
                self._show_if_ready()

            deck(self).work("bookmark", do)

        self._form(dialog, note)

    def _show_if_ready(self) -> None:
        if self.ready:
            self.show_again()

    def action_bookmarks(self) -> None:
        """Show all bookmarks: go to one, edit its note, remove it."""
        self._list_bookmarks(0)

    def _list_bookmarks(self, cursor: int) -> None:
        marks = self.source.past.bookmarks(self._run_id)
        if not marks:
            deck(self).notice("no bookmarks yet; b makes one")
            return
        now = deck(self).now(self.source.now_us())._replace(zone=self._zone)
        picks = [Pick(*bookmark_line(mark, self._run_id, now)) for mark in marks]

        def chosen(picked: Picked | None) -> None:
            if picked is None:
                return
            mark = marks[picked.number]
            if picked.answer == "go":
                self.jump(mark.seq)
            elif picked.answer == "edit":
                self._edit(mark, picked.number)
            else:
                self._remove(mark, picked.number)

        self._open(BookmarksDialog(picks, cursor=cursor, readonly=deck(self).readonly), chosen)

    def _edit(self, mark: Bookmark, number: int) -> None:
        """Note something else: that is another note, by whoever wrote it, in the place of this."""

        def note(said: Values) -> None:
            text = said["note"].strip()
            if text == mark.note:
                self._list_bookmarks(number)
                return

            async def do(_work: Work) -> None:
                # First the new one: whatever happens between, something is noted there.
                await self.source.past.bookmark(mark.run_id, mark.seq, text)
                await self.source.past.drop_bookmark(mark)
                deck(self).notice(f"noted at #{mark.seq:,}")
                self._show_if_ready()
                self._list_bookmarks(number)

            deck(self).work("edit a note", do)

        fields = (Field("note", _NOTE, mark.note),)
        title = f"Note at #{mark.seq:,}"
        self._form(TextDialog(title, fields, decide="Note it", has_effect=False), note)

    def _remove(self, mark: Bookmark, number: int) -> None:
        def remove() -> None:
            async def do(_work: Work) -> None:
                await self.source.past.drop_bookmark(mark)
                deck(self).notice(f"removed the bookmark of #{mark.seq:,}")
                self._show_if_ready()
                if self.source.past.bookmarks(self._run_id):
                    self._list_bookmarks(number)

            deck(self).work("remove a bookmark", do)

        now = deck(self).now(self.source.now_us())._replace(zone=self._zone)
        text = f"{bookmark_line(mark, self._run_id, now).meaning}\nNobody sees it any more."
        title = f"Remove the bookmark of #{mark.seq:,}?"
        self._confirm(ConfirmDialog(title, text, decide="Remove", back="Keep it"), remove)

    # -- files

    def action_restore(self) -> None:
        """Put a file back as it was at this event."""
        seq = self.position
        page = self.source.past.page(self._run_id, seq) if seq else None
        files = [file for file in page.files if file.why != "not kept"] if page is not None else []
        if not files:
            said = "no file was changed by then" if page is not None else "reading…"
            deck(self).notice(said)
            return
        picks = [
            Pick(file.path, file.why or f"{file.size:,} bytes, since #{file.seq:,}")
            for file in files
        ]
        choices = (Choice("no", "Cancel"), Choice("look", "See what would change"))

        def chosen(picked: Picked | None) -> None:
            if picked is not None:
                self._look_at_restoration(seq, files[picked.number].path)

        title = f"Restore a file as it was at #{seq:,}"
        self._open(PickDialog(title, picks, choices, enter="look"), chosen)

    def _look_at_restoration(self, seq: int, path: str) -> None:
        async def look(_work: Work) -> None:
            found = await self.source.past.restoration(self._run_id, seq, path)
            if found.same:
                deck(self).notice(f"{plain(path)} holds that now")
            elif self.is_current:
                decide = "Restore anyway" if found.changed else f"Restore as of #{seq:,}"
                title = f"Restore {path} as it was at #{seq:,}?"
                text = restoration_text(found, seq)
                dialog = ConfirmDialog(title, text, decide=decide, back="Leave it")
                self._confirm(dialog, lambda: self._restore(seq, path, anyway=found.changed))

        deck(self).work(f"looking at {plain(path)}", look)

    def _restore(self, seq: int, path: str, *, anyway: bool) -> None:
        async def do(_work: Work) -> None:
            made = await self.source.past.restore(self._run_id, seq, path, anyway=anyway)
            said = f"recorded: restored {plain(path)}, #{made:,}" if made else "it holds that now"
            deck(self).notice(said)

        deck(self).work(f"restore {plain(path)}", do)
