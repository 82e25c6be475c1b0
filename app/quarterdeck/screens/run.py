"""One run: its log, the event under the cursor, its state there, and all of it as one line.

There is one position: the log's cursor. At the newest event the run is live; anywhere else it is
past, everything shown is of that moment, and only the brakes still act.
"""

import shlex
from datetime import tzinfo
from typing import ClassVar, Literal

from textual import events
from textual.binding import BindingType
from textual.containers import Container, Horizontal, Vertical
from textual.screen import Screen
from textual.widget import Widget

from quarterdeck.dialogs.goto import GotoDialog
from quarterdeck.dialogs.text import Field, TextDialog, Values
from quarterdeck.messages import EventPicked, PlaceWanted, StepWanted
from quarterdeck.screens.base import Copied
from quarterdeck.screens.steering import Steering, Target
from quarterdeck.views import moment
from quarterdeck.views.glimpse import Source
from quarterdeck.views.goto import Goal, Here, read_goal
from quarterdeck.views.inspection import Near, copied_text, intent_seq_of, is_verdict_on, step_of
from quarterdeck.views.plain import fitted, plain
from quarterdeck.views.sought import Sought
from quarterdeck.views.work import Work
from quarterdeck.widgets.bars import EndsLine, TitleLine
from quarterdeck.widgets.deck import LEAST_WIDTH, deck
from quarterdeck.widgets.density_strip import DensityStrip
from quarterdeck.widgets.event_log import EventBrowser
from quarterdeck.widgets.inspector import Inspector
from quarterdeck.widgets.keyed import bindings
from quarterdeck.widgets.state_panel import StatePanel
from quarterdeck_kernel import Event, RunState
from quarterdeck_kernel.events.tool_events import ToolRequested
from quarterdeck_kernel.vocabulary.rows import FleetRow

_PLACE_CELLS = 16
_JUMPS = 100
_VERDICTS_WITHIN = 12
"""How many events before an intent are looked through for what guards said of it."""


class RunScreen(Steering):
    """Opened from the fleet with Enter; Esc goes back."""

    AUTO_FOCUS: ClassVar[str] = "#browser"
    BINDINGS: ClassVar[list[BindingType]] = bindings("run")
    HORIZONTAL_BREAKPOINTS = [  # noqa: RUF012 - Textual reads it from the class as it is
        (0, "-narrow"), (LEAST_WIDTH, "-usable"), (110, "-roomy"), (170, "-wide")
    ]  # fmt: skip

    def __init__(self, source: Source, run_id: str, *, zone: tzinfo | None) -> None:
        """Show one run of a source."""
        super().__init__(source)
        self.PLACE = fitted(plain(run_id), min(_PLACE_CELLS, len(plain(run_id))))
        self._run_id = run_id
        self._zone = zone
        self._state: RunState | None = None
        self._head_state: RunState | None = None
        self._back: list[int] = []
        self._forward: list[int] = []
        self._needle = ""
        self._hits: tuple[int, ...] = ()
        self._seeking = False
        self._was_live: bool | None = None

    def compose_body(self) -> list[Widget]:
        """Return the state in a line, the panels, and the run as a line."""
        inspection = Vertical(
            TitleLine(id="title"), Inspector(zone=self._zone, id="inspector"), id="inspection"
        )
        browser = EventBrowser(self.source, zone=self._zone, id="browser")
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
    def run_id(self) -> str:
        """Return which run is open."""
        return self._run_id

    @property
    def position(self) -> int:
        """Return the event everything shown is of."""
        return self.browser.cursor_seq or 0

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
        self._show_event(position)
        survey = self.source.survey(self._run_id)
        strip = self.query_one(DensityStrip)
        strip.show_survey(self._run_id, survey, head, position, self._hits)

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
            text = moment.banner(position, row.head_seq, at_us, now_us, self._zone)
            self.status.banner("past", text)

    def _show_state(self) -> None:
        state = self._state
        if state is None:
            self.query_one("#state-line", EndsLine).show("reading…")
            return
        self.query_one("#state-line", EndsLine).show(moment.state_line(state))
        rows = moment.state_rows(state, self.source.now_us(), self._zone)
        self.query_one(StatePanel).show_rows(rows)

    def _show_event(self, position: int) -> None:
        event = self.source.event(self._run_id, position) if position else None
        inspector = self.query_one(Inspector)
        # The old frame stays until there is another.
        if event is not None:
            inspector.show_event(event, self._near(event))
        seen = inspector.event
        name = f"#{seen.seq:,} {plain(seen.kind)}{self._tool(seen)}" if seen else "reading…"
        self.query_one("#title", TitleLine).show(name, f"{inspector.view} · v view · y copy")

    def _tool(self, event: Event) -> str:
        asked = event if isinstance(event.payload, ToolRequested) else self._intent(event)
        payload = asked.payload if asked is not None else None
        return f" {plain(payload.tool)}" if isinstance(payload, ToolRequested) else ""

    def _intent(self, event: Event) -> Event | None:
        seq = intent_seq_of(event)
        return self.source.event(self._run_id, seq) if seq is not None else None

    def _near(self, event: Event) -> Near:
        intent = self._intent(event)
        asked = intent or event
        step = step_of(asked)
        before = range(max(1, asked.seq - _VERDICTS_WITHIN), asked.seq) if step else ()
        known = [self.source.event(self._run_id, seq) for seq in before]
        verdicts = [one for one in known if one is not None and is_verdict_on(one, step)]
        return Near(intent, tuple(verdicts))

    def on_event_picked(self, message: EventPicked) -> None:
        """Show everything as it was at the event the cursor came to."""
        row = self.source.glimpse().row(self._run_id)
        if row is not None and self.ready:
            self._show_run(row)
            if message.live is not self._was_live:
                # What may be done depends on it, and on nothing else of the position.
                self._was_live = message.live
                self.refresh_bindings()

    def on_resize(self, _event: events.Resize) -> None:
        """Draw what depends on the width anew."""
        self.call_after_refresh(self._show_again)

    def _show_again(self) -> None:
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
        self._show_event(self.position)

    # -- going elsewhere

    def action_live(self) -> None:
        """Go to the newest event and follow."""
        self._jump(self.browser.head_seq)

    def action_turn(self, step: Literal[1, -1]) -> None:
        """Go to another turn."""
        self._seek(Sought(what="turn", start=self.position, step=step))

    def action_same(self, step: Literal[1, -1]) -> None:
        """Go to another call of the tool, or another event of the kind, under the cursor."""
        event = self.source.event(self._run_id, self.position) if self.position else None
        if event is None:
            return
        tool = self._tool(event).strip()
        what: Literal["tool", "kind"] = "tool" if tool else "kind"
        asked = event.payload if isinstance(event.payload, ToolRequested) else None
        name = asked.tool if asked is not None else tool or event.kind
        self._seek(Sought(what=what, start=self.position, step=step, text=name))

    def action_trouble(self, step: Literal[1, -1]) -> None:
        """Go to an error, pause, unknown, budget or verdict."""
        self._seek(Sought(what="trouble", start=self.position, step=step))

    def action_hit(self, step: Literal[1, -1]) -> None:
        """Go to another hit of the search."""
        if self._needle:
            self._seek(Sought(what="text", start=self.position, step=step, text=self._needle))
        else:
            self.action_filter()

    def action_filter(self) -> None:
        """Search the log."""
        field = Field("text", "Text in any event", self._needle, "n and N go on to other hits")
        dialog = TextDialog("Search", (field,), decide="Search", has_effect=False)
        self._open(dialog, self._look_for)

    def _look_for(self, said: Values | None) -> None:
        if said is not None:
            if said["text"] != self._needle:
                self._hits = ()
            self._needle = said["text"]
            if self._needle:
                self.action_hit(1)

    def action_goto(self) -> None:
        """Ask where to go."""
        if not self.position:
            return
        line = self.source.line(self._run_id, self.position)
        at_us = line.at_us if line is not None else self.source.now_us()
        here = Here(self.position, at_us, self.browser.head_seq, self._zone)

        def go(said: Values | None) -> None:
            goal = read_goal(said["to"], here) if said is not None else None
            if goal is not None:
                self._reach(goal)

        # At once, so that what is typed on goes there and to no tab.
        dialog: Screen[Values | None] = GotoDialog(here)
        _pushed = self.app.push_screen(dialog, go)

    def _reach(self, goal: Goal) -> None:
        if goal.seq is not None:
            self._jump(goal.seq)
        else:
            self._seek(Sought(what="time", start=self.position, at_us=goal.at_us))

    def action_jumped(self, way: Literal[1, -1]) -> None:
        """Go back to where a jump began, or forward again."""
        taken, left = (self._back, self._forward) if way < 0 else (self._forward, self._back)
        if taken:
            left.append(self.position)
            self.browser.go_to(taken.pop())

    def on_step_wanted(self, message: StepWanted) -> None:
        """Step along the timeline."""
        self.browser.action_move(message.step)

    def on_place_wanted(self, message: PlaceWanted) -> None:
        """Go where the timeline was clicked."""
        self._jump(message.seq)

    def _jump(self, seq: int) -> None:
        if seq != self.position:
            self._back = [*self._back, self.position][-_JUMPS:]
            self._forward = []
        self.browser.go_to(seq)

    def _seek(self, sought: Sought) -> None:
        """Look through the log beside the screen, and go to what was found."""
        if self._seeking or not self.position:
            return
        self._seeking = True

        async def seek(work: Work) -> None:
            try:
                found = await self.source.seek(self._run_id, sought, work)
            finally:
                self._seeking = False
            if not self.ready:
                return
            if found is None:
                deck(self).notice(plain(sought.words))
                return
            if sought.what == "text":
                self._hits = tuple(sorted({*self._hits, found}))
            self._jump(found)

        deck(self).work("looking through the log", seek)
