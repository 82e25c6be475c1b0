"""Fleet: all runs by need, and the live log of the one under the cursor."""

from datetime import tzinfo
from typing import ClassVar

from textual import events
from textual.widget import Widget
from textual.widgets import Static

from quarterdeck.messages import RunOpened, RunPicked
from quarterdeck.screens.base import Copied
from quarterdeck.screens.run import RunScreen
from quarterdeck.screens.starting import open_new_run
from quarterdeck.screens.steering import Steering, Target
from quarterdeck.views import headline
from quarterdeck.views.fleet_rows import heading, placed
from quarterdeck.views.glimpse import Source
from quarterdeck.views.new_run import Started
from quarterdeck.views.plain import plain
from quarterdeck.widgets.bars import EndsLine, TitleLine
from quarterdeck.widgets.deck import deck
from quarterdeck.widgets.event_log import EventLog
from quarterdeck.widgets.fleet_list import FleetList

_PATIENCE_TICKS = 3
_LIST_SHARE = 2


class FleetScreen(Steering):
    """The first screen."""

    PLACE = "Fleet"
    AUTO_FOCUS: ClassVar[str] = "#fleet"

    def __init__(self, source: Source, *, zone: tzinfo | None) -> None:
        """Show a source's runs; times in a zone, or (None) where the person is."""
        super().__init__(source)
        self._zone = zone
        self._waited = 0
        self._awaited = ""

    def compose_body(self) -> list[Widget]:
        """Return status, list, explanation and log."""
        return [
            EndsLine(id="heading"),
            FleetList(id="fleet"),
            Static(id="meaning", markup=False),
            TitleLine(id="title"),
            EventLog(self.source, zone=self._zone, id="log"),
        ]

    def tick(self) -> None:
        """Say that it is being read if the first glimpse takes longer than a moment."""
        if not self.source.glimpse().loaded:
            self._waited += 1
            if self._waited > _PATIENCE_TICKS:
                self.status.show("reading…")
        super().tick()

    def show_news(self) -> None:
        """Hand the glimpse to list, log and lines."""
        glimpse = self.source.glimpse()
        fleet = self.query_one(FleetList)
        fleet.apply(glimpse, self.source.now_us())
        if glimpse.loaded:
            status = self.status
            if glimpse.rows or glimpse.trouble:
                status.show(*headline.status(glimpse, moves=fleet.moves))
            else:
                status.show("no runs yet")
        self._size_list()
        if self._awaited:
            self._pick_awaited()
        self._show_picked()

    def copied(self) -> Copied | None:
        """Return the run under the cursor, as a line of its columns."""
        row = self.source.glimpse().row(self.query_one(FleetList).cursor)
        if row is None:
            return None
        return Copied(headline.run_title(row), f"run {plain(row.run_id)}")

    def target(self) -> Target | None:
        """Return the run under the cursor."""
        row = self.source.glimpse().row(self.query_one(FleetList).cursor) if self.ready else None
        if row is None:
            return None
        return Target(row, self.source.state(row.run_id, row.head_seq) if row.head_seq else None)

    def on_run_picked(self, _message: RunPicked) -> None:
        """Show the log of the run the cursor came to."""
        self._show_picked()

    def on_run_opened(self, message: RunOpened) -> None:
        """Open a log at full height."""
        # By the app: this screen must not wait for the next one.
        screen = RunScreen(self.source, message.run_id, zone=self._zone)
        self.app.call_later(self.app.push_screen, screen)

    def on_new_run_wanted(self) -> None:
        """Ask what is to be done, by the agent under the cursor or another."""
        row = self.source.glimpse().row(self.query_one(FleetList).cursor)
        known = row is not None and self.source.crew().agent(row.agent) is not None
        open_new_run(self, row.agent if row is not None and known else "", self._await_run)

    def _await_run(self, started: Started) -> None:
        """Put the cursor on a run as soon as it is seen."""
        self._awaited = started.run_id

    def _pick_awaited(self) -> None:
        fleet = self.query_one(FleetList)
        if self._awaited in fleet.rows:
            fleet.touch()
            fleet.pick(self._awaited)
            fleet.show_line(fleet.shown.index(self._awaited))
            self._awaited = ""

    def on_resize(self, _event: events.Resize) -> None:
        """Place the headings anew, and share the height between list and log."""
        self.call_after_refresh(self._size_list)

    def _size_list(self) -> None:
        fleet = self.query_one(FleetList)
        width = fleet.line_width or self.size.width
        self.query_one("#heading", EndsLine).show(heading(placed(width)))
        most = max(3, (self.size.height - 5) // _LIST_SHARE)
        fleet.styles.height = max(1, min(fleet.virtual_size.height, most))

    def _show_picked(self) -> None:
        glimpse = self.source.glimpse()
        row = glimpse.row(self.query_one(FleetList).cursor)
        if row is None:
            return
        self.query_one("#title", TitleLine).show(
            headline.log_title(row, deck(self).preferences.glyphs)
        )
        self.query_one("#meaning", Static).update(headline.meaning(row, glimpse))
        self.query_one(EventLog).show_run(row.run_id, row.head_seq)
