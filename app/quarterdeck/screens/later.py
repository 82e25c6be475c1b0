"""All screens and dialogs that the first frame does not need, in one import.

The app brings it in behind its first frame, in a thread, or when somebody was faster.
"""

from quarterdeck.dialogs.actions import help_of, menu, palette
from quarterdeck.dialogs.notices import NoticesDialog
from quarterdeck.screens.agents import AgentsScreen
from quarterdeck.screens.inbox import InboxScreen
from quarterdeck.screens.item import ItemScreen
from quarterdeck.screens.ledger import LedgerScreen
from quarterdeck.screens.run import RunScreen
from quarterdeck.screens.settings import SettingsScreen
from quarterdeck.screens.starting import open_new_run

__all__ = [
    "AgentsScreen",
    "InboxScreen",
    "ItemScreen",
    "LedgerScreen",
    "NoticesDialog",
    "RunScreen",
    "SettingsScreen",
    "help_of",
    "menu",
    "open_new_run",
    "palette",
]
