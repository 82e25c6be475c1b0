"""Fleet: all runs by need, and the live log of the one under the cursor."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import tzinfo
from typing import ClassVar

from textual import events
from textual.widget import Widget
from textual.widgets import Input, Static

from quarterdeck.messages import RunOpened, RunPicked, RunsChosen
from quarterdeck.screens.base import Copied
from quarterdeck.screens.batching import Batching
from quarterdeck.screens.steering import Target
from quarterdeck.views import headline
from quarterdeck.views.fleet_filter import read_filter
from quarterdeck.views.fleet_rows import heading, placed
from quarterdeck.views.glimpse import Source
from quarterdeck.views.new_run import Started
from quarterdeck.views.nudges import START
from quarterdeck.views.plain import plain
from quarterdeck.widgets.bars import EndsLine, TitleLine
from quarterdeck.widgets.deck import deck
from quarterdeck.widgets.event_log import EventLog
from quarterdeck.widgets.filter_line import FilterLine
from quarterdeck.widgets.fleet_list import FleetList
from quarterdeck_kernel.vocabulary.rows import FleetRow

_PATIENCE_TICKS = 3
_LIST_SHARE = 2


class FleetScreen(Batching):
    """The first screen."""

    PLACE = "Fleet"
    AUTO_FOCUS: ClassVar[str] = "#fleet"

    def __init__(self, source: Source, *, zone: tzinfo | None) -> None:
        """Show a source's runs; times in a zone, or (None) where the person is."""
        super().__init__(source)
        self._zone = zone
        self._waited = 0
        self._awaited = self._meaning = ""

    def compose_body(self) -> list[Widget]:
        """Return status, list, explanation and log."""
        return [
            FilterLine(id="filter-line"),
            EndsLine(id="heading"),
            FleetList(self.source.gist, id="fleet"),
            Static(id="meaning", markup=False),
            TitleLine(id="title"),
            EventLog(self.source, zone=self._zone, id="log"),
        ]

    @property
    def list(self) -> FleetList:
        """Return the list."""
        return self.query_one(FleetList)

    def tick(self) -> None:
        """Say that it is being read if the first glimpse takes longer than a moment."""
        glimpse = self.source.glimpse()
        if not glimpse.loaded:
            self._waited += 1
            if self._waited > _PATIENCE_TICKS or glimpse.trouble is not None:
                self.status.show(headline.unread(glimpse))
        super().tick()
        # Once the hand is off the list, the order goes on without news, too.
        if self.list.moves:
            self.show_news()

    def show_news(self) -> None:
        """Hand the glimpse to list, log and lines."""
        glimpse = self.source.glimpse()
        self.list.apply(glimpse, self.source.now_us())
        if glimpse.loaded:
            self._show_status()
        self._size_list()
        if self._awaited:
            self._pick_awaited()
        self._show_picked()

    def _show_status(self) -> None:
        glimpse, fleet = self.source.glimpse(), self.list
        said = headline.Listed(
            moves=fleet.moves,
            order=fleet.order,
            selected=len(fleet.selected),
            hidden=fleet.hidden,
            new=len(fleet.new),
            fitting=fleet.arranged.fitting if fleet.wanted.text else None,
            problem=fleet.wanted.problem,
        )
        if glimpse.rows or glimpse.trouble is not None or deck(self).preferences.hints:
            self.status.show(*headline.status(glimpse, said))
        else:
            self.status.show(deck(self).spelled(START.text))

    # -- the filter and the selection

    def action_filter(self) -> None:
        """Type what the fleet is filtered by."""
        self.query_one(FilterLine).open()

    def on_input_changed(self, event: Input.Changed) -> None:
        """Show what fits what is typed so far; what is wrong is not taken, and says why."""
        wanted = read_filter(event.value)
        if wanted.problem is not None:
            wanted = replace(self.list.wanted, text=event.value, problem=wanted.problem)
        self.list.want(wanted)
        self._show_status()
        self._size_list()
        self._show_picked()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Go down to what was found."""
        event.stop()
        self.list.focus()

    def on_runs_chosen(self, _message: RunsChosen) -> None:
        """Say how many are selected, and what can be done to them."""
        self._show_status()
        self.refresh_bindings()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Esc clears the filter, then the selection; where there is neither it has no meaning."""
        if action == "back" and self.ready and not self._stands_on_another():
            return self.query_one(FilterLine).is_open or bool(self.list.selected)
        return super().check_action(action, parameters)

    def action_back(self) -> None:
        """Clear the filter, else the selection."""
        line = self.query_one(FilterLine)
        if line.is_open:
            line.clear()
            self.list.focus()
        elif self.list.selected:
            self.list.selected.clear()
            self.list.chosen()
        self.refresh_bindings()

    def selection(self) -> Sequence[FleetRow]:
        """Return the runs that are selected."""
        return [*self.list.selected.values()] if self.ready else []

    def unselect(self, run_id: str) -> None:
        """Take a run out of the selection."""
        if self.ready and self.list.selected.pop(run_id, None) is not None:
            self.list.chosen()

    def copied(self) -> Copied | None:
        """Return the run under the cursor, as a line of its columns."""
        row = self.source.glimpse().row(self.list.cursor)
        if row is None:
            return None
        return Copied(headline.run_title(row), f"run {plain(row.run_id)}")

    def target(self) -> Target | None:
        """Return the run under the cursor."""
        row = self.source.glimpse().row(self.list.cursor) if self.ready else None
        if row is None:
            return None
        return Target(row, self.source.state(row.run_id, row.head_seq) if row.head_seq else None)

    def on_run_picked(self, _message: RunPicked) -> None:
        """Show the log of the run the cursor came to."""
        self._show_picked()

    def on_run_opened(self, message: RunOpened) -> None:
        """Open a log at full height."""
        from quarterdeck.screens.run import RunScreen

        # By the app: this screen must not wait for the next one.
        screen = RunScreen(self.source, message.run_id, zone=self._zone)
        self.app.call_later(self.app.push_screen, screen)

    def on_new_run_wanted(self) -> None:
        """Ask what is to be done, by the agent under the cursor or another."""
        from quarterdeck.screens.starting import open_new_run

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
        fleet = self.list
        width = fleet.line_width or self.size.width
        self.query_one("#heading", EndsLine).show(heading(placed(width)))
        most = max(3, (self.size.height - 5) // _LIST_SHARE)
        fleet.styles.height = max(1, min(fleet.virtual_size.height, most))

    def _show_picked(self) -> None:
        glimpse = self.source.glimpse()
        row = glimpse.row(self.list.cursor)
        if row is None:
            return
        self.query_one("#title", TitleLine).show(
            headline.log_title(row, deck(self).preferences.glyphs)
        )
        meaning = headline.meaning(row, glimpse)
        if meaning != self._meaning:
            # It grows with its text, so that everything below is laid out anew.
            self._meaning = meaning
            self.query_one("#meaning", Static).update(meaning)
        self.query_one(EventLog).show_run(row.run_id, row.head_seq)
