"""Starting a run from a screen: the form, and what became of it."""

from collections.abc import Callable

from quarterdeck.dialogs.new_run import NewRunDialog
from quarterdeck.screens.base import DeckScreen
from quarterdeck.views.new_run import Started
from quarterdeck.widgets.deck import deck


def open_new_run(
    screen: DeckScreen, agent: str = "", then: Callable[[Started], None] | None = None
) -> None:
    """Ask what is to be done; `agent` is who was looked at, `then` hears of the run."""

    def answered(started: Started | None) -> None:
        if started is not None:
            deck(screen).notice(started.told())
            if then is not None:
                then(started)

    # By the app: a screen never waits for a screen.
    screen.app.call_later(screen.app.push_screen, NewRunDialog(screen.source, agent), answered)
