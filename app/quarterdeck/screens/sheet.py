"""A page at full height: what changed between two moments, or two runs side by side."""

from collections.abc import Callable
from datetime import tzinfo
from typing import ClassVar, NamedTuple

from textual.widget import Widget

from quarterdeck.dialogs.base import Choice
from quarterdeck.dialogs.picking import Pick, PickDialog, Picked
from quarterdeck.messages import SpotsWanted
from quarterdeck.screens.base import Copied, DeckScreen
from quarterdeck.views.glimpse import Source
from quarterdeck.views.inspection import Spot
from quarterdeck.views.pages import Page
from quarterdeck.views.plain import plain
from quarterdeck.widgets.bars import TitleLine
from quarterdeck.widgets.inspector import Inspector


class Sheet(NamedTuple):
    """A page with what it is called, its title, and the run it is about."""

    place: str
    title: str
    about: str
    page: Page


class SheetScreen(DeckScreen):
    """Shows one page. It stands still, and only shows; Esc goes back to where it was opened.

    `go` opens what a line is about, upon this.
    """

    AUTO_FOCUS: ClassVar[str] = "#inspector"

    def __init__(
        self, source: Source, sheet: Sheet, *, go: Callable[[Spot], None], zone: tzinfo | None
    ) -> None:
        """Show a sheet."""
        super().__init__(source)
        self._go = go
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
        self.query_one("#title", TitleLine).show(self._sheet.title, "↵ event · y copy")
        self.inspector.show_page(self._sheet.page)

    def copied(self) -> Copied | None:
        """Return the page as text."""
        return Copied(self.inspector.text(), self.PLACE)

    def on_spots_wanted(self, message: SpotsWanted) -> None:
        """Open the event that a line is about; of two that stand side by side ask which."""
        spots = message.spots
        if len(spots) == 1:
            self._go(spots[0])
            return
        picks = [Pick(f"{plain(spot.run_id)}  #{spot.seq:,}") for spot in spots]

        def chosen(picked: Picked | None) -> None:
            if picked is not None:
                self._go(spots[picked.number])

        choices = (Choice("no", "Cancel"), Choice("go", "Open"))
        dialog = PickDialog("In which run?", picks, choices, enter="go")
        self.app.call_later(self.app.push_screen, dialog, chosen)
