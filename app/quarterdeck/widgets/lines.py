"""The base of lists that hold any number of lines and draw only those that are seen."""

import time
from collections.abc import Sequence

from rich.segment import Segment
from rich.style import Style
from textual.geometry import Region, Size
from textual.scroll_view import ScrollView
from textual.strip import Strip

from quarterdeck.widgets.keyed import Keyed

TWICE_S = 1.0
"""How soon a key must follow for two presses to be one thing."""


class LineList(Keyed, ScrollView, inherit_bindings=False):
    """A virtual list: a line is asked for when it is painted. Text is never read as markup."""

    DEFAULT_CSS = """
    LineList { scrollbar-size-vertical: 1; overflow-x: hidden; }
    """

    _last_twice_s = -TWICE_S
    _base: Style | None = None

    def set_line_count(self, count: int) -> None:
        """Tell how many lines there are."""
        if self.virtual_size.height == count:
            return
        size, room = Size(0, count), self.container_size.height
        if room and self.show_vertical_scrollbar == (count > room) and not self._grows():
            # Nothing else on the screen moves, so that nothing is laid out anew.
            self.set_reactive(ScrollView.virtual_size, size)  # pyright: ignore[reportArgumentType] - it is the descriptor
            self._scroll_update(size)
        else:
            self.virtual_size = size

    def _grows(self) -> bool:
        """Tell whether its own size follows from its lines."""
        return self.styles.auto_dimensions

    def action_first_if_twice(self) -> None:
        """Go to the first line if this is the second press of the key in a row."""
        now_s = time.monotonic()
        if now_s - self._last_twice_s < TWICE_S:
            self.action_first()
            now_s = -TWICE_S
        self._last_twice_s = now_s

    def action_first(self) -> None:
        """Go to the first line; lists with a cursor know better."""
        self.scroll_home(animate=False)

    def render_lines(self, crop: Region) -> list[Strip]:
        """Draw lines; what is the same in all of them is looked up once."""
        self._base = self.rich_style
        try:
            return super().render_lines(crop)
        finally:
            self._base = None

    @property
    def base(self) -> Style:
        """Return the colours of the list."""
        return self._base or self.rich_style

    def refresh_changed(self, before: Sequence[object], after: Sequence[object]) -> None:
        """Draw those lines anew that are not what they were."""
        top, width = self.scroll_offset.y, self.size.width
        changed = [
            Region(0, number - top, width, 1)
            for number in range(top, top + self.size.height)
            if before[number : number + 1] != after[number : number + 1]
        ]
        if changed:
            self.refresh(*changed)

    def style_of(self, *names: str) -> Style:
        """Return the colours of component classes."""
        return self.get_component_rich_style(*names, partial=True)

    def strip(self, pieces: list[tuple[str, Style]], base: Style) -> Strip:
        """Return pieces of text as a line that fills the width."""
        strip = Strip([Segment(text, base + style) for text, style in pieces if text])
        return strip.adjust_cell_length(self.line_width, base)

    def blank(self) -> Strip:
        """Return an empty line."""
        return Strip.blank(self.line_width, self.base)

    @property
    def line_width(self) -> int:
        """Return the cells of a line, beside the scrollbar if there is one."""
        return self.scrollable_content_region.width

    def show_line(self, number: int) -> None:
        """Scroll no further than needed to show a line."""
        top, height = self.scroll_offset.y, self.content_size.height
        if number < top:
            self.scroll_to(y=number, animate=False)
        elif height and number >= top + height:
            self.scroll_to(y=number - height + 1, animate=False)
