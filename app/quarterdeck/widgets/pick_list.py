"""A list of lines to choose from: menus, help, palette, settings. Headings are passed over."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

from rich.style import Style
from textual import events
from textual.binding import BindingType
from textual.message import Message
from textual.strip import Strip

from quarterdeck.views.plain import fitted, plain
from quarterdeck.widgets.keyed import bindings
from quarterdeck.widgets.lines import LineList

_PLAIN = Style()
_MARKER = "> "

Kind = Literal["row", "heading", "note", "off", "absent", "chosen"]


@dataclass(frozen=True, slots=True)
class Line:
    """One line: what stands left and right, and how it is to be taken.

    A heading and a note are passed over; `off` is struck out and can be looked at; `absent` is
    quiet; `chosen` is what is in force.
    """

    left: str
    right: str = ""
    kind: Kind = "row"
    state: str = ""

    @property
    def heading(self) -> bool:
        """Tell whether the cursor passes it over."""
        return self.kind in {"heading", "note"}


class PickList(LineList, can_focus=True):
    """Shows lines and holds the cursor."""

    BINDINGS: ClassVar[list[BindingType]] = bindings("list")
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "pick--cursor", "pick--heading", "pick--note", "pick--right", "pick--off", "pick--absent",
        "pick--chosen",
    }  # fmt: skip

    @dataclass
    class Moved(Message):
        """The cursor came to another line."""

        number: int

    @dataclass
    class Chosen(Message):
        """A line was clicked that the cursor was on already."""

        number: int

    def __init__(self, lines: Sequence[Line] = (), *, id: str) -> None:  # noqa: A002 - Textual's name
        """Begin with the cursor on the first line that is no heading."""
        super().__init__(id=id)
        self.lines: Sequence[Line] = ()
        self.cursor = 0
        self.show(lines)

    def show(self, lines: Sequence[Line], *, cursor: int | None = None) -> None:
        """Show other lines."""
        self.lines = lines
        self.set_line_count(len(lines))
        wanted = self.cursor if cursor is None else cursor
        self.cursor = self._nearest(max(0, min(wanted, len(lines) - 1)), 1) if lines else 0
        self.refresh()

    def on_mount(self) -> None:
        """Begin at the cursor."""
        self.call_after_refresh(self.show_line, self.cursor)

    def render_line(self, y: int) -> Strip:
        """Draw one line."""
        number = y + self.scroll_offset.y
        if number >= len(self.lines):
            return self.blank()
        line, base = self.lines[number], self.base
        width = self.line_width - len(_MARKER) - 1
        if line.heading:
            title = fitted(line.left, width + 1)
            return self.strip([(" ", _PLAIN), (title, self.style_of(f"pick--{line.kind}"))], base)
        right = fitted(line.right, min(len(line.right), width // 2)) if line.right else ""
        left = fitted(line.left, max(0, width - len(right) - (1 if right else 0)))
        space = " " if right else ""
        at_cursor = number == self.cursor
        style = _PLAIN
        if line.kind != "row":
            style = self.style_of(f"pick--{line.kind}")
        if at_cursor:
            base += self.style_of("pick--cursor")
            style = Style(strike=style.strike)
        right_style = style if at_cursor else self.style_of("pick--right") + style
        marker = _MARKER if at_cursor else " " * len(_MARKER)
        pieces = [(marker, _PLAIN), (left, style), (space, _PLAIN), (right, right_style)]
        return self.strip([*pieces, (" ", _PLAIN)], base)

    def go(self, number: int, step: int = 1) -> None:
        """Move the cursor to a line, or past a heading there."""
        if not self.lines:
            return
        number = self._nearest(max(0, min(number, len(self.lines) - 1)), step)
        if number != self.cursor:
            self.cursor = number
            self.post_message(self.Moved(number))
        # A heading above the first row comes into sight with it.
        above = number > 0 and self.lines[number - 1].heading
        self.show_line(number)
        if above:
            self.show_line(number - 1)
        self.refresh()

    def action_move(self, lines: int) -> None:
        """Move the cursor."""
        self.go(self.cursor + lines, lines)

    def action_page(self, pages: int) -> None:
        """Move by what is seen at once."""
        self.go(self.cursor + pages * max(1, self.content_size.height - 1), pages)

    def action_first(self) -> None:
        """Go to the first line."""
        self.go(0, 1)

    def action_last(self) -> None:
        """Go to the last line."""
        self.go(len(self.lines) - 1, -1)

    def on_click(self, event: events.Click) -> None:
        """Go to a line; a click where the cursor is chooses it."""
        number = event.y + self.scroll_offset.y
        if number >= len(self.lines) or self.lines[number].heading:
            return
        if number == self.cursor:
            self.post_message(self.Chosen(number))
        else:
            self.go(number)

    def _nearest(self, number: int, step: int) -> int:
        """Return the nearest line that is no heading, in the direction of the move if there is."""
        way = 1 if step >= 0 else -1
        for numbers in (range(number, len(self.lines)), range(number, -1, -1))[::way]:
            for candidate in numbers:
                if not self.lines[candidate].heading:
                    return candidate
        return number


def label_line(label: str, right: str = "", *, kind: Kind = "row") -> Line:
    """Return a line of a text that may come from anywhere."""
    return Line(plain(label), plain(right), kind)
