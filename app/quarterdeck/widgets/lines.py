"""The base of lists that hold any number of lines and draw only those that are seen."""

import time
from collections.abc import Sequence

from rich.segment import Segment
from rich.style import Style
from textual.geometry import Region, Size
from textual.scroll_view import ScrollView
from textual.scrollbar import ScrollBar
from textual.strip import Strip

from quarterdeck.views.plain import cells_of
from quarterdeck.widgets.bare_lines import BareLines
from quarterdeck.widgets.keyed import Keyed
from quarterdeck.widgets.quiet_bar import QuietBar

TWICE_S = 1.0
"""How soon a key must follow for two presses to be one thing."""


class LineList(Keyed, ScrollView, inherit_bindings=False):
    """A virtual list: a line is asked for when it is painted. Text is never read as markup."""

    DEFAULT_CSS = """
    LineList { scrollbar-size-vertical: 1; overflow-x: hidden; }
    """

    _last_twice_s = -TWICE_S
    _base: Style | None = None
    _cells: int | None = None
    _drawing = False

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's name
        """Begin empty."""
        super().__init__(id=id)
        self._styles_cache = BareLines(filled=True)
        self._named: dict[tuple[str, ...], Style] = {}

    @property
    def vertical_scrollbar(self) -> ScrollBar:
        """Return the scrollbar; Textual makes it when it is first asked for."""
        if self._vertical_scrollbar is None:
            bar = QuietBar()
            bar.display = False
            self._vertical_scrollbar = bar
            self.app._start_widget(self, bar)  # noqa: SLF001 - as Textual does
        return self._vertical_scrollbar

    def notify_style_update(self) -> None:
        """Forget how things looked."""
        self._named.clear()
        super().notify_style_update()

    def set_line_count(self, count: int) -> None:
        """Tell how many lines there are."""
        if self.virtual_size.height == count:
            return
        size, room = Size(0, count), self.container_size.height
        bar = count > room or self.styles.overflow_y == "scroll"
        if room and self.show_vertical_scrollbar == bar and not self._grows():
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
        self._base = self._cells = None
        self._drawing = True
        try:
            return super().render_lines(crop)
        finally:
            self._drawing = False

    @property
    def base(self) -> Style:
        """Return the colours of the list."""
        if self._base is None or not self._drawing:
            self._base = self.rich_style
        return self._base

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
        style = self._named.get(names)
        if style is None:
            # Textual forgets them whenever a line is drawn.
            style = self._named[names] = self.get_component_rich_style(*names, partial=True)
        return style

    def strip(self, pieces: list[tuple[str, Style]], base: Style) -> Strip:
        """Return pieces of text as a line that fills the width."""
        segments = [Segment(text, base + style) for text, style in pieces if text]
        width, cells = self.line_width, sum(cells_of(text) for text, _, _ in segments)
        if cells < width:
            segments.append(Segment(" " * (width - cells), base))
        strip = Strip(segments, max(cells, width))
        return strip if cells <= width else strip.crop(0, width)

    def blank(self) -> Strip:
        """Return an empty line."""
        return Strip.blank(self.line_width, self.base)

    @property
    def line_width(self) -> int:
        """Return the cells of a line, beside the scrollbar if there is one."""
        if self._cells is None or not self._drawing:
            self._cells = self.scrollable_content_region.width
        return self._cells

    def show_line(self, number: int) -> None:
        """Scroll no further than needed to show a line."""
        top, height = self.scroll_offset.y, self.content_size.height
        if number < top:
            self.scroll_to(y=number, animate=False)
        elif height and number >= top + height:
            self.scroll_to(y=number - height + 1, animate=False)
