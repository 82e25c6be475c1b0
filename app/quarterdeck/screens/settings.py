"""Settings: theme with a live preview, glyphs, notices, times, hints, mouse, and own keys."""

from dataclasses import replace
from typing import ClassVar, NamedTuple

from rich.style import Style
from rich.text import Text
from textual.app import RenderResult
from textual.binding import BindingType
from textual.containers import Horizontal
from textual.widget import Widget

from quarterdeck.actions import BY_ID
from quarterdeck.keymap import keymap_problems, keys_label
from quarterdeck.screens.base import DeckScreen
from quarterdeck.views.palette import SHIPPED
from quarterdeck.views.plain import fitted, plain
from quarterdeck.views.preferences import GLYPHS, NOTICES, TIMES, Preferences, Times
from quarterdeck.views.states import MARKS
from quarterdeck.views.theme_sample import theme_sample
from quarterdeck.widgets.deck import deck
from quarterdeck.widgets.keyed import bindings
from quarterdeck.widgets.pick_list import Kind, Line, PickList

_GLYPHS = {"rich": "rich   ? ◆ × ◷ ~ ‖ ► ○ ✓ -", "plain": "plain  ? ! X T ~ = > . + -"}  # noqa: RUF001 - glyphs
_NOTICES = {"all": "all", "urgent": "urgent: unknown, expiring", "none": "none but errors"}
_BELL = {True: "bell rings", False: "bell is silent"}
_TERMINAL = {True: "the terminal is told, too (OSC 9)", False: "the terminal is told nothing"}
_TIMES: dict[Times, str] = {
    "relative": "relative: 4m ago",
    "local": "local: 14:02",
    "utc": "UTC",
}
_HINTS = {True: "shown", False: "never"}
_MOUSE = {True: "on", False: "off: the terminal selects"}


class Setting(NamedTuple):
    """A line that can be chosen, and what is preferred then. Headings have no preference."""

    line: Line
    chosen: Preferences | None = None
    theme: str | None = None


class ThemeSample(Widget):
    """Shows what the theme makes of everything."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "sample--past", "sample--mark-a", "sample--mark-b", "sample--quiet", "sample--cursor",
    } | {f"state--{need}" for need in MARKS}  # fmt: skip

    def render(self) -> RenderResult:
        """Draw the sample."""
        width = self.content_size.width
        text = Text(no_wrap=True, overflow="crop")
        for line in theme_sample(deck(self).preferences.glyphs):
            name = "sample--cursor" if line.cursor else line.style
            style = self.get_component_rich_style(name, partial=True) if name else Style()
            marker = ">" if line.cursor else " "
            text.append(fitted(f"{marker} {line.text}", width if line.cursor else width - 1), style)
            text.append("\n")
        return text


class SettingsList(PickList):
    """The settings as lines."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings("settings"), *bindings("list")]

    def action_choose(self) -> None:
        """Choose the line under the cursor."""
        self.post_message(self.Chosen(self.cursor))


class SettingsScreen(DeckScreen):
    """Moving over a theme shows it at once; Enter keeps it, leaving takes it back."""

    PLACE = "Settings"
    TAB = "settings"
    AUTO_FOCUS: ClassVar[str] = "#settings"

    def compose_body(self) -> list[Widget]:
        """Return the settings and the sample."""
        return [Horizontal(SettingsList(id="settings"), ThemeSample(id="sample"), id="columns")]

    def on_mount(self) -> None:
        """Show what is preferred."""
        super().on_mount()
        self._show()
        chosen = next(n for n, s in enumerate(self._settings()) if s.line.kind == "chosen")
        self.query_one(PickList).go(chosen)

    def on_screen_suspend(self) -> None:
        """Take a preview back that was not chosen."""
        deck(self).preview(deck(self).preferences.theme)

    def show_news(self) -> None:
        """Say where settings stand."""
        self.status.show("moving over a theme shows it · Enter keeps it", "")

    def on_pick_list_moved(self, message: PickList.Moved) -> None:
        """Preview the theme under the cursor; anywhere else what is preferred shows."""
        theme = self._settings()[message.number].theme
        deck(self).preview(theme or deck(self).preferences.theme)

    def on_pick_list_chosen(self, message: PickList.Chosen) -> None:
        """Prefer what was chosen."""
        chosen = self._settings()[message.number].chosen
        if chosen is not None:
            deck(self).choose(chosen)
            self._show()

    def _show(self) -> None:
        self.query_one(PickList).show([setting.line for setting in self._settings()])
        self.query_one(ThemeSample).refresh()

    def _settings(self) -> list[Setting]:
        now, themes = deck(self).preferences, deck(self).themes.palettes
        settings = [_heading("THEME")]
        for name, palette in themes.items():
            label = plain(palette.label) + ("" if name in SHIPPED else " (yours)")
            settings.append(_choice(label, now, replace(now, theme=name), theme=name))
        settings += [_heading(""), _heading("GLYPHS")]
        settings += [_choice(_GLYPHS[kind], now, replace(now, glyphs=kind)) for kind in GLYPHS]
        settings += [_heading(""), _heading("NOTICES OF WHAT ARRIVES")]
        settings += [_choice(_NOTICES[kind], now, replace(now, notices=kind)) for kind in NOTICES]
        settings += [_choice(_BELL[on], now, replace(now, bell=on)) for on in (True, False)]
        settings += [_choice(_TERMINAL[on], now, replace(now, terminal=on)) for on in (True, False)]
        settings += [_heading(""), _heading("TIMES")]
        settings += [_choice(_TIMES[kind], now, replace(now, times=kind)) for kind in TIMES]
        settings += [_heading(""), _heading("HINTS FOR THE FIRST MINUTES")]
        settings += [_choice(_HINTS[on], now, replace(now, hints=on)) for on in (True, False)]
        settings += [_heading(""), _heading("MOUSE")]
        settings += [_choice(_MOUSE[on], now, replace(now, mouse=on)) for on in (True, False)]
        settings += [_heading(""), _heading("KEYS OF YOUR OWN")]
        problems = keymap_problems(now.keymap)
        settings += [Setting(Line(f"   {plain(problem)}", kind="note")) for problem in problems]
        table = deck(self).table
        own = [
            Line(f"   {keys_label(table[n]):<12} {n}, not {keys_label(BY_ID[n])}", kind="note")
            for n in now.keymap
        ]
        none = [Line("   none; ? shows every key", kind="note")]
        file = deck(self).settings_file
        where = [Line(f"   [keymap] in {plain(str(file))}", kind="note")] if file else []
        return [*settings, *(Setting(line) for line in [*where, *(own or none)])]


def _heading(text: str) -> Setting:
    return Setting(Line(f" {text}", kind="heading"))


def _choice(label: str, now: Preferences, chosen: Preferences, theme: str | None = None) -> Setting:
    in_force = now == chosen
    kind: Kind = "chosen" if in_force else "row"
    return Setting(Line(f"{'*' if in_force else ' '} {label}", kind=kind), chosen, theme)
