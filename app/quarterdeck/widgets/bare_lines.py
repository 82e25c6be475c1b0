"""How the lines of a widget come upon the screen, without what Textual does to each in vain."""

from typing import Any

from textual._styles_cache import StylesCache
from textual.css.styles import StylesBase
from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget


class BareLines(StylesCache):
    """Takes lines as they are drawn where a widget has nothing round them.

    For each line Textual looks up borders, outlines and tints that are not there, copies the line
    and measures it: more than it takes to draw it. Its bookkeeping of lines to be drawn stays, and
    where none is, they are what they were.
    """

    _bare: bool | None = None
    _drawn: tuple[object, list[Strip]] | None = None

    def __init__(self, *, filled: bool = False) -> None:
        """Begin with nothing drawn. `filled`: lines are as wide as they are to be."""
        super().__init__()
        self._filled = filled

    def clear(self) -> None:
        """Forget all lines."""
        super().clear()
        self._drawn = None

    def render_widget(self, widget: Widget, crop: Region) -> list[Strip]:
        """Draw those lines of a widget that are to be drawn."""
        seen = (crop, widget.get_line_filters())
        if self._drawn is not None and not self._dirty_lines and self._drawn[0] == seen:
            return self._drawn[1]
        self._bare = None
        self._drawn = (seen, super().render_widget(widget, crop))
        return self._drawn[1]

    def render_line(self, styles: StylesBase, y: int, *rest: Any) -> Strip:  # noqa: ANN401 - Textual's
        """Draw a line; what is the same in all of them is looked up once."""
        size, base_background, background, draw, opacity = rest[1], *rest[3:6], rest[8]
        if self._bare is None:
            outline = any(edge for edge, _ in styles.outline)
            altered = styles.tint.a or styles.text_opacity != 1 or styles.has_rule("hatch")
            self._bare = not (any(styles.gutter) or outline or altered or opacity != 1)
        if not self._bare:
            return super().render_line(styles, y, *rest)
        strip: Strip = draw(y)
        if self._filled:
            return strip
        inner, _ = self.get_inner_outer(base_background, background)
        return strip.adjust_cell_length(size.width, inner.rich_style)
