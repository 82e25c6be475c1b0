"""The live log of one run: any number of events, only the visible ones read."""

from datetime import tzinfo
from typing import ClassVar, get_args

from rich.style import Style
from textual import events
from textual.binding import BindingType
from textual.strip import Strip

from quarterdeck.messages import EventPicked, PlayWanted
from quarterdeck.views.glimpse import Source
from quarterdeck.views.log_line import LogLine, Tone, line_cells, place_cells
from quarterdeck.widgets.deck import deck
from quarterdeck.widgets.keyed import bindings
from quarterdeck.widgets.lines import LineList

_PLAIN = Style()


class EventLog(LineList):
    """Shows a run's events. Live, it follows the newest; moved up, it stays where it is."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"log--cursor", "log--place"} | {
        f"tone--{tone}" for tone in get_args(Tone)
    }

    def __init__(self, source: Source, *, zone: tzinfo | None, id: str) -> None:  # noqa: A002 - Textual's name
        """Begin without a run."""
        super().__init__(id=id)
        self.run_id: str | None = None
        self.head_seq = 0
        self.live = True
        self.cursor_seq: int | None = None
        self._strayed = False
        self._source = source
        self._zone = zone
        self._person: object = None
        self._missing: set[int] = set()

    def show_run(self, run_id: str, head_seq: int) -> None:
        """Show a run as far as `head_seq`."""
        if run_id != self.run_id:
            self.run_id = run_id
            self.live, self._strayed = True, False
            self.head_seq = 0
        before, below = self.head_seq, self.scroll_offset.y + self.size.height
        if head_seq != before:
            self._strayed = self._strayed and self.scroll_target_y < self.max_scroll_y
            self.head_seq = head_seq
            self.set_line_count(head_seq)
            if self.live and not self._strayed:
                self._follow()
        person = (run_id, deck(self).looking.since_us, deck(self).preferences)
        if person != self._person or (head_seq != before and before <= below):
            self._person = person
            self.refresh()
        else:
            self._show_missing()

    def _show_missing(self) -> None:
        """Draw those lines that were not there yet: a line stands as it was drawn."""
        top = self.scroll_offset.y
        seen = range(top + 1, top + self.size.height + 1)
        self._missing.intersection_update(seen)
        for seq in sorted(self._missing):
            if self.run_id is not None and self._source.line(self.run_id, seq) is not None:
                self.refresh_line(seq - 1)

    def picked(self) -> LogLine | None:
        """Return the line under the cursor, once it was read."""
        if self.run_id is None or not self.cursor_seq:
            return None
        return self._source.line(self.run_id, self.cursor_seq)

    def render_line(self, y: int) -> Strip:
        """Draw one event."""
        seq = y + self.scroll_offset.y + 1
        base = self.base
        if self.run_id is None or seq > self.head_seq:
            return self.blank()
        line = self._source.line(self.run_id, seq)
        at_cursor = seq == self.cursor_seq
        if at_cursor:
            base += self.style_of("log--cursor")
        marker = (">" if at_cursor else self._mark(line), _PLAIN)
        if line is None:
            self._missing.add(seq)
            return self.strip([marker, (place_cells(seq), self.style_of("log--place"))], base)
        self._missing.discard(seq)
        place, word, rest = line_cells(line, self.line_width - 1, self._zone)
        if at_cursor:
            return self.strip([(f">{place}{word}{rest}", _PLAIN)], base)
        tone = self.style_of(f"tone--{line.tone}")
        pieces = [marker, (place, self.style_of("log--place")), (word, tone), (rest, _PLAIN)]
        return self.strip(pieces, base)

    def _mark(self, line: LogLine | None) -> str:
        """Return the mark of what is new since somebody last looked."""
        since_us = deck(self).looking.since_us
        if line is None or since_us is None or line.at_us <= since_us:
            return " "
        return "'" if deck(self).preferences.glyphs == "plain" else "•"

    def on_resize(self, _event: events.Resize) -> None:
        """Keep the newest in sight while live."""
        if self.live:
            self._follow()

    def on_mouse_scroll_up(self) -> None:
        """The wheel moves only the view, and what comes does not take it back."""
        self._strayed = True

    def _follow(self) -> None:
        # Before it is painted: else what is about to be scrolled away would be painted, too.
        self.scroll_end(animate=False, immediate=True)


class EventBrowser(EventLog, can_focus=True):
    """An event log with a cursor."""

    BINDINGS: ClassVar[list[BindingType]] = bindings("log", "list", without=("list.twice",))

    def __init__(
        self,
        source: Source,
        *,
        at: int | None = None,
        zone: tzinfo | None,
        id: str,  # noqa: A002 - Textual's name
    ) -> None:
        """Begin without a run; the first is shown live or at an event."""
        super().__init__(source, zone=zone, id=id)
        self._begin_seq = at

    def show_run(self, run_id: str, head_seq: int) -> None:
        """Show a run; live, the cursor is at the newest event."""
        super().show_run(run_id, head_seq)
        begin, self._begin_seq = self._begin_seq, None
        if begin is not None and begin < head_seq:
            self._pick(begin, live=False)
            self.call_after_refresh(self._show_middle, begin)
        elif self.live and self.cursor_seq != head_seq:
            self._pick(head_seq, live=True)

    def _show_middle(self, seq: int) -> None:
        self.scroll_to(y=seq - 1 - self.content_size.height // 2, animate=False)

    def action_move(self, events: int) -> None:
        """Move the cursor; at the newest event the log is live again."""
        self._go((self.cursor_seq or 1) + events)

    def action_page(self, pages: int) -> None:
        """Move by what is seen at once."""
        self._go((self.cursor_seq or 1) + pages * max(1, self.content_size.height - 1))

    def action_first(self) -> None:
        """Go to the first event."""
        self._go(1)

    def action_last(self) -> None:
        """Go to the newest event and follow."""
        self._go(self.head_seq)

    def action_play(self) -> None:
        """Play from here, or stop."""
        self.post_message(PlayWanted())

    def go_to(self, seq: int) -> None:
        """Go to an event, from out of sight into the middle; at the newest the log is live."""
        top, height = self.scroll_offset.y, self.content_size.height
        self._go(seq)
        if not top <= seq <= top + height + 1 and not self.live:
            self._show_middle(seq)

    def on_click(self, event: events.Click) -> None:
        """Pick the event under the pointer."""
        seq = event.y + self.scroll_offset.y + 1
        if seq <= self.head_seq:
            self._go(seq)

    def _go(self, seq: int) -> None:
        if not self.head_seq:
            return
        self._strayed = False
        before, seq = self.cursor_seq, max(1, min(seq, self.head_seq))
        self._pick(seq, live=seq == self.head_seq)
        self.show_line(seq - 1)
        for line in {before or seq, seq}:
            self.refresh_line(line - 1)

    def _pick(self, seq: int, *, live: bool) -> None:
        self.cursor_seq, self.live = seq, live
        self.post_message(EventPicked(seq, live))
