"""What all screens share: header, status, footer, size notice, and the way new data comes in."""

from typing import ClassVar, NamedTuple

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.screen import Screen
from textual.widget import Widget

from quarterdeck.actions import Action, Scope, in_scope
from quarterdeck.views.glimpse import Source
from quarterdeck.views.nudges import Place
from quarterdeck.views.preferences import Preferences
from quarterdeck.widgets.bare_lines import BareLines
from quarterdeck.widgets.bars import HeaderBar, NudgeLine, SizeNotice, StatusLine, WorkLine
from quarterdeck.widgets.deck import LEAST_HEIGHT, LEAST_WIDTH, deck
from quarterdeck.widgets.footer import FooterBar
from quarterdeck.widgets.keyed import Keyed, bindings


class Copied(NamedTuple):
    """What is copied, and what it is called."""

    text: str
    what: str


class DeckScreen(Keyed, Screen[None], inherit_bindings=False):
    """A screen that is handed the newest glimpse by the app's one tick.

    `TAB` is the tab that it stands under, `MENU` the scopes of what can be done on its run. A
    method `action_X` is all it takes for X of the table to have its key, its place in the footer,
    the menu, the palette and the help.
    """

    BINDINGS: ClassVar[list[BindingType]] = bindings("global")
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (LEAST_WIDTH, "-usable")]  # noqa: RUF012 - Textual reads it from the class as it is
    VERTICAL_BREAKPOINTS = [(0, "-flat"), (LEAST_HEIGHT, "-readable"), (36, "-tall")]  # noqa: RUF012 - as above
    PLACE = ""
    TAB = "fleet"
    MENU: tuple[Scope, ...] = ()

    def __init__(self, source: Source) -> None:
        """Look at a source."""
        super().__init__()
        self.source = source
        self._composed = False
        self._revision = -1
        self._second = -1
        self._person: tuple[Preferences, int, frozenset[str]] | None = None

    def compose(self) -> ComposeResult:
        """Put the header above and the footer below what a screen shows."""
        yield HeaderBar(self.PLACE, self.TAB)
        yield StatusLine()
        yield from self.compose_body()
        yield WorkLine()
        yield NudgeLine()
        yield FooterBar()
        yield SizeNotice()

    def compose_body(self) -> list[Widget]:
        """Return what stands between status and footer."""
        raise NotImplementedError

    @property
    def ready(self) -> bool:
        """Tell whether there is anything in it: not before it is mounted nor while it closes."""
        return self._composed and any(isinstance(child, SizeNotice) for child in self.children)

    @property
    def run_id(self) -> str | None:
        """Return which run is open whole, if one is."""
        return None

    @property
    def over(self) -> bool:
        """Tell whether nobody wants to come back to it: what it shows is settled."""
        return False

    @property
    def status(self) -> StatusLine:
        """Return line 2, where status and banners are shown."""
        return self.query_one(StatusLine)

    def on_mount(self) -> None:
        """Show what is known before the first paint."""
        self._composed = True
        for widget in (self, *self.walk_children(Widget)):
            if not isinstance(widget._styles_cache, BareLines):  # noqa: SLF001 - as below
                widget._styles_cache = BareLines()  # noqa: SLF001 - there is no public way
        self.tick()

    def on_screen_resume(self) -> None:
        """Show what came while another screen was on top."""
        if self.ready:
            self._revision = -1
            self.tick()

    def tick(self) -> None:
        """Show what is new; without news only the ages move, once a second."""
        self.query_one(WorkLine).tick()
        revision, second = self.source.revision, self.source.now_us() // 1_000_000
        # What was preferred or done otherwise shows at once, too.
        person = (deck(self).preferences, len(deck(self).did), self.query_one(FooterBar).here)
        if (revision, second, person) == (self._revision, self._second, self._person):
            return
        self._revision, self._second, self._person = revision, second, person
        self.query_one(HeaderBar).apply(self.source.glimpse(), self.source.spent_today())
        hint = deck(self).hint(self.source.glimpse(), self.walk, self.here)
        self.query_one(NudgeLine).show(hint)
        self.show_news()

    @property
    def here(self) -> frozenset[str]:
        """Return the ids of what can be done here, by a key or from the menu."""
        in_menu = (action.id for scope in self.MENU for action in in_scope(scope))
        return self.query_one(FooterBar).here.union(in_menu)

    @property
    def walk(self) -> Place:
        """Return where somebody is who looks at it."""
        return "elsewhere"

    def show_news(self) -> None:
        """Hand the source's newest to the widgets."""
        raise NotImplementedError

    def withheld(self, action: Action) -> str | None:  # noqa: ARG002 - for screens to look at
        """Return why what changes a run may not be done on this screen now."""
        return None

    def copied(self) -> Copied | None:
        """Return what is under the cursor, to be copied. A screen without this has no such key."""
        return None

    def action_copy(self) -> None:
        """Copy what is under the cursor."""
        copied = self.copied()
        if copied is not None:
            deck(self).copy(copied.text, copied.what)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """There is no way back from the first screen, and no copy of nothing."""
        if action == "copy" and type(self).copied is DeckScreen.copied:
            return False
        if action == "back" and self.TAB == "fleet" and not self._stands_on_another():
            return False
        return super().check_action(action, parameters)

    def action_back(self) -> None:
        """Go to the screen below, or from the bottom of a tab to the fleet."""
        # By the app: a screen that waited for its own end would wait for ever.
        if self._stands_on_another():
            self.app.call_later(self.app.pop_screen)
        else:
            self.app.call_later(self.app.run_action, "app.show('fleet')")

    def _stands_on_another(self) -> bool:
        return self in self.app.screen_stack[1:]
