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
_ALWAYS = 80
"""From this rank on there is always room: the menu, the way out, help."""


class FooterBar(Widget):
    """Shows what fits, by rank. What is withheld is struck out; a click is as good as a key.

    `here` are the ids of all that has a key where the focus is.
    """

    COMPONENT_CLASSES: ClassVar[set[str]] = {"footer--key", "footer--label", "footer--off"}

    def __init__(self) -> None:
        """Begin empty."""
        super().__init__()
        self.offers: list[Offer] = []
        self.here: frozenset[str] = frozenset()

    def on_mount(self) -> None:
        """Follow the focus."""
        self.screen.bindings_updated_signal.subscribe(self, self._follow)
        self._follow(self.screen)

    def _follow(self, screen: Screen[object]) -> None:
        if screen.is_current:
            found = offers(screen)
            self.here = frozenset(offer.action.id for offer in found)
            ranked = [offer for offer in found if offer.action.footer]
            self.offers = sorted(ranked, key=lambda offer: offer.action.footer)
            self.refresh()

    def on_click(self, event: events.Click) -> None:
        """Do what was clicked."""
        number = event.style.meta.get("offer")
        if isinstance(number, int) and number < len(self.offers):
            offer = self.offers[number]
            self.app.call_later(self.app.run_action, offer.action.does, offer.node)

    def render(self) -> RenderResult:
        """Draw the line: what is always there, then by rank whatever finds room."""
        width = self.content_size.width
        pieces = [self._piece(number) for number in range(len(self.offers))]
        ranks = [offer.action.footer for offer in self.offers]
        shown = {number for number, rank in enumerate(ranks) if rank >= _ALWAYS}
        room = width - sum(pieces[number].cell_len for number in shown)
        for number, piece in enumerate(pieces):
            if number not in shown and piece.cell_len <= room:
                shown.add(number)
                room -= piece.cell_len
        left, right = Text(no_wrap=True), Text(no_wrap=True)
        for number in sorted(shown, key=lambda number: (-(ranks[number] >= _ALWAYS), number)):
            (right if self._is_right(number) else left).append_text(pieces[number])
        return Text.assemble(left, " " * max(0, room), right, no_wrap=True, overflow="crop")

    def _is_right(self, number: int) -> bool:
        action = self.offers[number].action
        return action.footer >= _ALWAYS or action.id == "global.palette"

    def _piece(self, number: int) -> Text:
        offer = self.offers[number]
        off = offer.why_not is not None
        key_style, label_style = (
            self.get_component_rich_style(f"footer--{'off' if off else name}", partial=True)
            for name in ("key", "label")
        )
        shown = key_label(keys_of(offer.action)[0])
        meta = Style(meta={"offer": number})
        text = Text(no_wrap=True)
        text.append(f" {_SHORT.get(shown, shown)}", key_style + meta)
        return text.append(f" {offer.action.label} ", label_style + meta)
