"""What may go unasked in a run, with who allowed it; one of it can be revoked."""

from collections.abc import Sequence
from typing import ClassVar

from textual.widget import Widget
from textual.widgets import Button, Static

from quarterdeck.dialogs.base import Choice, Choices, Dialog
from quarterdeck.views.commands import GrantLine
from quarterdeck.views.plain import held_back
from quarterdeck.widgets.pick_list import PickList, label_line


class GrantsDialog(Dialog[str]):
    """Its result is the id of the grant to revoke, or None. Enter on a row revokes nothing."""

    AUTO_FOCUS: ClassVar[str] = "#rows"

    def __init__(self, run_id: str, grants: Sequence[GrantLine]) -> None:
        """Show the grants of a run."""
        super().__init__(f"What may go unasked in {run_id}")
        self._grants = grants

    def compose_dialog(self) -> list[Widget]:
        """Return the grants, the bounds of one of them, and the buttons."""
        lines = [label_line(f"{grant.tool}  #{grant.seq:,}", grant.by) for grant in self._grants]
        choices = (Choice("no", "Keep all"), Choice("yes", "Revoke this"))
        return [
            PickList(lines, id="rows"),
            Static("", id="meaning-of-row", markup=False),
            Choices(choices),
        ]

    def on_mount(self) -> None:
        """Explain the first."""
        self._explain()

    def on_pick_list_moved(self) -> None:
        """Explain another."""
        self._explain()

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """Revoke the grant under the cursor, or nothing."""
        grant = self._grants[self.query_one(PickList).cursor]
        self.answer(grant.grant_id if event.button.name == "yes" else None)

    def _explain(self) -> None:
        grant = self._grants[self.query_one(PickList).cursor]
        self.query_one("#meaning-of-row", Static).update(f"bounds: {held_back(grant.bounds)}")
