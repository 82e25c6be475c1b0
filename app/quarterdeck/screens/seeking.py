"""Finding the way in a run: turns, trouble, the same again, a place by name, and back.

The position is the log's cursor. What has to be looked for is looked for beside the screen.
"""

from datetime import tzinfo
from typing import Literal

from textual.screen import Screen

from quarterdeck.dialogs.goto import GotoDialog
from quarterdeck.dialogs.text import Field, TextDialog, Values
from quarterdeck.screens.base import DeckScreen
from quarterdeck.screens.steering import Steering
from quarterdeck.views.glimpse import Source
from quarterdeck.views.goto import Goal, Here, read_goal
from quarterdeck.views.inspection import intent_seq_of
from quarterdeck.views.plain import plain
from quarterdeck.views.sought import Sought
from quarterdeck.views.work import Work
from quarterdeck.widgets.deck import LongWork, deck
from quarterdeck_kernel import Event
from quarterdeck_kernel.events.tool_events import ToolRequested

_JUMPS = 100


class Seeking(Steering):
    """A screen that has a position in a run, and goes to another."""

    def __init__(self, source: Source, run_id: str, *, zone: tzinfo | None) -> None:
        """Look through one run."""
        super().__init__(source)
        self._run_id = run_id
        self._zone = zone
        self._back: list[int] = []
        self._forward: list[int] = []
        self._needle = ""
        self._hits: tuple[int, ...] = ()
        self._seeking = False
        self._reading: list[Work] = []

    @property
    def run_id(self) -> str:
        """Return which run is open."""
        return self._run_id

    @property
    def position(self) -> int:
        """Return the event everything shown is of."""
        raise NotImplementedError

    @property
    def head_seq(self) -> int:
        """Return the newest event that is known."""
        raise NotImplementedError

    def go_to(self, seq: int) -> None:
        """Move the position; that is no jump to come back from."""
        raise NotImplementedError

    def show_again(self) -> None:
        """Draw what depends on the position anew."""
        raise NotImplementedError

    def action_live(self) -> None:
        """Go to the newest event and follow."""
        self.jump(self.head_seq)

    def action_turn(self, step: Literal[1, -1]) -> None:
        """Go to another turn."""
        self._seek(Sought(what="turn", start=self.position, step=step))

    def action_same(self, step: Literal[1, -1]) -> None:
        """Go to another call of the tool, or another event of the kind, under the cursor."""
        event = self.source.event(self._run_id, self.position) if self.position else None
        if event is None:
            return
        tool = self.tool_of(event).strip()
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
        here = Here(self.position, at_us, self.head_seq, self._zone)

        def go(said: Values | None) -> None:
            goal = read_goal(said["to"], here) if said is not None else None
            if goal is not None:
                self._reach(goal)

        # At once, so that what is typed on goes there and to no tab.
        dialog: Screen[Values | None] = GotoDialog(here)
        _pushed = self.app.push_screen(dialog, go)

    def _reach(self, goal: Goal) -> None:
        if goal.seq is not None:
            self.jump(goal.seq)
        else:
            self._seek(Sought(what="time", start=self.position, at_us=goal.at_us))

    def action_jumped(self, way: Literal[1, -1]) -> None:
        """Go back to where a jump began, or forward again."""
        taken, left = (self._back, self._forward) if way < 0 else (self._forward, self._back)
        if taken:
            left.append(self.position)
            self.go_to(taken.pop())

    def jump(self, seq: int) -> None:
        """Move the position, and remember where it was."""
        if seq != self.position:
            self._back = [*self._back, self.position][-_JUMPS:]
            self._forward = []
        self.go_to(seq)

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
            self.jump(found)

        self.read_here("looking through the log", seek)

    def read_here(self, label: str, run: LongWork) -> Work:
        """Read for this screen: when somebody leaves it, nobody waits for that any more."""
        works = deck(self).works
        work = deck(self).work(label, run)
        self._reading = [one for one in (*self._reading, work) if one in works]
        return work

    def on_screen_suspend(self) -> None:
        """Stop what is read for this screen, unless it is seen still, below a dialog."""
        if isinstance(self.app.screen, DeckScreen):
            for work in self._reading:
                work.stop()
            self._reading = []

    # -- what stands there

    def tool_of(self, event: Event) -> str:
        """Return the tool that an event is about, behind a space; or nothing."""
        asked = event if isinstance(event.payload, ToolRequested) else self.intent_of(event)
        payload = asked.payload if asked is not None else None
        return f" {plain(payload.tool)}" if isinstance(payload, ToolRequested) else ""

    def intent_of(self, event: Event) -> Event | None:
        """Return what an outcome is of, once it was read."""
        seq = intent_seq_of(event)
        return self.source.event(self._run_id, seq) if seq is not None else None
