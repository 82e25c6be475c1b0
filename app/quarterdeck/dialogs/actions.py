"""The table as a dialog: the menu of what can be done here, the palette, and the help.

All three are one list of rows that are walked with arrows and taken with Enter; so everything that
has a key can also be done without knowing it.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from textual import events
from textual.fuzzy import FuzzySearch
from textual.screen import Screen
from textual.widget import Widget
from textual.widgets import Input, Static

from quarterdeck.actions import ACTIONS, SCOPES, TITLES, Action, Scope, in_scope
from quarterdeck.dialogs.base import Dialog
from quarterdeck.keymap import keys_label, keys_of
from quarterdeck.views.plain import fitted
from quarterdeck.widgets.deck import deck
from quarterdeck.widgets.keyed import Offer, built, offers, offers_of
from quarterdeck.widgets.pick_list import Line, PickList
from quarterdeck.widgets.text_line import TextLine

_KEY_CELLS = 11
_LABEL_CELLS = max(len(action.label) for action in ACTIONS)
_LEAST_LABEL_CELLS = 14
_ROOMY_CELLS = 72
"""Narrower screens cut the longest labels rather than all that is said of them."""


class Row(NamedTuple):
    """An action as a row. Without an offer it can be read about, not done from here."""

    action: Action
    offer: Offer | None
    absent: bool = False

    def line(self, label_cells: int = _LABEL_CELLS) -> Line:
        """Return the row as it is drawn."""
        action = self.action
        keys = keys_label(action)
        left = f"{keys:<{_KEY_CELLS}} {fitted(action.label, label_cells)}  {action.tip}"
        if self.absent:
            return Line(left, " not yet", "absent")
        if self.offer is not None and self.offer.why_not is not None:
            return Line(left, kind="off")
        return Line(left)

    def meaning(self) -> str:
        """Return what the row under the cursor means."""
        said = [f"{self.action.tip}."]
        if self.absent:
            said.append("No screen can do this yet.")
        elif self.offer is not None and self.offer.why_not is not None:
            said.append(f"Not now: {self.offer.why_not}.")
        if self.action.confirm and not self.absent:
            said.append("Asks first.")
        if self.action.command:
            said.append(f"In a shell: {self.action.command_line()}")
        return " ".join(said)


class Section(NamedTuple):
    """Rows under a heading. `accelerated`: their keys work in the dialog itself."""

    title: str
    rows: Sequence[Row]
    accelerated: bool = False


class ActionsDialog(Dialog[Offer]):
    """Shows rows; its result is the offer that was taken, or None."""

    def __init__(self, title: str, sections: Iterable[Section], *, search: bool = False) -> None:
        """Show sections; with `search` only what fits what is typed."""
        super().__init__(title)
        self._sections = [section for section in sections if section.rows]
        self._search = search
        self._rows: list[Row | None] = []

    def compose_dialog(self) -> list[Widget]:
        """Return search, rows and the meaning of one of them."""
        widgets: list[Widget] = [PickList(id="rows"), Static(id="meaning-of-row", markup=False)]
        if self._search:
            search = TextLine(placeholder="what to do", compact=True, id="search")
            search.cursor_blink = False
            widgets.insert(0, search)
        return widgets

    def on_mount(self) -> None:
        """Show all rows; the focus is on the search or on the rows, never on what acts alone."""
        self._show("")
        self.query_one("#search" if self._search else "#rows").focus()

    def _show(self, wanted: str) -> None:
        rows: list[Row | None] = []
        lines = []
        cells = _LABEL_CELLS if self.app.size.width >= _ROOMY_CELLS else _LEAST_LABEL_CELLS
        if wanted:
            rows += fitting(wanted, [row for section in self._sections for row in section.rows])
            lines = [row.line(cells) for row in rows if row is not None]
        else:
            for section in self._sections:
                if rows:
                    rows.append(None)
                    lines.append(Line("", kind="heading"))
                rows += [None, *section.rows]
                lines.append(Line(f" {section.title}", kind="heading"))
                lines += [row.line(cells) for row in section.rows]
        self._rows = rows
        self.query_one(PickList).show(lines or [Line("no match", kind="heading")], cursor=0)
        self._explain()

    def _explain(self) -> None:
        row = self._picked()
        self.query_one("#meaning-of-row", Static).update(row.meaning() if row else "")

    def _picked(self) -> Row | None:
        number = self.query_one(PickList).cursor
        return self._rows[number] if number < len(self._rows) else None

    def on_input_changed(self, event: Input.Changed) -> None:
        """Show what fits."""
        self._show(event.value.strip())

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Take the row under the cursor."""
        event.stop()
        self.action_submit()

    def on_pick_list_moved(self) -> None:
        """Explain another row."""
        self._explain()

    def on_pick_list_chosen(self) -> None:
        """Take the row that was clicked."""
        self.action_submit()

    def action_submit(self) -> None:
        """Take the row under the cursor, if it can be done."""
        row = self._picked()
        if row is not None and row.offer is not None and row.offer.why_not is None:
            self.answer(row.offer)

    def on_key(self, event: events.Key) -> None:
        """Walk the rows from the search; take a row of the menu by its key."""
        if self._search:
            steps = {"down": 1, "up": -1, "pagedown": 10, "pageup": -10}
            if (step := steps.get(event.key)) is not None:
                event.stop()
                self.query_one(PickList).action_move(step)
            return
        for section in self._sections:
            for row in section.rows:
                if section.accelerated and event.key in keys_of(row.action):
                    event.stop()
                    if row.offer is not None and row.offer.why_not is None:
                        self.answer(row.offer)
                    return


def menu(screen: Screen[object], scopes: tuple[Scope, ...]) -> ActionsDialog:
    """Return the menu of a screen: on its run first, by key; then what else has a key here."""
    table = deck(screen).table
    sections, taken = [], set[str]()
    for scope in scopes:
        mine = [table[action.id] for action in in_scope(scope)]
        found = [o for o in offers_of(screen, mine) if not taken & set(keys_of(o.action))]
        taken |= {key for offer in found for key in keys_of(offer.action)}
        sections.append(Section(TITLES[scope], _rows(found), accelerated=True))
    here = _here(screen)
    near = [offer for offer in here if offer.action.scope != "global"]
    far = [offer for offer in here if offer.action.scope == "global"]
    sections += [Section("Here", _rows(near)), Section("Everywhere", _rows(far))]
    return ActionsDialog("Actions", sections)


def palette(screen: Screen[object], scopes: tuple[Scope, ...]) -> ActionsDialog:
    """Return everything that can be done now, to be found by name."""
    table = deck(screen).table
    mine = [table[action.id] for scope in scopes for action in in_scope(scope)]
    found = [*offers_of(screen, mine), *_here(screen)]
    return ActionsDialog("Palette", [Section("What can be done now", _rows(found))], search=True)


def help_of(screen: Screen[object], scopes: tuple[Scope, ...]) -> ActionsDialog:
    """Return the whole table, where there is a screen for it, this screen's first."""
    table, there = deck(screen).table, built()
    now = {offer.action.id: offer for offer in [*offers(screen), *_reached(screen, scopes)]}
    near = {offer.action.scope for offer in now.values()}
    last = ("list", "global")
    order = sorted(SCOPES, key=lambda scope: (scope not in near, scope in last))
    sections = [
        Section(
            TITLES[scope],
            [
                Row(
                    table[action.id],
                    now.get(action.id),
                    absent=not there[action.id] or _leads_nowhere(action, now),
                )
                for action in in_scope(scope)
                if action.id in there
            ],
        )
        for scope in order
    ]
    return ActionsDialog("Help: every key, and what it does", sections)


def _leads_nowhere(action: Action, now: Mapping[str, Offer]) -> bool:
    """Tell whether an action goes to a screen that there is not."""
    return action.method == "show" and action.id not in now


def fitting(wanted: str, rows: Iterable[Row]) -> list[Row]:
    """Return the rows whose name or meaning fits, the best first."""
    search = FuzzySearch()
    scored = []
    for row in rows:
        name = search.match(wanted, row.action.label)[0]
        meaning = search.match(wanted, row.action.tip)[0] / 2
        if max(name, meaning) > 0:
            scored.append((max(name, meaning), row))
    return [row for _, row in sorted(scored, key=lambda pair: -pair[0])]


def _reached(screen: Screen[object], scopes: tuple[Scope, ...]) -> list[Offer]:
    table = deck(screen).table
    keyless = [a for a in ACTIONS if a.scope == "global" and not a.keys]
    mine = [*keyless, *(action for scope in scopes for action in in_scope(scope))]
    return offers_of(screen, [table[action.id] for action in mine])


def _here(screen: Screen[object]) -> list[Offer]:
    """Return what has a key here and is more than moving, and what has a name only."""
    found = {
        offer.action.does: offer
        for offer in reversed(offers(screen))
        if offer.action.group != "move" and offer.action.method != "menu"
    }
    return [*reversed(found.values()), *_reached(screen, ())]


def _rows(found: Iterable[Offer]) -> list[Row]:
    return [Row(offer.action, offer) for offer in found]
