"""The table of what an operator can do: every key, label and place. Footers are made from it."""

from typing import Literal, NamedTuple

from textual.binding import Binding, BindingType

Place = Literal["everywhere", "fleet", "log"]


class Action(NamedTuple):
    """One thing to do. `display` is what the footer shows for the keys; None: not in the footer."""

    action: str
    keys: str
    label: str
    place: Place
    display: str | None = None


ACTIONS = (
    Action("open", "enter", "open its log", "fleet", "↵"),
    Action("move(-1)", "up,k", "move", "fleet", "↑↓ jk"),
    Action("move(1)", "down,j", "down", "fleet"),
    Action("first", "home", "first", "fleet"),
    Action("last", "end,G", "last", "fleet"),
    Action("page(-1)", "pageup", "page up", "fleet"),
    Action("page(1)", "pagedown", "page down", "fleet"),
    Action("screen.back", "escape,q", "back to the fleet", "log", "esc"),
    Action("move(-1)", "up,k", "event", "log", "↑↓ jk"),
    Action("move(1)", "down,j", "next event", "log"),
    Action("page(-1)", "pageup", "page", "log", "PgUp PgDn"),
    Action("page(1)", "pagedown", "page down", "log"),
    Action("first", "home", "first", "log"),
    Action("last", "end,G,L", "live", "log", "End L"),
    Action("app.quit", "q", "quit", "fleet", "q"),
    Action("app.quit", "ctrl+q,ctrl+c", "quit", "everywhere"),
)


def bindings(place: Place) -> list[BindingType]:
    """Return the key bindings of a place."""
    return [
        Binding(
            action.keys,
            action.action,
            action.label,
            show=action.display is not None,
            key_display=action.display,
        )
        for action in ACTIONS
        if action.place == place
    ]
