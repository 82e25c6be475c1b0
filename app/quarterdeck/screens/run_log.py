"""The log of one run at full height, with the event under the cursor below it."""

from datetime import tzinfo
from typing import ClassVar

from textual.binding import BindingType
from textual.widget import Widget
from textual.widgets import Static

from quarterdeck.messages import EventPicked
from quarterdeck.screens.base import Copied, DeckScreen
from quarterdeck.views import headline
from quarterdeck.views.glimpse import Source
from quarterdeck.widgets.bars import TitleLine
from quarterdeck.widgets.deck import deck
from quarterdeck.widgets.event_log import EventBrowser
from quarterdeck.widgets.keyed import bindings


class RunLogScreen(DeckScreen):
    """Opened from the fleet with Enter; Esc goes back."""

    PLACE = "Run"
    MENU = ("menu",)
    AUTO_FOCUS: ClassVar[str] = "#browser"
    BINDINGS: ClassVar[list[BindingType]] = bindings("run")

    def __init__(self, source: Source, run_id: str, *, zone: tzinfo | None) -> None:
        """Show one run of a source."""
        super().__init__(source)
        self._run_id = run_id
        self._zone = zone

    def compose_body(self) -> list[Widget]:
        """Return what run it is, its log, and the picked event."""
        return [
            EventBrowser(self.source, zone=self._zone, id="browser"),
            TitleLine(id="title"),
            Static(id="detail", markup=False),
        ]

    def show_news(self) -> None:
        """Hand the run's newest to the log."""
        row = self.source.glimpse().row(self._run_id)
        if row is None:
            return
        self.query_one(EventBrowser).show_run(row.run_id, row.head_seq)
        self._show_picked()

    def action_live(self) -> None:
        """Go to the newest event and follow."""
        self.query_one(EventBrowser).action_last()

    def copied(self) -> Copied | None:
        """Return the event under the cursor."""
        line = self.query_one(EventBrowser).picked()
        return None if line is None else Copied(f"{line.title}\n{line.text}", f"event #{line.seq}")

    def on_event_picked(self, _message: EventPicked) -> None:
        """Show the event the cursor came to."""
        self._show_picked()

    def _show_picked(self) -> None:
        row = self.source.glimpse().row(self._run_id)
        browser = self.query_one(EventBrowser)
        if row is None or browser.cursor_seq is None:
            return
        where = "live" if browser.live else f"at #{browser.cursor_seq:,} · End returns to live"
        self.status.show(headline.run_title(row, deck(self).preferences.glyphs), where)
        line = browser.picked()
        title, text = (line.title, line.text) if line is not None else ("reading…", "")
        self.query_one("#title", TitleLine).show(title)
        self.query_one("#detail", Static).update(text)
