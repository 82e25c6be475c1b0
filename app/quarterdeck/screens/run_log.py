"""The log of one run at full height, with the event under the cursor below it."""

from datetime import tzinfo
from typing import ClassVar

from textual.widget import Widget
from textual.widgets import Static

from quarterdeck.messages import EventPicked
from quarterdeck.screens.base import DeckScreen
from quarterdeck.views import headline
from quarterdeck.views.glimpse import Source
from quarterdeck.widgets.bars import EndsLine, TitleLine
from quarterdeck.widgets.event_log import EventBrowser


class RunLogScreen(DeckScreen):
    """Opened from the fleet with Enter; Esc goes back."""

    PLACE = "Run"
    AUTO_FOCUS: ClassVar[str] = "#browser"

    def __init__(self, source: Source, run_id: str, *, zone: tzinfo | None) -> None:
        """Show one run of a source."""
        super().__init__(source)
        self._run_id = run_id
        self._zone = zone

    def compose_body(self) -> list[Widget]:
        """Return what run it is, its log, and the picked event."""
        return [
            EndsLine(id="status"),
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

    def on_event_picked(self, _message: EventPicked) -> None:
        """Show the event the cursor came to."""
        self._show_picked()

    def action_back(self) -> None:
        """Go back to the fleet."""
        # By the app: a screen that waited for its own end would wait for ever.
        self.app.call_later(self.app.pop_screen)

    def _show_picked(self) -> None:
        row = self.source.glimpse().row(self._run_id)
        browser = self.query_one(EventBrowser)
        if row is None or browser.cursor_seq is None:
            return
        where = "live" if browser.live else f"at #{browser.cursor_seq:,} · End returns to live"
        self.query_one("#status", EndsLine).show(headline.run_title(row), where)
        line = browser.picked()
        title, text = (line.title, line.text) if line is not None else ("reading…", "")
        self.query_one("#title", TitleLine).show(title)
        self.query_one("#detail", Static).update(text)
