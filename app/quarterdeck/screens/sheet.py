"""A page at full height: what changed between two moments, or two runs side by side."""

from datetime import tzinfo
from typing import ClassVar, NamedTuple

from textual.widget import Widget

from quarterdeck.screens.base import Copied, DeckScreen
from quarterdeck.views.glimpse import Source
from quarterdeck.views.pages import Page
from quarterdeck.widgets.bars import TitleLine
from quarterdeck.widgets.inspector import Inspector


class Sheet(NamedTuple):
    """A page with what it is called, its title, and the run it is about."""

    place: str
    title: str
    about: str
    page: Page


class SheetScreen(DeckScreen):
    """Shows one page. It stands still, and only shows; Esc goes back to where it was opened."""

    AUTO_FOCUS: ClassVar[str] = "#inspector"

    def __init__(self, source: Source, sheet: Sheet, *, zone: tzinfo | None) -> None:
        """Show a sheet."""
        super().__init__(source)
        self.PLACE = sheet.place
        self._sheet = sheet
        self._zone = zone

    def compose_body(self) -> list[Widget]:
        """Return the title and the page."""
        return [TitleLine(id="title"), Inspector(zone=self._zone, id="inspector")]

    @property
    def inspector(self) -> Inspector:
        """Return what the page is shown in."""
        return self.query_one(Inspector)

    def show_news(self) -> None:
        """Show the page."""
        self.status.show(self._sheet.about)
        self.query_one("#title", TitleLine).show(self._sheet.title, "y copy · Esc back")
        self.inspector.show_page(self._sheet.page)

    def copied(self) -> Copied | None:
        """Return the page as text."""
        return Copied(self.inspector.text(), self.PLACE)
