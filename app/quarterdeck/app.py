"""The Textual app: one source, one tick, and the screens upon them."""

from collections.abc import Awaitable, Callable
from datetime import tzinfo
from typing import ClassVar

from textual.app import App
from textual.binding import BindingType
from textual.theme import Theme

from quarterdeck.actions import bindings
from quarterdeck.screens.base import DeckScreen
from quarterdeck.screens.fleet import FleetScreen
from quarterdeck.views.glimpse import Source
from quarterdeck.views.palette import read_palette
from quarterdeck.views.troubles import sentence

TICK_S = 0.1
_PALETTE = "night"

Background = Callable[[], Awaitable[None]]


class QuarterdeckApp(App[None]):
    """Shows a source. `background` is what must run beside it: the reader of a workspace."""

    CSS_PATH = "app.tcss"
    TITLE = "Quarterdeck"
    ENABLE_COMMAND_PALETTE = False
    BINDINGS: ClassVar[list[BindingType]] = bindings("everywhere")

    def __init__(
        self, source: Source, *, background: tuple[Background, ...] = (), zone: tzinfo | None = None
    ) -> None:
        """Look at a source; times in a zone, or (None) where the person is."""
        super().__init__()
        self._source = source
        self._background = background
        self._zone = zone
        theme = _theme(_PALETTE)
        self.register_theme(theme)
        self.theme = theme.name

    def get_theme_variable_defaults(self) -> dict[str, str]:
        """Lend a theme that does not know our states the colours of our own."""
        return read_palette(_PALETTE).variables

    def get_default_screen(self) -> FleetScreen:
        """Begin at the fleet."""
        return FleetScreen(self._source, zone=self._zone)

    def on_mount(self) -> None:
        """Begin to read and to tick."""
        for run in self._background:
            self.run_worker(self._kept(run), name="beside the screen")
        self.set_interval(TICK_S, self._tick)

    async def _kept(self, run: Background) -> None:
        """A failure beside the screen becomes a notice on it; the screen stays."""
        try:
            await run()
        except Exception as error:  # noqa: BLE001 - the notice records it, whatever it was
            message = sentence(error)
            self.notify(message, title="Stopped", severity="error", timeout=60, markup=False)

    def _tick(self) -> None:
        screen = self.screen
        # A screen that was just pushed is on top before there is anything in it.
        if isinstance(screen, DeckScreen) and screen.ready:
            screen.tick()


def _theme(name: str) -> Theme:
    palette = read_palette(name)
    colour = palette.colours.get
    return Theme(
        name=palette.name,
        dark=palette.dark,
        primary=palette.colours["primary"],
        secondary=colour("secondary"),
        accent=colour("accent"),
        warning=colour("warning"),
        error=colour("error"),
        success=colour("success"),
        foreground=colour("foreground"),
        background=colour("background"),
        surface=colour("surface"),
        panel=colour("panel"),
        variables=palette.variables,
    )
