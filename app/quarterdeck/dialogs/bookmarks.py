"""The bookmarks of a run: go to one, edit its note, remove it."""

from collections.abc import Sequence
from typing import ClassVar

from textual.binding import BindingType

from quarterdeck.dialogs.base import Choice
from quarterdeck.dialogs.picking import Pick, PickDialog
from quarterdeck.widgets.keyed import bindings


class BookmarksDialog(PickDialog):
    """Its result is what was chosen, or None: "go", "edit" or "remove". It changes nothing."""

    BINDINGS: ClassVar[list[BindingType]] = bindings("bookmarks")

    def __init__(self, picks: Sequence[Pick], *, cursor: int = 0, readonly: bool) -> None:
        """Show bookmarks; who may only look has no way to change them."""
        choices = [Choice("no", "Close"), Choice("go", "Go there")]
        if not readonly:
            choices += [Choice("edit", "Edit (e)"), Choice("remove", "Remove (r)")]
        title = f"{len(picks):,} {'bookmark' if len(picks) == 1 else 'bookmarks'}"
        super().__init__(title, picks, tuple(choices), enter="go", cursor=cursor)

    def action_edit_note(self) -> None:
        """Edit the note under the cursor."""
        self.choose("edit")

    def action_remove_note(self) -> None:
        """Remove the bookmark under the cursor."""
        self.choose("remove")
