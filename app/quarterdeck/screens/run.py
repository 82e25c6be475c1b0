"""One run: its log, the event under the cursor, its state there, and all of it as one line.

There is one position: the log's cursor. At the newest event the run is live; anywhere else it is
past, everything shown is of that moment, and only the brakes still act.
"""

import shlex
from datetime import tzinfo
from typing import ClassVar

from textual import events
from textual.binding import BindingType
from textual.containers import Container, Horizontal, Vertical
from textual.timer import Timer
from textual.widget import Widget

from quarterdeck.messages import (
    EventPicked,
    LiveWanted,
    PlaceWanted,
    PlayWanted,
    SpeedWanted,
    StepWanted,
    ZoomWanted,
)
from quarterdeck.screens.base import Copied, DeckScreen
from quarterdeck.screens.scrubbing import PANELS, Panel, Scrubbing
from quarterdeck.screens.steering import OVER, Target
from quarterdeck.views import moment
from quarterdeck.views.glimpse import Source
from quarterdeck.views.inspection import Near, copied_text, is_verdict_on, step_of
from quarterdeck.views.nudges import Place
from quarterdeck.views.pages import conversation_page, files_page, state_page
from quarterdeck.views.plain import fitted, plain
from quarterdeck.views.timeline import READ_AT_ONCE
from quarterdeck.views.work import Work
from quarterdeck.widgets.bars import EndsLine, TitleLine
from quarterdeck.widgets.deck import LEAST_WIDTH, deck
from quarterdeck.widgets.density_strip import DensityStrip, Shown
from quarterdeck.widgets.event_log import EventBrowser
from quarterdeck.widgets.inspector import Inspector
from quarterdeck.widgets.keyed import bindings
from quarterdeck.widgets.state_panel import StatePanel
from quarterdeck_kernel import Event, RunState
from quarterdeck_kernel.vocabulary.rows import FleetRow

_PLACE_CELLS = 16
_SOON_S = (0.01, 0.02, 0.03, 0.05)
"""When to look again for what is being read; what takes longer shows with the next tick."""
_VERDICTS_WITHIN = 12
"""How many events before an intent are looked through for what guards said of it."""


class RunScreen(Scrubbing):
    """Opened from the fleet with Enter; Esc goes back."""

    AUTO_FOCUS: ClassVar[str] = "#browser"
    BINDINGS: ClassVar[list[BindingType]] = bindings("run")
    HORIZONTAL_BREAKPOINTS = [  # noqa: RUF012 - Textual reads it from the class as it is
        (0, "-narrow"), (LEAST_WIDTH, "-usable"), (110, "-roomy"), (170, "-wide")
    ]  # fmt: skip

    def __init__(
        self, source: Source, run_id: str, *, seq: int | None = None, zone: tzinfo | None
    ) -> None:
        """Show one run of a source, live or at an event."""
        super().__init__(source, run_id, zone=zone)
        self._begin_seq = seq
        self.PLACE = fitted(plain(run_id), min(_PLACE_CELLS, len(plain(run_id))))
        self._panel: Panel = "event"
        self._state: RunState | None = None
        self._head_state: RunState | None = None
        self._was_live: bool | None = None
        self._looked = 0
        self._looks_again: Timer | None = None
        self._surveying: Work | None = None

    def compose_body(self) -> list[Widget]:
        """Return the state in a line, the panels, and the run as a line."""
        inspection = Vertical(
            TitleLine(id="title"), Inspector(zone=self._zone, id="inspector"), id="inspection"
        )
        browser = EventBrowser(self.source, at=self._begin_seq, zone=self._zone, id="browser")
        reading = Container(browser, inspection, id="reading")
        return [
            EndsLine(id="state-line"),
            Horizontal(reading, StatePanel(id="state"), id="panels"),
            DensityStrip(id="strip"),
        ]

    # -- what is shown

    @property
    def browser(self) -> EventBrowser:
        """Return the log, whose cursor is the position."""
        return self.query_one(EventBrowser)

    @property
    def position(self) -> int:
        """Return the event everything shown is of."""
        return self.browser.cursor_seq or 0

    @property
    def head_seq(self) -> int:
        """Return the newest event that is known."""
        return self.browser.head_seq

    @property
    def walk(self) -> Place:
        """Tell whether somebody walks in its past."""
        past = self.ready and bool(self.position) and not self.browser.live
        return "past" if past else "run"

    def show_news(self) -> None:
        """Hand the run's newest to the panels."""
        row = self.source.glimpse().row(self._run_id)
        if row is None:
            self.source.survey(self._run_id)
            self.status.show("reading…")
            return
        self.browser.show_run(row.run_id, row.head_seq)
        self._show_run(row)

    def _show_run(self, row: FleetRow) -> None:
        position, head = self.position, row.head_seq
        if not position:
            return
        state = self.source.state(self._run_id, position)
        if state is not None:
            self._state = state
            if position == head:
                self._head_state = state
        self._show_place(row, position)
        self._show_state()
        self._show_panel(position)
        self._show_strip(row, position)
        self._look_again(whole=state is not None and self._panel_is_of(position))

    def _panel_is_of(self, position: int) -> bool:
        """Tell whether the inspector shows what it is to show there."""
        if self._panel in {"conversation", "files"}:
            return self.source.past.page(self._run_id, position) is not None
        return self.source.event(self._run_id, position) is not None

    def _look_again(self, *, whole: bool) -> None:
        """Show what is being read as soon as it is there; a tick is long for one event."""
        if whole:
            self._looked = 0
        elif self._looks_again is None and self._looked < len(_SOON_S):
            self._looks_again = self.set_timer(_SOON_S[self._looked], self._show_what_was_read)

    def _show_what_was_read(self) -> None:
        self._looks_again, self._looked = None, self._looked + 1
        if not self.ready:
            return
        if self.source.revision == self._revision:
            # Nothing was read yet, so nothing would be drawn otherwise.
            self._look_again(whole=False)
        else:
            self.tick()

    def _show_strip(self, row: FleetRow, position: int) -> None:
        head, live, over = row.head_seq, self.browser.live, row.status in OVER
        window = self._lens.look(head, position, live=live)
        shown = Shown(
            window=window,
            position=position,
            marks=self.marks(),
            over=over,
            tail=self._lens.said(head, live=live, over=over),
            note=self._lens.note(self._speed),
            playing=bool(self.playing),
        )
        survey = self.source.survey(self._run_id)
        self.query_one(DensityStrip).show_survey(survey, shown)
        if self._surveying is None and head - survey.known > READ_AT_ONCE:
            self._surveying = self.read_here("reading the timeline", self._read_survey)

    async def _read_survey(self, work: Work) -> None:
        await self.source.read_survey(self._run_id, work)
        # Who stopped it does not want it begun anew, nor does it go on by itself where it failed.
        self._surveying = None

    def on_screen_suspend(self) -> None:
        """Who leaves, and comes back, begins anew; a dialog on top is no leaving."""
        if isinstance(self.app.screen, DeckScreen):
            self._surveying = None

    def _show_place(self, row: FleetRow, position: int) -> None:
        trouble = self.source.glimpse().trouble
        if trouble is not None:
            self.status.banner("trouble", f"what you see may be old: {plain(trouble)}")
        elif self.browser.live:
            self.status.take_down()
            glyphs = deck(self).preferences.glyphs
            self.status.show(*moment.live_ends(row, self._head_state, glyphs))
        else:
            line = self.source.line(self._run_id, position)
            at_us = line.at_us if line is not None else None
            now_us = self.source.now_us()
            text = moment.banner(
                position, row.head_seq, at_us, now_us, self._zone, speed=self.playing
            )
            self.status.banner("past", text)

    def _show_state(self) -> None:
        state = self._state
        if state is None:
            self.query_one("#state-line", EndsLine).show("reading…")
            return
        self.query_one("#state-line", EndsLine).show(moment.state_line(state))
        self.query_one(StatePanel).show_rows(self._state_rows(state))

    def _state_rows(self, state: RunState) -> list[moment.StateRow]:
        glyphs = deck(self).preferences.glyphs
        return moment.state_rows(state, self.source.now_us(), self._zone, glyphs)

    def _show_panel(self, position: int) -> None:
        """Show in the inspector what is looked at: as of this moment, whatever it is."""
        if self._panel == "event":
            self._show_event(position)
            return
        inspector = self.query_one(Inspector)
        if self._panel == "state":
            if self._state is not None:
                rows = self._state_rows(self._state)
                inspector.show_page(state_page(self._run_id, self._state.head_seq, rows))
        elif (page := self.source.past.page(self._run_id, position)) is not None:
            make = conversation_page if self._panel == "conversation" else files_page
            inspector.show_page(make(self._run_id, page))
        # The old frame stays until there is another, and says of what it is.
        title = f"{self._panel} at #{position:,}"
        self.query_one("#title", TitleLine).show(title, f"i {self._next_panel} · y copy")

    @property
    def _next_panel(self) -> Panel:
        return PANELS[(PANELS.index(self._panel) + 1) % len(PANELS)]

    def action_panel(self) -> None:
        """Inspect something else of this moment."""
        self._panel = self._next_panel
        if self.position:
            self._show_panel(self.position)

    def _show_event(self, position: int) -> None:
        event = self.source.event(self._run_id, position) if position else None
        inspector = self.query_one(Inspector)
        # The old frame stays until there is another.
        if event is not None:
            inspector.show_event(event, self._near(event))
        seen = inspector.event
        name = f"#{seen.seq:,} {plain(seen.kind)}{self.tool_of(seen)}" if seen else "reading…"
        self.query_one("#title", TitleLine).show(name, f"{inspector.view} · v view · i more")

    def _near(self, event: Event) -> Near:
        intent = self.intent_of(event)
        asked = intent or event
        step = step_of(asked)
        before = range(max(1, asked.seq - _VERDICTS_WITHIN), asked.seq) if step else ()
        known = [self.source.event(self._run_id, seq) for seq in before]
        verdicts = [one for one in known if one is not None and is_verdict_on(one, step)]
        return Near(intent, tuple(verdicts))

    def on_event_picked(self, message: EventPicked) -> None:
        """Show everything as it was at the event the cursor came to."""
        message.stop()
        row = self.source.glimpse().row(self._run_id)
        if row is not None and self.ready:
            self._looked = 0
            self._show_run(row)
            if message.live is not self._was_live:
                # What may be done depends on it, and on nothing else of the position.
                self._was_live = message.live
                self.refresh_bindings()

    def on_resize(self, _event: events.Resize) -> None:
        """Draw what depends on the width anew."""
        self.call_after_refresh(self.show_again)

    def show_again(self) -> None:
        """Draw what depends on the position anew."""
        row = self.source.glimpse().row(self._run_id)
        if row is not None and self.ready:
            self._show_run(row)

    def target(self) -> Target | None:
        """Return this run."""
        row = self.source.glimpse().row(self._run_id)
        if row is None or not self.ready:
            return None
        past = None if self.browser.live else self.position
        return Target(row, self._head_state, past)

    # -- copying and views

    def copied(self) -> Copied | None:
        """Return the event under the cursor: as JSON from the inspector, else as its line."""
        line = self.browser.picked()
        inspector = self.query_one(Inspector)
        if inspector.has_focus and inspector.event is not None:
            event = inspector.event
            return Copied(copied_text(event), f"event #{event.seq:,} as JSON")
        if inspector.has_focus:
            return Copied(inspector.text(), f"{self._panel} at #{self.position:,}")
        return (
            None if line is None else Copied(f"{line.title}\n{line.text}", f"event #{line.seq:,}")
        )

    def action_copy_command(self) -> None:
        """Copy the command that prints the log from here on."""
        run = shlex.quote(self._run_id)
        deck(self).copy(f"quarterdeck events {run} --from {self.position}", "the command")

    def action_view(self) -> None:
        """Show the event compact, full or as JSON."""
        self.query_one(Inspector).next_view()
        self._show_panel(self.position)

    # -- going elsewhere

    def on_step_wanted(self, message: StepWanted) -> None:
        """Step along the timeline."""
        self.browser.action_move(message.step)

    def on_place_wanted(self, message: PlaceWanted) -> None:
        """Go where the timeline was clicked."""
        self.jump(message.seq)

    def on_live_wanted(self, _message: LiveWanted) -> None:
        """Go to what came since."""
        self.action_live()

    def on_play_wanted(self, _message: PlayWanted) -> None:
        """Play from here, or stop."""
        self.toggle_play()

    def on_zoom_wanted(self, message: ZoomWanted) -> None:
        """Show less of the line, larger; or more."""
        self._lens.zoom(message.step, self.position)
        self.show_again()

    def on_speed_wanted(self, message: SpeedWanted) -> None:
        """Play faster, or slower."""
        self.set_speed(message.step)

    def go_to(self, seq: int) -> None:
        """Move the position; that is no jump to come back from."""
        self.browser.go_to(seq)

    def open_run(self, run_id: str, seq: int | None = None) -> None:
        """Open a run upon this one, at an event of it."""
        screen = RunScreen(self.source, run_id, seq=seq, zone=self._zone)
        self.app.call_later(self.app.push_screen, screen)
