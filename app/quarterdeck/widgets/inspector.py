"""The inspector: one event as a tree that folds, in a virtual list."""

from datetime import tzinfo
from typing import ClassVar, get_args

from rich.cells import cell_len
from rich.style import Style
from textual import events
from textual.binding import BindingType
from textual.strip import Strip

from quarterdeck.messages import SpotsWanted
from quarterdeck.views.inspection import (
    ROOMY_LINES,
    VIEWS,
    InspectorLine,
    Look,
    Near,
    View,
    inspected,
)
from quarterdeck.views.pages import Page
from quarterdeck.views.plain import fitted
from quarterdeck.views.readable import Tone
from quarterdeck.widgets.deck import deck
from quarterdeck.widgets.keyed import bindings
from quarterdeck.widgets.lines import LineList
from quarterdeck_kernel.events.envelope import Event

_PLAIN = Style()
_INDENT = 2
_SIGNS = {"open": ("▾", "v"), "closed": ("▸", ">"), "none": (" ", " ")}


class Inspector(LineList, can_focus=True):
    """Shows an event. What was folded stays so for the next event that has it."""

    BINDINGS: ClassVar[list[BindingType]] = bindings("inspector", "list", without=("list.twice",))
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "inspector--cursor", "inspector--label", "inspector--quiet", "inspector--sign",
        *(f"inspector--{tone}" for tone in get_args(Tone) if tone),
    }  # fmt: skip

    def __init__(self, *, zone: tzinfo | None, id: str) -> None:  # noqa: A002 - Textual's name
        """Begin with nothing to show."""
        super().__init__(id=id)
        self.view: View = "compact"
        self.lines: list[InspectorLine] = []
        self.cursor = 0
        self._zone = zone
        self._turned: frozenset[str] = frozenset()
        self._event: Event | None = None
        self._page: Page | None = None
        self._laid_out: object = None

    @property
    def event(self) -> Event | None:
        """Return the event that is shown; None: something else is."""
        return self._event

    def show_event(self, event: Event, near: Near) -> None:
        """Show another event, from its beginning."""
        self.show_page(
            Page(
                (event.run_id, event.seq),
                lambda look: inspected(event, near, look),
                content=near,
            )
        )
        self._event = event

    def show_page(self, page: Page) -> None:
        """Show a page; one of another name from its beginning, or its end."""
        before, self._page, self._event = self._page, page, None
        self._lay_out()
        if before is None or before.name != page.name:
            self.cursor = max(0, len(self.lines) - 1) if page.from_end else 0
            self.show_line(self.cursor)

    def text(self) -> str:
        """Return the lines as text, as they are folded now."""
        return "\n".join(
            f"{' ' * (line.depth * _INDENT)}{f'{line.label}  ' if line.label else ''}{line.text}"
            for line in self.lines
        )

    def next_view(self) -> View:
        """Show it another way: compact, full, JSON."""
        self.view = VIEWS[(VIEWS.index(self.view) + 1) % len(VIEWS)]
        self.cursor = 0
        self._lay_out()
        self.scroll_to(y=0, animate=False)
        return self.view

    def _lay_out(self) -> None:
        width, roomy = self.line_width - 1, self.size.height >= ROOMY_LINES
        page = self._page
        named = (page.name, page.content) if page is not None else None
        wanted = (named, self.view, self._turned, width, roomy)
        if wanted == self._laid_out:
            return
        self._laid_out = wanted
        look = Look(view=self.view, turned=self._turned, cells=width, roomy=roomy, zone=self._zone)
        before = self.lines
        self.lines = page.lines(look) if page is not None and width > 0 else []
        self.set_line_count(len(self.lines))
        self.cursor = max(0, min(self.cursor, len(self.lines) - 1))
        if self.has_focus:
            self.refresh()
        else:
            self.refresh_changed(before, self.lines)

    def on_resize(self, _event: events.Resize) -> None:
        """Wrap anew."""
        self._lay_out()

    def on_focus(self) -> None:
        """Show the cursor."""
        self.refresh()

    def on_blur(self) -> None:
        """Hide the cursor."""
        self.refresh()

    def render_line(self, y: int) -> Strip:
        """Draw one line."""
        number = y + self.scroll_offset.y
        if number >= len(self.lines):
            return self.blank()
        line, base = self.lines[number], self.base
        at_cursor = self.has_focus and number == self.cursor
        sign = _SIGNS[line.fold][deck(self).preferences.glyphs == "plain"]
        indent = " " * (line.depth * _INDENT)
        label = f"{line.label}  " if line.label else ""
        room = self.line_width - 1 - len(indent) - 2
        label = fitted(label, min(room, cell_len(label)))
        text = fitted(line.text, max(0, room - cell_len(label)))
        if at_cursor:
            base += self.style_of("inspector--cursor")
            return self.strip([(f">{indent}{sign} {label}{text}", _PLAIN)], base)
        tone = "quiet" if line.quiet else line.tone
        quiet = self.style_of(f"inspector--{tone}") if tone else _PLAIN
        pieces = [
            (f" {indent}", _PLAIN),
            (f"{sign} ", self.style_of("inspector--sign")),
            (label, self.style_of("inspector--label")),
            (text, quiet),
        ]
        return self.strip(pieces, base)

    def action_move(self, lines: int) -> None:
        """Move the cursor."""
        self._go(self.cursor + lines)

    def action_page(self, pages: int) -> None:
        """Move by what is seen at once."""
        self._go(self.cursor + pages * max(1, self.content_size.height - 1))

    def action_first(self) -> None:
        """Go to the first line."""
        self._go(0)

    def action_last(self) -> None:
        """Go to the last line."""
        self._go(len(self.lines) - 1)

    def action_fold(self) -> None:
        """Fold what is under the cursor, or go to what holds it."""
        if not self.lines:
            return
        line = self.lines[self.cursor]
        if line.fold == "open":
            self._turn(line)
            return
        above = (n for n in range(self.cursor, -1, -1) if self.lines[n].depth < line.depth)
        self._go(next(above, self.cursor))

    def action_unfold(self) -> None:
        """Unfold what is under the cursor."""
        if self.lines and self.lines[self.cursor].fold == "closed":
            self._turn(self.lines[self.cursor])

    def action_toggle_fold(self) -> None:
        """Fold or unfold."""
        if self.lines and self.lines[self.cursor].fold != "none":
            self._turn(self.lines[self.cursor])

    def action_open_spot(self) -> None:
        """Go to the event that the line is about; where it is about none, fold or unfold."""
        if not self.lines:
            return
        spots = self.lines[self.cursor].spots
        if spots:
            self.post_message(SpotsWanted(spots))
        else:
            self.action_toggle_fold()

    def on_click(self, event: events.Click) -> None:
        """Go to a line; a click where the cursor is folds or unfolds it, or goes to its event."""
        number = event.y + self.scroll_offset.y
        if number >= len(self.lines):
            return
        if number == self.cursor and self.lines[number].fold == "none":
            self.action_open_spot()
        elif number == self.cursor:
            self.action_toggle_fold()
        else:
            self._go(number)

    def _turn(self, line: InspectorLine) -> None:
        self._turned ^= {line.path}
        self._lay_out()

    def _go(self, number: int) -> None:
        self.cursor = max(0, min(number, len(self.lines) - 1))
        self.show_line(self.cursor)
        self.refresh()
