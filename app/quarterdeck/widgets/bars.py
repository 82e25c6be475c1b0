"""The lines around the lists: header, status, titles; and the notice of a small terminal."""

from typing import ClassVar

from rich.style import Style
from rich.text import Text
from textual.app import RenderResult
from textual.widget import Widget
from textual.widgets import Static

from quarterdeck.views import headline
from quarterdeck.views.glimpse import Glimpse
from quarterdeck.views.plain import fitted
from quarterdeck.views.states import MARKS

LEAST_WIDTH, LEAST_HEIGHT = 60, 16


class HeaderBar(Widget):
    """Name, place, counts, inbox, and where the chain stands."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"header--name", "header--place", "header--quiet"} | {
        f"state--{need}" for need in MARKS
    }

    def __init__(self, place: str) -> None:
        """Say which screen this is the header of."""
        super().__init__()
        self._place = place
        self._glimpse = Glimpse()

    def apply(self, glimpse: Glimpse) -> None:
        """Show a glimpse."""
        if glimpse != self._glimpse:
            self._glimpse = glimpse
            self.refresh()

    def render(self) -> RenderResult:
        """Draw the line; what is right stays right at every width."""
        style = self._style
        left = Text(no_wrap=True)
        left.append(" Quarterdeck  ", style("header--name"))
        left.append(f" {self._place} ", style("header--place"))
        waits = style("state--waiting") if self._glimpse.inbox else style("header--quiet")
        left.append(f"  {headline.inbox(self._glimpse)}", waits)
        right = Text(no_wrap=True)
        for count in headline.counts(self._glimpse):
            right.append(count.text, style(f"state--{count.need}"))
            right.append(" ")
        right.append(f"  {headline.chain(self._glimpse)} ", style("header--quiet"))
        gap = max(1, self.content_size.width - left.cell_len - right.cell_len)
        return Text.assemble(left, " " * gap, right, no_wrap=True, overflow="crop")

    def _style(self, name: str) -> Style:
        return self.get_component_rich_style(name, partial=True)


class EndsLine(Widget):
    """A line of quiet text with a left and a right end."""

    def __init__(self, left: str = "", right: str = "", *, id: str | None = None) -> None:  # noqa: A002 - Textual's name
        """Begin with these ends."""
        super().__init__(id=id)
        self._ends = (left, right)

    def show(self, left: str, right: str = "") -> None:
        """Show other ends."""
        if (left, right) != self._ends:
            self._ends = (left, right)
            self.refresh()

    def render(self) -> RenderResult:
        """Draw the line; the left end gives way."""
        left, right = self._ends
        right = f"  {right}" if right else ""
        room = self.content_size.width - len(right)
        return Text(fitted(left, room) + right, no_wrap=True, overflow="crop")


class TitleLine(Widget):
    """A rule with a title in it."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"title--text"}

    def __init__(self, *, id: str) -> None:  # noqa: A002 - Textual's name
        """Begin without a title."""
        super().__init__(id=id)
        self._title = ""

    def show(self, title: str) -> None:
        """Show another title."""
        if title != self._title:
            self._title = title
            self.refresh()

    def render(self) -> RenderResult:
        """Draw the rule."""
        width = self.content_size.width
        line = Text(no_wrap=True, overflow="crop")
        if self._title:
            title = self.get_component_rich_style("title--text", partial=True)
            line.append("─ ").append(self._title, title).append(" ")
        line.append("─" * max(0, width - line.cell_len))
        return line


class SizeNotice(Static):
    """Covers everything when the terminal is too small to be read without mistakes."""

    def __init__(self) -> None:
        """Say what is needed."""
        super().__init__(markup=False)

    def on_resize(self) -> None:
        """Say what there is, too."""
        size = self.app.size
        self.update(
            f"Quarterdeck needs {LEAST_WIDTH}×{LEAST_HEIGHT}\n"  # noqa: RUF001 - a multiplication sign is meant
            f"this terminal has {size.width}×{size.height}\n\n"  # noqa: RUF001 - as above
            "Make it larger, or press Ctrl+Q to quit.\nThe runs go on meanwhile."
        )
