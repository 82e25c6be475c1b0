"""The lines around the lists: header, status, titles; and the notice of a small terminal."""

from typing import ClassVar, Literal

from rich.cells import cell_len
from rich.style import Style
from rich.text import Text
from textual.app import RenderResult
from textual.widget import Widget
from textual.widgets import Static

from quarterdeck.keymap import key_label, keys_of
from quarterdeck.views import headline
from quarterdeck.views.glimpse import Glimpse, SpentToday
from quarterdeck.views.plain import fitted, plain
from quarterdeck.views.states import MARKS
from quarterdeck.widgets.deck import LEAST_HEIGHT, LEAST_WIDTH, deck

Banner = Literal["past", "trouble", "notice"]


class HeaderBar(Widget):
    """Name, tabs, counts, the spend of the day, where the chain stands, who is at the screen."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "header--name", "header--place", "header--tab", "header--quiet", "header--readonly"
    } | {f"state--{need}" for need in MARKS}  # fmt: skip

    def __init__(self, place: str, tab: str) -> None:
        """Say which screen this is the header of, and under which tab it stands."""
        super().__init__()
        self._place = place
        self._tab = tab
        self._glimpse = Glimpse()
        self._spent: SpentToday | None = None

    def apply(self, glimpse: Glimpse, spent: SpentToday | None) -> None:
        """Show a glimpse, and what was spent today."""
        if (glimpse, spent) != (self._glimpse, self._spent):
            self._glimpse, self._spent = glimpse, spent
            self.refresh()

    def render(self) -> RenderResult:
        """Draw the line; what is right stays right at every width."""
        width = self.content_size.width
        style = self._style
        name = Text(" Quarterdeck  ", style("header--name"), no_wrap=True)
        chain = f"  {headline.chain(self._glimpse)} "
        tabs = [
            tab._replace(label=f"{tab.label} › {self._place}")  # noqa: RUF001 - a path, not a sign
            if tab.name == self._tab and self._place != tab.label
            else tab
            for tab in deck(self).tabs
        ]
        tabs = headline.tab_labels(tabs, self._glimpse)
        right = self._right(with_spend=True)
        if name.cell_len + headline.least_cells(tabs, self._tab) + right.cell_len >= width:
            right = self._right(with_spend=False)
        room = width - name.cell_len - right.cell_len - 1
        left = Text.assemble(name, self._tabs(headline.fitting_tabs(tabs, self._tab, room)))
        if left.cell_len + right.cell_len + len(chain) < width:
            right.append(chain, style("header--quiet"))
        gap = max(1, width - left.cell_len - right.cell_len)
        return Text.assemble(left, " " * gap, right, no_wrap=True, overflow="crop")

    def _tabs(self, tabs: list[headline.Tab]) -> Text:
        text = Text(no_wrap=True)
        for tab in tabs:
            here = tab.name == self._tab
            waits = tab.name == "inbox" and self._glimpse.inbox
            name = "header--place" if here else "state--waiting" if waits else "header--tab"
            meta = Style(meta={"@click": f"app.show({tab.name!r})"})
            text.append(f" {tab.key} {tab.label} ", self._style(name) + meta)
        return text

    def _right(self, *, with_spend: bool) -> Text:
        right = Text(no_wrap=True)
        if deck(self).readonly:
            right.append(headline.readonly(deck(self).recording), self._style("header--readonly"))
            right.append(" ")
        for count in headline.counts(self._glimpse, deck(self).preferences.glyphs):
            right.append(count.text, self._style(f"state--{count.need}"))
            right.append(" ")
        if with_spend and (said := headline.spent(self._spent)):
            near = headline.near_its_bound(self._spent)
            right.append(f" {said} ", self._style("state--waiting" if near else "header--tab"))
        if operator := deck(self).operator:
            right.append(f" {plain(operator)} ", self._style("header--quiet"))
        return right

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


class StatusLine(EndsLine):
    """Line 2 of every screen. A banner takes its place, so that nothing below it ever jumps."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"banner--past", "banner--trouble", "banner--notice"}

    def __init__(self) -> None:
        """Begin without a banner."""
        super().__init__(id="status")
        self._banner: tuple[Banner, str] | None = None

    def banner(self, kind: Banner, text: str) -> None:
        """Show a banner until it is taken down."""
        if (kind, text) != self._banner:
            self._banner = (kind, text)
            self.refresh()

    def take_down(self) -> None:
        """Show the status again."""
        if self._banner is not None:
            self._banner = None
            self.refresh()

    def render(self) -> RenderResult:
        """Draw the banner, or the line below it."""
        if self._banner is None:
            return super().render()
        kind, text = self._banner
        style = self.get_component_rich_style(f"banner--{kind}", partial=True)
        line = fitted(f" {text}", self.content_size.width)
        return Text(line, style, no_wrap=True, overflow="crop")


class WorkLine(Widget):
    """One line above the footer about what takes long; it takes no room while nothing does."""

    def __init__(self) -> None:
        """Begin with nothing to say."""
        super().__init__()
        self._text = ""

    def tick(self) -> None:
        """Show how far the work is."""
        text = deck(self).work_line() or ""
        if text != self._text:
            self._text = text
            self.set_class(bool(text), "-shown")
            self.refresh()

    def on_click(self) -> None:
        """Stop the work."""
        deck(self).action_stop_work()

    def render(self) -> RenderResult:
        """Draw the line."""
        line = fitted(f" {plain(self._text)}", self.content_size.width)
        return Text(line, no_wrap=True, overflow="crop")


class NudgeLine(Widget):
    """One line above the footer with a hint for the first minutes; it takes no key and no focus."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"nudge--quiet"}

    def __init__(self) -> None:
        """Begin with nothing to say."""
        super().__init__()
        self._text = ""

    def show(self, text: str) -> None:
        """Show another hint, or none."""
        if text != self._text:
            self._text = text
            self.set_class(bool(text), "-shown")
            self.refresh()

    def on_click(self) -> None:
        """Show none any more."""
        deck(self).action_hints()

    def render(self) -> RenderResult:
        """Draw the line; how to be rid of it gives way to what it says."""
        table = deck(self).table
        keys = keys_of(table["global.hints"])
        rid = f"{key_label(keys[0])} hides hints " if keys else ""
        width = self.content_size.width
        line = fitted(f" ▪ {plain(self._text)}", width)
        if cell_len(self._text) + len(rid) + 5 > width:
            return Text(line, no_wrap=True, overflow="crop")
        quiet = self.get_component_rich_style("nudge--quiet", partial=True)
        return Text.assemble(line[: width - len(rid)], (rid, quiet), no_wrap=True, overflow="crop")


class TitleLine(Widget):
    """A rule with a title in it, and perhaps a quiet word at its right end."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"title--text", "title--right"}

    def __init__(self, *, id: str) -> None:  # noqa: A002 - Textual's name
        """Begin without a title."""
        super().__init__(id=id)
        self._title = self._right = ""

    def show(self, title: str, right: str = "") -> None:
        """Show another title."""
        if (title, right) != (self._title, self._right):
            self._title, self._right = title, right
            self.refresh()

    def render(self) -> RenderResult:
        """Draw the rule."""
        width = self.content_size.width
        line = Text(no_wrap=True, overflow="crop")
        if self._title:
            title = self.get_component_rich_style("title--text", partial=True)
            line.append("─ ").append(self._title, title).append(" ")
        right = f" {self._right} ─" if self._right else ""
        if line.cell_len + cell_len(right) >= width:
            right = ""
        line.append("─" * max(0, width - line.cell_len - cell_len(right)))
        quiet = self.get_component_rich_style("title--right", partial=True)
        return line.append(right, quiet)


class SizeNotice(Static):
    """Covers everything when the terminal is too small to be read without mistakes."""

    def __init__(self) -> None:
        """Say what is needed."""
        super().__init__(markup=False)
        self._question = ""

    def on_resize(self) -> None:
        """Say what there is, too."""
        size = self.app.size
        self.update(
            f"Quarterdeck needs {LEAST_WIDTH}×{LEAST_HEIGHT}\n"  # noqa: RUF001 - a multiplication sign is meant
            f"this terminal has {size.width}×{size.height}\n\n"  # noqa: RUF001 - as above
            f"Make it larger, or press Ctrl+Q to quit.\n{self._meanwhile()}"
        )

    def ask_again(self, driven: int) -> None:
        """Say what quitting means when the question about it cannot be shown."""
        self._question = f"{driven} driven here: Ctrl+Q again leaves them for another worker."
        self.on_resize()

    def _meanwhile(self) -> str:
        return self._question or "The runs go on meanwhile; no other key does anything."
