"""Agents and tools: who works here, with what, and what may go unasked."""

from typing import ClassVar

from textual import events
from textual.binding import BindingType
from textual.containers import Horizontal
from textual.widget import Widget

from quarterdeck.actions import Action
from quarterdeck.dialogs.base import ConfirmDialog
from quarterdeck.messages import NewRunWanted, RevokeWanted
from quarterdeck.screens.base import Copied, DeckScreen
from quarterdeck.screens.starting import open_new_run
from quarterdeck.views.crew import GrantOf
from quarterdeck.views.crew_rows import CrewRow, Key, crew_rows, details, find_grant, status
from quarterdeck.views.plain import held_back, plain
from quarterdeck.views.work import Work
from quarterdeck.widgets.deck import LEAST_WIDTH, deck
from quarterdeck.widgets.keyed import bindings
from quarterdeck.widgets.pick_list import Line, PickList
from quarterdeck.widgets.state_panel import StatePanel


class CrewList(PickList):
    """The list; the cursor follows what it is on."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings("agents"), *bindings("list")]

    def __init__(self, *, id: str) -> None:  # noqa: A002 - Textual's name
        """Begin empty."""
        super().__init__(id=id)
        self.rows: list[CrewRow] = []

    @property
    def key(self) -> Key | None:
        """Return what the cursor is on."""
        return self.rows[self.cursor].key if self.cursor < len(self.rows) else None

    def show_rows(self, rows: list[CrewRow]) -> None:
        """Show other rows, with the cursor where it was."""
        if rows == self.rows:
            return
        key = self.key
        self.rows = rows
        place = next((number for number, row in enumerate(rows) if row.key == key and key), None)
        lines = [Line(row.left, f" {row.right}" if row.right else "", row.look) for row in rows]
        self.show(lines, cursor=place)

    def action_start_agent(self) -> None:
        """Start a run of the agent under the cursor, or of another."""
        self.post_message(NewRunWanted())

    def action_revoke_grant(self) -> None:
        """Take a grant back."""
        self.post_message(RevokeWanted())


class DetailPanel(StatePanel, can_focus=True):
    """What the cursor is on, in full; it scrolls where there is no room for all of it."""

    BINDINGS: ClassVar[list[BindingType]] = bindings("list", without=("list.twice",))

    def action_move(self, lines: int) -> None:
        """Scroll."""
        self.scroll_relative(y=lines, animate=False)

    def action_page(self, pages: int) -> None:
        """Scroll by what is seen at once."""
        self.scroll_relative(y=pages * max(1, self.size.height - 1), animate=False)

    def action_last(self) -> None:
        """Go to the end."""
        self.scroll_end(animate=False)


class AgentsScreen(DeckScreen):
    """The list, and beside or below it what the cursor is on."""

    PLACE = "Agents"
    TAB = "agents"
    AUTO_FOCUS: ClassVar[str] = "#crew"
    HORIZONTAL_BREAKPOINTS = [  # noqa: RUF012 - Textual reads it from the class as it is
        (0, "-narrow"), (LEAST_WIDTH, "-usable"), (110, "-roomy")
    ]  # fmt: skip

    def compose_body(self) -> list[Widget]:
        """Return the list and the details."""
        return [Horizontal(CrewList(id="crew"), DetailPanel(id="detail"), id="crew-columns")]

    @property
    def list(self) -> CrewList:
        """Return the list."""
        return self.query_one(CrewList)

    def show_news(self) -> None:
        """Show who is there now."""
        crew, grants = self.source.crew(), self.source.grants()
        trouble = self.source.glimpse().trouble
        if trouble is not None:
            self.status.show(f"what you see may be old: {plain(trouble)}")
        else:
            self.status.show(*status(crew, grants))
        self.list.show_rows(crew_rows(crew, grants))
        self._show_details()

    def on_pick_list_moved(self) -> None:
        """Show the details of another."""
        self._show_details()
        self.refresh_bindings()

    def on_resize(self, _event: events.Resize) -> None:
        """Lay the details out anew."""
        self.call_after_refresh(self._show_details)

    def _show_details(self) -> None:
        rows = details(
            self.list.key, self.source.crew(), self.source.grants(), self.source.now_us()
        )
        self.query_one(StatePanel).show_rows(rows)

    def copied(self) -> Copied | None:
        """Return what the cursor is on, as its details tell it."""
        key = self.list.key
        rows = details(key, self.source.crew(), self.source.grants(), self.source.now_us())
        if key is None:
            return None
        text = "\n".join(f"{row.label}: {row.value}" if row.value else row.label for row in rows)
        return Copied(text, f"{key.kind} {plain(key.name)}")

    # -- what can be done

    @property
    def _grant(self) -> GrantOf | None:
        return find_grant(self.source.grants(), self.list.key)

    def withheld(self, action: Action) -> str | None:
        """Return why nothing can be revoked here: the cursor is on no grant."""
        if action.method == "revoke_grant" and (not self.ready or self._grant is None):
            return "the cursor is on no grant"
        return super().withheld(action)

    def on_new_run_wanted(self) -> None:
        """Ask what the agent under the cursor, or another, is to do."""
        key = self.list.key
        open_new_run(self, key.name if key is not None and key.kind == "agent" else "")

    def on_revoke_wanted(self) -> None:
        """Take a grant back, after a question."""
        grant = self._grant
        if grant is None:
            return

        async def revoke(_work: Work) -> None:
            seq = await self.source.commands.revoke(grant.run_id, grant.grant_id)
            deck(self).notice(f"recorded: revoke a grant of {plain(grant.run_id)}, #{seq:,}")

        text = (
            f"{plain(grant.tool)} in run {plain(grant.run_id)}, within {held_back(grant.bounds)}.\n"
            "From the next call on people are asked again."
        )
        dialog = ConfirmDialog("Take this grant back?", text, decide="Revoke it", back="Keep it")

        def answered(answer: str | None) -> None:
            if answer == "yes":
                deck(self).work("revoke a grant", revoke)

        self.app.call_later(self.app.push_screen, dialog, answered)
