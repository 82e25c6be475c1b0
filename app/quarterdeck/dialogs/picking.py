"""Choosing one of several, with what it means below: bookmarks, runs to compare, files."""

from collections.abc import Sequence
from typing import ClassVar, NamedTuple

from textual.widget import Widget
from textual.widgets import Button, Static

from quarterdeck.dialogs.base import Choice, Choices, Dialog
from quarterdeck.views.plain import held_back
from quarterdeck.widgets.pick_list import PickList, label_line


class Pick(NamedTuple):
    """One of several: what stands left and right in its line, and what it means."""

    label: str
    right: str = ""
    meaning: str = ""


class Picked(NamedTuple):
    """What was chosen: the answer of a button, and the number of the line."""

    answer: str
    number: int


class PickDialog(Dialog[Picked]):
    """Its result is what was chosen, or None. Enter answers only where that has no effect."""

    AUTO_FOCUS: ClassVar[str] = "#rows"

    def __init__(
        self,
        title: str,
        picks: Sequence[Pick],
        choices: tuple[Choice, ...],
        *,
        enter: str = "",
        cursor: int = 0,
    ) -> None:
        """Show lines and buttons; the first button takes back. `enter` is what Enter answers."""
        super().__init__(title)
        self._picks = picks
        self._choices = choices
        self._enter = enter
        self._begin = cursor

    def compose_dialog(self) -> list[Widget]:
        """Return the lines, what one of them means, and the buttons."""
        lines = [label_line(pick.label, pick.right) for pick in self._picks]
        widgets: list[Widget] = [PickList(lines, id="rows")]
        if any(pick.meaning for pick in self._picks):
            widgets.append(Static("", id="meaning-of-row", markup=False))
        return [*widgets, Choices(self._choices)]

    def on_mount(self) -> None:
        """Explain the line that it begins on."""
        rows = self.query_one(PickList)
        rows.go(self._begin)
        rows.styles.height = max(1, min(len(self._picks), self.app.size.height - 12))
        self._explain()

    def on_pick_list_moved(self) -> None:
        """Explain another."""
        self._explain()

    def on_pick_list_chosen(self) -> None:
        """Take the line that was clicked twice."""
        self.action_submit()

    def action_submit(self) -> None:
        """Take the line under the cursor, where that changes nothing."""
        if self._enter:
            self.choose(self._enter)

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """Answer, or take back."""
        name = event.button.name or ""
        if name == self._choices[0].answer:
            self.answer(None)
        else:
            self.choose(name)

    def choose(self, name: str) -> None:
        """Answer with the line under the cursor."""
        self.answer(Picked(name, self.query_one(PickList).cursor))

    def _explain(self) -> None:
        pick = self._picks[self.query_one(PickList).cursor]
        for meaning in self.query("#meaning-of-row").results(Static):
            meaning.update(held_back(pick.meaning))
