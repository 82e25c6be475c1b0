"""The line where the fleet's filter is typed; it stays while anything is filtered."""

from textual import events
from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.widgets import Input, Static

from quarterdeck.views.fleet_filter import HINT
from quarterdeck.widgets.text_line import TextLine


class FilterLine(Horizontal):
    """Open or away. What is typed comes as `Input.Changed`; Enter and down lead to the list."""

    def compose(self) -> ComposeResult:
        """Make the field."""
        field = TextLine(placeholder=HINT, compact=True, id="filter")
        field.cursor_blink = False
        yield Static("/", id="filter-sign", markup=False)
        yield field

    @property
    def field(self) -> Input:
        """Return the field."""
        return self.query_one("#filter", Input)

    @property
    def is_open(self) -> bool:
        """Tell whether it is shown."""
        return self.has_class("-shown")

    def open(self) -> None:
        """Show it, and type there."""
        self.add_class("-shown")
        # At once, so that what is typed on goes there and not to the list.
        self.screen.set_focus(self.field)

    def clear(self) -> None:
        """Put it away; nothing is filtered then."""
        self.remove_class("-shown")
        self.field.value = ""

    def on_key(self, event: events.Key) -> None:
        """Lead down to what was found."""
        if event.key == "down":
            event.stop()
            self.screen.focus_next()
