"""What both screens share: the header, the footer, the notice, and the way new data comes in."""

from textual.app import ComposeResult
from textual.screen import Screen
from textual.widget import Widget
from textual.widgets import Footer

from quarterdeck.views.glimpse import Source
from quarterdeck.widgets.bars import LEAST_HEIGHT, LEAST_WIDTH, HeaderBar, SizeNotice


class DeckScreen(Screen[None]):
    """A screen that is handed the newest glimpse by the app's one tick."""

    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (LEAST_WIDTH, "-usable")]  # noqa: RUF012 - Textual reads it from the class as it is
    VERTICAL_BREAKPOINTS = [(0, "-flat"), (LEAST_HEIGHT, "-readable"), (36, "-tall")]  # noqa: RUF012 - as above
    PLACE = ""

    def __init__(self, source: Source) -> None:
        """Look at a source."""
        super().__init__()
        self.source = source
        self.ready = False
        self._revision = -1
        self._second = -1

    def compose(self) -> ComposeResult:
        """Put the header above and the footer below what a screen shows."""
        yield HeaderBar(self.PLACE)
        yield from self.compose_body()
        yield Footer(show_command_palette=False)
        yield SizeNotice()

    def compose_body(self) -> list[Widget]:
        """Return what stands between header and footer."""
        raise NotImplementedError

    def on_mount(self) -> None:
        """Show what is known before the first paint."""
        self.ready = True
        self.tick()

    def on_screen_resume(self) -> None:
        """Show what came while another screen was on top."""
        self._revision = -1
        self.tick()

    def tick(self) -> None:
        """Show what is new; without news only the ages move, once a second."""
        revision, second = self.source.revision, self.source.now_us() // 1_000_000
        if (revision, second) == (self._revision, self._second):
            return
        self._revision, self._second = revision, second
        self.query_one(HeaderBar).apply(self.source.glimpse())
        self.show_news()

    def show_news(self) -> None:
        """Hand the source's newest to the widgets."""
        raise NotImplementedError
