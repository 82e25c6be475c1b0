"""What every part of the screen may ask of the app: preferences, notices, work, copying.

The base of the app, so that widgets, dialogs and screens know one typed thing and not the app
itself. It holds no screen and no source.
"""

import asyncio
import os
import re
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import tzinfo
from functools import partial
from pathlib import Path

from textual import events
from textual.app import App
from textual.dom import DOMNode
from textual.filter import Monochrome, NoColor

from quarterdeck.actions import Action
from quarterdeck.keymap import key_label, keys_of, rekeyed
from quarterdeck.views.glimpse import Glimpse
from quarterdeck.views.habits import Habits
from quarterdeck.views.hands import Hands
from quarterdeck.views.headline import Tab
from quarterdeck.views.looking import Looking
from quarterdeck.views.notices import Notice, NoticeBook, Severity
from quarterdeck.views.nudges import WALKED, WATCHED, Facts, Place, nudge
from quarterdeck.views.palette import SHIPPED, Palette, Themes, read_palette, read_themes
from quarterdeck.views.plain import plain_lines
from quarterdeck.views.preferences import TIMES, Preferences
from quarterdeck.views.troubles import ScreenBrokenError, Trouble, failure
from quarterdeck.views.work import Work, work_line
from quarterdeck.views.zone import Now, ShownZone
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

    `operator`: whom decisions are recorded under. `place`: which workspace it is. `keep` writes
    down what a person prefers, into `settings_file`.
    `recording` is the name of the file that is looked at, if it is one: nothing is decided there.
    """

    preferences: Preferences = field(default_factory=Preferences)
    themes_folder: Path | None = None
    copies_folder: Path | None = None
    readonly: bool = False
    recording: str = ""
    operator: str = ""
    place: str = ""
    habits: Habits = field(default_factory=Habits)
    settings_file: Path | None = None
    keep: Callable[[Preferences], Awaitable[None]] | None = None
    keep_habits: Callable[[Habits], None] | None = None
    monotonic_s: Callable[[], float] = time.monotonic


class Deck(Keyed, App[None], inherit_bindings=False):
    """The app without its screens."""

    ENABLE_COMMAND_PALETTE = False

    def __init__(self, setup: Setup, zone: tzinfo | None = None) -> None:
        """Show things as a person likes them; times in a zone, or (None) where the person is."""
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
        self.zone = ShownZone(zone)
        self.did = set(setup.habits.did)
        self.looking = Looking(setup.habits.looked_us.get(setup.place))
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
        self._themes = await asyncio.to_thread(read_themes, self._setup.themes_folder)
        for problem in self._themes.problems:
            self.notice(problem, severity="warning")
        if self.preferences.theme not in SHIPPED:
            self.preview(self.preferences.theme)

    def prefer(self, preferences: Preferences) -> None:
        """Show things another way from now on."""
        before, self._preferences = self._preferences, preferences
        self.zone.utc = preferences.times == "utc"
        if preferences.theme != self.theme:
            self.preview(preferences.theme)
        self.table = {action.id: action for action in rekeyed(preferences.keymap)}
        changing = (each for each in self.table.values() if each.changes or each.writes)
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

    @property
    def settings_file(self) -> Path | None:
        """Return where that is written."""
        return self._setup.settings_file

    # -- the end by an error

    async def run_to_its_end(self) -> None:
        """Run, and raise what ended it if nobody had asked for its end; the terminal is back."""
        await self.run_async()
        if self._exception is not None:
            raise ScreenBrokenError from self._exception

    def _fatal_error(self) -> None:
        # Textual would print a traceback with all that the variables hold: keys, letters, accounts.
        self._close_messages_no_wait()

    def action_times(self) -> None:
        """Show times another way: relative, local, in UTC."""
        now = self.preferences
        times = TIMES[(TIMES.index(now.times) + 1) % len(TIMES)]
        self.choose(replace(now, times=times))
        self.notice(f"times: {'UTC' if times == 'utc' else times}")

    def now(self, now_us: int) -> Now:
        """Return the time, and how times are told."""
        return Now(now_us, self.preferences.times, self.zone)

    def action_hints(self) -> None:
        """Show no hints any more, or again."""
        now = self.preferences
        self.choose(replace(now, hints=not now.hints))
        self.notice(
            "hints are back" if not now.hints else "no hints any more; they are in Settings"
        )

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

    # -- what was done

    async def run_action(
        self,
        action: str | tuple[str, str, tuple[object, ...]],
        default_namespace: DOMNode | None = None,
        namespaces: Mapping[str, DOMNode] | None = None,
    ) -> bool:
        """Do it, and remember that it was done, if a hint would be about it."""
        done = await super().run_action(action, default_namespace, namespaces)
        name = action if isinstance(action, str) else action[1]
        method = name.partition("(")[0].rpartition(".")[2]
        if done and method in WATCHED:
            self.did.add(method)
        return done

    def hint(self, glimpse: Glimpse, place: Place, here: frozenset[str]) -> str:
        """Return what to hint at now, or nothing; `here` are the ids of what can be done there."""
        if place == "past":
            self.did.add(WALKED)
        if self.readonly:
            here = frozenset(name for name in here if not self.table[name].changes)
        facts = Facts(glimpse, self.did, place, here)
        found = nudge(facts) if self.preferences.hints else None
        return self.spelled(found.text) if found is not None else ""

    def spelled(self, text: str) -> str:
        """Return a text with the keys that actions have now in the place of their {names}."""
        return re.sub(r"\{([a-z_.]+)\}", lambda name: self._key(name[1]), text)

    def _key(self, name: str) -> str:
        keys = keys_of(self.table[name])
        return key_label(keys[0]) if keys else self.table[name].label

    async def keep_habits(self, now_us: int) -> None:
        """Remember of this person, who leaves, what they did and when they last looked."""
        looked = dict(self._setup.habits.looked_us)
        if self._setup.place:
            looked[self._setup.place] = now_us
        if self._setup.keep_habits is not None:
            habits = Habits(did=frozenset(self.did), looked_us=looked)
            # Nothing depends on it, so nobody who leaves is told that it could not be written.
            with suppress(OSError):
                await asyncio.to_thread(self._setup.keep_habits, habits)

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

    def trouble(self, trouble: Trouble) -> None:
        """Say what went wrong and what to do; all there is to know can be copied."""
        self.notice(trouble.text, trouble.severity, trouble.details)

    # -- beside the screen

    def beside(self, run: Background, what: str, then: str = "") -> None:
        """Run something beside the screen. If it fails, that is a notice, and the app stays.

        `then` is what to do about it, where that is known better than from the error.
        """
        self.run_worker(self._kept(run, what, then), name=what, exit_on_error=False)

    async def _kept(self, run: Background, what: str, then: str = "") -> None:
        try:
            await run()
        except Exception as error:  # noqa: BLE001 - the notice records it, whatever it was
            self.trouble(failure(what, error, then))

    def work(self, label: str, run: LongWork) -> Work:
        """Do what may take long: after a moment its progress shows, and it can be stopped."""
        work = Work(label, self.monotonic_s(), stop=lambda: None)
        worker = self.run_worker(self._worked(work, run), name=label, exit_on_error=False)
        work.stop = worker.cancel
        self.works.append(work)
        return work

    async def _worked(self, work: Work, run: LongWork) -> None:
        try:
            await self._kept(partial(run, work), work.label)
        except asyncio.CancelledError:
            # How far it came nobody knows who broke it off; the log does.
            if work.stopping:
                self.notice(f"stopped: {work.label}; what was recorded by then stands")
            raise
        finally:
            self.works.remove(work)

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
        await asyncio.to_thread(_write, path, text)
        self.notice(f"{what} is in {path}; the clipboard of this terminal does not take it")


def deck(node: DOMNode) -> Deck:
    """Return the app of a part of the screen."""
    app = node.app
    assert isinstance(app, Deck)
    return app


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
