"""The last line: what can be done where the focus is, from the table of actions."""

from typing import ClassVar

from rich.style import Style
from rich.text import Text
from textual import events
from textual.app import RenderResult
from textual.screen import Screen
from textual.widget import Widget

from quarterdeck.keymap import key_label, keys_of
from quarterdeck.widgets.keyed import Offer, offers

_SHORT = {"Enter": "↵", "Esc": "esc"}
_ALWAYS = 90
"""From this rank on an action stands at the right end, whatever else there is no room for."""


class FooterBar(Widget):
    """Shows what fits, by rank. What is withheld is struck out; a click is as good as a key."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"footer--key", "footer--label", "footer--off"}

    def __init__(self) -> None:
        """Begin empty."""
        super().__init__()
        self.offers: list[Offer] = []

    def on_mount(self) -> None:
        """Follow the focus."""
        self.screen.bindings_updated_signal.subscribe(self, self._follow)
        self._follow(self.screen)

    def _follow(self, screen: Screen[object]) -> None:
        if screen.is_current:
            ranked = [offer for offer in offers(screen) if offer.action.footer]
            self.offers = sorted(ranked, key=lambda offer: offer.action.footer)
            self.refresh()

    def on_click(self, event: events.Click) -> None:
        """Do what was clicked."""
        number = event.style.meta.get("offer")
        if isinstance(number, int) and number < len(self.offers):
            offer = self.offers[number]
            self.app.call_later(self.app.run_action, offer.action.does, offer.node)

    def render(self) -> RenderResult:
        """Draw the line; the first that does not fit ends it."""
        width = self.content_size.width
        right = self._pieces([n for n, o in enumerate(self.offers) if o.action.footer >= _ALWAYS])
        left = Text(no_wrap=True)
        room = width - right.cell_len - 1
        for number, offer in enumerate(self.offers):
            piece = self._pieces([number])
            if offer.action.footer < _ALWAYS and left.cell_len + piece.cell_len <= room:
                left.append_text(piece)
        gap = " " * max(0, width - left.cell_len - right.cell_len)
        return Text.assemble(left, gap, right, no_wrap=True, overflow="crop")

    def _pieces(self, numbers: list[int]) -> Text:
        key_style, label_style, off_style = (
            self.get_component_rich_style(f"footer--{name}", partial=True)
            for name in ("key", "label", "off")
        )
        text = Text(no_wrap=True)
        for number in numbers:
            offer = self.offers[number]
            shown = key_label(keys_of(offer.action)[0])
            meta = Style(meta={"offer": number})
            off = offer.why_not is not None
            text.append(f" {_SHORT.get(shown, shown)}", (off_style if off else key_style) + meta)
            text.append(f" {offer.action.label} ", (off_style if off else label_style) + meta)
        return text
