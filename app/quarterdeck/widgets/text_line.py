"""A field of one line that takes all that is pasted into it."""

from textual import events
from textual.widgets import Input

from quarterdeck.widgets.deck import deck


class TextLine(Input):
    """Textual's field keeps the first line of what is pasted, and says nothing of the others."""

    def _on_paste(self, event: events.Paste) -> None:
        event.prevent_default().stop()
        self._take(event.text)

    def action_paste(self) -> None:
        """Paste what was copied here."""
        self._take(self.app.clipboard)

    def _take(self, text: str) -> None:
        """Put a text where the cursor is: its lines behind one another, all to be seen."""
        lines = [line.strip() for line in text.splitlines() if line.strip()]
        # What is in one line anyway stays as it was copied, with the blanks round it.
        line = " ".join(lines) if len(lines) > 1 else text.strip("\r\n")
        if line:
            self.replace(line, *self.selection)
        if len(lines) > 1:
            deck(self).notice(f"{len(lines):,} lines were pasted as one")
