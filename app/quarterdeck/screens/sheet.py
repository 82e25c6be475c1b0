"""A page at full height: what changed between two moments, or two runs side by side."""

from datetime import tzinfo
from typing import ClassVar

from textual.widget import Widget

from quarterdeck.screens.base import Copied, DeckScreen
from quarterdeck.views.glimpse import Source
from quarterdeck.views.pages import Page
from quarterdeck.widgets.bars import TitleLine
from quarterdeck.widgets.inspector import Inspector


class SheetScreen(DeckScreen):
    """Shows one page. It stands still, and only shows; Esc goes back to where it was opened."""

    AUTO_FOCUS: ClassVar[str] = "#inspector"

    def __init__(
        self, source: Source, place: str, title: str, page: Page, *, zone: tzinfo | None
    ) -> None:
        """Show a page under a title."""
        super().__init__(source)
        self.PLACE = place
        self._title, self._page = title, page
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
        self.query_one("#title", TitleLine).show(self._title, "y copy · Esc back")
        self.inspector.show_page(self._page)

    def copied(self) -> Copied | None:
        """Return the page as text."""
        return Copied(self.inspector.text(), self.PLACE)
