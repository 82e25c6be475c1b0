"""The text of an item: wrapped, never cut, and it knows what of it was on the screen."""

from typing import ClassVar

from rich.style import Style
from textual import events
from textual.binding import BindingType
from textual.strip import Strip
from textual.timer import Timer

from quarterdeck.views.reading import Reading
from quarterdeck.views.wrapping import Wrapped, wrapped
from quarterdeck.widgets.deck import deck
from quarterdeck.widgets.keyed import bindings
from quarterdeck.widgets.lines import LineList

HELD_BACK_CHARS = 20_000
"""A longer text is shown up to here until all of it is asked for."""

_LOOK_AGAIN_S = 0.25
_PLAIN = Style()


class MatterPane(LineList, can_focus=True):
    """Shows one content at a time.

    `shown_s` is when it was first painted. What was painted counts as shown only while nothing
    covers it: no dialog, no notice, neither of a small terminal nor of anything else.
    """

    BINDINGS: ClassVar[list[BindingType]] = bindings("list")
    COMPONENT_CLASSES: ClassVar[set[str]] = {"matter--unread"}

    def __init__(self, *, id: str) -> None:  # noqa: A002 - Textual's name
        """Begin empty."""
        super().__init__(id=id)
        self.content = ""
        self.shown_s: float | None = None
        self.held = 0
        self.lines: list[Wrapped] = []
        self.reading = Reading()
        self._text = ""
        self._width = 0
        self._again: Timer | None = None

    def show_content(self, content: str, text: str, reading: Reading, *, whole: bool) -> None:
        """Show a content from its beginning; the same again stays as it is."""
        held = 0 if whole else max(0, len(text) - HELD_BACK_CHARS)
        if (content, held) == (self.content, self.held):
            return
        if content != self.content:
            self.scroll_to(y=0, animate=False)
        self.content, self.held, self.reading = content, held, reading
        self.shown_s = None
        self._text = text[:HELD_BACK_CHARS] if held else text
        self._wrap()

    @property
    def unread(self) -> int:
        """Return how many lines were not shown yet."""
        return self.reading.unread(self.lines)

    def on_resize(self, _event: events.Resize) -> None:
        """Wrap anew; what stood at the top stays there."""
        if self.line_width == self._width:
            return
        top = self.scroll_offset.y
        place = self.lines[top].begin if top < len(self.lines) else 0
        self._wrap()
        line = next((n for n, line in enumerate(self.lines) if line.end > place), 0)
        self.call_after_refresh(self.scroll_to, y=line, animate=False)

    def action_move(self, lines: int) -> None:
        """Scroll."""
        self.scroll_relative(y=lines, animate=False)

    def action_page(self, pages: int) -> None:
        """Scroll by what is seen at once."""
        self.scroll_relative(y=pages * max(1, self.content_size.height - 1), animate=False)

    def action_last(self) -> None:
        """Go to the end. What lies between was not shown by that."""
        self.scroll_end(animate=False)

    def render_line(self, y: int) -> Strip:
        """Draw one line, and note that it was shown."""
        number = y + self.scroll_offset.y
        if number >= len(self.lines):
            return self.blank()
        line = self.lines[number]
        if self._seen() and not self._under_a_notice(y):
            self.shown_s = deck(self).monotonic_s() if self.shown_s is None else self.shown_s
            self.reading.show(line.begin, line.end)
        return self.strip([(" ", _PLAIN), (line.text, _PLAIN)], self.base)

    def uncover(self) -> None:
        """Paint anew what was covered: only now it is shown."""
        self.refresh()

    def _under_a_notice(self, y: int) -> bool:
        """Tell whether a notice lies upon a line; then it is painted again until none does."""
        row = self.content_region.y + y
        toasts = (toast.region for toast in self.screen.query("Toast"))
        covered = any(toast.y <= row < toast.bottom for toast in toasts)
        if covered and self._again is None:
            self._again = self.set_timer(_LOOK_AGAIN_S, self.paint_again)
        return covered

    def paint_again(self) -> None:
        """Paint what a notice may have covered."""
        self._again = None
        self.refresh()

    def _seen(self) -> bool:
        return self.app.screen is self.screen and not deck(self).too_small

    def _wrap(self) -> None:
        self._width = self.line_width
        self.lines = wrapped(self._text, max(1, self._width - 2)) if self._text else []
        self.set_line_count(len(self.lines))
        self.refresh()
