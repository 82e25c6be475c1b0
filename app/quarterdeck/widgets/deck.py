"""What every part of the screen may ask of the app: preferences, notices, work, copying.

The base of the app, so that widgets, dialogs and screens know one typed thing and not the app
itself. It holds no screen and no source.
"""

import os
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from textual import events
from textual.app import App
from textual.dom import DOMNode
from textual.filter import Monochrome, NoColor

from quarterdeck.actions import Action
from quarterdeck.keymap import key_label, keys_of, rekeyed
from quarterdeck.views.hands import Hands
from quarterdeck.views.headline import Tab
from quarterdeck.views.notices import Notice, NoticeBook, Severity
from quarterdeck.views.palette import SHIPPED, Palette, Themes, read_palette, read_themes
from quarterdeck.views.plain import plain_lines
from quarterdeck.views.preferences import Preferences
from quarterdeck.views.troubles import details, sentence
from quarterdeck.views.work import Work, work_line
from quarterdeck.widgets.keyed import Keyed
from quarterdeck.widgets.theming import theme_of

LEAST_WIDTH, LEAST_HEIGHT = 60, 16
OSC_52_BYTES = 50_000
"""What terminals and tmux take in one OSC 52; more goes to a file."""
_WITHOUT_OSC = {"linux", "dumb", ""}
"""Terminals that know no OSC sequences."""
_FALLBACK = "night"

Background = Callable[[], Awaitable[object]]
LongWork = Callable[[Work], Awaitable[object]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """How and for whom a screen is opened.

    `operator`: whom decisions are recorded under. `keep` writes down what a person prefers.
    `recording` is the name of the file that is looked at, if it is one: nothing is decided there.
    """

    preferences: Preferences = field(default_factory=Preferences)
    themes_folder: Path | None = None
    copies_folder: Path | None = None
    readonly: bool = False
    recording: str = ""
    operator: str = ""
    keep: Callable[[Preferences], Awaitable[None]] | None = None
    monotonic_s: Callable[[], float] = time.monotonic


class Deck(Keyed, App[None], inherit_bindings=False):
    """The app without its screens."""

    ENABLE_COMMAND_PALETTE = False

    def __init__(self, setup: Setup) -> None:
        """Show things as a person likes them."""
        super().__init__()
        self.readonly = setup.readonly or bool(setup.recording)
        self.recording = setup.recording
        self.operator = setup.operator
        self.monotonic_s = setup.monotonic_s
        self.tabs: Sequence[Tab] = ()
        self.hands = Hands()
        self.book = NoticeBook()
        self.works: list[Work] = []
        self.table: dict[str, Action] = {}
        self.changing_keys: frozenset[str] = frozenset()
        self._setup = setup
        self._themes: Themes | None = None
        self._preferences = Preferences()
        self._show_theme(read_palette(_FALLBACK))
        self.prefer(setup.preferences)

    # -- preferences

    @property
    def preferences(self) -> Preferences:
        """Return how the person likes the screen."""
        return self._preferences

    @property
    def themes(self) -> Themes:
        """Return the themes there are: ours at once, a person's own as soon as they were read."""
        if self._themes is None:
            self._themes = read_themes()
        return self._themes

    async def on_mount(self) -> None:
        """Leave the mouse to the terminal if that is preferred; read a person's own themes."""
        if not self.preferences.mouse:
            self._use_mouse(on=False)
        if self._setup.themes_folder is not None or self.preferences.theme not in SHIPPED:
            self.beside(self._read_own_themes, "reading themes")

    async def _read_own_themes(self) -> None:
        read = partial(read_themes, self._setup.themes_folder)
        self._themes = await self.run_worker(read, thread=True, exit_on_error=False).wait()
        for problem in self._themes.problems:
            self.notice(problem, severity="warning")
        if self.preferences.theme not in SHIPPED:
            self.preview(self.preferences.theme)

    def prefer(self, preferences: Preferences) -> None:
        """Show things another way from now on."""
        before, self._preferences = self._preferences, preferences
        if preferences.theme != self.theme:
            self.preview(preferences.theme)
        self.table = {action.id: action for action in rekeyed(preferences.keymap)}
        changing = (action for action in self.table.values() if action.changes)
        self.changing_keys = frozenset(key for action in changing for key in keys_of(action))
        self.set_keymap({name: self.table[name].keys for name in preferences.keymap})
        if preferences.mouse != before.mouse:
            self._use_mouse(on=preferences.mouse)
        if self.is_running:
            self.refresh(layout=True)
            for screen in self.screen_stack:
                screen.refresh_bindings()
                screen.refresh(layout=True)

    def choose(self, preferences: Preferences) -> None:
        """Show things another way from now on, and write that down."""
        self.prefer(preferences)
        if self._setup.keep is not None:
            self.beside(partial(self._setup.keep, preferences), "writing settings")

    def preview(self, name: str) -> None:
        """Show a theme, whatever is preferred. One there is not is told about, and ours shown."""
        if name in SHIPPED:
            self._show_theme(read_palette(name))
        elif (palette := self.themes.palettes.get(name)) is not None:
            self._show_theme(palette)
        elif self.is_running:
            near = ", ".join(self.themes.palettes)
            self.notice(f"there is no theme {name!r}; there are {near}", severity="warning")

    def _show_theme(self, palette: Palette) -> None:
        # Textual chooses once, by its first theme, how to leave out colour; greys made of native
        # colours are black on black.
        self._filters = [
            (NoColor() if palette.ansi else Monochrome())
            if isinstance(known, NoColor | Monochrome)
            else known
            for known in self._filters
        ]
        self.register_theme(theme_of(palette))
        self.theme = palette.name

    def get_theme_variable_defaults(self) -> dict[str, str]:
        """Lend a theme that does not know our states the colours of our own."""
        return read_palette(_FALLBACK).variables

    def _use_mouse(self, *, on: bool) -> None:
        """Let the terminal have its mouse, or take it; Textual has no public way while it runs."""
        method = "_enable_mouse_support" if on else "_disable_mouse_support"
        switch = getattr(self._driver, method, None)
        if switch is not None:
            switch()

    # -- what may be done

    def withheld(self, action: Action) -> str | None:  # noqa: ARG002 - screens look at it
        """Return why what changes a run may not be done anywhere now."""
        if self.recording:
            return "a recording is only looked at"
        if self.readonly:
            return "opened with --readonly"
        return "the terminal is too small to see what is done" if self.too_small else None

    @property
    def too_small(self) -> bool:
        """Tell whether the size notice covers everything."""
        return self.size.width < LEAST_WIDTH or self.size.height < LEAST_HEIGHT

    async def on_event(self, event: events.Event) -> None:
        """Hear nothing but quitting while nothing can be seen: what has the focus keeps it."""
        if isinstance(event, events.Key | events.MouseDown | events.Paste):
            # An event that was handed on comes by again.
            if not event.is_forwarded:
                self.hands.touch(self.monotonic_s())
        elif isinstance(event, events.AppFocus | events.AppBlur | events.Resize):
            self.hands.disturb(self.monotonic_s())
        if self.too_small and self.is_running:
            if isinstance(event, events.Key):
                if event.key in {"ctrl+q", "ctrl+c"}:
                    await self.run_action("app.quit")
                return
            if isinstance(event, events.Paste | events.MouseEvent):
                return
        if isinstance(event, events.MouseEvent) and not self.preferences.mouse:
            return
        await super().on_event(event)

    # -- notices

    def notice(self, text: str, severity: Severity = "information", details: str = "") -> None:
        """Say something to the operator: text, never markup. Details are kept to be copied."""
        notice = Notice(time.time_ns() // 1_000, severity, plain_lines(text), plain_lines(details))
        self.book.write(notice)
        seconds = {"information": 4, "warning": 8, "error": 20}[severity]
        more = "\nDetails to copy: in the palette, notices" if details else ""
        title = {"information": "", "warning": "", "error": "Failed"}[severity]
        self.notify(
            f"{notice.text}{more}", title=title, severity=severity, timeout=seconds, markup=False
        )

    def fail(self, what: str, error: BaseException) -> None:
        """Say that something failed; how, can be copied from the notice."""
        self.notice(f"{what}: {sentence(error)}", severity="error", details=details(error))

    # -- beside the screen

    def beside(self, run: Background, what: str) -> None:
        """Run something beside the screen. If it fails, that is a notice, and the app stays."""
        self.run_worker(self._kept(run, what), name=what, exit_on_error=False)

    async def _kept(self, run: Background, what: str) -> None:
        try:
            await run()
        except Exception as error:  # noqa: BLE001 - the notice records it, whatever it was
            self.fail(what, error)

    def work(self, label: str, run: LongWork) -> None:
        """Do what may take long: after a moment its progress shows, and it can be stopped."""
        work = Work(label, self.monotonic_s(), stop=lambda: None)
        worker = self.run_worker(self._worked(work, run), name=label, exit_on_error=False)
        work.stop = worker.cancel
        self.works.append(work)

    async def _worked(self, work: Work, run: LongWork) -> None:
        try:
            await self._kept(partial(run, work), work.label)
        finally:
            self.works.remove(work)
            if work.stopping:
                self.notice(f"stopped: {work.label}")

    def action_stop_work(self) -> None:
        """Stop what was begun last."""
        if self.works:
            self.works[-1].stopping = True
            self.works[-1].stop()

    def work_line(self) -> str | None:
        """Return the line about what takes long."""
        stop = keys_of(self.table["global.stop"])
        return work_line(self.works, self.monotonic_s(), key_label(stop[0]))

    def tell_terminal(self, sequence: str) -> None:
        """Send what `widgets.terminal` made to a terminal that knows such sequences."""
        if self._driver is not None and os.environ.get("TERM", "") not in _WITHOUT_OSC:
            self._driver.write(sequence)

    # -- copying

    def copy(self, text: str, what: str) -> None:
        """Put a text into the clipboard of the operator's terminal, else into a file."""
        text = plain_lines(text)
        size = len(text.encode())
        if size <= OSC_52_BYTES and os.environ.get("TERM", "") not in _WITHOUT_OSC:
            self.copy_to_clipboard(text)
            self.notice(f"copied {what}")
        elif self._setup.copies_folder is None:
            self.notice(f"{what} is too large to copy from here", severity="warning")
        else:
            self.beside(partial(self._copy_to_file, text, what), "copy to a file")

    async def _copy_to_file(self, text: str, what: str) -> None:
        assert self._setup.copies_folder is not None
        path = self._setup.copies_folder / f"copied-{time.time_ns() // 1_000_000}.txt"
        await self.run_worker(partial(_write, path, text), thread=True, exit_on_error=False).wait()
        self.notice(f"{what} is in {path}; the clipboard of this terminal does not take it")


def deck(node: DOMNode) -> Deck:
    """Return the app of a part of the screen."""
    app = node.app
    assert isinstance(app, Deck)
    return app


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
