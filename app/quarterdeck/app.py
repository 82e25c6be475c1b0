"""The Textual app: one source, one tick, and the screens upon them."""

import asyncio
import gc
from collections.abc import Awaitable, Callable
from datetime import tzinfo
from functools import cache
from types import ModuleType
from typing import TYPE_CHECKING, ClassVar, Literal

from textual import events
from textual.binding import BindingType
from textual.widgets import Input

from quarterdeck.actions import Scope
from quarterdeck.dialogs.base import Dialog, QuitDialog, Result
from quarterdeck.keymap import key_label, keys_of
from quarterdeck.screens.base import DeckScreen
from quarterdeck.screens.fleet import FleetScreen
from quarterdeck.views.glimpse import Source
from quarterdeck.views.headline import Tab
from quarterdeck.views.needs import NeedOf, needs, next_need
from quarterdeck.views.notices import Announcer, Watch
from quarterdeck.views.reading import ReadingBook
from quarterdeck.views.work import Tell, Work
from quarterdeck.widgets.bars import SizeNotice
from quarterdeck.widgets.deck import Background, Deck, Setup
from quarterdeck.widgets.keyed import Offer, bindings, offers
from quarterdeck.widgets.terminal import notification, title

if TYPE_CHECKING:
    from quarterdeck.views.decisions import Clerk

TICK_S = 0.1
_EAGER_S = 0.01
_GARBAGE = (2_000, 2, 500)
"""New objects before they are looked through, and how often that is before the older ones are."""
_STAYED = "The screen stays, and its runs go on here."
_OLD = "What is shown is not read any more: quit, and open it again."

Leaving = Literal["drain", "leave"]
Leave = Callable[[Leaving, Tell], Awaitable[None]]


@cache
def _later() -> ModuleType:
    """Return the screens and dialogs that the first frame does not need."""
    from quarterdeck.screens import later

    return later


class QuarterdeckApp(Deck, inherit_bindings=False):
    """Shows a source. `background` is what must run beside it: the reader of a workspace.

    `clerk` takes what is decided; without one nothing can be. `leave` is told how to part with the
    runs that are driven here, tells how many are left already, and returns once it may close.
    """

    CSS_PATH = "app.tcss"
    TITLE = "Quarterdeck"
    DEFAULT_MODE = "fleet"
    BINDINGS: ClassVar[list[BindingType]] = bindings("global")

    def __init__(
        self,
        source: Source,
        *,
        clerk: "Clerk | None" = None,
        background: tuple[Background, ...] = (),
        zone: tzinfo | None = None,
        setup: Setup | None = None,
        leave: Leave | None = None,
    ) -> None:
        """Look at a source; times in a zone, or (None) where the person is."""
        super().__init__(setup or Setup(), zone)
        self._source = source
        self._background = background
        self._leave = leave
        self._watch, self._announcer = Watch(), Announcer()
        self._asked_small = False
        self._entitled = -1
        self._complete = self._sets_aside = False
        self._add_tab("fleet", lambda: FleetScreen(source, zone=self.zone))
        book = ReadingBook()
        self._add_tab("inbox", lambda: _later().InboxScreen(source, clerk, book, zone=self.zone))
        self._add_tab("ledger", lambda: _later().LedgerScreen(source))
        self._add_tab("agents", lambda: _later().AgentsScreen(source))
        self._add_tab("settings", lambda: _later().SettingsScreen(source))

    def _add_tab(self, name: str, screen: Callable[[], DeckScreen]) -> None:
        """Add a screen to the header, under the digit that the table has for it."""
        self.add_mode(name, lambda: self._styled(screen()))
        action = self.table[f"global.{name}"]
        self.tabs = [*self.tabs, Tab(name, key_label(keys_of(action)[0]), action.label)]

    def _styled(self, screen: DeckScreen) -> DeckScreen:
        """Mark a new screen as of the present theme: else Textual reads all style anew, twice."""
        screen._css_update_count = self._css_update_count  # noqa: SLF001 - there is no public way
        return screen

    async def on_mount(self) -> None:
        """Begin to read and to tick."""
        for run in self._background:
            self.beside(run, "stopped", _OLD)
        self.set_interval(TICK_S, self._tick)
        self._first = self.set_interval(_EAGER_S, self._tick_first)

    async def on_unmount(self) -> None:
        """Remember when somebody looked."""
        await self.keep_habits(self._source.now_us())

    def _tick_first(self) -> None:
        """Show the first glimpse when it is there: the next tick would be late."""
        if self._source.glimpse().loaded:
            self._first.stop()
            self._tick()

    def _tick(self) -> None:
        # A dialog does not stop what lies beneath; a screen that was just pushed is on top before
        # there is anything in it.
        below = (screen for screen in reversed(self.screen_stack) if isinstance(screen, DeckScreen))
        screen = next(below, None)
        if screen is not None and screen.ready:
            screen.tick()
        if screen is not None and screen.run_id is not None:
            row = self._source.glimpse().row(screen.run_id)
            if row is not None:
                self.looking.saw(row.run_id, row.head_seq)
        self._announce()

    def on_app_blur(self) -> None:
        """Note when somebody looked away."""
        self.looking.leave(self._source.now_us())

    def on_app_focus(self) -> None:
        """Mark what is new to somebody who was away."""
        self.looking.come_back(self._source.now_us())

    def _announce(self) -> None:
        for trouble in self._source.troubles.take():
            self.trouble(trouble)
        glimpse = self._source.glimpse()
        waiting = len(glimpse.inbox)
        if waiting != self._entitled:
            self._entitled = waiting
            self.tell_terminal(
                title(f"Quarterdeck: {waiting} waiting" if waiting else "Quarterdeck")
            )
        if glimpse.loaded and not self._complete:
            self._complete = True
            self._sets_aside = not gc.isenabled()
            self._set_aside()
            self.beside(self._bring_in_others, "bringing in the other screens")
        if not glimpse.loaded or self.preferences.notices == "none":
            return
        arrivals = self._watch.look(glimpse.inbox, self._source.now_us())
        if self.preferences.notices == "urgent":
            arrivals = [arrival for arrival in arrivals if arrival.urgent]
        announcement = self._announcer.announce(arrivals, self.monotonic_s())
        if announcement is not None:
            self.notice(
                announcement.text, severity="warning" if announcement.urgent else "information"
            )
            if announcement.bell and self.preferences.bell:
                self.bell()
            if announcement.bell and self.preferences.terminal:
                self.tell_terminal(notification(announcement.words))

    async def _bring_in_others(self) -> None:
        await asyncio.to_thread(_later)
        self._set_aside()

    def _set_aside(self) -> None:
        """Look through nothing for garbage that stays as long as the screen, and seldom at all.

        A look through everything stops the screen for three frames and finds next to nothing: what
        is read for it goes when it is let go of. Only who opened it that way wants that.
        """
        if self._sets_aside:
            gc.freeze()
            gc.set_threshold(*_GARBAGE)
            gc.enable()

    def on_key(self, event: events.Key) -> None:
        """Say why a key did nothing, if it would have changed a run."""
        screen, field = self.screen, self.focused
        if isinstance(field, Input) and event.is_printable and event.character is not None:
            # It was on its way when the key before it opened the field: a field takes its own keys.
            event.prevent_default().stop()
            field.insert_text_at_cursor(event.character)
            return
        if event.key in self.changing_keys and isinstance(self.screen, DeckScreen):
            for offer in offers(screen):
                if offer.why_not is not None and event.key in keys_of(offer.action):
                    self.notice(f"not now: {offer.action.label} ({offer.why_not})", "warning")

    # -- where to go

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """A tab without a screen has no key; nothing is stopped while nothing takes long."""
        if action == "back":
            return False  # the screens' own; Textual's would pop whatever is on top
        if action == "show" and parameters[0] not in {tab.name for tab in self.tabs}:
            return False
        if action == "stop_work" and not self.works:
            return False
        return super().check_action(action, parameters)

    async def action_show(self, tab: str) -> None:
        """Go to a tab, where it was left; what is over there meanwhile is not come back to."""
        await self.switch_mode(tab)
        screen = self.screen
        if isinstance(screen, DeckScreen) and screen.over:
            await self.pop_screen()

    def action_next_need(self) -> None:
        """Open the next item that needs somebody, in its detail."""
        self.call_later(self._go_to_need)

    async def _go_to_need(self) -> None:
        from quarterdeck.screens.inbox import InboxScreen
        from quarterdeck.screens.item import ItemScreen
        from quarterdeck.screens.run import RunScreen

        here = self._need_here()
        need = next_need(needs(self._source.glimpse()), here)
        if need is None or need == here:
            self.notice("nothing waits" if need is None else "nothing else needs somebody")
        elif need.item_id is not None:
            await self.switch_mode("inbox")
            name = (need.run_id, need.item_id)
            if isinstance(self.screen, ItemScreen):
                self.screen.go(name)
            elif isinstance(self.screen, InboxScreen):
                self.screen.open_item(name)
        else:
            await self.switch_mode("fleet")
            screen = RunScreen(self._source, need.run_id, zone=self.zone)
            if isinstance(self.screen, RunScreen):
                await self.switch_screen(screen)
            else:
                await self.push_screen(screen)

    def _need_here(self) -> NeedOf | None:
        from quarterdeck.screens.item import ItemScreen

        screen = self.screen
        if isinstance(screen, ItemScreen):
            return NeedOf(*screen.name_shown)
        run_id = screen.run_id if isinstance(screen, DeckScreen) else None
        return NeedOf(run_id) if run_id is not None else None

    def action_menu(self) -> None:
        """Show what can be done here."""
        self._offer(_later().menu(self.screen, self._scopes()))

    def action_palette(self) -> None:
        """Find something to do by its name."""
        self._offer(_later().palette(self.screen, self._scopes()))

    def action_help(self) -> None:
        """Show the whole table."""
        self._offer(_later().help_of(self.screen, self._scopes()))

    def action_notices(self) -> None:
        """Show what was noticed."""
        self._open(_later().NoticesDialog(self.book.read(), self.zone))

    def action_redraw(self) -> None:
        """Draw everything anew."""
        self.screen.refresh(repaint=True, layout=True)
        self.refresh(repaint=True, layout=True)

    def _scopes(self) -> tuple[Scope, ...]:
        screen = self.screen
        return screen.MENU if isinstance(screen, DeckScreen) else ()

    def _offer(self, dialog: Dialog[Offer]) -> None:
        self._open(dialog, self._take)

    def _take(self, offer: Offer | None) -> None:
        if offer is not None:
            self.call_later(self.run_action, offer.action.does, offer.node)

    # -- leaving

    def action_interrupt(self) -> None:
        """Copy what is selected, else quit."""
        text = self.screen.get_selected_text()
        if text:
            self.copy(text, "the selection")
        else:
            self.call_later(self.run_action, "app.quit")

    async def action_quit(self) -> None:
        """Quit; where runs are driven, ask what becomes of them."""
        driven = self._source.glimpse().driven_here
        if not driven or self._leave is None:
            self.exit()
        elif self.too_small:
            self._quit_unseen()
        elif not isinstance(self.screen, QuitDialog):
            self._open(QuitDialog(driven), self._part)

    def _quit_unseen(self) -> None:
        """Where no question can be shown, ask for the key once more, and leave the runs."""
        if self._asked_small:
            self._part("leave")
        self._asked_small = True
        self.screen.query_one(SizeNotice).ask_again(self._source.glimpse().driven_here)

    def _part(self, answer: str | None) -> None:
        leave = self._leave
        if leave is None or answer not in {"drain", "leave"}:
            return
        leaving: Leaving = "drain" if answer == "drain" else "leave"

        async def part(work: Work) -> None:
            try:
                await leave(leaving, work.tell)
            except asyncio.CancelledError:
                self.notice(_STAYED, "warning")
                raise
            self.exit()

        self.work("draining" if leaving == "drain" else "leaving", part)

    def _open(
        self, dialog: Dialog[Result], answer: Callable[[Result | None], None] | None = None
    ) -> None:
        # By the app, later: whoever asks must not wait for the answer.
        self.call_later(self.push_screen, dialog, answer)
