"""A scrollbar that costs nothing while its thumb stays where it is."""

from collections.abc import Sequence
from typing import Self

from rich.segment import Segment
from textual.geometry import Region
from textual.scrollbar import ScrollBar
from textual.strip import Strip

from quarterdeck.widgets.bare_lines import BareLines

_EIGHTHS = 8
"""The parts of a cell that a thumb moves by."""


class QuietBar(ScrollBar):
    """A scrollbar that is drawn anew where its thumb has moved, not wherever it was told anything.

    The bar of a log is told of every event: of how many there are, then of where the log is now.
    """

    _asked: object = None
    _drawn: object = None

    def __init__(self) -> None:
        """Stand upright, a cell wide."""
        super().__init__(vertical=True, name="vertical", thickness=1)
        self._styles_cache = BareLines(filled=True)
        self._strips: Sequence[Strip] = ()

    def refresh(
        self,
        *regions: Region,
        repaint: bool = True,
        layout: bool = False,
        recompose: bool = False,
    ) -> Self:
        """Ask for it to be drawn, if it would be another than it was to be."""
        # What is asked of it before it is mounted, Textual forgets.
        asked, self._asked = self._asked, self._look() if self.is_mounted else None
        if repaint and not (layout or recompose) and asked is not None and asked == self._asked:
            return self
        return super().refresh(*regions, repaint=repaint, layout=layout, recompose=recompose)

    def notify_style_update(self) -> None:
        """Draw it anew in other colours."""
        self._asked = self._drawn = None
        super().notify_style_update()

    def render_line(self, y: int) -> Strip:
        """Draw a cell of it."""
        look = self._look()
        if look != self._drawn:
            self._drawn, base = look, self.rich_style
            options = self.app.console.options.update(width=1, height=self.size.height)
            self._strips = [
                Strip([Segment(text, base + (style or base))], 1)
                for text, style, _ in self.app.console.render(self.render(), options)
                if text != "\n"
            ]
        return self._strips[y]

    def _look(self) -> object:
        """Return what it is drawn from, as finely as it is drawn."""
        height, window, rows = self.size.height, self.window_size, self.window_virtual_size
        thumb = None
        if window < rows and height:
            room = height - max(1, window * height / rows)
            thumb = (int(room * self.position / (rows - window) * _EIGHTHS), int(room * _EIGHTHS))
        return (self.size, thumb, self.grabbed is None, self.mouse_over)
